//! Report values: one with every outcome and severity, and the same with a hostile string in every slot.

use std::time::Duration;

use bm_preflight::digest::{self, Beside, Digest, Hour, Keep, Measures, Place, Replicated};
use bm_preflight::model::reason::{Database, Files};
use bm_preflight::model::{
    Cause, CheckResult, Completeness, Coverage, Examined, Finding, Gap, Lang, METHODS, MailName, MethodCell, Missing,
    Outcome, PublicUrl, Remediation, Remedy, Risk, SERVICES, Severity, Step, Vantage, Waived, When, Who,
};
use bm_preflight::report::{Installation, Report, Run};
use bm_preflight::verdict::{FailOn, Selection, judge};
use serde_json::json;

/// The age of the facts.
pub(crate) const AGE: Duration = Duration::from_secs(60);

/// What an attacker would name a folder.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script>\"'&<!--{{ 7*7 }}{% raw %}]]>\u{1b}[31m\0\u{202e}\u{fffe}\nline two\tend";

/// Every outcome, every severity, waived findings, partial facts, notices and more findings than any format lists.
pub(crate) fn report(lang: Lang, fail_on: FailOn) -> Report {
    let checks = vec![
        blocker_with_missing(),
        check("mapi_will_not_start", "autodiscover", Severity::Blocker, Outcome::Unknown),
        check("replication_inactive", "replication", Severity::Blocker, Outcome::Error),
        all_waived(),
        with_findings("autodiscover_unreachable", "autodiscover", Severity::Warning, 3),
        explained(),
        with_findings("spool_directory_unexpected", "cyrus", Severity::Warning, 250),
        check("replication_behind", "replication", Severity::Warning, Outcome::NotApplicable),
        with_findings("mailbox_size", "cyrus", Severity::Info, 1),
        passed(),
    ];
    digested(Report {
        tool_version: "0.1.0".into(),
        run: run(lang),
        judgement: judge(&checks, None, AGE, fail_on),
        fail_on,
        digest: Digest::default(),
        checks,
        autodiscover: names(),
        public_urls: urls(),
        coverage: coverage(),
        gaps: gaps(),
        changes: None,
    })
}

/// The same with the digest of what it holds.
pub(crate) fn digested(report: Report) -> Report {
    let servers = &report.run.installation.servers;
    let hour = |hours_ago: u32| Hour { server: servers[0].clone(), hours_ago, messages: u64::from(hours_ago % 5) * 10 };
    // The first server's sizes are known, and how long reading its messages took.
    let timed = |table: &str| Coverage { elapsed_ms: 9_000, ..Coverage::complete(table, &servers[0]) };
    let coverage = [report.coverage.clone(), vec![timed("relation"), timed("folder")]].concat();
    let beside = Beside {
        lang: report.run.lang,
        window: Some("2026-12-12T20:00".parse().unwrap()),
        coverage: &coverage,
        servers: servers.iter().map(|uid| (uid.clone(), vec!["mail/imap".into(), "bm/pgsql-data".into()])).collect(),
        replicated: vec![Replicated { server: servers[0].clone(), messages: 200, missing: 14 }],
        hours: (1..=168).rev().map(hour).collect(),
        elsewhere: Vec::new(),
        measures: measures(&report),
    };
    Report { digest: Digest::of(&report.checks, beside), ..report }
}

/// The first server has a shard whose sizes are known, the others one whose sizes are not.
fn measures(report: &Report) -> Measures {
    let place = &report.run.installation;
    let disk = |mount_point: String| Some(Place { mount_point, available: 5 << 30 });
    let database = digest::Database {
        tables: [("t_message_body".into(), 3 << 30), ("t_mailbox_record".into(), 1 << 30)].into(),
        bytes: Some(6 << 30),
        data: disk(format!("/srv/{}", place.servers[0])),
        log: disk("/".into()),
    };
    Measures {
        installed: place.release.clone(),
        way: place.way.clone(),
        databases: [(place.servers[0].clone(), database)].into(),
        keep: Some(Keep {
            before: format!("bm-preflight collect --facts before-{}.facts", place.target),
            after: format!("bm-preflight run --before before-{}.facts", place.target),
        }),
    }
}

