//! What each user has to do himself, gathered across checks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{CheckResult, Finding, Severity, Who};
use crate::verdict;

/// A user with findings of his own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// His address.
    pub address: String,
    /// Uids of the servers that the findings are about.
    pub servers: Vec<String>,
    /// Whether his account is suspended: somebody else has to act for him.
    pub is_suspended: bool,
    /// The worst of his findings.
    pub severity: Severity,
    /// Names of the folders that he has to move, each with what lies below it; told apart by their ids.
    pub folders: Vec<String>,
    /// Messages in them.
    pub messages: u64,
    /// What else he has to do himself, in the words of the findings.
    pub todo: Vec<String>,
    /// The most days before the upgrade that he has to begin; `None` where others act for him.
    pub lead_days: Option<u16>,
    /// Ids of the checks that found something.
    pub checks: Vec<String>,
    /// How many findings there are.
    pub findings: u64,
}

/// The open findings that are for somebody, by address.
pub(super) fn of(results: &[CheckResult]) -> Vec<Owner> {
    let mut owned: BTreeMap<&str, Vec<(&CheckResult, &Finding)>> = BTreeMap::new();
    for result in results {
        for finding in result.findings.iter().filter(|finding| verdict::is_open(finding)) {
            if let Some(owner) = &finding.owner {
                owned.entry(owner).or_default().push((result, finding));
            }
        }
    }
    owned.into_iter().map(|(address, findings)| owner(address, &findings)).collect()
}

fn owner(address: &str, findings: &[(&CheckResult, &Finding)]) -> Owner {
    let all = || findings.iter().map(|(_, finding)| *finding);
    let distinct = |texts: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        texts.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
    };
    // A name may hold a "/", and two folders one name: the id tells what is one folder.
    let folder = |finding: &'_ Finding| Some((text(finding, "topmost_uid")?, text(finding, "topmost_folder")?));
    let folders: BTreeMap<String, String> = all().filter_map(folder).collect();
    let mut folders: Vec<String> = folders.into_values().collect();
    folders.sort();
    let moved = all().filter(|finding| text(finding, "topmost_uid").is_some());
    let own = || findings.iter().filter(|(result, _)| result.who == Who::Users);
    let todo = own().filter(|(_, finding)| text(finding, "topmost_uid").is_none());
    Owner {
        address: address.to_owned(),
        servers: distinct(&mut all().filter_map(|finding| finding.server.as_deref())),
        is_suspended: all().any(|finding| number(finding, "is_archived") > 0),
        severity: all().map(|finding| finding.severity).min().unwrap_or(Severity::Info),
        messages: moved.map(|finding| number(finding, "messages")).sum(),
        folders,
        todo: todo.map(|(_, finding)| finding.message.clone()).collect(),
        lead_days: own().map(|(result, _)| result.lead_days).max(),
        checks: distinct(&mut findings.iter().map(|(result, _)| result.id.as_str())),
        findings: findings.len() as u64,
    }
}

fn text(finding: &Finding, column: &str) -> Option<String> {
    finding.evidence.get(column).and_then(Value::as_str).map(str::to_owned)
}

fn number(finding: &Finding, column: &str) -> u64 {
    finding.evidence.get(column).and_then(Value::as_u64).unwrap_or_default()
}
