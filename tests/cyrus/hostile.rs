//! Names that no protocol would let anyone choose, in mailboxes.db and in the spool, and places that cannot be read:
//! they are told as they are, and nothing that reads a report is harmed.

use std::collections::BTreeSet;

use quick_xml::events::Event;

use crate::run::{judged, run};
use crate::states::findings;
use crate::support::cyrus::Lab;
use crate::support::cyrus::damage::{close, record};
use crate::support::cyrus::files::Tree;
use crate::world::{ORG, World, healthy_files};

/// Levels of names that harm what takes them for markup, commands, terminal sequences or paths; and how they are told.
const NAMES: &[(&[u8], &str)] = &[
    (b"say \"hi\"", "say \"hi\""),
    (b"<script>alert(1)<script>", "<script>alert(1)<script>"),
    (b"<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    (b"{{ subject }}{% raw %}", "{{ subject }}{% raw %}"),
    (b"&amp;]]>", "&amp;]]>"),
    (b"$(reboot)`id`;rm -rf", "$(reboot)`id`;rm -rf"),
    (b"a\\b|c'd", "a\\b|c'd"),
    (b"tab\there", "tab\there"),
    (b"new\nline", "new\nline"),
    (b"esc\x1b[31mred\x7f", "esc\x1b[31mred\x7f"),
    (b"utf8-\xc3\xa9\xe2\x80\xae", "utf8-é\u{202e}"),
    (b"latin1-\xe9", "latin1-\\xe9"),
];

/// Levels of which Cyrus makes no path of its own: no directory is looked for.
const PATHLESS: &[&str] = &["..", "a/../../../../../../../../etc", "</script>", "nul\0byte", "a..b"];

fn hostile_world() -> World {
    let lab = healthy_files();
    let partition = Lab::partition(ORG);
    let entries = NAMES
        .iter()
        .zip(1..)
        .map(|((name, _), number)| (["example.org!user.jdoe.".as_bytes(), name].concat(), record(&partition, number)));
    let long = (format!("example.org!user.jdoe.{}", "x".repeat(900)).into_bytes(), record(&partition, 900));
    let pathless =
        PATHLESS.iter().map(|name| (format!("example.org!user.jdoe.{name}").into_bytes(), record(&partition, 901)));
    lab.inject(&entries.chain([long]).chain(pathless).collect::<Vec<_>>());
    for name in ["say \"hi\"", "<script>alert(2)<", "new\nline", "esc\u{1b}[31mred", "\u{202e}gpj.exe"] {
        lab.put_directory(
            Tree::Data,
            &format!("/var/spool/cyrus/data/{partition}/domain/e/example.org/x/user/x{name}"),
        );
    }
    World::of(lab)
}

#[test]
fn hostile_names_go_through_every_report() {
    let world = hostile_world();
    let run = run(&world.installation);
    assert_eq!(run.with_outcome("error"), BTreeSet::new(), "{}", run.digest());
    let found = findings(&run);
    let missing = &found["cyrus_mailbox_directory_missing"];
    for (_, told) in NAMES {
        let subject = format!("bm-master:example.org!user.jdoe.{told}");
        assert!(missing.contains(&subject), "{subject:?} is not in {missing:#?}");
    }
    // No file system has such a name, so that nothing is there for anybody.
    assert!(missing.contains(&format!("bm-master:example.org!user.jdoe.{}", "x".repeat(900))), "{missing:#?}");
    assert!(!found.contains_key("cyrus_index_damaged"), "{}", run.digest());
    for check in ["cyrus_literal_inbox", "cyrus_partition_wrong", "cyrus_mailbox_of_another_server"] {
        assert!(!run.with_outcome("unknown").contains(check), "{check} knows all it needs: {}", run.digest());
    }
    let stray = &found["spool_directory_unexpected"];
    assert_eq!(stray.iter().filter(|subject| subject.contains("/x/user/x")).count(), 5, "{stray:#?}");

    let reports = world.installation.path("reports");
    let read = |name: &str| std::fs::read_to_string(reports.join(name)).unwrap();
    let html = read("report.html");
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert(1)"), "markup is written as text");
    let junit = read("report.junit.xml");
    let mut reader = quick_xml::Reader::from_str(&junit);
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("report.junit.xml, byte {}: {error}", reader.buffer_position()),
        }
    }
    for (name, report) in [("report.html", &html), ("report.junit.xml", &junit)] {
        let harm = report.chars().find(|c| matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}' | '\u{202e}'));
        assert_eq!(harm, None, "{name}");
    }
}

