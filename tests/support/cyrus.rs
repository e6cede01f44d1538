//! A real Cyrus for tests, set up as BlueMind sets it up, in a tree that the program takes for a server's `/`.
//!
//! A small shell, the keeper, starts and stops Cyrus' master and waits for orders on a pipe whose other end only this
//! process holds. When the [`Lab`] is dropped, or this process ends in whatever way, the pipe closes, and the keeper
//! stops what runs and removes the tree.
//!
//! There are two configurations of the same content. The one below the tree's root has BlueMind's paths, as the program
//! reads them; the one beside the root has the paths that these files really have, for Cyrus itself.

pub(crate) mod client;
pub(crate) mod damage;
pub(crate) mod files;
pub(crate) mod flat;
pub(crate) mod older;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use self::client::{Imap, Lmtp, quoted};

/// Uid of the server in every lab.
pub(crate) const SERVER: &str = "bm-master";
/// The partition on which nothing of BlueMind's lies.
pub(crate) const DEFAULT_PARTITION: &str = "default";
/// Where Debian's package puts everything but the documentation.
const BIN: &str = "/usr/lib/cyrus/bin";
/// Ready within half a second on an idle machine.
const START_WITHIN: Duration = Duration::from_secs(60);

const KEEPER: &str = r#"
bin=$1 dir=$2 pid=
stop() {
    [ -n "$pid" ] || return
    kill -TERM "$pid" 2>/dev/null
    tries=0
    while kill -0 -- "-$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || kill -KILL -- "-$pid" 2>/dev/null
        sleep 0.05
    done
    wait "$pid"
    pid=
}
cd "$dir" || exit 1
while read -r order; do
    case $order in
    start)
        setsid "$bin/master" -C "$dir/etc/imapd.conf" -M "$dir/etc/cyrus.conf" -p "$dir/run/master.pid" \
            -L "$dir/run/master.err" >"$dir/run/master.out" 2>&1 </dev/null &
        pid=$! ;;
    stop) stop ;;
    esac
    echo "${pid:-none}"
done
stop
rm -rf "$dir" 2>/dev/null
# A folder that a test made unreadable does not stay either.
[ ! -e "$dir" ] || { chmod -R u+rwX "$dir"; rm -rf "$dir"; }
"#;

/// A Cyrus and its files.
#[derive(Debug)]
pub(crate) struct Lab {
    dir: PathBuf,
    owner: Owner,
    domains: Vec<String>,
    imap: u16,
    lmtp: u16,
    /// Process id of the master, while it runs.
    master: Option<u32>,
    keeper: Child,
    answers: BufReader<ChildStdout>,
}

/// Who runs Cyrus and owns its files: not root.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    name: String,
    group: String,
    /// Ids to become, when this process is root.
    switch: Option<(u32, u32)>,
}

impl Lab {
    /// Starts a Cyrus that serves the mail of these domains and holds no mailbox.
    pub(crate) fn start(domains: &[&str]) -> Self {
        let mut lab = Self::empty(domains);
        lab.serve();
        lab
    }

    /// The tree and the configuration of a Cyrus that does not run.
    fn empty(domains: &[&str]) -> Self {
        assert!(
            Path::new(BIN).join("master").is_file(),
            "these tests need a Cyrus: {BIN}/master does not exist (on Debian: apt-get install cyrus-imapd msmtp-mta, \
             with its service masked)"
        );
        let owner = Owner::find();
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("bm-preflight-cyrus-").tempdir_in(parent);
        let dir = dir.expect("a directory for Cyrus").keep();
        give(&dir, &owner);
        let mut keeper = owner
            .command(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper", BIN])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the shell that keeps Cyrus can be started");
        let answers = BufReader::new(keeper.stdout.take().expect("its output is a pipe"));
        let domains = domains.iter().map(|&domain| domain.to_owned()).collect();
        let lab = Self { dir, owner, domains, imap: 0, lmtp: 0, master: None, keeper, answers };
        for folder in ["etc", "run/proc", "run/lock", "run/socket"] {
            std::fs::create_dir_all(lab.dir.join(folder)).expect("a directory for Cyrus");
        }
        let places = lab.partitions().into_iter().flat_map(|(_, places)| places);
        let places = places.filter(|place| !place.ends_with("cyrus-archives/mail"));
        for folder in places.chain(["/var/lib/cyrus".to_owned()]) {
            std::fs::create_dir_all(lab.path(&folder)).expect("a directory of the spool");
        }
        lab.write_configuration();
        lab.settle_owner();
        lab
    }

    /// A copy whose Cyrus does not run.
    pub(crate) fn copy(&self) -> Self {
        let domains: Vec<&str> = self.domains.iter().map(String::as_str).collect();
        let copy = Self::empty(&domains);
        checked(Command::new("cp").arg("-a").arg(self.root().join(".")).arg(copy.root()));
        copy
    }

