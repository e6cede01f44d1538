//! Autodiscover and the URLs as another machine sees them: one that has neither BlueMind's files nor its database.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Failure, checks};
use crate::cli::CollectArgs;
use crate::fact::fixture::{self, Given};
use crate::fact::{Facts, ScopeKind, Store};
use crate::model::text::visible;
use crate::model::{Completeness, Coverage};
use crate::plan::Plan;
use crate::topology::DIRECTORY;

/// The checks whose facts are looked for.
const CATEGORY: &str = "autodiscover";
/// The tables of the directory that the probes take their names from.
const NAMED: &[&str] = &["domain", "domain_alias", "installation"];
/// How snapshots of facts begin (SQLite's file format).
const SNAPSHOT: &[u8] = b"SQLite format 3\0";
/// The longest label, in characters: it heads a row of the report.
const LONGEST_LABEL: usize = 40;
/// More than any list of names has, in bytes.
const LONGEST_LIST: u64 = 16 * 1024 * 1024;

/// Another machine, and what is looked for from there.
pub(super) struct Elsewhere {
    /// What the machine is called.
    pub(super) label: String,
    names: Names,
}

/// What is looked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    /// Mail domains, each with its aliases.
    domains: BTreeMap<String, Vec<String>>,
    /// Hosts of URLs, the external one first.
    urls: Vec<String>,
}

impl Elsewhere {
    /// What the options say; none when the machine is a server of the installation.
    pub(super) fn of(arguments: &CollectArgs) -> Result<Option<Self>, Failure> {
        let (Some(label), Some(path)) = (&arguments.vantage, &arguments.names) else { return Ok(None) };
        if let Some(other) = arguments.category.iter().find(|name| *name != CATEGORY) {
            return Err(Failure::Usage(format!(
                "--category {other}: from another machine only {CATEGORY} is looked at"
            )));
        }
        let label = label.trim().to_owned();
        if label.is_empty() || label.chars().count() > LONGEST_LABEL || visible(&label, false) != label {
            return Err(Failure::Usage(format!("--vantage: a word of 1 to {LONGEST_LABEL} characters is wanted")));
        }
        let fail = |what: &str| Failure::Usage(format!("--names {}: {what}", path.display()));
        let names = Names::read(path)?;
        if names.domains.is_empty() && names.urls.is_empty() {
            return Err(fail("it names neither a mail domain nor a URL"));
        }
        Ok(Some(Self { label, names }))
    }

    /// What the checks of autodiscover need of the network, and the names.
    pub(super) fn plan() -> Result<Plan, Failure> {
        let mut plan = checks::plan_of_categories(&[CATEGORY.to_owned()])?;
        plan.tables.retain(|table| table.scope == ScopeKind::Network || NAMED.contains(&table.name));
        Ok(plan)
    }

    /// Writes the names into a store, where the directory would have them.
    pub(super) fn fill(&self, store: &mut Store) -> Result<(), Failure> {
        let fail = |error: fixture::FixtureError| Failure::Usage(format!("--names: {error}"));
        fixture::insert(store, &self.names.rows()).map_err(fail)?;
        for name in NAMED {
            let Some(table) = store.schema().table(name) else { continue };
            store.finish(
                table,
                Coverage { source: Some("--names".to_owned()), ..Coverage::complete(name, DIRECTORY) },
            )?;
        }
        store.origin_mut().vantage = Some(self.label.clone());
        Ok(())
    }
}

impl Names {
    fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |error: std::io::Error| Failure::Usage(format!("--names {}: {error}", path.display()));
        let size = std::fs::metadata(path).map_err(fail)?.len();
        let mut begin = vec![0; SNAPSHOT.len()];
        let file = std::fs::File::open(path).map_err(fail)?;
        if std::io::Read::read_exact(&mut &file, &mut begin).is_ok() && begin == SNAPSHOT {
            return Self::of_snapshot(path);
        }
        if size > LONGEST_LIST {
            return Err(Failure::Usage(format!("--names {}: too long for a list of names", path.display())));
        }
        Ok(Self::of_text(&String::from_utf8_lossy(&std::fs::read(path).map_err(fail)?)))
    }

    /// A mail domain on each line, or a URL with its https://; `#` begins a comment.
    fn of_text(text: &str) -> Self {
        let mut names = Self::default();
        let lines =
            text.trim_start_matches('\u{feff}').lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        for line in lines.filter(|line| !line.is_empty()) {
            match line.split_once("://") {
                Some((_, rest)) => names.urls.push(rest.trim_end_matches('/').to_owned()),
                None => drop(names.domains.entry(line.to_lowercase()).or_default()),
            }
        }
        names
    }

    /// Those of a server's snapshot. Its URLs are those that were looked at there, else the directory's.
    fn of_snapshot(path: &Path) -> Result<Self, Failure> {
        let facts = Facts::open(path, &super::schema())?;
        let is_short =
            |told: &&Coverage| NAMED.contains(&told.table.as_str()) && told.completeness != Completeness::Complete;
        if let Some(gap) = facts.coverage().iter().find(is_short) {
            let why = gap.reason.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(Failure::Usage(format!("--names {}: it does not know {}: {why}", path.display(), gap.table)));
        }
        let mut names = Self::default();
        for row in facts.texts("SELECT domain_uid FROM domain WHERE is_global = 0")? {
            names.domains.extend(row.into_iter().flatten().map(|uid| (uid, Vec::new())));
        }
        for row in facts.texts("SELECT domain_uid, alias FROM domain_alias")? {
            if let [Some(domain), Some(alias)] = row.as_slice()
                && let Some(aliases) = names.domains.get_mut(domain)
            {
                aliases.push(alias.clone());
            }
        }
        let host = "iif(port = 443, host, host || ':' || port)";
        let looked_at = facts.texts(&format!("SELECT {host} FROM public_url ORDER BY NOT is_main, url"))?;
        let told = facts.texts("SELECT external_url FROM installation")?;
        let urls = if looked_at.is_empty() { told } else { looked_at };
        names.urls = urls.into_iter().flatten().flatten().collect();
        Ok(names)
    }

    /// As rows of the directory.
    fn rows(&self) -> Given {
        let row = |cells: &[(&str, &str)]| {
            cells
                .iter()
                .map(|(name, value)| ((*name).to_owned(), toml::Value::from(*value)))
                .collect::<BTreeMap<_, _>>()
        };
        let domains = self.domains.keys().map(|domain| row(&[("domain_uid", domain)])).collect();
        let aliases =
            self.domains.iter().flat_map(|(domain, aliases)| aliases.iter().map(move |alias| (domain, alias)));
        let aliases = aliases.map(|(domain, alias)| row(&[("domain_uid", domain), ("alias", alias)])).collect();
        let others = self.urls.get(1..).unwrap_or_default().join(" ");
        let urls = self.urls.first().map(|url| row(&[("external_url", url), ("other_urls", &others)]));
        let installation = vec![urls.unwrap_or_default()];
        [("domain", domains), ("domain_alias", aliases), ("installation", installation)]
            .into_iter()
            .map(|(name, rows): (_, Vec<_>)| (name.to_owned(), rows))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_domains_and_urls_and_words_beside_them() {
        let names =
            Names::of_text("\u{feff}# ours\r\nExample.org\r\nexample.net # old\r\n\r\nhttps://mail.example.org/\r\n");
        assert_eq!(names.domains.keys().collect::<Vec<_>>(), ["example.net", "example.org"]);
        assert_eq!(names.urls, ["mail.example.org"]);
        assert_eq!(Names::of_text("# nothing\n"), Names::default());
    }
}
