//! A split installation whose mail servers are collected from by `run --ssh`, through a real sshd each.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{Run, judged};
use crate::several_servers::{configure, judge, judgement, notices, paths, snapshots};
use crate::support::bluemind::{ANY_DISK, DIRECTORY, Installation};
use crate::support::sshd::{Sshd, client, key_pair};

/// The mail servers, with their addresses in the directory.
const MAIL: [(&str, &str); 2] = [("mail-1", "192.0.2.21"), ("mail-2", "192.0.2.22")];
/// Signals and lost connections are answered within a second; machines may be busy.
const SOON: Duration = Duration::from_secs(20);

/// The installation, whose core is this machine.
struct World {
    installation: Installation<'static>,
    key: PathBuf,
    mail: Vec<Sshd>,
    /// Without what a debugger needs, as it is shipped: it goes to every server.
    program: PathBuf,
}

impl World {
    fn build() -> Self {
        let installation = Installation::build("healthy_split");
        let key = installation.path("key");
        key_pair(&key);
        let start = |(uid, address): &(&str, &str)| {
            let config = configure(&installation, uid, &installation.url(DIRECTORY));
            let (folder, root) = (installation.path(&format!("ssh.{uid}")), installation.path(&format!("root.{uid}")));
            Sshd::start(&folder, address, &root, &config, &key)
        };
        let mail = MAIL.iter().map(start).collect();
        configure(&installation, "bm-master", &installation.url(DIRECTORY));
        let program = installation.path("bm-preflight");
        let strip = Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_bm-preflight")).status();
        assert!(strip.unwrap().success());
        Self { installation, key, mail, program }
    }

    /// `run --ssh` on the core.
    fn command(&self, more: &[&str]) -> Command {
        let config = client(&self.installation.path(""), &self.key, &self.mail.iter().collect::<Vec<_>>());
        let mut command = Command::new(&self.program);
        command.current_dir(self.installation.path("")).env_remove("LC_ALL").env("LANG", "C");
        command.args(["run", "--root", "root", "--config", "bm-master.toml", "--facts", "all.facts", "--ssh"]);
        command
            .args(["--ssh-option", &format!("-F {}", config.display()), "--output-dir", "reports"])
            .args(ANY_DISK)
            .args(more);
        command
    }

    fn run(&self, more: &[&str]) -> Run {
        self.judged(&self.command(more).output().unwrap())
    }

    fn judged(&self, output: &std::process::Output) -> Run {
        judged(output, &self.installation.path("all.facts"), &self.installation.path("reports"))
    }