    /// Starts the server. Ports that were taken meanwhile are given up for others.
    pub(crate) fn serve(&mut self) {
        let mut failure = String::new();
        for _ in 0..3 {
            (self.imap, self.lmtp) = (free_port(), free_port());
            self.write_configuration();
            self.settle_owner();
            self.master = self.order("start").parse().ok();
            match self.wait_until_ready() {
                Ok(()) => return,
                Err(reason) => failure = reason,
            }
            self.order("stop");
        }
        panic!("Cyrus does not start: {failure}");
    }

    /// Stops the server; its files stay.
    pub(crate) fn stop(&mut self) {
        self.order("stop");
        self.master = None;
    }

    fn order(&mut self, order: &str) -> String {
        let pipe = self.keeper.stdin.as_mut().expect("its input is a pipe");
        writeln!(pipe, "{order}").expect("the keeper takes orders");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the keeper answers");
        answer.trim().to_owned()
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < START_WITHIN {
            if client::answers(self.imap, "* OK") && client::answers(self.lmtp, "220") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let said = ["master.err", "master.out"].map(|name| std::fs::read_to_string(self.dir.join("run").join(name)));
        Err(format!("after {:?}: {said:?}", started.elapsed()))
    }

    /// The directory that keeps everything.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Process id of the master.
    pub(crate) fn master(&self) -> u32 {
        self.master.expect("a Cyrus that runs")
    }

    /// What the program is to take for the server's `/`.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// Where a file of the server really is.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.root().join(absolute.trim_start_matches('/'))
    }

    /// Partition of a domain.
    pub(crate) fn partition(domain: &str) -> String {
        format!("{}__{}", SERVER.replace('.', "_"), domain.replace('.', "_"))
    }

    /// Every partition with the places of its messages, of its `cyrus.*` files and of its archive; the default one has
    /// no archive.
    fn partitions(&self) -> Vec<(String, [String; 3])> {
        let places = |name: &str| {
            [
                format!("/var/spool/cyrus/data/{name}"),
                format!("/var/spool/cyrus/meta/{name}"),
                format!("/var/spool/bm-hsm/cyrus-archives/{name}"),
            ]
        };
        let domains =
            self.domains.iter().map(|domain| Self::partition(domain)).map(|name| (name.clone(), places(&name)));
        domains.chain([(DEFAULT_PARTITION.to_owned(), places("mail"))]).collect()
    }

    /// Writes both configurations: one with BlueMind's paths below the root, one with real paths beside it.
    fn write_configuration(&self) {
        let real = |path: &str| self.path(path).display().to_string();
        let seen = |path: &str| path.to_owned();
        let etc = self.path("/etc");
        self.write_imapd_conf(&etc, "/etc", "/var/run/cyrus", &seen);
        let beside = self.dir.join("etc");
        let run = self.dir.join("run").display().to_string();
        self.write_imapd_conf(&beside, &beside.display().to_string(), &run, &real);
        let conf = beside.join("imapd.conf").display().to_string();
        let services = format!(
            "START {{\n  recover cmd=\"{BIN}/ctl_cyrusdb -C {conf} -r\"\n}}\nSERVICES {{\n  \
             imap cmd=\"{BIN}/imapd -C {conf} -U 200\" listen=\"127.0.0.1:{}\" prefork=2 maxchild=20 proto=\"tcp4\"\n  \
             lmtp cmd=\"{BIN}/lmtpd -C {conf} -a\" listen=\"127.0.0.1:{}\" prefork=1 maxchild=10 proto=\"tcp4\"\n}}\n\
             EVENTS {{\n}}\n",
            self.imap, self.lmtp
        );
        std::fs::write(beside.join("cyrus.conf"), services).expect("cyrus.conf can be written");
    }

    fn write_imapd_conf(&self, folder: &Path, etc: &str, run: &str, path: &dyn Fn(&str) -> String) {
        let mut partitions = String::new();
        for (name, [data, meta, archive]) in self.partitions().iter().filter(|(name, _)| name != DEFAULT_PARTITION) {
            let (data, meta, archive) = (path(data), path(meta), path(archive));
            let _ = write!(
                partitions,
                "partition-{name}:{data}\nmetapartition-{name}:{meta}\narchivepartition-{name}:{archive}\n"
            );
        }
        let admins: Vec<String> = self.domains.iter().map(|domain| format!(" bmhiddensysadmin@{domain}")).collect();
        let base = BASE
            .replace("%CONFIG%", &path("/var/lib/cyrus"))
            .replace("%DATA%", &path("/var/spool/cyrus/data/mail"))
            .replace("%META%", &path("/var/spool/cyrus/meta/mail"))
            .replace("%RUN%", run)
            .replace("%ETC%", etc);
        let files = [
            ("imapd.conf", base),
            ("cyrus-admins", format!("admins: admin0{}\n", admins.concat())),
            ("cyrus-partitions", partitions + "\n"),
            ("cyrus-hsm", HSM.to_owned()),
            ("cyrus-replication", REPLICATION.to_owned()),
        ];
        std::fs::create_dir_all(folder).expect("a directory for the configuration");
        for (name, content) in files {
            std::fs::write(folder.join(name), content).expect("the configuration can be written");
        }
    }

