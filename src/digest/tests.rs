//! Who has to act, and what is open.

use super::*;
use crate::model::finding::sample::{failed, result};
use crate::model::reason::{Database, Files, Network, Run};
use crate::model::{Cause, Missing, Outcome, Reason, Waived};

fn beside() -> Beside<'static> {
    Beside {
        lang: Lang::En,
        window: None,
        coverage: &[],
        servers: vec![("mail-1".into(), vec!["mail/imap".into()]), ("mail-2".into(), Vec::new())],
        replicated: Vec::new(),
        hours: Vec::new(),
        elsewhere: vec![Step {
            server: Some("mail-1".into()),
            command: "bm-preflight collect --facts mail-1.facts".into(),
        }],
        measures: Measures::default(),
    }
}

fn named(id: &str, result: CheckResult) -> CheckResult {
    CheckResult { id: id.to_owned(), title: format!("title of {id}"), ..result }
}

fn gap(scope: &str, place: Option<&str>, root: Option<Reason>) -> Missing {
    Missing {
        table: if root.is_some() { "mailbox" } else { Missing::UNDECIDED }.to_owned(),
        scope: scope.to_owned(),
        place: place.map(str::to_owned),
        problem: root.is_none().then(|| "undecided".to_owned()),
        reason: root.as_ref().map_or("nobody knows".to_owned(), |root| format!("because {root}")),
        root,
        waived: None,
    }
}

fn lacking(id: &str, severity: Severity, gaps: Vec<Missing>) -> CheckResult {
    named(id, CheckResult { missing: gaps, ..result(severity, Outcome::Unknown) })
}

fn elsewhere() -> Option<Reason> {
    Some(Run::OnlyFilesOf { server: "core".into() }.into())
}

/// Each question by its words, scopes and checks.
fn told(digest: &Digest) -> Vec<String> {
    let told = |q: &Question| format!("{} [{}] {} {}", q.reason, q.scopes.join(" "), q.checks.join(" "), q.blocking);
    digest.questions.iter().map(told).collect()
}

#[test]
fn one_cause_is_one_question_with_what_cures_it() {
    let wall = Reason::from(Files::Unreadable { path: "/etc/bm/bm.ini".into(), error: "No such file".into() });
    let results = [
        lacking("a", Severity::Warning, vec![gap("mail-1", None, elsewhere()), gap("mail-2", None, elsewhere())]),
        lacking("b", Severity::Blocker, vec![gap("mail-1", None, elsewhere())]),
        // Nothing is decided of a server that nobody read: the same cause.
        lacking(
            "c",
            Severity::Warning,
            vec![gap("mail-1", Some("mail-1"), None), gap("directory", Some("mail-2"), None)],
        ),
        lacking("d", Severity::Warning, vec![gap("directory", None, Some(wall))]),
        lacking("e", Severity::Info, vec![gap("directory", Some("x"), None), gap("directory", Some("y"), None)]),
    ];
    let digest = Digest::of(&results, beside());
    let only = "only the files of server core can be read from here [mail-1 mail-2] b a c 1";
    assert_eq!(told(&digest), [only, "/etc/bm/bm.ini: No such file [directory] d 0", "nobody knows [directory] e 0"]);
    let cures: Vec<_> = digest.questions.iter().map(|q| (q.cure, q.steps.len(), q.more_places)).collect();
    assert_eq!(cures, [(Some(Cure::CollectThere), 1, 0), (Some(Cure::NoBluemind), 0, 0), (None, 0, 1)]);
    assert_eq!(digest.open, Open { checks: 5, blocking: 1 });
}

#[test]
fn a_chain_of_reasons_is_told_by_its_beginning_and_many_places_by_their_kind() {
    let wall = || Reason::from(Files::Unreadable { path: "/etc/bm/bm.ini".into(), error: "gone".into() });
    let domains = Reason::from(Network::DomainsUnknown { why: Box::new(wall()) });
    assert_eq!(domains.root(), &wall());
    let closed = |path: &str| Some(Files::Unreadable { path: path.into(), error: "Permission denied".into() }.into());
    let shard =
        Database::Of { database: "bj-data".into(), why: Box::new(Database::Failed { error: "refused".into() }.into()) };
    assert_eq!(Reason::from(shard.clone()).root(), &shard.into(), "which data base it is belongs to the cause");
    let results = [
        lacking(
            "a",
            Severity::Warning,
            vec![gap("mail-1", Some("/x"), closed("/x")), gap("mail-1", Some("/y"), closed("/y"))],
        ),
        lacking("b", Severity::Warning, vec![gap("mail-2", Some("/z"), closed("/z"))]),
    ];
    let digest = Digest::of(&results, beside());
    assert_eq!(told(&digest), ["/x: Permission denied [mail-1] a 0", "/z: Permission denied [mail-2] b 0"]);
    assert_eq!(digest.questions[0].more_places, 1);
    assert!(digest.questions.iter().all(|question| question.cure == Some(Cure::AsRoot)));
}

#[test]
fn what_is_accepted_or_answered_is_no_question_and_what_broke_is_one() {
    let waived = Some(Waived { reason: "known".into(), expires: "2027-01-01".into() });
    let mut accepted = lacking("a", Severity::Blocker, vec![gap("mail-1", None, elsewhere())]);
    accepted.missing[0].waived = waived;
    let broken = CheckResult { reason: Some("no such function".into()), ..result(Severity::Blocker, Outcome::Error) };
    let digest = Digest::of(&[accepted, named("b", broken), result(Severity::Info, Outcome::Pass)], beside());
    assert_eq!(told(&digest), ["no such function [] b 1"]);
    assert_eq!(digest.open, Open { checks: 1, blocking: 1 });
}