fn run(lang: Lang) -> Run {
    Run {
        id: "0d6f2c1e-7f0c-4b8b-9a58-8a8f1f6b2c11".into(),
        started_at: "2026-11-23T10:00:00.987654321Z".parse().unwrap(),
        duration_ms: 1234,
        lang,
        is_demo: false,
        installation: Installation {
            name: Some("mail.example.org".into()),
            build: Some("4.1.43922".into()),
            release: Some("4.0.14".into()),
            at_least: None,
            target: "4.1".into(),
            way: bm_preflight::model::releases::way("4.0.14", "4.1"),
            collected_at: "2026-11-23T09:59:00Z".parse().unwrap(),
            servers: vec!["bm-master".into(), "imap-02".into()],
        },
        notices: vec!["waiver 3 of waivers.toml expired on 2026-10-31".into()],
        next: vec!["collect on imap-02 next".into()],
    }
}

/// A domain where everything works, an alias that only the domain itself serves, and one without any record.
fn names() -> Vec<MailName> {
    let all = [("yes", None), ("yes", None), ("warns", Some("prompt")), ("absent", None)];
    let root = [("yes", None), ("absent", Some("nxdomain")), ("absent", Some("nxdomain")), ("absent", None)];
    let none = [("no", Some("not_found")), ("no", Some("certificate")), ("unknown", Some("timeout")), ("absent", None)];
    vec![
        mail_name("example.org", all, ("yes", "yes"), good_steps()),
        MailName {
            unicode_name: Some("café.example".into()),
            domain_uid: "example.org".into(),
            is_alias: true,
            vantages: vec![Vantage {
                label: "lan".into(),
                methods: vec![MethodCell { method: "root".into(), state: "no".into(), reason: Some("timeout".into()) }],
                workstation: Some("no".into()),
            }],
            ..mail_name("xn--caf-dma.example", root, ("yes", "no"), root_steps())
        },
        mail_name("example.net", none, ("no", "unknown"), bad_steps()),
    ]
}

fn mail_name(name: &str, cells: [(&str, Option<&str>); 4], verdicts: (&str, &str), steps: Vec<Step>) -> MailName {
    let cell = |(method, (state, reason)): (&str, (&str, Option<&str>))| MethodCell {
        method: method.into(),
        state: state.into(),
        reason: reason.map(str::to_owned),
    };
    MailName {
        name: name.into(),
        unicode_name: None,
        domain_uid: name.into(),
        is_alias: false,
        methods: METHODS.into_iter().zip(cells).map(cell).collect(),
        bm_mapi: verdicts.0.into(),
        workstation: verdicts.1.into(),
        steps,
        vantages: Vec::new(),
    }
}

/// A URL of which one thing is in the way, and another machine that sees none of it.
fn urls() -> Vec<PublicUrl> {
    let cells = |states: [(&str, Option<&str>); 4]| {
        let cell = |(method, (state, reason)): (&str, (&str, Option<&str>))| MethodCell {
            method: method.into(),
            state: state.into(),
            reason: reason.map(str::to_owned),
        };
        SERVICES.into_iter().zip(states).map(cell).collect::<Vec<_>>()
    };
    let here = cells([("yes", None), ("no", Some("not_passed_on")), ("yes", None), ("unknown", Some("timeout"))]);
    let there = Vantage { label: "lan".into(), methods: cells([("yes", None); 4]), workstation: None };
    vec![PublicUrl {
        url: "https://mail.example.org/".into(),
        methods: here,
        steps: bad_steps(),
        vantages: vec![there],
    }]
}