    /// Gives every file to the user who runs Cyrus.
    pub(crate) fn settle_owner(&self) {
        if self.owner.switch.is_none() {
            return;
        }
        for entry in walkdir::WalkDir::new(&self.dir) {
            give(entry.expect("a directory of the lab").path(), &self.owner);
        }
    }

    /// The output of a tool of Cyrus on these files.
    pub(crate) fn tool(&self, name: &str, arguments: &[&str]) -> Vec<u8> {
        let mut command = self.owner.command(&Path::new(BIN).join(name));
        checked(command.arg("-C").arg(self.dir.join("etc/imapd.conf")).args(arguments)).stdout
    }

    /// A program, run by the user who runs Cyrus: one from whom permissions keep things.
    pub(crate) fn unprivileged(&self, program: &Path) -> Command {
        self.owner.command(program)
    }

    /// Logs in.
    pub(crate) fn login(&self, login: &str) -> Imap {
        Imap::login(self.imap, login)
    }

    /// The administrator that BlueMind works as.
    pub(crate) fn admin(&self) -> Imap {
        self.login("admin0")
    }

    /// The ports of imapd and lmtpd on 127.0.0.1.
    pub(crate) fn ports(&self) -> (u16, u16) {
        (self.imap, self.lmtp)
    }

    /// A connection for deliveries.
    pub(crate) fn lmtp(&self) -> Lmtp {
        Lmtp::connect(self.lmtp)
    }

    /// Creates a user's mailbox as BlueMind does: its root as administrator, the folders as the user.
    pub(crate) fn add_user(&self, login: &str, domain: &str) {
        let root = format!("user/{login}@{domain}");
        let mut admin = self.admin();
        admin.create_on(&root, &Self::partition(domain));
        admin.allow(&root);
        let mut user = self.login(&format!("{login}@{domain}"));
        for folder in ["Drafts", "Junk", "Outbox", "Sent", "Trash"] {
            user.create(folder);
        }
    }

    /// Creates a shared mailbox as BlueMind does, with the folder `Sent`.
    pub(crate) fn add_share(&self, name: &str, domain: &str) {
        let mut admin = self.admin();
        for name in [format!("{name}@{domain}"), format!("{name}/Sent@{domain}")] {
            admin.create_on(&name, &Self::partition(domain));
            admin.allow(&name);
            admin.run(&format!("SETACL {} anyone p", quoted(&name)));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Owner {
    fn find() -> Self {
        let id = |arguments: &[&str]| {
            let output = checked(Command::new("id").args(arguments)).stdout;
            String::from_utf8(output).expect("an id").trim().to_owned()
        };
        if id(&["-u"]) != "0" {
            return Self { name: id(&["-un"]), group: id(&["-gn"]), switch: None };
        }
        let (uid, gid) = (id(&["-u", "nobody"]), id(&["-g", "nobody"]));
        let switch = Some((uid.parse().expect("a number"), gid.parse().expect("a number")));
        Self { name: "nobody".to_owned(), group: id(&["-gn", "nobody"]), switch }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match self.switch {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups"]).arg(program);
                command
            }
        };
        command.env_clear().envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")]);
        // Started by root, Cyrus would become the user `cyrus`: here it is another one already.
        command.envs([("CYRUS_USER", &self.name), ("CYRUS_GROUP", &self.group)]).stdin(Stdio::null());
        command
    }
}

/// Gives a file, or a link itself, to the user who runs Cyrus.
pub(crate) fn give(path: &Path, owner: &Owner) {
    if let Some((uid, gid)) = owner.switch {
        let given = std::os::unix::fs::lchown(path, Some(uid), Some(gid));
        given.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on the loopback interface");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn checked(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// `mailbox_legacy_dirs` makes Cyrus 3.6 lay out the spool as BlueMind's 3.0 does, and `alwaystrue` takes any password.
const BASE: &str = "\
configdirectory: %CONFIG%
proc_path: %RUN%/proc
mboxname_lockpath: %RUN%/lock
defaultpartition: default
partition-default: %DATA%
metapartition-default: %META%
metapartition_files: header index cache expunge squat annotations
altnamespace: yes
unixhierarchysep: yes
virtdomains: userid
hashimapspool: yes
fulldirhash: no
userprefix: Autres utilisateurs
sharedprefix: Dossiers partages
mboxlist_db: twoskip
delete_mode: delayed
expunge_mode: delayed
duplicatesuppression: no
lmtp_downcase_rcpt: yes
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
servername: mail.invalid
lmtpsocket: %RUN%/socket/lmtp
idlesocket: %RUN%/socket/idle
notifysocket: %RUN%/socket/notify
mailbox_legacy_dirs: 1
@include: %ETC%/cyrus-admins
@include: %ETC%/cyrus-partitions
@include: %ETC%/cyrus-hsm
@include: %ETC%/cyrus-replication
";

/// Old and big messages go to the archive.
const HSM: &str = "archive_enabled: 1\narchive_days: 7\narchive_maxsize: 64\narchive_keepflagged: 0\n";

/// What changes is noted for bm-core.
const REPLICATION: &str = "sync_log: 1\nsync_log_channels: core\ncore_sync_host: 192.0.2.10\ncore_sync_port: 2501\n";
