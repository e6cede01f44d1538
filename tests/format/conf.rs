//! `imapd.conf`.

use bm_preflight::format::imapd_conf::{ImapdConf, ImapdConfError, Roots, VirtDomains};

type Error = ImapdConfError<String>;

fn files(files: &'static [(&'static str, &'static str)]) -> Result<ImapdConf, Error> {
    let find = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let text = find("imapd.conf").unwrap();
    ImapdConf::parse("imapd.conf", &text, |path| find(path).ok_or_else(|| "no such file".to_owned()))
}

fn conf(text: &str) -> Result<ImapdConf, Error> {
    ImapdConf::parse("imapd.conf", text, |_| Err("no includes".to_owned()))
}

#[test]
fn the_configuration_of_a_mail_server() {
    let conf = files(&[
        (
            "imapd.conf",
            "# BlueMind\nconfigdirectory: /var/lib/cyrus\n\ndefaultpartition: Default\npartition-default:/var/spool/cyrus/data/mail\n\
             metapartition-default:\t/var/spool/cyrus/meta/mail \nmetapartition_files: header index  cache\r\n\
             @include: /etc/cyrus-partitions\n\tHashImapSpool: on # as Cyrus reads it\nvirtdomains: userid\nimap_altnamespace: off\n\
             deletedprefix: GO\\\nNE\n #fulldirhash: on\\\nfulldirhash: on\n",
        ),
        (
            "/etc/cyrus-partitions",
            "partition-P__x:/data/P\nmetapartition-P__x:/meta/P\narchivepartition-P__x:/hsm/P\n@INCLUDE: more",
        ),
        ("more", "defaultdomain: x.org\nlast: lost\\"),
    ])
    .unwrap();
    assert_eq!(conf.config_directory(), Some("/var/lib/cyrus"));
    assert_eq!(conf.default_partition().as_deref(), Some("default"));
    assert_eq!((conf.hashimapspool(), conf.fulldirhash()), (Ok(true), Ok(false)), "a comment goes on in the next line");
    assert_eq!(conf.virt_domains(), Ok(VirtDomains::UserId));
    assert_eq!((conf.deleted_prefix(), conf.default_domain(), conf.get("last")), ("GONE", "x.org", None));
    assert!(conf.is_meta_file("index") && !conf.is_meta_file("annotations"));
    assert_eq!(conf.get_for("imap", "altnamespace"), Some("off"));
    assert_eq!(
        (conf.get_for("lmtp", "virtdomains"), conf.altnamespace(), conf.unixhierarchysep()),
        (Some("userid"), Ok(true), Ok(true))
    );
    let partitions: Vec<_> = conf.partitions().collect();
    assert_eq!(
        partitions,
        [
            (
                "default",
                Roots { data: "/var/spool/cyrus/data/mail", meta: "/var/spool/cyrus/meta/mail", archive: None }
            ),
            ("p__x", Roots { data: "/data/P", meta: "/meta/P", archive: Some("/hsm/P") }),
        ]
    );
    assert_eq!(conf.roots("P__x"), None, "Cyrus lowers the case of keys, and of nothing else");
    assert_eq!(conf.place("defaultdomain").unwrap().to_string(), "more, line 1");
    assert!(!format!("{conf:?}").contains("/data/P"), "a value may be a password");
}

#[test]
fn names_that_are_too_long_for_cyrus() {
    let long = |prefix: &str, len: usize| format!("{prefix}{}: /{prefix}\n", "x".repeat(len));
    let of = |len: usize| {
        let text = [long("partition-", len), long("metapartition-", len), long("archivepartition-", len)].concat();
        let conf = conf(&text).unwrap();
        let roots = conf.roots(&"x".repeat(len))?;
        Some((roots.meta == "/metapartition-", roots.archive.is_some()))
    };
    let due = [
        Some((true, true)),
        Some((true, false)),
        Some((true, false)),
        Some((false, false)),
        Some((false, false)),
        None,
    ];
    assert_eq!([62, 63, 65, 66, 69, 70].map(of), due);
}

