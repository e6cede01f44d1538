//! Autodiscover as bm-mapi and the clients look for it: names, DNS, TLS, HTTP and who answered, as one trace.
//!
//! The methods are those of Microsoft's clients ([MS-OXDISCO]): https on the domain and on `autodiscover.`, the plain http
//! redirect, the SRV record. Each address is asked on its own, no request carries credentials, and a name costs a host
//! two to four requests.

mod access_log;
mod answer;
mod certificate;
mod dns;
mod handshake;
mod http;
mod names;
mod peers;
mod recorder;
mod survey;
mod tables;
mod trace;
mod trust;

use futures_util::StreamExt;

use self::access_log::Watch;
use self::dns::Resolvers;
use self::names::MailName;
use self::peers::Peers;
use self::survey::{Survey, Surveyor};
use crate::collect::network::{NETWORK, OFFLINE};
use crate::collect::reach::root::Root;
use crate::collect::reach::sink::{Scope, Sink};
use crate::config::Config;
use crate::fact::{Row, Table};
use crate::model::{Completeness, Reason};

pub(in crate::collect) use tables::TABLES;

#[cfg(test)]
pub(in crate::collect) use self::peers::stand_ins;

/// Names that are surveyed at the same time.
const NAMES_AT_ONCE: usize = 16;

/// What the probes need to know of the run.
pub(in crate::collect) struct Setting<'a> {
    /// Resolvers, overrides, trust.
    pub(in crate::collect) config: &'a Config,
    /// The files of this machine.
    pub(in crate::collect) root: &'a Root,
    /// No packet may leave.
    pub(in crate::collect) is_offline: bool,
    /// The run's clock, in seconds since the epoch.
    pub(in crate::collect) now: i64,
    /// Addresses of the servers of the installation.
    pub(in crate::collect) servers: Vec<String>,
    /// The server of the installation that this machine is, or why it cannot be told.
    pub(in crate::collect) vantage: Result<String, String>,
}

/// Fills the wanted tables of the trace.
pub(in crate::collect) async fn collect(setting: &Setting<'_>, wanted: &[&'static Table], sink: &Sink) {
    let wanted: Vec<&Table> = wanted.iter().copied().filter(|table| TABLES.contains(table)).collect();
    if wanted.is_empty() {
        return;
    }
    let source = "DNS, TLS and HTTP from this machine";
    let scopes: Vec<(&Table, Scope<'_>)> =
        wanted.iter().map(|table| (*table, Scope::begin(sink, table, NETWORK, source))).collect();
    let traced = trace_all(setting, sink).await;
    for (table, scope) in scopes {
        let outcome = match &traced {
            Ok(trace) => trace.gap(table).map_or_else(|| scope.add(&trace.rows(table)), |gap| Err(gap.into())),
            Err(reason) => Err(Reason::from(reason.as_str())),
        };
        scope.end(outcome);
    }
}

/// Everything that was seen.
struct Trace {
    vantage: Result<String, String>,
    names: Vec<MailName>,
    surveys: Vec<Survey>,
}

/// Surveys every name. The error says why not even a beginning could be made.
async fn trace_all(setting: &Setting<'_>, sink: &Sink) -> Result<Trace, String> {
    if setting.is_offline {
        return Err(OFFLINE.to_owned());
    }
    let names = mail_names(sink)?;
    let resolvers = Resolvers::new(setting.config, setting.root)?;
    let peers = Peers::new(setting.config, setting.root, setting.now)?;
    let watch = Watch::begin(setting.config, setting.root);
    let surveyor = Surveyor::new(&resolvers, &peers, setting);
    let asked = names.iter().filter(|name| name.suffix != "technical" && name.ascii.is_some());
    let mut surveys: Vec<Survey> = futures_util::stream::iter(asked.enumerate())
        .map(|(number, name)| surveyor.survey(name, number == 0))
        .buffered(NAMES_AT_ONCE)
        .collect()
        .await;
    let tokens: Vec<(String, bool)> = surveys.iter().flat_map(Survey::tokens).collect();
    let seen = watch.end(&tokens).await;
    surveys.iter_mut().for_each(|survey| survey.prove(&seen, setting));
    Ok(Trace { vantage: setting.vantage.clone(), names, surveys })
}

/// The domains and aliases of the directory. The error says why they are not known.
fn mail_names(sink: &Sink) -> Result<Vec<MailName>, String> {
    let read = sink.with(|store| {
        let gap = store.coverage()?.into_iter().find(|c| {
            ["domain", "domain_alias"].contains(&c.table.as_str()) && c.completeness != Completeness::Complete
        });
        let domains = store.texts("SELECT domain_uid, CAST(is_global AS TEXT) FROM domain")?;
        let aliases = store.texts("SELECT domain_uid, alias FROM domain_alias")?;
        Ok((gap, domains, aliases))
    });
    let (gap, domains, aliases) = read.map_err(|error| error.to_string())?;
    if let Some(gap) = gap {
        return Err(format!("the mail domains are not known: {}", gap.reason.map(String::from).unwrap_or_default()));
    }
    let aliases_of = |uid: &str| {
        let of_domain = aliases.iter().filter(|row| row.first().and_then(Option::as_deref) == Some(uid));
        of_domain.filter_map(|row| row.get(1).cloned().flatten()).collect::<Vec<_>>()
    };
    let rows = domains.iter().filter_map(|row| match row.as_slice() {
        [Some(uid), is_global] => Some((uid.clone(), is_global.as_deref() == Some("1"), aliases_of(uid))),
        _ => None,
    });
    Ok(names::of_domains(&rows.collect::<Vec<_>>()))
}

impl Trace {
    /// Why a table is not known although the names were surveyed: nobody was met because nobody told where to go.
    fn gap(&self, table: &Table) -> Option<String> {
        let is_about_dns = ["autodiscover_name", "dns_answer", "dns_record"].contains(&table.name);
        let mut answers = self.surveys.iter().flat_map(|survey| &survey.answers);
        let is_lost = !self.surveys.is_empty() && !answers.any(dns::is_conclusive);
        (is_lost && !is_about_dns).then(|| "no resolver gave an answer to any question".to_owned())
    }

    /// The rows of a table. Handshakes and probes are numbered in the order of names.
    fn rows(&self, table: &Table) -> Vec<Row> {
        let handshakes = || (1_i64..).zip(self.surveys.iter().flat_map(|s| s.handshakes.iter().map(|h| (&s.name, h))));
        let probes = || (1_i64..).zip(self.surveys.iter().flat_map(|s| s.probes.iter().map(|p| (&s.name, p))));
        let answers = || self.surveys.iter().flat_map(|s| s.answers.iter().map(|a| (&s.name, a)));
        match table.name {
            "network_vantage" => {
                vec![vec![self.vantage.clone().ok().into(), self.vantage.clone().err().into()]]
            }
            "autodiscover_name" => self.names.iter().map(MailName::row).collect(),
            "dns_answer" => answers().map(|(name, answer)| answer.row(name)).collect(),
            "dns_record" => answers().flat_map(|(name, answer)| answer.record_rows(name)).collect(),
            "tls_handshake" => handshakes().map(|(id, (name, h))| h.row(name, id)).collect(),
            "tls_certificate" => handshakes().flat_map(|(id, (_, h))| h.certificate_rows(id)).collect(),
            "http_exchange" => probes().flat_map(|(id, (name, p))| p.rows(name, id)).collect(),
            "identity_proof" => probes().flat_map(|(id, (name, p))| p.proof_rows(name, id)).collect(),
            _ => Vec::new(),
        }
    }
}
