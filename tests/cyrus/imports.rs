//! Mail that came in as admin0, told from logins, by what a real Cyrus keeps and with clients that people import with.

use std::path::Path;
use std::process::Command;

use crate::run::run;
use crate::states::findings;
use crate::support::cyrus::Lab;
use crate::support::cyrus::client::message;
use crate::world::{World, healthy_lab};

const READ: &str =
    "SELECT coalesce(name, ''), coalesce(read, ''), coalesce(unread_by_owner, '') FROM admin_seen ORDER BY name";

/// What was collected of admin0.
fn seen(world: &World) -> Vec<String> {
    world.collect().rows(READ).into_iter().map(|row| row.join(" ")).collect()
}

/// The subjects of findings on imports.
fn told(world: &World) -> Vec<(String, Vec<String>)> {
    let of_imports = ["mailbox_imported_as_admin0", "messages_read_by_admin0"];
    let found = findings(&run(&world.installation)).into_iter();
    found
        .filter(|(check, _)| of_imports.contains(&check.as_str()))
        .map(|(check, subjects)| (check, subjects.into_iter().collect()))
        .collect()
}

#[test]
fn what_admin0_opened_filled_and_read_is_told_folder_by_folder() {
    let world = World::of(healthy_lab());
    assert_eq!(seen(&world), [""; 0], "storing unread mail leaves nothing");
    let mut admin = world.lab.admin();
    for name in
        ["user/jdoe@example.org", "user/mmartin@example.org", "support@example.org", "support/Archive@example.org"]
    {
        admin.allow(name);
    }
    for number in 0..3 {
        admin.append("user/jdoe@example.org", "(\\Seen)", &message(&format!("imported {number}"), 0));
        admin.append("support@example.org", "(\\Seen)", &message(&format!("imported {number}"), 0));
    }
    admin.append("user/ppetit@example.org", "", &message("imported unread", 0));
    admin.append("support/Archive@example.org", "(\\Seen)", &message("imported as well", 0));
    admin.run("SELECT user/mmartin@example.org");
    admin.run("UNSELECT");
    drop(admin);
    // Its owner reads the last of them.
    let mut jdoe = world.lab.login("jdoe@example.org");
    jdoe.run("SELECT INBOX");
    jdoe.run("STORE * +FLAGS.SILENT (\\Seen)");
    jdoe.run("UNSELECT");
    drop(jdoe);
    let expected = [
        "example.org!support 3 ",
        "example.org!support.Archive 1 ",
        "example.org!user.jdoe 3 2",
        "example.org!user.mmartin 0 0",
    ];
    assert_eq!(seen(&world), expected);
    let unread = ("messages_read_by_admin0".to_owned(), vec!["example.org!user.jdoe".to_owned()]);
    assert_eq!(told(&world), [unread]);
    // A folder that is gone is one that nobody can name.
    world.lab.admin().run("DELETE support/Archive@example.org");
    assert!(seen(&world)[0].starts_with("example.org!DELETED.support.Archive."), "{:?}", seen(&world));
}

const SUBSCRIBED: &str = "SELECT coalesce(name, ''), unique_id IS NULL, coalesce(opened_at > 0, ''), coalesce(read, '') FROM admin_seen \
     WHERE is_subscribed ORDER BY name";

/// What admin0 is subscribed to, as it was collected.
fn subscribed(world: &World) -> Vec<String> {
    world.collect().rows(SUBSCRIBED).into_iter().map(|row| row.join(" ")).collect()
}

/// Once with the names of the Cyrus that runs, once with those of Cyrus 3.0.
#[test]
fn what_admin0_subscribed_to_is_told_and_is_no_alarm() {
    let lab = healthy_lab();
    let name = "user/jdoe@example.org";
    let mut admin = lab.admin();
    admin.allow(name);
    admin.allow("user/a.durand@example.org");
    for other in [name, "user/a.durand@example.org", "support@example.org", "support/Archive@example.org"] {
        admin.run(&format!("SUBSCRIBE {other}"));
    }
    admin.run("DELETE support/Archive@example.org");
    drop(admin);
    let world = World::of(lab);
    let expected = |read: &str| {
        [
            "example.org!support 0  0".to_owned(),
            "example.org!support.Archive 1  ".to_owned(),
            "example.org!user.a^durand 0  0".to_owned(),
            format!("example.org!user.jdoe 0 {read}"),
        ]
    };
    assert_eq!(subscribed(&world), expected(" 0"));
    assert_eq!(told(&world), [], "BlueMind may subscribe as well");

    world.lab.admin().append(name, "(\\Seen)", &message("imported", 0));
    assert_eq!(subscribed(&world), expected("1 1"));
    let output = run(&world.installation);
    assert_eq!(told(&world), [("messages_read_by_admin0".to_owned(), vec!["example.org!user.jdoe".to_owned()])]);
    let message = "unread for the owner; admin0 is subscribed to 1 of the mailbox's folders";
    assert!(format!("{output:?}").contains(message), "{output:?}");

    let mut lab = world.lab;
    lab.stop();
    lab.grow_older();
    let of_bluemind = lab.path("/var/lib/cyrus/domain/g/global.virt/user/a");
    std::fs::create_dir_all(&of_bluemind).unwrap();
    let names = "example.org!support\t\nexample.org!support.Archive\t\nexample.org!user.a^durand\t\n";
    std::fs::write(of_bluemind.join("admin0.sub"), names).unwrap();
    std::fs::write(lab.path("/var/lib/cyrus/user/a/admin0.sub"), "example.org!user.jdoe\t\n").unwrap();
    let world = World::of(lab);
    assert_eq!(subscribed(&world), expected("1 1"));

    // What was subscribed to last is given up again.
    std::fs::write(of_bluemind.join("admin0.sub"), "").unwrap();
    assert_eq!(subscribed(&world), expected("1 1")[3..]);
    std::fs::write(of_bluemind.join("admin0.sub"), "no entry\n").unwrap();
    let gaps = world.collect().gaps();
    assert!(gaps.iter().any(|gap| gap.join(" ").contains("global.virt/user/a/admin0.sub: flat")), "{gaps:?}");
}