#[test]
fn switches_and_choices() {
    let switch = |value: &str| conf(&format!("hashimapspool: {value}")).unwrap().hashimapspool();
    for (value, due) in [
        ("yes", true),
        ("on", true),
        ("t", true),
        ("1", true),
        ("nope", false),
        ("off", false),
        ("f", false),
        ("0", false),
    ] {
        assert_eq!(switch(value), Ok(due), "{value}");
    }
    for value in ["maybe", "ON", "Off", "o"] {
        assert_eq!(
            switch(value).unwrap_err().to_string(),
            format!("imapd.conf, line 1: \"hashimapspool\" cannot be {value:?}")
        );
    }
    let domains = |value: &str| conf(&format!("virtdomains: {value}")).unwrap().virt_domains();
    assert_eq!((domains("on"), domains("no")), (Ok(VirtDomains::On), Ok(VirtDomains::Off)));
    assert!(domains("Userid").is_err());
    assert_eq!(conf("").unwrap().virt_domains(), Ok(VirtDomains::Off));
}

#[test]
fn what_stops_cyrus() {
    let error = |text: &str| conf(text).unwrap_err().to_string();
    for (text, due) in [
        ("a: 1\ngarbage", "imapd.conf, line 2: not `key: value`"),
        ("key : 1", "imapd.conf, line 1: not `key: value`"),
        ("k\u{e9}y: 1", "imapd.conf, line 1: not `key: value`"),
        ("key:  ", "imapd.conf, line 1: no value for \"key\""),
        ("Key: 1\n\nkey: 2", "imapd.conf, line 3: \"key\" is set again, first in imapd.conf, line 1"),
        ("@inc: x", "imapd.conf, line 1: unknown directive \"@inc\""),
        ("@include: x", "imapd.conf, line 1: cannot include \"x\": no includes"),
    ] {
        assert_eq!(error(text), due, "{text:?}");
    }
    let itself = files(&[("imapd.conf", "@include: b"), ("b", "@include: imapd.conf")]).unwrap_err();
    assert_eq!(itself.to_string(), "b, line 1: includes \"imapd.conf\" again");
    let twice = files(&[("imapd.conf", "@include: b\n@include: b"), ("b", "")]).unwrap_err();
    assert!(matches!(twice, ImapdConfError::IncludedTwice { .. }));
}

#[test]
fn includes_without_end() {
    let mut count = 0;
    let deep = ImapdConf::parse("0", "@include: 1", |_| {
        count += 1;
        Ok::<_, String>(format!("@include: x{count}"))
    });
    assert!(matches!(deep, Err(ImapdConfError::TooManyIncludes(_))));
    let mut count = 0;
    let wide = ImapdConf::parse("0", "@include: 1\n@include: 2\n", |_| {
        count += 2;
        Ok::<_, String>(if count < 9000 { format!("@include: x{count}\n@include: y{count}") } else { String::new() })
    });
    assert!(matches!(wide, Err(ImapdConfError::TooManyIncludes(_))));
    let mut lines = 0;
    let many: String = (0..1000).map(|i| format!("@include: {i}\n")).collect();
    let broad = ImapdConf::parse("all", &many, |_| {
        lines += 1;
        Ok::<_, String>(String::new())
    });
    assert!(matches!(broad, Err(ImapdConfError::TooManyIncludes(_))));
    assert!(lines < 300);
}

proptest::proptest! {
    #[test]
    fn never_panics(text: String, lines in proptest::collection::vec("(@include|[a-zA-Z_-]{0,3})[: ]{0,2}[a-z#\\\\]{0,3}", 0..8)) {
        for text in [text, lines.join("\n")] {
            if let Ok(conf) = ImapdConf::parse("x", &text, |_| Ok::<_, String>(text.clone())) {
                let _ = (conf.partitions().count(), conf.hashimapspool(), conf.virt_domains());
            }
        }
    }

    #[test]
    fn readers_of_single_lines_never_panic(
        text: String,
        sockets in proptest::collection::vec("[0-9A-F]{0,9}:? [0-9A-F]{7,33}:[0-9A-F]{3,5} [0-9A-F]{32}:[0-9A-F]{4} 0[0-9A]", 0..4),
        checks in proptest::collection::vec("(Validator |é)?[a-z]{0,3}( : Valid: )?(true|false)?(, Message: )?[a-z]{0,3}", 0..4),
    ) {
        let _ = bm_preflight::format::proc_net_tcp::parse(&(text.clone() + &sockets.join("\n")));
        for check in bm_preflight::format::start_check::parse(&(text + &checks.join("\n"))) {
            proptest::prop_assert!(check.message != Some(String::new()));
        }
    }
}
