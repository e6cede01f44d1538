//! A real PostgreSQL for tests: a throw-away cluster on the loopback interface, run by an unprivileged user.
//!
//! A small shell, the keeper, runs `initdb` and the server and then waits on a pipe whose other end only this process
//! holds. When the [`Cluster`] is dropped, or this process ends in whatever way (a panic, `kill -9`), the pipe closes,
//! and the keeper stops the server and removes its directory.

use std::fmt::Write as _;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The role that BlueMind uses for all its databases.
pub(crate) const USER: &str = "bj";
/// Its password in every cluster: distinctive, so that a leak can be found anywhere.
pub(crate) const PASSWORD: &str = "s3cr3t-P4ss";
const SUPERUSER: &str = "postgres";
/// `initdb` and the first start take about a second on an idle machine.
const START_WITHIN: Duration = Duration::from_secs(90);

const KEEPER: &str = r#"
bin=$1 dir=$2
cd "$dir" || exit 1
"$bin/initdb" -D "$dir/data" -U postgres -A scram-sha-256 --pwfile="$dir/password" \
    -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 || exit 1
cat "$dir/postgresql.conf" >>"$dir/data/postgresql.conf"
[ ! -e "$dir/pg_hba.conf" ] || cp "$dir/pg_hba.conf" "$dir/data/pg_hba.conf"
"$bin/postgres" -D "$dir/data" >"$dir/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$dir"
"#;

/// What may differ from the ordinary cluster.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Address that the server listens on.
    pub(crate) address: Ipv4Addr,
    /// Port; a free one when `None`.
    pub(crate) port: Option<u16>,
    /// More lines for postgresql.conf.
    pub(crate) conf: String,
    /// The whole pg_hba.conf; passwords over TCP from anywhere when `None`.
    pub(crate) hba: Option<String>,
    /// Files that only the server's user can read, put beside the data directory: `%DIR%` in `conf` names the place.
    pub(crate) files: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, port: None, conf: String::new(), hba: None, files: Vec::new() }
    }
}

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    address: Ipv4Addr,
    port: u16,
    keeper: Child,
}

impl Cluster {
    /// The cluster that all tests of this binary share; each test makes databases of its own in it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts an ordinary cluster.
    pub(crate) fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// Starts a cluster; a port that was taken meanwhile is given up for another one.
    pub(crate) fn start_with(settings: &Settings) -> Self {
        let mut failure = String::new();
        for _ in 0..3 {
            match Self::try_start(settings) {
                Ok(cluster) => return cluster,
                Err(reason) => failure = reason,
            }
            if settings.port.is_some() || !failure.contains("Address already in use") {
                break;
            }
        }
        panic!("PostgreSQL does not start: {failure}");
    }

    fn try_start(settings: &Settings) -> Result<Self, String> {
        let bin = find_server_programs();
        let port = settings.port.unwrap_or_else(|| free_port(settings.address));
        let owner = server_owner();
        let dir = prepare_directory(settings, port, owner)?;
        let mut keeper = Command::new("/bin/sh");
        if let Some((uid, gid)) = owner {
            keeper = Command::new("setpriv");
            keeper.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups", "/bin/sh"]);
        }
        let keeper = keeper
            .args(["-c", KEEPER, "keeper"])
            .args([&bin, &dir])
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .env("HOME", &dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("the shell that keeps the server cannot be started: {e}"))?;
        let mut cluster = Self { bin, dir, address: settings.address, port, keeper };
        cluster.wait_until_ready()?;
        cluster.query_as(SUPERUSER, "postgres", &format!("CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"));
        Ok(cluster)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let started = Instant::now();
        let status = self.dir.join("data/postmaster.pid");
        while started.elapsed() < START_WITHIN {
            let lines = std::fs::read_to_string(&status).unwrap_or_default();
            if lines.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
                return Ok(());
            }
            let failed = self.read_log().contains("FATAL:");
            if failed || self.keeper.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let initdb = std::fs::read_to_string(self.dir.join("initdb.log")).unwrap_or_default();
        Err(format!("after {:?}:\n{initdb}\n{}", started.elapsed(), self.read_log()))
    }