/// `depth kind status outcome target`, then the detail after a bar; takes 12 ms unless nothing was asked.
fn steps(lines: &[&str]) -> Vec<Step> {
    let one = |line: &&str| {
        let (words, detail) = line.split_once(" | ").map_or((*line, None), |(words, detail)| (words, Some(detail)));
        let words: Vec<&str> = words.splitn(5, ' ').collect();
        Step {
            depth: words[0].parse().unwrap(),
            kind: words[1].into(),
            status: words[2].into(),
            outcome: words[3].into(),
            target: words[4].into(),
            detail: detail.map(str::to_owned),
            elapsed_ms: (words[1] != "method" && words[1] != "proof").then_some(12),
        }
    };
    lines.iter().map(one).collect()
}

fn good_steps() -> Vec<Step> {
    steps(&[
        "0 method ok yes root",
        "1 dns ok answer example.org A @192.0.2.53:53 | 192.0.2.10",
        "1 dns note nodata example.org AAAA @192.0.2.53:53",
        "1 tls ok ok 192.0.2.10:443 | TLSv1.3",
        "2 certificate ok ok CN=example.org | example.org autodiscover.example.org, until 2027-06-30",
        "2 http ok bluemind https://example.org/autodiscover/autodiscover.xml | 401, realm bm.basic.auth.v2",
        "3 proof ok yes access_log",
        "3 proof ok yes socket",
        "0 method ok yes autodiscover",
        "1 dns ok answer autodiscover.example.org A @192.0.2.53:53 | CNAME mail.example.org, 192.0.2.10",
        "1 tls ok ok 192.0.2.10:443 | TLSv1.3",
        "2 http ok bluemind https://autodiscover.example.org/autodiscover/autodiscover.xml | 401, realm bm.basic.auth.v2",
        "3 proof ok yes access_log",
        "0 method warning warns redirect",
        "1 http warning prompt http://autodiscover.example.org/autodiscover/autodiscover.xml | 301, Location: https://mail.example.org/autodiscover/autodiscover.xml",
        "0 method note absent srv",
        "1 dns note nxdomain _autodiscover._tcp.example.org SRV @192.0.2.53:53 | remembered for 3600 s",
    ])
}

fn root_steps() -> Vec<Step> {
    steps(&[
        "0 method ok yes root",
        "1 dns ok answer xn--caf-dma.example A @192.0.2.53:53 | 192.0.2.10",
        "1 tls ok ok 192.0.2.10:443 | TLSv1.2",
        "2 certificate ok ok CN=xn--caf-dma.example",
        "2 http ok bluemind https://xn--caf-dma.example/autodiscover/autodiscover.xml | 401, realm bm.basic.auth",
        "0 method error absent autodiscover",
        "1 dns error nxdomain autodiscover.xn--caf-dma.example A @192.0.2.53:53",
    ])
}

fn bad_steps() -> Vec<Step> {
    steps(&[
        "0 method error no root",
        "1 dns ok answer example.net A @192.0.2.53:53 | 198.51.100.7",
        "1 tls ok ok 198.51.100.7:443 | TLSv1.3",
        "2 http error not_found https://example.net/autodiscover/autodiscover.xml | 404, Server: Apache",
        "0 method error no autodiscover",
        "1 tls error refused 198.51.100.8:443 | Connection refused (os error 111)",
        "1 tls ok ok 198.51.100.9:443",
        "2 certificate error name_mismatch CN=web.hoster.example | web.hoster.example",
        "0 method unknown sulking loopback",
    ])
}

fn coverage() -> Vec<Coverage> {
    vec![
        Coverage {
            table: "mapi_folder".into(),
            scope: "bm-master".into(),
            completeness: Completeness::Complete,
            reason: None,
            rows: 4312,
            source: Some("postgresql://bj@127.0.0.1:5432/bj-data".into()),
            elapsed_ms: 41,
        },
        Coverage::absent("mapi_folder", "imap-02", Database::Failed { error: "connection refused".to_owned() }),
    ]
}

/// One is accepted, the other not.
fn gaps() -> Vec<Gap> {
    let mut gaps: Vec<Gap> = coverage().iter().flat_map(Coverage::gaps).collect();
    let accepted = Gap { place: Some("/var/log/maillog".into()), waived: Some(waived()), ..gaps[0].clone() };
    gaps.push(accepted);
    gaps
}