fn due(id: &str, severity: Severity, who: Who, lead_days: u16) -> CheckResult {
    CheckResult { who, lead_days, ..named(id, failed(severity, &["one", "two"])) }
}

#[test]
fn what_has_to_begin_first_stands_first() {
    let mut after = due("after", Severity::Warning, Who::Dns, 30);
    after.remedy.when = When::After;
    let mut silent = due("silent", Severity::Blocker, Who::Dns, 9);
    silent.findings.iter_mut().for_each(|finding| {
        finding.explained_by = Some(Cause { check: "other".into(), subject: "one".into() });
    });
    let head = Some("two folders".to_owned());
    let results = [
        due("soon", Severity::Blocker, Who::Administrator, 1),
        CheckResult { headline: head, ..due("week", Severity::Blocker, Who::Users, 7) },
        due("also", Severity::Warning, Who::Administrator, 3),
        after,
        silent,
    ];
    let window = Some("2026-12-12T20:00".parse().unwrap());
    let digest = Digest::of(&results, Beside { window, ..beside() });
    let line = |line: &Line| format!("{} {} {}", line.sentence, line.begin_by.unwrap(), line.findings);
    let shares: Vec<_> = digest.plan.iter().map(|share| (share.who, share.lines.iter().map(line).collect())).collect();
    let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        shares,
        [
            (Who::Users, lines(&["two folders 2026-12-05 2"])),
            (Who::Administrator, lines(&["title of also 2026-12-09 2", "title of soon 2026-12-11 2"])),
            (Who::Dns, lines(&["title of after 2026-11-12 2"])),
        ]
    );
    assert_eq!(digest.blockers.iter().map(|line| line.check.as_str()).collect::<Vec<_>>(), ["week", "soon"]);
    assert!(Digest::of(&results, beside()).plan[0].lines[0].begin_by.is_none());
}

/// A finding of a folder that lies in the topmost one.
fn folder(finding: &mut crate::model::Finding, owner: &str, topmost: (&str, &str), messages: u64) {
    finding.owner = Some(owner.to_owned());
    finding.server = Some("mail-1".to_owned());
    for (column, value) in [
        ("topmost_uid", topmost.0.into()),
        ("topmost_folder", topmost.1.into()),
        ("messages", messages.into()),
        ("is_archived", u64::from(owner.starts_with('z')).into()),
    ] {
        finding.evidence.insert(column.to_owned(), value);
    }
}

#[test]
fn a_user_has_one_row_whatever_the_number_of_checks() {
    let mut inbox = CheckResult {
        who: Who::Users,
        lead_days: 7,
        ..named("inbox", failed(Severity::Blocker, &["1", "2", "3", "4"]))
    };
    folder(&mut inbox.findings[0], "a@x", ("u1", "Sales/2019"), 5);
    folder(&mut inbox.findings[1], "a@x", ("u1", "Sales/2019"), 2);
    folder(&mut inbox.findings[2], "a@x", ("u2", "Sales"), 1);
    folder(&mut inbox.findings[3], "z@x", ("u3", "Old"), 9);
    let mut empty = CheckResult { who: Who::Users, ..named("empty", failed(Severity::Warning, &["5"])) };
    folder(&mut empty.findings[0], "a@x", ("u2", "Sales"), 0);
    let mut other = named("other", failed(Severity::Info, &["6", "7"]));
    other.findings[0].owner = Some("b@x".into());
    other.findings[1].waived = Some(Waived { reason: "known".into(), expires: "2027-01-01".into() });
    let digest = Digest::of(&[inbox, empty, other], beside());
    let [a, b, z] = digest.owners.as_slice() else { panic!("{:?}", digest.owners) };
    assert_eq!((a.folders.join(" + "), a.messages, a.findings), ("Sales + Sales/2019".to_owned(), 8, 4));
    assert_eq!((a.checks.join(" "), a.lead_days, a.severity), ("empty inbox".to_owned(), Some(7), Severity::Blocker));
    assert_eq!((b.address.as_str(), b.lead_days, b.messages, b.servers.len()), ("b@x", None, 0, 0));
    assert_eq!((z.is_suspended, a.is_suspended, z.folders.join("")), (true, false, "Old".to_owned()));
    assert_eq!(digest.servers[0].findings, [4, 1, 0], "by severity, and by the server that they name");
    assert_eq!(digest.servers[1].findings, [0, 0, 0]);
}

#[test]
fn a_hundred_percent_is_all() {
    let of = |messages, missing| Replicated { server: String::new(), messages, missing }.percent();
    assert_eq!([of(0, 0), of(200, 14), of(100_000, 1), of(5, 5)], [100, 93, 99, 0]);
}

#[test]
fn a_finding_is_about_one_server_however_it_says_so() {
    let mut result =
        failed(Severity::Blocker, &["mail-1", "mail-2:/var", "jdoe@example.org", "jane@example.org", "mail-10"]);
    result.findings[2].evidence.insert("backend_uid".into(), "mail-2".into());
    result.findings[3].server = Some("mail-1".into());
    result.findings[3].evidence.insert("backend_uid".into(), "mail-2".into());
    let mut results = [result];
    locate(&mut results, &["mail-1".into(), "mail-2".into()]);
    let servers: Vec<_> = results[0].findings.iter().map(|finding| finding.server.as_deref()).collect();
    assert_eq!(servers, [Some("mail-1"), Some("mail-2"), Some("mail-2"), Some("mail-1"), None]);
    let digest = Digest::of(&results, beside());
    assert_eq!([0, 1].map(|server| digest.servers[server].findings[0]), [2, 2]);
}
