//! Bundles: what is packed comes back, and what somebody else packed is refused.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{run, shown, story};

type Member<'a> = (&'a str, tar::EntryType, Vec<u8>);

fn file<'a>(name: &'a str, content: &[u8]) -> Member<'a> {
    (name, tar::EntryType::Regular, content.to_vec())
}

/// An archive as a stranger writes it.
fn write(path: &Path, members: &[Member<'_>]) {
    let mut archive = tar::Builder::new(zstd::Encoder::new(std::fs::File::create(path).unwrap(), 3).unwrap());
    for (name, kind, content) in members {
        let mut header = tar::Header::new_gnu();
        // Names that the library would not write.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if *kind != tar::EntryType::Regular {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, content.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap().flush().unwrap();
}

fn listed(name: &str, content: &[u8]) -> Value {
    let sum: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "name": name, "bytes": content.len(), "sha256": sum })
}

fn manifest(files: &[Value]) -> Member<'static> {
    let list = json!({ "format": "bm-preflight-bundle/1", "tool_version": "0.1.0", "files": files });
    file("manifest.json", list.to_string().as_bytes())
}

#[test]
fn what_is_packed_comes_back_and_holds_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let facts = story::snapshot("inbox_virtual_folder", folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (out, key) = (path("ticket.tar.zst"), path("home.key"));
    let ended = run(&["bundle", &out, "--from-facts", shown(&facts), "--key", &key]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);

    let report = |facts: &str| {
        let ended = run(&["run", "--from-facts", facts, "--report", "json=-"]);
        (ended.code, serde_json::from_str::<Value>(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr)))
    };
    let ((code, bundled), (due, original)) = (report(&out), report(shown(&facts)));
    assert_eq!((code, &bundled["summary"]), (due, &original["summary"]));

    let mut archive = tar::Archive::new(zstd::Decoder::new(std::fs::File::open(&out).unwrap()).unwrap());
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push(entry.path().unwrap().display().to_string());
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let text = String::from_utf8_lossy(&content).to_lowercase();
        // The texts of checks speak of example.org.
        for told in ["alice", "@example.org", "webmail.example", &path("").to_lowercase()] {
            assert!(!text.contains(told), "{told} is in {names:?}");
        }
    }
    assert_eq!(names, ["manifest.json", "facts.db", "report.json", "report.html"]);

    let findings = bundled["checks"].as_array().unwrap().iter().flat_map(|check| check["findings"].as_array().unwrap());
    let subject = findings.map(|finding| finding["subject"].as_str().unwrap()).next().unwrap().to_owned();
    let revealed = run(&["facts", "reveal", "--key", &key, &subject]).stdout;
    assert!(original.to_string().contains(revealed.trim_end()), "{subject} {revealed}");
}

#[test]
fn what_somebody_else_packed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = std::fs::read(story::snapshot("healthy_single", folder.path())).unwrap();
    let (facts, other) = (|| file("facts.db", &snapshot), b"x".as_slice());
    let good = || listed("facts.db", &snapshot);
    let mut altered = snapshot.clone();
    altered[4096] ^= 1;
    let link = |kind| ("facts.db", kind, Vec::new());
    let zeros = vec![0; 64 * 1024 * 1024];
    let cases: Vec<(Vec<Member<'_>>, &str)> = vec![
        (vec![], "it is empty"),
        (vec![facts()], "begins with \"facts.db\""),
        (vec![file("manifest.json", b"{}")], "manifest.json: missing field"),
        (vec![file("manifest.json", b"{\"format\":\"x/9\",\"tool_version\":\"\",\"files\":[]}")], "format \"x/9\""),
        (vec![manifest(&[])], "no facts.db"),
        (vec![manifest(&[good()])], "facts.db is missing"),
        (vec![manifest(&[good()]), file("facts.db", &altered)], "another sum"),
        (vec![manifest(&[good()]), file("facts.db", other)], "has not the"),
        (vec![manifest(&[good()]), facts(), facts()], "there twice"),
        (vec![manifest(&[good()]), facts(), file("../../etc/cron.d/x", other)], "not in its list"),
        (vec![manifest(&[good(), listed("../x", other)]), facts(), file("../x", other)], "its list has \"../x\""),
        (vec![manifest(&[good()]), link(tar::EntryType::Symlink)], "is not a file"),
        (vec![manifest(&[good()]), link(tar::EntryType::Link)], "is not a file"),
        (vec![manifest(&[good()]), link(tar::EntryType::Directory)], "is not a file"),
        (vec![manifest(&[good()]), link(tar::EntryType::Fifo)], "is not a file"),
        (vec![manifest(&[listed("facts.db", &zeros)]), file("facts.db", &zeros)], "200 times its size"),
        (vec![manifest(&[listed("facts.db", other)]), file("facts.db", other)], "not a facts snapshot"),
    ];
    let temporary = tempfile::tempdir().unwrap();
    for (members, reason) in cases {
        let path = folder.path().join("hostile.tar.zst");
        write(&path, &members);
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
        let output =
            command.env("TMPDIR", temporary.path()).args(["facts", "query", "SELECT 1", "--from-facts", shown(&path)]);
        let output = output.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{reason}: {stderr}");
        assert!(
            stderr.contains(reason) && stderr.contains("hostile.tar.zst") || reason.contains("snapshot"),
            "{reason}: {stderr}"
        );
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "{reason}: something stays behind");
    }
    let whole = folder.path().join("whole.tar.zst");
    write(&whole, &[manifest(&[good()]), facts()]);
    assert_eq!(run(&["facts", "query", "SELECT 1", "--from-facts", shown(&whole)]).code, 0);
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(run(&["facts", "query", "SELECT 1", "--from-facts", shown(&whole)]).code, 1);
}