fn waived() -> Waived {
    Waived { reason: "the disk is broken, and was empty".into(), expires: "2026-12-31".into() }
}

fn check(id: &str, category: &str, severity: Severity, outcome: Outcome) -> CheckResult {
    let lacks = outcome == Outcome::Unknown;
    let (table, scope) = ("mapi_folder".to_owned(), "imap-02".to_owned());
    CheckResult {
        id: id.into(),
        category: category.into(),
        severity,
        title: format!("Title of {id}"),
        why: format!("The upgrade rewrites what {id} looks at."),
        reference: Some("https://doc.example.org/upgrade".into()),
        remedy: Remedy { when: When::Before, risk: Risk::Low },
        who: Who::Administrator,
        lead_days: 2,
        remediations: Vec::new(),
        outcome,
        reason: match outcome {
            Outcome::Error => Some("no such function: re".into()),
            Outcome::NotApplicable => Some("one server only".into()),
            Outcome::Pass | Outcome::Fail | Outcome::Unknown => None,
        },
        elapsed_ms: 3,
        examined: vec![Examined { table: table.clone(), rows: 4312 }],
        proof: Vec::new(),
        missing: if lacks {
            vec![Missing {
                table,
                scope,
                place: None,
                problem: None,
                reason: "connection refused".into(),
                root: Some(Database::Failed { error: "connection refused".into() }.into()),
                waived: None,
            }]
        } else {
            Vec::new()
        },
        findings: Vec::new(),
        headline: None,
        shown: vec!["messages".into()],
    }
}

fn finding(check: &str, severity: Severity, n: usize) -> Finding {
    let subject = format!("user{n:03}@example.org/INBOX/{check}");
    let message = format!("The folder holds {n} messages that the new release does not show.");
    Finding {
        key: format!("{n:016x}"),
        message,
        severity,
        evidence: json!({"messages": n, "path": "INBOX/Projects", "owner": null}).as_object().unwrap().clone(),
        remedy: 0,
        server: Some("imap-02".into()),
        commands: vec![format!("bm-cli mapi move 'user{n:03}@example.org'")],
        owner: Some(format!("user{n:03}@example.org")),
        waived: None,
        cause: None,
        explained_by: None,
        subject,
    }
}

fn with_findings(id: &str, category: &str, severity: Severity, n: usize) -> CheckResult {
    let findings = (1..=n).map(|i| finding(id, severity, i)).collect();
    let remediations = vec![remediation("Move the folder's messages to a plain folder.")];
    CheckResult { findings, remediations, ..check(id, category, severity, Outcome::Fail) }
}

fn remediation(text: &str) -> Remediation {
    Remediation { problem: None, text: text.into(), remedy: Remedy { when: When::Before, risk: Risk::Low } }
}

/// Passes, and says of each server what it compared.
fn passed() -> CheckResult {
    let proof = vec!["bm-master: 1,204,311 messages compared".into(), "imap-02: 7 messages compared".into()];
    CheckResult { proof, ..check("cyrus_mailbox_unknown", "cyrus", Severity::Info, Outcome::Pass) }
}

/// Fails, has one finding accepted, could not see one server, and says of one finding something else to do about it.
fn blocker_with_missing() -> CheckResult {
    let mut result = with_findings("inbox_virtual_folder", "mapi", Severity::Blocker, 6);
    result.missing = check("", "", Severity::Info, Outcome::Unknown).missing;
    result.remediations.push(Remediation { problem: Some("shared".into()), ..remediation("Ask the owner.") });
    result.findings[1].remedy = 1;
    result.findings[2].waived = Some(Waived { reason: "archive, read by nobody".into(), expires: "2027-01-31".into() });
    result
}

fn all_waived() -> CheckResult {
    let mut result = with_findings("mailbox_service_without_role", "topology", Severity::Blocker, 1);
    result.findings[0].waived = Some(Waived { reason: "server is retired".into(), expires: "2027-03-31".into() });
    result.remedy = Remedy { when: When::During, risk: Risk::High };
    result
}

