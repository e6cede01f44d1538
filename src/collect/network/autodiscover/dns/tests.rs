use std::collections::BTreeMap;
use std::time::Instant;

use hickory_resolver::proto::op::ResponseCode;

use super::super::peers::stand_ins::dns::{Server, TTL, Zone};
use super::*;

/// Short, for the tests that wait for it.
const SHORT: Duration = Duration::from_millis(300);

fn zone() -> Zone {
    Zone::new().soa("d.test")
}

fn empty_root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    folder
}

fn resolvers(servers: &[&Server], limit: Duration) -> Resolvers {
    let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
    let root = empty_root();
    Resolvers::build(&addresses, limit, System::new(&Root::new(root.path()), false))
}

async fn ask(zone: Zone, host: &str, kind: Asked) -> Answer {
    let server = zone.serve();
    let mut answers = resolvers(&[&server], SHORT).ask(Purpose::Root, host, kind).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn a(zone: Zone, host: &str) -> Answer {
    ask(zone, host, Asked::A).await
}

fn values(answer: &Answer) -> Vec<&str> {
    answer.records.iter().map(|record| record.value.as_str()).collect()
}

fn said(answer: &Answer) -> &str {
    answer.detail.as_deref().unwrap_or_default()
}

/// `c0.d.test` is an alias of `c1.d.test` and so on; the last one has an address.
fn chain(length: usize) -> Zone {
    let links = (0..length).fold(zone(), |z, n| z.cname(&format!("c{n}.d.test"), &format!("C{}.d.test", n + 1)));
    links.a(&format!("c{length}.d.test"), "192.0.2.9")
}

#[tokio::test]
async fn records_come_with_owner_and_time_to_live() {
    let zone = || zone().a("d.test", "192.0.2.2").a("d.test", "192.0.2.1").aaaa("d.test", "2001:db8::1");
    let answer = a(zone(), "D.test").await;
    assert_eq!(
        (answer.outcome.word(), answer.kind.word(), answer.host.as_str(), answer.rank),
        ("answer", "A", "d.test", 1)
    );
    assert_eq!((answer.canonical.as_deref(), answer.hops), (None, 0));
    assert_eq!(values(&answer), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!((answer.records[0].owner.as_str(), answer.records[0].ttl_s), ("d.test", i64::from(TTL)));
    assert_eq!(values(&ask(zone(), "d.test", Asked::Aaaa).await), ["2001:db8::1"]);
    let soa = ask(zone(), "d.test", Asked::Soa).await;
    assert_eq!((soa.records[0].kind.word(), values(&soa)), ("SOA", vec!["ns.d.test"]));
}

#[tokio::test]
async fn srv_records_come_whole() {
    let zone = zone().srv("s.d.test", 10, 5, 443, "Mail.D.test").srv("s.d.test", 0, 0, 0, ".");
    let answer = ask(zone, "s.d.test", Asked::Srv).await;
    let seen: Vec<_> = answer.records.iter().map(|r| (r.kind.word(), r.value.as_str(), r.service)).collect();
    assert_eq!(seen, [("SRV", ".", Some((0, 0, 0))), ("SRV", "mail.d.test", Some((10, 5, 443)))]);
}

#[tokio::test]
async fn no_name_no_data_and_failures_are_told_apart() {
    let answer = a(zone(), "none.d.test").await;
    assert_eq!((answer.outcome.word(), said(&answer)), ("nxdomain", "zone d.test"));
    let answer = a(zone().txt("t.d.test", "here"), "t.d.test").await;
    assert_eq!(answer.outcome.word(), "nodata");
    // The SOA of a name that is no zone: the one of its zone is in the reply, but it is no answer.
    let answer = ask(zone().txt("t.d.test", "here"), "t.d.test", Asked::Soa).await;
    assert_eq!((answer.outcome.word(), said(&answer), answer.records.len()), ("nodata", "zone d.test", 0));
    for (code, outcome) in [
        (ResponseCode::ServFail, "servfail"),
        (ResponseCode::Refused, "refused"),
        (ResponseCode::NotImp, "error"),
        (ResponseCode::FormErr, "error"),
        (ResponseCode::Unknown(11), "error"),
    ] {
        let answer = a(zone().rcode("x.d.test", code), "x.d.test").await;
        assert_eq!((answer.outcome.word(), answer.records.len()), (outcome, 0), "{code}");
        assert!(said(&answer).starts_with("response code "), "{answer:?}");
    }
    assert_eq!(a(zone(), "elsewhere.test").await.outcome.word(), "refused");
}

#[tokio::test]
async fn names_that_the_crate_would_answer_itself_are_asked() {
    let server = Zone::new().soa("invalid").soa("localhost").a("x.invalid", "192.0.2.1").serve();
    let resolvers = resolvers(&[&server], SHORT);
    assert_eq!(values(&resolvers.ask(Purpose::Root, "x.invalid", Asked::A).await[0]), ["192.0.2.1"]);
    assert_eq!(resolvers.ask(Purpose::Root, "x.localhost", Asked::A).await[0].outcome.word(), "nxdomain");
}

#[tokio::test]
async fn a_chain_of_ten_leads_to_its_address() {
    for zone in [chain(10), chain(10).stepwise()] {
        let answer = a(zone, "c0.d.test").await;
        assert_eq!(
            (answer.outcome.word(), answer.hops, answer.canonical.as_deref()),
            ("answer", 10, Some("c10.d.test"))
        );
        assert_eq!(answer.records.len(), 11);
        assert_eq!((answer.records[0].kind.word(), answer.records[0].value.as_str()), ("CNAME", "c1.d.test"));
        let last = answer.records.last().unwrap();
        assert_eq!((last.kind.word(), last.owner.as_str(), last.value.as_str()), ("A", "c10.d.test", "192.0.2.9"));
        assert_eq!(addresses(&[answer], "c0.d.test"), ["192.0.2.9".parse::<IpAddr>().unwrap()]);
    }
}

#[tokio::test]
async fn a_chain_without_end_is_left() {
    assert_eq!(a(chain(16).stepwise(), "c0.d.test").await.outcome.word(), "answer");
    let answer = a(chain(17).stepwise(), "c0.d.test").await;
    assert_eq!((answer.outcome.word(), answer.hops, said(&answer)), ("error", 16, "more than 16 CNAMEs"));
}

#[tokio::test]
async fn a_loop_is_a_loop() {
    let zone = || zone().cname("a.d.test", "b.d.test").cname("b.d.test", "c.d.test").cname("c.d.test", "B.d.test");
    for zone in [zone(), zone().stepwise()] {
        let answer = a(zone, "a.d.test").await;
        assert_eq!((answer.outcome.word(), answer.hops, said(&answer)), ("cname_loop", 3, "b.d.test comes again"));
    }
    let itself = a(super::tests::zone().cname("a.d.test", "a.d.test"), "a.d.test").await;
    assert_eq!((itself.outcome.word(), itself.hops), ("cname_loop", 1));
}

#[tokio::test]
async fn a_dangling_cname_names_its_target() {
    let zone = || zone().cname("a.d.test", "b.d.test").cname("b.d.test", "gone.d.test");
    for zone in [zone(), zone().stepwise()] {
        let answer = a(zone, "a.d.test").await;
        assert_eq!((answer.outcome.word(), answer.canonical.as_deref()), ("dangling_cname", Some("gone.d.test")));
        assert_eq!(said(&answer), "gone.d.test does not exist");
        assert_eq!((answer.hops, answer.records.len()), (2, 2));
    }
    let zone = super::tests::zone().cname("a.d.test", "b.d.test").txt("b.d.test", "only");
    let answer = a(zone, "a.d.test").await;
    assert_eq!((answer.outcome.word(), answer.canonical.as_deref()), ("nodata", Some("b.d.test")));
}

#[tokio::test]
async fn a_failure_behind_a_cname_names_the_target() {
    let zone = zone().cname("a.d.test", "b.d.test").rcode("b.d.test", ResponseCode::ServFail).stepwise();
    let answer = a(zone, "a.d.test").await;
    assert_eq!((answer.outcome.word(), answer.hops), ("servfail", 1));
    assert!(said(&answer).starts_with("b.d.test: "), "{answer:?}");
}

#[tokio::test]
async fn truncation_is_mended_by_tcp_and_told_without() {
    let zone = || zone().a("t.d.test", "192.0.2.1");
    let answer = a(zone().truncated("t.d.test", true), "t.d.test").await;
    assert_eq!((answer.outcome.word(), values(&answer)), ("answer", vec!["192.0.2.1"]), "{answer:?}");
    let answer = a(zone().truncated("t.d.test", false), "t.d.test").await;
    assert_eq!((answer.outcome.word(), answer.records.len()), ("truncated", 0));
    assert!(said(&answer).starts_with("over TCP: "), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_answer_ends_and_never_counts_as_one() {
    let zone = || zone().a("x.d.test", "192.0.2.1");
    let answer = a(zone().garbage("x.d.test"), "x.d.test").await;
    assert!(["error", "timeout"].contains(&answer.outcome.word()), "{answer:?}");
    for zone in [zone().wrong_id("x.d.test"), zone().silent("x.d.test")] {
        let answer = a(zone, "x.d.test").await;
        assert_eq!((answer.outcome.word(), said(&answer)), ("timeout", "no answer within 600ms"));
        assert!(answer.records.is_empty());
    }
}

#[tokio::test]
async fn a_lost_packet_is_sent_again_and_a_late_answer_awaited() {
    let limit = Duration::from_millis(400);
    let late = zone().a("x.d.test", "192.0.2.1").delay("x.d.test", Duration::from_millis(150)).lost_once("x.d.test");
    let server = late.serve();
    let answer = &resolvers(&[&server], limit).ask(Purpose::Root, "x.d.test", Asked::A).await[0];
    assert_eq!((answer.outcome.word(), values(answer)), ("answer", vec!["192.0.2.1"]));
    assert!(answer.elapsed_ms >= 400, "{answer:?}");
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without() {
    let answer = a(zone().a("x.d.test", "192.0.2.1").without_edns("x.d.test"), "x.d.test").await;
    assert_eq!((answer.outcome.word(), values(&answer)), ("answer", vec!["192.0.2.1"]));
}

#[tokio::test]
async fn names_that_cannot_be_are_never_asked() {
    let server = zone().serve();
    let resolvers = resolvers(&[&server], SHORT);
    let long = format!("{}.d.test", "x".repeat(64));
    let longer = vec!["x".repeat(60); 5].join(".");
    for host in ["", ".", "a..d.test", "a b.d.test", "a\\.d.test", "café.test", "a\u{0}", &long, &longer] {
        let answers = resolvers.ask(Purpose::Root, host, Asked::A).await;
        assert_eq!(answers[0].outcome.word(), "invalid_name", "{host:?}");
        assert!(answers[0].detail.is_some());
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn resolvers_that_disagree_are_both_heard() {
    let (one, two) = (zone().serve(), zone().a("x.d.test", "192.0.2.1").serve());
    for _ in 0..5 {
        let answers = resolvers(&[&one, &two, &one], SHORT).ask(Purpose::Root, "x.d.test", Asked::A).await;
        let seen: Vec<_> = answers.iter().map(|a| (a.rank, a.resolver.clone(), a.outcome.word())).collect();
        let expected = [(1, one.address.to_string(), "nxdomain"), (2, two.address.to_string(), "answer")];
        assert_eq!(seen, expected, "a resolver is asked once, whatever is written");
    }
}

#[tokio::test]
async fn only_the_name_itself_is_asked() {
    let server = zone().soa("search.test").a("*.search.test", "192.0.2.66").serve();
    let root = empty_root();
    let conf = "search search.test\nnameserver 192.0.2.53\noptions ndots:5\n";
    std::fs::write(root.path().join("etc/resolv.conf"), conf).unwrap();
    let mut config = Config::default();
    config.dns.resolvers = vec![server.address];
    let resolvers = Resolvers::new(&config, &Root::new(root.path())).unwrap();
    assert_eq!(resolvers.ask(Purpose::Root, "x.d.test", Asked::A).await[0].outcome.word(), "nxdomain");
    assert_eq!(server.asked(), [("x.d.test".to_owned(), WireType::A)]);
}

#[test]
fn resolvers_are_those_of_resolv_conf_unless_configured() {
    let root = empty_root();
    let of_root = Root::new(root.path());
    let error =
        |config: &Config| Resolvers::new(config, &of_root).err().map(|reason| reason.to_string()).unwrap_or_default();
    assert!(error(&Config::default()).contains("etc/resolv.conf: No such file"));
    let write = |text: &str| std::fs::write(root.path().join("etc/resolv.conf"), text).unwrap();
    write("search d.test\n# nameserver 192.0.2.1\nnameserver no.address\n");
    assert!(error(&Config::default()).ends_with("etc/resolv.conf names no resolver"));
    write(
        "search ..\u{1}.bad\nnameserver 192.0.2.1\n nameserver 2001:db8::1\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
    );
    let seen = |config: &Config| -> Vec<String> {
        let made = Resolvers::new(config, &of_root).unwrap();
        made.resolvers.iter().map(|resolver| format!("{} {}", resolver.rank, resolver.address)).collect()
    };
    assert_eq!(seen(&Config::default()), ["1 192.0.2.1:53", "2 [2001:db8::1]:53", "3 192.0.2.3:53"]);
    // The interface of a link-local address, by its number and by its name.
    std::fs::create_dir_all(root.path().join("sys/class/net/eth0")).unwrap();
    std::fs::write(root.path().join("sys/class/net/eth0/ifindex"), "2\n").unwrap();
    write("nameserver fe80::1%eth0\nnameserver fe80::2%7\n");
    assert_eq!(seen(&Config::default()), ["1 [fe80::1%2]:53", "2 [fe80::2%7]:53"]);
    let mut config = Config::default();
    config.dns.resolvers = vec!["192.0.2.9:5353".parse().unwrap()];
    assert_eq!(seen(&config), ["1 192.0.2.9:5353"]);
}

#[tokio::test]
async fn the_hosts_file_is_the_view_of_this_machine() {
    let server = zone().serve();
    let root = empty_root();
    let hosts = "127.0.0.1 localhost # x.d.test\n127.0.0.1\tAutodiscover.D.test. other.d.test\n\
                 fe80::1%eth0 v6.d.test\n192.0.2.1 autodiscover.d.test\n192.0.2.7\nno address.d.test\n\u{feff}";
    std::fs::write(root.path().join("etc/hosts"), hosts).unwrap();
    let mut config = Config::default();
    config.dns.resolvers = vec![server.address];
    let resolvers = Resolvers::new(&config, &Root::new(root.path())).unwrap();
    let answers = resolvers.trace("d.test", "t").await;
    let system: Vec<_> = answers.iter().filter(|a| a.resolver == "system").collect();
    let seen: Vec<_> =
        system.iter().map(|a| (a.purpose.word(), a.kind.word(), a.outcome.word(), a.rank, said(a))).collect();
    let expected =
        [("autodiscover", "A", "answer", 0, "hosts file"), ("autodiscover", "AAAA", "nodata", 0, "hosts file")];
    assert_eq!(seen, expected, "only hosts that the file names");
    assert_eq!(values(system[0]), ["127.0.0.1", "192.0.2.1"]);
    let dns = answers.iter().find(|a| a.purpose.word() == "autodiscover" && a.rank == 1).unwrap();
    assert_eq!(dns.outcome.word(), "nxdomain", "and DNS is asked all the same");
    assert_eq!(values(&resolvers.system(Purpose::Root, "v6.d.test").await[1]), ["fe80::1"]);
    let (_, found) = resolvers.resolve("AUTODISCOVER.d.test.").await;
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn the_library_is_asked_on_this_machine_only() {
    let none = BTreeMap::<String, Vec<IpAddr>>::new();
    let with = Resolvers { resolvers: Vec::new(), system: System::of(none.clone(), true) };
    let found = with.system(Purpose::Root, "none-such.invalid").await;
    assert_eq!(found.iter().map(|a| (a.resolver.as_str(), a.rank)).collect::<Vec<_>>(), [("system", 0); 2]);
    assert!(found.iter().all(|a| ["nodata", "error", "timeout"].contains(&a.outcome.word())), "{found:?}");
    assert!(found.iter().all(|a| said(a).starts_with("getaddrinfo: ")), "{found:?}");
    let without = Resolvers { resolvers: Vec::new(), system: System::of(none, false) };
    assert!(without.system(Purpose::Root, "localhost").await.is_empty());
}

#[tokio::test]
async fn a_trace_asks_everything_in_one_order() {
    let server = zone()
        .a("d.test", "192.0.2.1")
        .a("autodiscover.d.test", "192.0.2.1")
        .srv("_autodiscover._tcp.d.test", 10, 0, 443, "mail2.d.test")
        .srv("_autodiscover._tcp.d.test", 0, 0, 443, "mail1.d.test")
        .srv("_autodiscover.d.test", 0, 0, 0, ".")
        .cname("mail1.d.test", "d.test")
        .serve();
    let resolvers = std::sync::Arc::new(resolvers(&[&server], LIMIT));
    // On a task of its own, as the caller will have it.
    let answers = tokio::spawn(async move { resolvers.trace("d.test", "0123456789abcdef").await }).await.unwrap();
    let seen: Vec<_> =
        answers.iter().map(|a| (a.purpose.word(), a.host.as_str(), a.kind.word(), a.outcome.word())).collect();
    let expected = [
        ("root", "d.test", "A", "answer"),
        ("root", "d.test", "AAAA", "nodata"),
        ("autodiscover", "autodiscover.d.test", "A", "answer"),
        ("autodiscover", "autodiscover.d.test", "AAAA", "nodata"),
        ("srv", "_autodiscover._tcp.d.test", "SRV", "answer"),
        ("srv_literal", "_autodiscover.d.test", "SRV", "answer"),
        ("srv_target", "mail1.d.test", "A", "answer"),
        ("srv_target", "mail1.d.test", "AAAA", "nodata"),
        ("srv_target", "mail2.d.test", "A", "nxdomain"),
        ("srv_target", "mail2.d.test", "AAAA", "nxdomain"),
        ("wildcard", "bmpf-0123456789ab.d.test", "A", "nxdomain"),
        ("wildcard_srv", "bmpf-0123456789ab._tcp.d.test", "SRV", "nxdomain"),
        ("zone", "d.test", "SOA", "answer"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(answers[6].hops, 1, "the target is an alias");
}

#[tokio::test]
async fn a_wildcard_shows_on_the_random_names() {
    let of = |answers: &[Answer], purpose: &str| answers.iter().find(|a| a.purpose.word() == purpose).unwrap().clone();
    let server = zone().a("*.d.test", "192.0.2.66").txt("autodiscover.d.test", "none here").serve();
    let answers = resolvers(&[&server], LIMIT).trace("d.test", "abc").await;
    assert_eq!(values(&of(&answers, "wildcard")), ["192.0.2.66"]);
    assert_eq!(of(&answers, "wildcard_srv").outcome.word(), "nodata", "several labels match");
    assert_eq!(of(&answers, "autodiscover").outcome.word(), "nodata", "a name that exists blocks the wildcard");
    let server = zone().cname("*.d.test", "web.d.test").a("web.d.test", "192.0.2.66").serve();
    let answers = resolvers(&[&server], LIMIT).trace("d.test", "abc").await;
    let srv = of(&answers, "srv");
    assert_eq!((srv.outcome.word(), srv.canonical.as_deref(), srv.hops), ("nodata", Some("web.d.test"), 1));
}

#[tokio::test]
async fn silent_resolvers_do_not_hold_up_the_run() {
    let (one, two) = (zone().silent_for_all().serve(), zone().silent_for_all().serve());
    let resolvers = resolvers(&[&one, &two], LIMIT);
    let start = Instant::now();
    let answers = resolvers.trace("d.test", "abc").await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(answers.iter().all(|a| ["timeout", "not_asked"].contains(&a.outcome.word())), "{answers:?}");
    let asked = one.asked().len();
    assert!(asked > 0);
    let start = Instant::now();
    let later = resolvers.trace("other.test", "abc").await;
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert!(later.iter().all(|a| a.outcome.word() == "not_asked" && said(a).starts_with("no answer to 3 questions")));
    assert_eq!(one.asked().len(), asked);
}

#[tokio::test]
async fn silence_about_some_names_does_not_silence_a_resolver() {
    let server = zone().silent("a.d.test").a("b.d.test", "192.0.2.1").serve();
    let resolvers = resolvers(&[&server], Duration::from_millis(100));
    let outcome = async |host| resolvers.ask(Purpose::Root, host, Asked::A).await[0].outcome.word();
    assert_eq!(outcome("b.d.test").await, "answer");
    for _ in 0..4 {
        assert_eq!(outcome("a.d.test").await, "timeout");
    }
    assert_eq!(outcome("b.d.test").await, "answer");
}

#[tokio::test]
async fn a_redirect_target_is_resolved_and_an_address_is_not_asked() {
    let server = zone()
        .soa("xn--caf-dma.test")
        .a("www.xn--caf-dma.test", "192.0.2.1")
        .aaaa("www.xn--caf-dma.test", "::1")
        .serve();
    let (one, two) = (resolvers(&[&server], SHORT), zone().serve());
    for literal in ["192.0.2.7", "[2001:db8::7]", "2001:db8::7"] {
        let (answers, found) = one.resolve(literal).await;
        assert_eq!((answers.len(), found.len()), (0, 1), "{literal}");
    }
    assert!(server.asked().is_empty());
    for spelling in ["www.café.test", "WWW.xn--caf-dma.test."] {
        let (answers, found) = one.resolve(spelling).await;
        assert!(answers.iter().all(|a| a.purpose.word() == "redirect_target" && a.host == "www.xn--caf-dma.test"));
        assert_eq!(found, ["192.0.2.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
    }
    let (answers, found) = resolvers(&[&server, &two], SHORT).resolve("a b").await;
    assert!(found.is_empty() && answers.iter().all(|a| a.outcome.word() == "invalid_name"));
}

#[tokio::test]
async fn addresses_of_all_resolvers_are_put_together() {
    let one = zone().aaaa("x.d.test", "2001:db8::1").a("x.d.test", "192.0.2.2").serve();
    let two = zone().a("x.d.test", "192.0.2.1").a("x.d.test", "192.0.2.2").a("y.d.test", "192.0.2.3").serve();
    let resolvers = resolvers(&[&one, &two], SHORT);
    let mut answers = resolvers.host(Purpose::Root, "x.d.test").await;
    answers.extend(resolvers.host(Purpose::Root, "y.d.test").await);
    let found: Vec<String> = addresses(&answers, "x.d.test").iter().map(ToString::to_string).collect();
    assert_eq!(found, ["192.0.2.2", "192.0.2.1", "2001:db8::1"]);
}
