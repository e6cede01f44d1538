//! The readers against Cyrus's own tools, on files that these write now.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::data_bases::entries;
use crate::fixture;

/// A tool of the package `cyrus-imapd`.
fn tool(name: &str) -> PathBuf {
    let places = ["/usr/lib/cyrus/bin", "/usr/sbin", "/usr/cyrus/bin"].map(|place| Path::new(place).join(name));
    places
        .iter()
        .find(|path| path.exists())
        .cloned()
        .unwrap_or_else(|| panic!("install cyrus-imapd: none of {places:?}"))
}

/// A directory with an `imapd.conf`, that the user who runs the tools may write to.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        let conf = format!("configdirectory: {0}\npartition-default: {0}/spool\n", lab.path("").display());
        std::fs::write(lab.path("imapd.conf"), conf).unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a tool. As root it turns into `CYRUS_USER`: here into the user it already is.
    fn run(&self, name: &str, args: &[&str]) -> Vec<u8> {
        let me = Command::new("id").arg("-un").output().unwrap();
        let output = Command::new(tool(name))
            .arg("-C")
            .arg(self.path("imapd.conf"))
            .args(args)
            .env("CYRUS_USER", String::from_utf8(me.stdout).unwrap().trim())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// Thousands of entries, written by Cyrus in two kinds of data base, changed, and read back.
#[test]
fn data_bases_that_cyrus_writes() {
    let lab = Lab::new();
    let due: Vec<_> = (0..3000_u32)
        .map(|i| (format!("acme.test!user.u{:04}", i * 7 % 3000), format!("%(A %(u{i} lrs) P p{} M {i})", i % 3)))
        .map(|(key, value)| (key.into_bytes(), value.into_bytes()))
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .collect();
    let flat = lab.path("all.flat");
    std::fs::write(&flat, crate::flat::flat(&due)).unwrap();
    for kind in ["twoskip", "skiplist"] {
        let db = lab.path(kind);
        let (flat, path) = (flat.to_str().unwrap(), db.to_str().unwrap());
        lab.run("cvt_cyrusdb", &[flat, "flat", path, kind]);
        let mut due = due.clone();
        assert_eq!(entries(&std::fs::read(&db).unwrap()).unwrap(), due, "{kind}");
        for i in [0, 17, 1500, 2990] {
            let (key, _) = due.remove(i);
            lab.run("cyr_dbtool", &[path, kind, "delete", std::str::from_utf8(&key).unwrap()]);
        }
        for i in [0, 5, 2000, 2995] {
            due[i].1 = b"changed".to_vec();
            lab.run("cyr_dbtool", &[path, kind, "set", std::str::from_utf8(&due[i].0).unwrap(), "changed"]);
        }
        assert_eq!(entries(&std::fs::read(&db).unwrap()).unwrap(), due, "{kind}");
        let shown = lab.run("cyr_dbtool", &[path, kind, "show"]);
        let lines = due.iter().flat_map(|(key, value)| [key, &b"\t"[..], value, b"\n"].concat());
        assert_eq!(shown, lines.collect::<Vec<_>>(), "{kind}");
    }
}

/// What this reader calls the last committed state is what Cyrus makes of the file when it repairs it.
#[test]
fn a_dirty_file_as_cyrus_repairs_it() {
    let lab = Lab::new();
    let dirty = fixture("twoskip-dirty.db");
    let path = lab.path("dirty.db");
    std::fs::write(&path, &dirty).unwrap();
    lab.run("cyr_dbtool", &[path.to_str().unwrap(), "twoskip", "show"]);
    let repaired = std::fs::read(&path).unwrap();
    assert!(repaired.len() < dirty.len());
    assert_eq!(entries(&repaired).unwrap(), entries(&dirty).unwrap());
}

/// The files that the other tests write themselves are right for Cyrus too.
#[test]
fn data_bases_that_cyrus_reads() {
    let lab = Lab::new();
    let mut file = crate::writers::TwoskipFile::new();
    for (key, value) in [("b", "1"), ("a", "2"), ("c", "3"), ("a", "4")] {
        file.set(key.as_bytes(), value.as_bytes(), false);
        file.commit();
    }
    file.delete(b"b");
    file.commit();
    let set = |key: &str, value: &str| (key.as_bytes().to_vec(), Some(value.as_bytes().to_vec()));
    let skiplist = crate::writers::skiplist(&[set("a", "2"), set("c", "3")]);
    for (kind, bytes) in [("twoskip", &file.bytes), ("skiplist", &skiplist)] {
        let path = lab.path(kind);
        std::fs::write(&path, bytes).unwrap();
        let shown = lab.run("cyr_dbtool", &[path.to_str().unwrap(), kind, "show"]);
        let due: Vec<u8> = entries(bytes)
            .unwrap()
            .into_iter()
            .flat_map(|(key, value)| [key, b"\t".to_vec(), value, b"\n".to_vec()].concat())
            .collect();
        assert_eq!(shown, due, "{kind}");
    }
}

/// Cyrus reads a configuration as this reader does, or refuses it as it does.
#[test]
fn configurations_as_cyrus_reads_them() {
    use bm_preflight::format::imapd_conf::ImapdConf;
    let lab = Lab::new();
    let base = std::fs::read_to_string(lab.path("imapd.conf")).unwrap();
    for (line, key) in [
        ("hashimapspool:on", "hashimapspool"),
        ("  DeletedPrefix:   a b\t", "deletedprefix"),
        ("deletedprefix: x\\\n  y", "deletedprefix"),
        ("# c \\\ndeletedprefix: x", "deletedprefix"),
        ("partition-A_b: /x", "partition-a_b"),
        ("deletedprefix : x", ""),
        ("deletedprefix:", ""),
        ("deletedprefix: a\nDELETEDPREFIX: b", ""),
        ("garbage", ""),
        ("@other: x", ""),
        ("@include: /nowhere/at/all", ""),
    ] {
        let text = format!("{base}{line}\n");
        std::fs::write(lab.path("imapd.conf"), &text).unwrap();
        let ours = ImapdConf::parse("imapd.conf", &text, |path| std::fs::read_to_string(path));
        let theirs = Command::new(tool("cyr_info")).arg("-C").arg(lab.path("imapd.conf")).arg("conf").output().unwrap();
        assert_eq!(ours.is_ok(), theirs.status.success(), "{line:?}");
        let Ok(conf) = ours else { continue };
        let shown = String::from_utf8(theirs.stdout).unwrap();
        let shown = shown.lines().find_map(|shown| shown.strip_prefix(key)?.strip_prefix(": "));
        // `cyr_info` writes switches its own way.
        assert_eq!(shown.map(|value| value.replace("yes", "on")).as_deref(), conf.get(key), "{line:?}");
    }
}
