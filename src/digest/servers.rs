//! What each server is concerned by.

use super::Beside;
use crate::model::{CheckResult, Completeness, Severity};
use crate::verdict;

/// A server of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLine {
    /// Its uid.
    pub uid: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Tables of its own that are known in full, in part, and not at all.
    pub tables: [u64; 3],
    /// Open findings that name it, by severity, the worst first.
    pub findings: [u64; 3],
    /// How much of its mail is replicated; `None` where that is not known, or it keeps no mail.
    pub replicated: Option<Replicated>,
}

/// How much of a server's mail is in its shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicated {
    /// Uid of the server.
    pub server: String,
    /// Messages of its mailboxes, each counted once.
    pub messages: u64,
    /// Messages that the shard has not.
    pub missing: u64,
}

impl Replicated {
    /// What is there, in whole percent: 100 only where nothing is missing.
    pub fn percent(&self) -> u64 {
        let there = self.messages.saturating_sub(self.missing);
        (there * 100).checked_div(self.messages).unwrap_or(100)
    }
}

/// An hour of a server's replication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Uid of the server; its address where no server has it.
    pub server: String,
    /// 1 is the last whole hour before the collection.
    pub hours_ago: u32,
    /// Messages that were replicated.
    pub messages: u64,
}

/// Says of each finding which server it is about, where its check did not: its subject, or what it saw, is the uid of one.
pub fn locate(results: &mut [CheckResult], servers: &[String]) {
    for finding in results.iter_mut().flat_map(|result| &mut result.findings).filter(|f| f.server.is_none()) {
        let seen = ["server", "backend_uid"].into_iter().filter_map(|column| finding.evidence.get(column)?.as_str());
        let named: Vec<&str> = finding.subject.split(':').next().into_iter().chain(seen).collect();
        finding.server = servers.iter().find(|uid| named.contains(&uid.as_str())).cloned();
    }
}

/// A line of each server.
pub(super) fn of(results: &[CheckResult], beside: &Beside<'_>) -> Vec<ServerLine> {
    let line = |(uid, roles): &(String, Vec<String>)| ServerLine {
        uid: uid.clone(),
        roles: roles.clone(),
        tables: tables(uid, beside),
        findings: Severity::ALL.map(|severity| findings(results, uid, severity)),
        replicated: beside.replicated.iter().find(|of| of.server == *uid).cloned(),
    };
    beside.servers.iter().map(line).collect()
}

fn tables(uid: &str, beside: &Beside<'_>) -> [u64; 3] {
    let mut tables = [0; 3];
    for statement in beside.coverage.iter().filter(|statement| statement.scope == uid) {
        let place = match statement.completeness {
            Completeness::Complete => 0,
            Completeness::Partial => 1,
            Completeness::Absent | Completeness::NotAttempted => 2,
        };
        tables[place] += 1;
    }
    tables
}

fn findings(results: &[CheckResult], uid: &str, severity: Severity) -> u64 {
    let all = results.iter().flat_map(|result| &result.findings);
    all.filter(|f| f.severity == severity && verdict::is_open(f) && f.server.as_deref() == Some(uid)).count() as u64
}