#[test]
fn a_damaged_file_is_told_and_no_file_is_nothing() {
    let world = World::of(crate::world::healthy_files());
    assert_eq!(seen(&world), [""; 0]);
    let path = world.lab.path("/var/lib/cyrus/user/a");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("admin0.seen"), b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0 cut off").unwrap();
    let gaps = world.collect().gaps();
    assert!(
        gaps.iter().any(|gap| gap[0] == "admin_seen" && gap.join(" ").contains("admin0.seen: twoskip")),
        "{gaps:?}"
    );
}

/// A maildir with read and unread mail.
fn maildir(folder: &Path) {
    for name in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for number in 0..4 {
        let flags = if number < 3 { "S" } else { "" };
        let path = folder.join(format!("cur/{number}.source:2,{flags}"));
        std::fs::write(path, message(&format!("source {number}"), 0)).unwrap();
    }
}

/// mbsync pushes a maildir into a folder of a login.
fn mbsync(lab: &Lab, login: &str, folder: &str) {
    let work = tempfile::tempdir().unwrap();
    maildir(&work.path().join("source"));
    let config = work.path().join("mbsyncrc");
    let (port, place) = (lab.ports().0, work.path().display());
    let text = format!(
        "IMAPAccount cyrus\nHost 127.0.0.1\nPort {port}\nUser {login}\nPass any\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount cyrus\nPathDelimiter /\n\nMaildirStore near\nPath {place}/\nInbox {place}/source\n\n\
         Channel import\nFar :far:\"{folder}\"\nNear :near:INBOX\nSync Push\nSyncState {place}/state\n"
    );
    std::fs::write(&config, text).unwrap();
    let output = Command::new("mbsync").arg("-c").arg(&config).arg("import").output().expect("isync is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// offlineimap copies a maildir into the folders of a login, those of which the expression is true.
fn offlineimap(lab: &Lab, login: &str, folder: &str) {
    let work = tempfile::tempdir().unwrap();
    let (port, place) = (lab.ports().0, work.path().display());
    maildir(&work.path().join("mail").join(folder));
    let config = work.path().join("offlineimaprc");
    let text = format!(
        "[general]\naccounts = a\nmetadata = {place}/state\nui = quiet\n\n[Account a]\nlocalrepository = near\nremoterepository = far\n\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {place}/mail\nsep = /\n\n[Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\n\
         remoteport = {port}\nremoteuser = {login}\nremotepass = any\nssl = no\nstarttls = no\nauth_mechanisms = LOGIN\n\
         folderfilter = lambda name: name == '{folder}'\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new("offlineimap");
    command.env("HOME", work.path()).arg("-o").arg("-c").arg(&config);
    let output = command.output().expect("offlineimap3 is installed");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

type Client = fn(&Lab, &str, &str);

/// From the server itself, in mailboxes that BlueMind has made: the logs show nothing but BlueMind's own logins.
#[test]
fn an_import_as_the_user_is_silent_and_one_as_admin0_is_named() {
    for (client, root) in [(mbsync as Client, "jdoe"), (offlineimap as Client, "ppetit")] {
        let mut lab = healthy_lab();
        client(&lab, &format!("{root}@example.org"), "INBOX");
        lab.stop();
        let world = World::of(lab);
        assert_eq!(told(&world), [], "{root}, as the user");

        let mut lab = healthy_lab();
        let name = format!("user/{root}@example.org");
        lab.admin().allow(&name);
        client(&lab, "admin0", &name);
        lab.stop();
        let world = World::of(lab);
        let subject = format!("example.org!user.{root}");
        assert_eq!(told(&world), [("messages_read_by_admin0".to_owned(), vec![subject])], "as admin0");
        assert_eq!(seen(&world), [format!("example.org!user.{root} 3 3")]);
    }
}

/// Lists of before Cyrus 3.0 have no ids: the headers of the folders do.
#[test]
fn a_folder_whose_entry_has_no_id_is_found_by_its_header() {
    let mut lab = healthy_lab();
    let name = "user/jdoe@example.org";
    lab.admin().allow(name);
    lab.admin().append(name, "(\\Seen)", &message("imported", 0));
    lab.stop();
    lab.grow_older();
    let world = World::of(lab);
    let mut entries = world.lab.entries();
    for (_, value) in &mut entries {
        let text = String::from_utf8(value.clone()).unwrap();
        if let Some((before, rest)) = text.split_once(" I ") {
            *value = format!("{before} {}", rest.split_once(' ').unwrap().1).into_bytes();
        }
    }
    world.lab.write_entries(&entries);
    assert_eq!(world.collect().column("SELECT DISTINCT coalesce(unique_id, 'none') FROM cyrus_mailbox"), ["none"]);
    assert_eq!(seen(&world), ["example.org!user.jdoe 1 1"]);
}