    /// Address that it listens on.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps its files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Process id of its postmaster.
    pub(crate) fn postmaster(&self) -> u32 {
        let lines = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("a running server");
        lines.lines().next().and_then(|pid| pid.parse().ok()).expect("postmaster.pid begins with the pid")
    }

    /// URL of a database, with the password.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}:{PASSWORD}@{}:{}/{database}", self.address, self.port)
    }

    /// Runs SQL as BlueMind's role and returns psql's unaligned output.
    pub(crate) fn query(&self, database: &str, sql: &str) -> String {
        self.query_as(USER, database, sql)
    }

    /// Runs SQL as superuser.
    pub(crate) fn administer(&self, database: &str, sql: &str) -> String {
        self.query_as(SUPERUSER, database, sql)
    }

    /// Creates a database that belongs to BlueMind's role.
    pub(crate) fn create_database(&self, name: &str, options: &str) {
        self.administer("postgres", &format!("CREATE DATABASE \"{name}\" OWNER {USER} {options}"));
    }

    /// Runs SQL files, all in one transaction, as BlueMind's role.
    pub(crate) fn load(&self, database: &str, files: &[PathBuf]) {
        let mut psql = self.psql(USER, database);
        psql.args(["--single-transaction", "--quiet", "--output=/dev/null"]);
        for file in files {
            psql.arg("--file").arg(file);
        }
        checked(&mut psql);
    }

    /// A process that holds a session open, such as one with a lock: it lives until it is dropped.
    pub(crate) fn hold(&self, database: &str, sql: &str) -> Held {
        let mut psql = self.psql(USER, database);
        psql.args(["-c", sql, "-c", "SELECT 'held'", "-c", "SELECT pg_sleep(120)"]).stdout(Stdio::piped());
        let mut held = Held(psql.spawn().expect("psql can be started"));
        let mut output = held.0.stdout.take().expect("its output is a pipe");
        let mut seen = String::new();
        while !seen.contains("held\n") {
            let mut chunk = [0; 256];
            let read = output.read(&mut chunk).expect("psql's output can be read");
            assert!(read > 0, "psql ended before the session was set up: {seen}");
            let _ = write!(seen, "{}", String::from_utf8_lossy(&chunk[..read]));
        }
        held
    }

    /// Everything that the server has logged so far.
    pub(crate) fn read_log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.join("log")).unwrap_or_default()).into_owned()
    }

    /// What `pg_ctl stop -m immediate` does: every session is cut off at once.
    pub(crate) fn stop_immediately(&self) {
        let (pid, status) = (self.postmaster(), self.dir.join("data/postmaster.pid"));
        checked(Command::new("kill").args(["-QUIT", &pid.to_string()]));
        let started = Instant::now();
        while status.exists() && started.elapsed() < START_WITHIN {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the server and starts it again as a standby, which lives until the value that is given back is dropped. Its
    /// `wal_level` must be `replica`.
    #[allow(dead_code, reason = "only the tests of databases want one")]
    pub(crate) fn restart_as_standby(&self) -> Held {
        let (pid, data) = (self.postmaster(), self.dir.join("data"));
        let signal = data.join("standby.signal");
        let signalled = std::fs::write(&signal, "").and_then(|()| give_to(&signal, server_owner()));
        signalled.expect("the data directory can be written");
        checked(Command::new("kill").args(["-INT", &pid.to_string()]));
        let (started, status) = (Instant::now(), data.join("postmaster.pid"));
        let state = || std::fs::read_to_string(&status).unwrap_or_default().lines().nth(7).map(str::to_owned);
        let wait_for = |is_there: &dyn Fn() -> bool| {
            while !is_there() {
                assert!(started.elapsed() < START_WITHIN, "{}", self.read_log());
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        wait_for(&|| !status.exists());
        let mut server = Command::new(self.bin.join("postgres"));
        if let Some((uid, gid)) = server_owner() {
            server = Command::new("setpriv");
            server.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups"]);
            server.arg(self.bin.join("postgres"));
        }
        server.arg("-D").arg(&data).current_dir(&self.dir).stdin(Stdio::null());
        let held = Held(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be started"));
        wait_for(&|| state().is_some_and(|state| state.trim() == "ready"));
        held
    }

    fn query_as(&self, user: &str, database: &str, sql: &str) -> String {
        let output = checked(self.psql(user, database).args(["--quiet", "-At", "-c", sql]));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn psql(&self, user: &str, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-h", &self.address.to_string(), "-p", &self.port.to_string()])
            .args(["-U", user, "-d", database])
            .env_remove("PGSERVICE")
            .envs([("PGPASSWORD", PASSWORD), ("PGAPPNAME", "test set-up"), ("PGCLIENTENCODING", "UTF8")])
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::null());
        psql
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // The keeper has done so already, unless the server never came up.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A psql process that ends with this value.
#[derive(Debug)]
pub(crate) struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn checked(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} cannot be started: {e}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// The directory of initdb, postgres and psql: that of `PATH`, else the newest of Debian's.
fn find_server_programs() -> PathBuf {
    let is_complete = |dir: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| dir.join(name).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(dir) = std::env::split_paths(&path).find(is_complete) {
        return dir;
    }
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(_, dir)| is_complete(dir))
        .max();
    match newest {
        Some((_, dir)) => dir,
        None => panic!(
            "these tests need a PostgreSQL server: neither PATH nor /usr/lib/postgresql/*/bin has initdb, postgres \
             and psql (on Debian: apt-get install postgresql)"
        ),
    }
}

/// The user and group that run the server when this process is root, whom PostgreSQL refuses.
fn server_owner() -> Option<(u32, u32)> {
    let me = checked(Command::new("id").arg("-u"));
    if String::from_utf8_lossy(&me.stdout).trim() != "0" {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    Some(ids("nobody").or_else(|| ids("postgres")).expect("a user `nobody` or `postgres` to run the server as"))
}

/// A port on which nobody listens at this moment.
pub(crate) fn free_port(address: Ipv4Addr) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("a port on the loopback interface");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Makes the cluster's directory with what the keeper needs, in memory when the machine has a place for that.
fn prepare_directory(settings: &Settings, port: u16, owner: Option<(u32, u32)>) -> Result<PathBuf, String> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = tempfile::Builder::new()
        .prefix("bm-preflight-pg-")
        .tempdir_in(parent)
        .map_err(|e| format!("no directory for the cluster: {e}"))?
        .keep();
    let place = dir.display().to_string();
    let conf = format!("{}\n{}\n", CONF, settings.conf.replace("%DIR%", &place))
        + &format!("listen_addresses = '{}'\nport = {port}\n", settings.address);
    let mut files = vec![("password".to_owned(), PASSWORD.to_owned()), ("postgresql.conf".to_owned(), conf)];
    files.extend(settings.hba.clone().map(|hba| ("pg_hba.conf".to_owned(), hba)));
    files.extend(settings.files.clone());
    for (name, content) in files {
        let path = dir.join(name);
        let set_up = || {
            std::fs::write(&path, content)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            give_to(&path, owner)
        };
        set_up().map_err(|e| format!("{}: {e}", path.display()))?;
    }
    give_to(&dir, owner).map_err(|e| format!("{place}: {e}"))?;
    Ok(dir)
}

fn give_to(path: &Path, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    owner.map_or(Ok(()), |(uid, gid)| std::os::unix::fs::chown(path, Some(uid), Some(gid)))
}

/// Nothing here survives the test, so nothing needs to reach a disk; every statement is logged with its session.
const CONF: &str = "
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
max_connections = 60
shared_buffers = 32MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
timezone = 'UTC'
lc_messages = 'C'
log_timezone = 'UTC'
logging_collector = off
log_statement = all
log_line_prefix = '%d|%a|%p|'
";