/// All that it has to say is told by a blocker.
fn explained() -> CheckResult {
    let mut result = with_findings("folder_below_inbox", "mapi", Severity::Warning, 1);
    result.findings[0].message = "The folder stands below the inbox.".into();
    result.findings[0].explained_by = Some(Cause {
        check: "inbox_virtual_folder".into(),
        subject: finding("inbox_virtual_folder", Severity::Blocker, 1).subject,
    });
    result
}

/// A selection that left out two blocker checks.
pub(crate) fn selection() -> Selection {
    Selection { run: 3, of: 72, left_out_blockers: vec!["replication_inactive".into(), "spool_on_fire".into()] }
}

/// The canonical report, `text` in every slot that takes a string from outside.
pub(crate) fn hostile(text: &str) -> Report {
    let mut report = report(Lang::En, FailOn::Warning);
    let text = || text.to_owned();
    report.tool_version = text();
    report.run.id = text();
    (report.run.notices, report.run.next) = (vec![text()], vec![text()]);
    let place = &mut report.run.installation;
    (place.name, place.build, place.release) = (Some(text()), Some(text()), Some(text()));
    (place.target, place.servers) = (text(), vec![text()]);
    for check in &mut report.checks {
        check.id.push_str(&text());
        (check.category, check.title, check.why) = (text(), text(), text());
        (check.headline, check.shown) = (Some(text()), vec![text()]);
        (check.reference, check.reason) = (Some(format!("javascript:{}", text())), Some(text()));
        check.examined.iter_mut().for_each(|e| e.table = text());
        check.proof.iter_mut().for_each(|sentence| *sentence = text());
        for missing in &mut check.missing {
            (missing.table, missing.scope, missing.reason) = (text(), text(), text());
            (missing.problem, missing.place) = (Some(text()), Some(text()));
            missing.root = Some(Files::Unreadable { path: text(), error: text() }.into());
        }
        check.remediations.iter_mut().for_each(|told| (told.text, told.problem) = (text(), Some(text())));
        check.findings.truncate(5);
        check.findings.iter_mut().for_each(|f| make_hostile(f, &text()));
    }
    report.autodiscover.truncate(1);
    report.autodiscover.iter_mut().for_each(|name| make_name_hostile(name, &text()));
    for row in &mut report.coverage {
        (row.table, row.scope) = (text(), text());
        row.reason = Some(Files::Unreadable { path: text(), error: text() }.into());
        row.source = Some(text());
    }
    for gap in &mut report.gaps {
        (gap.table, gap.scope, gap.place) = (text(), text(), Some(text()));
        gap.reason = Files::Unreadable { path: text(), error: text() }.into();
        gap.waived = Some(Waived { reason: text(), expires: text() });
    }
    digested(report)
}

fn make_name_hostile(name: &mut MailName, text: &str) {
    let text = || text.to_owned();
    (name.name, name.domain_uid, name.unicode_name) =
        (text(), format!("uid {}", text()), Some(format!("u {}", text())));
    (name.bm_mapi, name.workstation, name.is_alias) = (text(), text(), true);
    name.methods.iter_mut().for_each(|cell| (cell.state, cell.reason) = (text(), Some(text())));
    name.steps.truncate(2);
    for step in &mut name.steps {
        (step.kind, step.target, step.outcome) = (text(), text(), text());
        (step.status, step.detail) = (text(), Some(text()));
    }
}

fn make_hostile(finding: &mut Finding, text: &str) {
    let text = || text.to_owned();
    finding.key.push_str(&text());
    finding.subject.push_str(&text());
    (finding.message, finding.owner, finding.server) = (text(), Some(text()), Some(text()));
    finding.commands = vec![text()];
    finding.evidence = [(text(), text().into()), ("nested".into(), json!([text()]))].into_iter().collect();
    if let Some(cause) = &mut finding.explained_by {
        cause.check.push_str(&text());
        cause.subject.push_str(&text());
    }
    if let Some(waived) = &mut finding.waived {
        (waived.reason, waived.expires) = (text(), text());
    }
}
