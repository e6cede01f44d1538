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
mod offer;
mod peers;
mod public;
mod recorder;
mod survey;
mod tables;
mod trace;
mod trust;
mod words;

use futures_util::StreamExt;

use self::access_log::Watch;
use self::dns::Resolvers;
use self::peers::Peers;
use self::survey::{Survey, Surveyor};
use self::tables::{
    AutodiscoverName, DnsAnswer, DnsRecord, HttpExchange, IdentityProof, NetworkVantage, PublicUrl, TlsCertificate,
    TlsHandshake, VantageMethod,
};
use self::trace::{Answer, Handshake, Probe};
use self::words::Suffix;
use crate::collect::network::Around;
use crate::collect::reach::seen::Seen;
use crate::collect::reach::sink::Sink;
use crate::model::reason::{Network, Run};
use crate::model::{Completeness, Reason};

pub(in crate::collect) use tables::TABLES;

#[cfg(test)]
pub(in crate::collect) use self::peers::stand_ins;

/// Names that are surveyed at the same time.
const NAMES_AT_ONCE: usize = 16;

/// Follows autodiscover for every mail name.
pub(in crate::collect) async fn look(around: &Around<'_>) -> Seen {
    let asked = trace_all(around).await;
    let asked = asked.as_ref();
    let met = asked.map_err(Reason::clone).and_then(Trace::met);
    let met = met.as_ref();
    let vantage = || NetworkVantage { server_uid: around.vantage.clone() };
    Seen::at("DNS, TLS and HTTP from this machine")
        .tell::<NetworkVantage>(met.map(|_| vec![vantage()]))
        .tell::<AutodiscoverName>(asked.map(|trace| trace.names.clone()))
        .tell::<PublicUrl>(asked.map_err(Reason::clone).and_then(|trace| trace.urls.clone()))
        .tell::<VantageMethod>(asked.map(|_| Vec::new()))
        .tell::<DnsAnswer>(asked.map(|trace| trace.of_answers(|name, answer| [answer.row(name)])))
        .tell::<DnsRecord>(asked.map(|trace| trace.of_answers(|name, answer| answer.record_rows(name))))
        .tell::<TlsHandshake>(met.map(|trace| trace.of_handshakes(|name, id, handshake| [handshake.row(name, id)])))
        .tell::<TlsCertificate>(met.map(|trace| trace.of_handshakes(|_, id, handshake| handshake.certificate_rows(id))))
        .tell::<HttpExchange>(met.map(|trace| trace.of_probes(|name, id, probe| probe.rows(name, id))))
        .tell::<IdentityProof>(met.map(|trace| trace.of_probes(|name, id, probe| probe.proof_rows(name, id))))
}

/// Everything that was seen.
struct Trace {
    names: Vec<AutodiscoverName>,
    urls: Result<Vec<PublicUrl>, Reason>,
    surveys: Vec<Survey>,
}

/// Surveys every name. The error says why not even a beginning could be made.
async fn trace_all(around: &Around<'_>) -> Result<Trace, Reason> {
    if around.is_offline {
        return Err(Run::Offline.into());
    }
    let names = mail_names(around.sink)?;
    let resolvers = Resolvers::new(around.config, around.root)?;
    let peers = Peers::new(around.config, around.root, around.now)?;
    let watch = Watch::begin(around.config, around.root);
    let surveyor = Surveyor::new(&resolvers, &peers, around);
    let asked = names.iter().filter(|name| name.suffix != Suffix::Technical && name.ascii_name.is_some());
    let mut surveys: Vec<Survey> = futures_util::stream::iter(asked.enumerate())
        .map(|(number, name)| surveyor.survey(name, number == 0))
        .buffered(NAMES_AT_ONCE)
        .collect()
        .await;
    let urls = public::urls(around);
    let known = urls.iter().flatten();
    surveys.extend(futures_util::future::join_all(known.map(|url| surveyor.survey_url(url))).await);
    let tokens: Vec<(String, bool)> = surveys.iter().flat_map(Survey::tokens).collect();
    let seen = watch.end(&tokens, |tokens| surveyor.again(&surveys, tokens)).await;
    surveys.iter_mut().for_each(|survey| survey.prove(&seen, around));
    Ok(Trace { names, urls, surveys })
}

/// The domains and aliases of the directory. The error says why they are not known.
fn mail_names(sink: &Sink) -> Result<Vec<AutodiscoverName>, Reason> {
    let read = sink.with(|store| {
        let gap = store.coverage()?.into_iter().find(|c| {
            ["domain", "domain_alias"].contains(&c.table.as_str()) && c.completeness != Completeness::Complete
        });
        let domains = store.texts("SELECT domain_uid, CAST(is_global AS TEXT) FROM domain")?;
        let aliases = store.texts("SELECT domain_uid, alias FROM domain_alias")?;
        Ok((gap, domains, aliases))
    });
    let (gap, domains, aliases) = read.map_err(|error| Run::Store { error: error.to_string() })?;
    if let Some(gap) = gap {
        let why = gap.reason.unwrap_or_else(|| Run::NothingReported.into());
        return Err(Network::DomainsUnknown { why: Box::new(why) }.into());
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
    /// Itself, unless nobody was met because nobody told where to go.
    fn met(&self) -> Result<&Self, Reason> {
        let mut answers = self.surveys.iter().flat_map(|survey| &survey.answers);
        let is_lost = !self.surveys.is_empty() && !answers.any(dns::is_conclusive);
        if is_lost { Err(Network::NoResolver.into()) } else { Ok(self) }
    }

    /// Rows of each answer, with the name that it is about.
    fn of_answers<'a, R, I>(&'a self, rows: impl Fn(&'a str, &'a Answer) -> I) -> Vec<R>
    where
        I: IntoIterator<Item = R>,
    {
        let all = self.surveys.iter().flat_map(|survey| survey.answers.iter().map(|answer| (&survey.name, answer)));
        all.flat_map(|(name, answer)| rows(name, answer)).collect()
    }

    /// Rows of each handshake, with its name. They are numbered in the order of names.
    fn of_handshakes<'a, R, I>(&'a self, rows: impl Fn(&'a str, i64, &'a Handshake) -> I) -> Vec<R>
    where
        I: IntoIterator<Item = R>,
    {
        let all = self.surveys.iter().flat_map(|survey| survey.handshakes.iter().map(|shake| (&survey.name, shake)));
        (1..).zip(all).flat_map(|(id, (name, handshake))| rows(name, id, handshake)).collect()
    }

    /// Rows of each probe, with its name. They are numbered in the order of names.
    fn of_probes<'a, R, I>(&'a self, rows: impl Fn(&'a str, i64, &'a Probe) -> I) -> Vec<R>
    where
        I: IntoIterator<Item = R>,
    {
        let all = self.surveys.iter().flat_map(|survey| survey.probes.iter().map(|probe| (&survey.name, probe)));
        (1..).zip(all).flat_map(|(id, (name, probe))| rows(name, id, probe)).collect()
    }
}