#[test]
fn a_terminal_is_not_harmed() {
    let world = hostile_world();
    let output = world.installation.command("run").args(["--offline", "--format", "text"]).output().unwrap();
    let (text, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(text.contains("alert(1)"), "{text}\n{said}");
    for (name, shown) in [("standard output", text), ("standard error", said)] {
        let harm = shown.chars().find(|c| matches!(c, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}' | '\u{202e}'));
        assert_eq!(harm, None, "{name}: {shown}");
    }
}

/// A name that leads out of the spool is no path that anything is looked up at.
#[test]
fn names_do_not_lead_out_of_the_spool() {
    let facts = hostile_world().collect();
    let pathless =
        facts.column("SELECT name FROM cyrus_mailbox WHERE partition IS NOT NULL AND data_directory IS NULL");
    let due = PATHLESS.iter().map(|name| format!("example.org!user.jdoe.{name}"));
    assert_eq!(pathless.into_iter().collect::<BTreeSet<_>>(), due.collect());
    let looked_up = facts.column("SELECT directory FROM cyrus_index WHERE directory LIKE '%..%'");
    assert_eq!(looked_up, Vec::<String>::new());
}

/// A directory that permissions keep is told, and nothing is judged from what was not seen.
#[test]
fn a_closed_directory_is_told() {
    let lab = healthy_files();
    let closed = lab.mailbox_directory(Tree::Data, "example.org!user.jdoe");
    close(&closed);
    let closed_index = lab.mailbox_directory(Tree::Meta, "example.org!user.ppetit");
    close(&closed_index);
    let world = World::of(lab);
    let own = world.installation.command("run");
    // What is to be written lies where the user who is not root may write.
    let place = world.lab.dir().join("out");
    std::fs::create_dir(&place).unwrap();
    std::fs::copy(world.installation.path("bm-preflight.toml"), place.join("bm-preflight.toml")).unwrap();
    world.lab.settle_owner();
    let mut command = world.lab.unprivileged(own.get_program().as_ref());
    command.arg("run").arg("--root").arg(world.lab.root()).arg("--config").arg(place.join("bm-preflight.toml"));
    command.args(["--offline", "--format", "html", "--format", "json", "--format", "junit"]);
    command.arg("--facts").arg(place.join("facts.db")).arg("--output-dir").arg(place.join("reports"));
    command.current_dir(&place);
    let output = command.output().unwrap();
    let result = judged(&output, &place.join("facts.db"), &place.join("reports"));
    let entries = result.report["coverage"].as_array().unwrap();
    for (table, closed) in [("spool_directory", &closed), ("cyrus_index", &closed_index)] {
        let of_table = entries.iter().filter(|entry| entry["table"] == table).collect::<Vec<_>>();
        assert_eq!(of_table.len(), 1, "{of_table:#?}");
        assert_eq!(of_table[0]["completeness"], "partial", "{of_table:#?}");
        let reason = of_table[0]["reason"].as_str().unwrap();
        assert!(reason.contains(closed.to_str().unwrap()) && reason.contains("Permission denied"), "{reason}");
    }
    assert!(result.with_outcome("unknown").contains("spool_directory_unexpected"), "{}", result.digest());
    for check in ["cyrus_index_damaged", "cyrus_mailbox_unknown", "mailbox_imported_as_admin0"] {
        assert!(result.with_outcome("unknown").contains(check), "{}", result.digest());
    }
}

/// A partition that was moved to another volume by a link is followed as the server follows it: below the root.
#[test]
fn linked_partitions_are_followed_below_the_root() {
    let lab = healthy_files();
    let partition = Lab::partition(ORG);
    let (here, there) = (format!("/var/spool/cyrus/data/{partition}"), format!("/mnt/volume2/{partition}"));
    std::fs::create_dir_all(lab.path("/mnt/volume2")).unwrap();
    std::fs::rename(lab.path(&here), lab.path(&there)).unwrap();
    std::os::unix::fs::symlink(&there, lab.path(&here)).unwrap();
    let facts = World::of(lab).collect();
    assert_eq!(facts.gaps(), Vec::<Vec<String>>::new());
    let found = facts.column(&format!(
        "SELECT messages FROM spool_directory WHERE directory = '{here}/domain/e/example.org/s/support'"
    ));
    assert_eq!(found, ["6"]);
}

/// Links below a partition are not followed, and some lead to a volume that is not mounted: nobody knows what is there.
#[test]
fn what_other_links_lead_to_is_not_known() {
    let world = World::of(healthy_files());
    let lab = &world.lab;
    let link = |target: &str, path: &std::path::Path| std::os::unix::fs::symlink(target, path).unwrap();
    let circle = lab.mailbox_directory(Tree::Data, "example.org!user.jdoe").join("circle");
    link("..", &circle);
    let archives = lab.path("/var/spool/bm-hsm");
    std::fs::remove_dir_all(&archives).unwrap();
    link("/mnt/volume2", &archives);
    let sync = lab.path("/var/lib/cyrus/sync");
    let _ = std::fs::remove_dir_all(&sync);
    link("/mnt/volume2/sync", &sync);
    let run = run(&world.installation);
    assert!(findings(&run).is_empty(), "{}", run.digest());
    for (check, reason) in [
        ("spool_directory_unexpected", format!("{}: a symbolic link, which is not followed", circle.display())),
        ("spool_directory_unexpected", format!("{}: it leads to /mnt/volume2, which is not there", archives.display())),
        ("replication_backlog", format!("{}: it leads to /mnt/volume2/sync, which is not there", sync.display())),
    ] {
        assert!(run.with_outcome("unknown").contains(check), "{check} is decided\n{}", run.digest());
        run.assert_says(check, &reason);
    }
}
