//! Where BlueMind 5 looks for a message, and by which record.

use bm_preflight::format::bluemind_path::{self, FolderHash, Mailbox, RecordHash, first_references};
use bm_preflight::format::cyrus_index::Guid;

const CASES: &str = include_str!("../../fixtures/formats/bluemind-paths.tsv");

/// A line of the file.
struct Case<'a> {
    id: &'a str,
    kind: &'a str,
    tree: &'a str,
    server: &'a str,
    domain: &'a str,
    mailbox: Mailbox<'a>,
    folder: &'a str,
    uid: &'a str,
    expected: &'a str,
}

fn cases() -> Vec<Case<'static>> {
    let lines = CASES.lines().filter(|line| !line.starts_with('#')).skip(1);
    let case = |line: &'static str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, _, kind, tree, server, domain, r#type, name, folder, uid, expected] = cells[..] else {
            panic!("{line}")
        };
        let mailbox = Mailbox { domain_uid: domain, is_user: r#type == "user", name };
        Case { id, kind, tree, server, domain, mailbox, folder, uid, expected }
    };
    lines.map(case).collect()
}

/// The folder of a tree, and of a partition in it.
fn top(case: &Case<'_>) -> String {
    let tree = match case.tree {
        "data" => bluemind_path::DATA,
        "archive" => bluemind_path::ARCHIVE,
        _ => "/var/spool/cyrus/meta",
    };
    format!("{tree}/{}", bluemind_path::partition(case.server, case.domain))
}

fn found(case: &Case<'_>) -> String {
    let below = |folder: &str| case.mailbox.directory(folder).map(|path| format!("{}/{path}", top(case)));
    let first = || case.uid.chars().next().unwrap();
    match case.kind {
        "domain_dir" => format!("{}/{}", top(case), bluemind_path::domain_directory(case.domain).unwrap()),
        "letter" => bluemind_path::letter(first()).to_string(),
        "mailbox_dir" => below(case.folder).unwrap(),
        "mailshare_candidate_dir" => {
            // A folder whose own name begins with the letter lies in the folder of that letter.
            let letter = case.folder.trim_end_matches(')').chars().next_back().unwrap();
            let name = case.mailbox.name;
            let path = below(&format!("{name}/{letter}")).unwrap();
            path.strip_suffix(&format!("/{letter}")).unwrap().to_owned()
        }
        "message" => below(case.folder).map_or_else(
            || "none".to_owned(),
            |path| format!("{path}/{}", bluemind_path::file_name(case.uid.parse().unwrap())),
        ),
        "first_reference" => first_reference(case),
        other => panic!("{other}"),
    }
}

fn guid(text: &str) -> Guid {
    Guid(std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()))
}

fn first_reference(case: &Case<'_>) -> String {
    let records: Vec<&str> = case.uid.split(' ').collect();
    let hash = |record: &&str| {
        let (folder, uid) = record.rsplit_once(':').unwrap();
        FolderHash::of(folder).record(uid.parse().unwrap(), &guid(case.tree))
    };
    let hashes: Vec<RecordHash> = records.iter().map(hash).collect();
    // They stand in the order in which they were put in.
    records[first_references(&hashes).unwrap()[0]].to_owned()
}

#[test]
fn every_path_is_the_one_that_bluemind_computes() {
    let cases = cases();
    for kind in ["domain_dir", "letter", "mailbox_dir", "mailshare_candidate_dir", "message", "first_reference"] {
        assert!(cases.iter().any(|case| case.kind == kind), "{kind}");
    }
    for case in &cases {
        assert_eq!(found(case), case.expected, "{}", case.id);
    }
    assert!(cases.len() > 75, "{} cases", cases.len());
}

#[test]
fn a_shared_folder_in_the_notation_before_4_6_leads_nowhere() {
    let team = Mailbox { domain_uid: "bm.lan", is_user: false, name: "team" };
    assert_eq!(team.directory("Sent"), None);
    // Longer than the name of the mailbox: a path, and a wrong one.
    assert_eq!(team.directory("Archives 2020").as_deref(), Some("domain/b/bm.lan/v/Archives 2020"));
    assert_eq!(team.full_name("Sent"), "team/Sent");
    assert_eq!(team.directory("team/Sent").as_deref(), Some("domain/b/bm.lan/s/team/Sent"));
    assert_eq!(team.full_name("team"), "team");
    assert_eq!(Mailbox { is_user: true, ..team }.full_name("Sent"), "Sent");
}

#[test]
fn names_that_are_empty_have_no_path() {
    let empty = Mailbox { domain_uid: "bm.lan", is_user: true, name: "" };
    assert_eq!(empty.directory("INBOX"), None);
    assert_eq!(Mailbox { domain_uid: "", is_user: true, name: "tom" }.directory("INBOX"), None);
}

#[test]
fn of_many_in_one_place_the_order_is_not_told() {
    let folder = FolderHash::of("8b1b53b4-51cb-439b-8088-118735fa2248");
    let guid = guid("1115e492478b3968dd110d7f9b573c08bb31da44");
    let one = folder.record(7, &guid);
    assert_eq!(first_references(&[one; 7]), Some((0..7).collect()));
    assert_eq!(first_references(&[one; 8]), None);
    assert_eq!(first_references(&[]), None);
}