    /// After a while nothing is left on any server.
    fn assert_clean(&self) {
        let began = Instant::now();
        let left = || self.mail.iter().flat_map(Sshd::left_over).collect::<Vec<_>>();
        while !left().is_empty() {
            assert!(began.elapsed() < SOON, "left over: {:?}", left());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A server on which the collection waits for a directory that never answers.
    fn holding(&self, uid: &str) -> TcpListener {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        configure(&self.installation, uid, &format!("postgresql://bj@{}/bj", silent.local_addr().unwrap()));
        silent
    }
}

/// The connection by which a process holds on to an address.
fn ssh_to(address: &str, parent: u32) -> u32 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    let is_it = |pid: &u32| {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let is_child = read("status").lines().any(|line| line == format!("PPid:\t{parent}"));
        is_child && read("cmdline").split('\0').any(|word| word == address)
    };
    processes.into_iter().find(is_it).unwrap()
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

#[test]
fn servers_that_are_collected_from_through_ssh_are_judged_as_if_their_files_had_been_brought() {
    let world = World::build();
    let run = world.run(&["--low-priority", "--timeout", "10m"]);
    assert_eq!(run.code, 0, "{}", run.digest());
    for (uid, _) in MAIL {
        run.assert_complete("package", uid);
        run.assert_complete("cyrus_mailbox", uid);
    }
    assert_eq!(notices(&run), [""; 0]);
    assert_eq!(world.mail.iter().flat_map(Sshd::left_over).collect::<Vec<_>>(), [""; 0]);
    for server in &world.mail {
        let told = server.commands();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(
            told.contains(" collect --no-progress --quiet --timeout=53") && told.contains(" --low-priority"),
            "{told}"
        );
    }
    let all = judge(&world.installation, &[&world.installation.path("all.facts")]);
    let brought = judge(&world.installation, &paths(&snapshots(&world.installation)));
    assert_eq!(judgement(&all), judgement(&brought));
}

#[test]
fn a_server_that_is_down_is_a_gap_with_its_reason() {
    let mut world = World::build();
    world.mail[1].stop();
    let run = world.run(&[]);
    assert_eq!((run.code, &run.report["verdict"]), (30, &"inconclusive".into()));
    for table in ["package", "cyrus_mailbox"] {
        run.assert_absent(table, "mail-2", "through ssh (192.0.2.22): ssh: connect to host 127.0.0.1 port");
        run.assert_complete(table, "mail-1");
    }
    let notices = notices(&run);
    assert!(notices[0].starts_with("the files of mail-2 (192.0.2.22) are missing: server mail-2 could"), "{notices:?}");
    assert!(
        notices[0].ends_with("Connection refused; once that is mended, give the same command again"),
        "{notices:?}"
    );
    assert_eq!(notices.len(), 1);
    let french = world.run(&["--lang", "fr"]);
    assert!(
        self::notices(&french)[0].starts_with("les fichiers de mail-2 (192.0.2.22) manquent\u{a0}: "),
        "{french:?}"
    );
}

#[test]
fn what_fits_nothing_and_who_lets_nobody_in_end_nothing() {
    let world = World::build();
    std::fs::write(world.key.with_extension("pub"), "").unwrap();
    let refused = world.run(&[]);
    assert_eq!(refused.code, 30);
    for (uid, _) in MAIL {
        refused.assert_absent("package", uid, "Permission denied (publickey)");
    }
    refused.assert_complete("package", "bm-master");
    let world = World::build();
    std::fs::write(world.installation.path("root.mail-1/etc/bm/mcast.id"), "bluemind-other").unwrap();
    configure(&world.installation, "mail-1", "postgresql://bj@127.0.0.1:1/bj");
    let run = world.run(&[]);
    run.assert_absent("package", "mail-1", "does not fit the rest: two installations");
    run.assert_complete("package", "mail-2");
}

#[test]
fn a_connection_that_is_cut_leaves_nothing_on_the_server() {
    let world = World::build();
    let held = world.holding("mail-2");
    let run = world.command(&["--jobs", "8"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut connection = held.accept().unwrap().0;
    assert!(world.mail[1].left_over().len() >= 2, "its folder and its process are there");
    let cut = Instant::now();
    kill(ssh_to("192.0.2.22", run.id()));
    // The database sees it go, and not because it waited long enough.
    let _ = connection.read_to_end(&mut Vec::new());
    assert!(cut.elapsed() < Duration::from_secs(5), "{:?}", cut.elapsed());
    world.assert_clean();
    let run = world.judged(&run.wait_with_output().unwrap());
    assert_eq!(run.code, 30);
    run.assert_absent("package", "mail-2", "ssh: signal: 9 (SIGKILL)");
    run.assert_complete("package", "mail-1");
}

#[test]
fn a_run_that_is_killed_or_interrupted_leaves_nothing_on_any_server() {
    for signal in ["-KILL", "-INT"] {
        let world = World::build();
        let held = MAIL.map(|(uid, _)| world.holding(uid));
        let mut run = world.command(&["--jobs", "8"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let _connections = held.each_ref().map(|listener| listener.accept().unwrap());
        assert!(world.mail.iter().all(|server| !server.left_over().is_empty()));
        assert!(Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap().success());
        let code = run.wait().unwrap().code();
        world.assert_clean();
        assert_eq!(code, (signal == "-INT").then_some(30), "{signal}");
        let report = std::fs::read_to_string(Path::new(&world.installation.path("reports/report.json")));
        assert_eq!(report.is_ok_and(|report| report.contains("interrupted after")), signal == "-INT");
    }
}
