//! A mail for each user who has to do something himself.

use bm_preflight::digest::{Digest, Owner};
use bm_preflight::model::{Lang, Severity};
use bm_preflight::report::{Report, notice};
use bm_preflight::verdict::FailOn;
use mail_parser::MessageParser;

use crate::canonical::report;

fn owner(address: &str) -> Owner {
    Owner {
        address: address.into(),
        servers: vec!["imap-02".into()],
        is_suspended: false,
        severity: Severity::Blocker,
        folders: vec!["Chantiers d'été".into(), "Sales/2019".into()],
        messages: 12,
        todo: vec!["x@example.org/Sent/Relances may not survive".into()],
        lead_days: Some(7),
        checks: vec!["inbox_virtual_folder".into()],
        findings: 2,
    }
}

fn with(lang: Lang, owners: Vec<Owner>) -> Report {
    let report = report(lang, FailOn::Blocker);
    Report { digest: Digest { owners, ..report.digest }, ..report }
}

#[test]
fn it_is_a_draft_that_says_what_to_do_by_when() {
    for (lang, subject, by) in [
        (Lang::En, "Before the mail server is upgraded: something to do in Outlook", "Please do it by 2026-12-05."),
        (
            Lang::Fr,
            "Avant la mise à jour de la messagerie : une action à faire dans Outlook",
            "Merci de le faire au plus tard le 2026-12-05.",
        ),
    ] {
        let notices = notice::all(&with(lang, vec![owner("anne.morel@example.org")]), None).unwrap();
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0].file, "anne.morel@example.org.eml");
        let mail = MessageParser::default().parse(&notices[0].mail).unwrap();
        assert_eq!(mail.subject().unwrap().replace('\u{a0}', " "), subject);
        assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("anne.morel@example.org"));
        assert!(mail.from().is_none() && mail.date().is_some() && mail.header("X-Unsent").is_some());
        let text = mail.body_text(0).unwrap();
        for expected in ["  - Chantiers d'été", "  - Sales/2019", by, "Sent/Relances", "2026-12-12 20:00"] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
    }
}

#[test]
fn who_has_nothing_to_do_himself_and_what_is_no_address_gets_none() {
    let mut other = owner("b@example.org");
    other.lead_days = None;
    let strange = ["a@b@c", "@x", "x@", "no address", "x@y\r\nBcc: all@example.org", "x@y>, <z@y", "x@y,z@y", "x@(y)"];
    let owners = strange.map(owner).into_iter().chain([other]).collect();
    assert_eq!(notice::all(&with(Lang::En, owners), None).unwrap(), []);
}

#[test]
fn a_name_stays_in_its_folder_and_in_its_mail() {
    let mut hostile = owner("../../etc/x@example.org");
    hostile.folders = vec!["line\r\nBcc: all@example.org".into(), "\u{1b}[31m{{ 7*7 }}".into()];
    let notices =
        notice::all(&with(Lang::En, vec![hostile, owner(&format!("{}@example.org", "x".repeat(300)))]), None).unwrap();
    assert!(notices.iter().all(|notice| !notice.file.contains('/') && !notice.file.starts_with('.')), "{notices:?}");
    assert!(notices.iter().all(|notice| notice.file.len() < 255));
    let mail = MessageParser::default().parse(&notices[0].mail).unwrap();
    assert!(mail.bcc().is_none());
    let text = mail.body_text(0).unwrap();
    assert!(text.contains("line\\u{d}\\u{a}Bcc") && text.contains("\\u{1b}[31m{{ 7*7 }}"), "{text}");
}

#[test]
fn a_template_of_ones_own_says_it_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("notice.txt"),
        "Dossiers de {{ address }}\nà déplacer : {{ folders | join(sep=\", \") }}",
    )
    .unwrap();
    let notices = notice::all(&with(Lang::Fr, vec![owner("a@example.org")]), Some(folder.path())).unwrap();
    let mail = MessageParser::default().parse(&notices[0].mail).unwrap();
    assert_eq!(mail.subject(), Some("Dossiers de a@example.org"));
    assert_eq!(mail.body_text(0).unwrap().trim(), "à déplacer : Chantiers d'été, Sales/2019");
    std::fs::write(folder.path().join("notice.txt"), "{{ nothing }}").unwrap();
    assert!(notice::all(&with(Lang::Fr, vec![owner("a@example.org")]), Some(folder.path())).is_err());
}
