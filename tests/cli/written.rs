//! What the program writes: for whom, in whose place, and what is left of it on a full disk.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::{dead_installation, report_files, run};

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn reports_and_snapshots_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (out, facts) = (folder.path().join("new/out"), folder.path().join("facts.db"));
    dead_installation(folder.path());
    let root = folder.path().to_str().unwrap();
    let arguments = ["run", "--root", root, "--offline", "--facts", facts.to_str().unwrap(), "--output-dir"];
    // What others could read before is no longer for them either.
    std::fs::create_dir(folder.path().join("new")).unwrap();
    for _ in 0..2 {
        assert_eq!(run(&[&arguments[..], &[out.to_str().unwrap()]].concat()).code, 30);
        assert_eq!((mode(&out), mode(&facts)), (0o700, 0o600));
        for name in report_files() {
            let file = out.join(name);
            assert_eq!(mode(&file), 0o600, "{name}");
            Command::new("chmod").arg("666").args([&file, &facts]).status().unwrap();
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), report_files().len(), "nothing else is left there");
    }
    assert_eq!(mode(&folder.path().join("new")), 0o755, "a folder that was there stays as it is");
}

#[test]
fn a_link_in_the_place_of_a_report_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let (victim, out) = (folder.path().join("victim"), folder.path().join("out"));
    let facts = folder.path().join("facts.db");
    std::fs::write(&victim, "untouched").unwrap();
    std::fs::create_dir(&out).unwrap();
    for (number, name) in report_files().iter().enumerate() {
        let target = if number == 0 { folder.path().join("not there") } else { victim.clone() };
        symlink(target, out.join(name)).unwrap();
    }
    symlink(&victim, &facts).unwrap();
    let root = folder.path().to_str().unwrap();
    let arguments = ["run", "--root", root, "--offline", "--facts", facts.to_str().unwrap(), "--output-dir"];
    assert_eq!(run(&[&arguments[..], &[out.to_str().unwrap()]].concat()).code, 30);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
    assert!(!folder.path().join("not there").exists());
    for file in report_files().iter().map(|name| out.join(name)).chain([facts]) {
        assert!(file.symlink_metadata().unwrap().is_file() && file.metadata().unwrap().len() > 0, "{}", file.display());
    }
}

/// `/dev/stdout` is a link as well, of the system's own: as root a rename would take it from everybody.
#[test]
fn what_leads_to_standard_output_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("printed");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    command.args(["demo", "--report", "json=/dev/stdout"]).stdout(std::fs::File::create(&file).unwrap());
    assert_eq!(command.status().unwrap().code(), Some(20));
    assert!(Path::new("/dev/stdout").is_symlink());
    assert!(serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(file).unwrap()).is_ok());
}

/// Runs the program while `full` is a small disk, mounted for it alone.
fn with_full_disk(full: &Path, variables: &[(&str, &Path)], arguments: &[&str]) -> crate::Ended {
    std::fs::create_dir_all(full).unwrap();
    let mut command = assert_cmd::Command::new("unshare");
    let script = "mount -t tmpfs -o size=16k tmpfs \"$1\" && shift && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(full).arg(env!("CARGO_BIN_EXE_bm-preflight"));
    crate::ended(command.args(arguments).envs(variables.iter().copied()).env("LC_ALL", "C"))
}

#[test]
fn on_a_full_disk_the_verdict_is_told_and_the_rest_is_written() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let (full, out) = (folder.path().join("full"), folder.path().join("out"));
    let [root, full_out, full_facts, out_path] =
        [folder.path(), &full, &full.join("facts.db"), &out].map(|path| path.to_str().unwrap().to_owned());
    let base = ["run", "--offline", "--root", &root];
    let inconclusive = "Inconclusive: the upgrade to 4.1 cannot be cleared";

    let facts = ["--facts", &full_facts, "--output-dir", &out_path];
    let ended = with_full_disk(&full, &[], &[&base[..], &facts].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains(inconclusive), "{}", ended.stdout);
    assert!(ended.stderr.contains(&format!("{full_facts}: No space left on device")), "{}", ended.stderr);
    assert!(report_files().iter().all(|name| out.join(name).is_file()), "reports are written all the same");

    let ended = with_full_disk(&full, &[], &[&base[..], &["--output-dir", &full_out]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains(inconclusive), "{}", ended.stdout);
    assert!(ended.stderr.contains(&format!("{full_out}/report.")), "{}", ended.stderr);
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);

    let ended = with_full_disk(&full, &[("TMPDIR", &full)], &[&base[..], &["--output-dir", &out_path]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("facts store in {full_out} (TMPDIR): ")), "{}", ended.stderr);
    assert!(ended.stderr.contains("disk is full"), "{}", ended.stderr);
}
