//! A real sshd for tests, that stands for one server of an installation.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, free};

/// A server that is reached by ssh: what is collected on it reads a tree and a configuration of its own.
#[derive(Debug)]
pub(crate) struct Sshd {
    /// The address of the installation that it stands for.
    pub(crate) stands_for: String,
    /// Where it listens.
    address: SocketAddr,
    folder: PathBuf,
    daemon: Option<Daemon>,
}

/// Commands are carried out as they come, but for the place of the files. Its temporary files have a place of their own.
const ENTER: &str = r#"
printf '%s\n' "$SSH_ORIGINAL_COMMAND" | tail -n 1 >>FOLDER/commands
export TMPDIR=FOLDER/tmp
eval "$(printf '%s\n' "$SSH_ORIGINAL_COMMAND" | sed 's# collect # collect --root ROOT --config CONFIG #')"
"#;

const CONF: &str = "
ListenAddress ADDRESS
HostKey FOLDER/host_key
AuthorizedKeysFile KEY.pub
ForceCommand /bin/sh FOLDER/enter
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
";

impl Sshd {
    /// Starts one in a folder of its own, for who has the key (`key_pair`).
    pub(crate) fn start(folder: &Path, stands_for: &str, root: &Path, config: &Path, key: &Path) -> Self {
        std::fs::create_dir_all(folder.join("tmp")).expect("a folder");
        key_pair(&folder.join("host_key"));
        // As root it wants a place where it has nothing to lose.
        let _ = std::fs::create_dir_all("/run/sshd");
        let address = free();
        let fill = |text: &str| {
            let text = text.replace("ADDRESS", &address.to_string()).replace("KEY", &key.display().to_string());
            let text = text.replace("ROOT", &root.display().to_string());
            text.replace("CONFIG", &config.display().to_string()).replace("FOLDER", &folder.display().to_string())
        };
        std::fs::write(folder.join("enter"), fill(ENTER)).expect("it can be written");
        let conf = folder.join("sshd_config");
        std::fs::write(&conf, fill(CONF)).expect("it can be written");
        let conf = conf.display().to_string();
        let daemon = Daemon::start("/usr/sbin/sshd", &["-D", "-E", "/dev/null", "-f", &conf], &[address]);
        Self { stands_for: stands_for.to_owned(), address, folder: folder.to_owned(), daemon: Some(daemon) }
    }

    /// Nobody listens there any more.
    pub(crate) fn stop(&mut self) {
        self.daemon = None;
    }

    /// The last line of each command that came.
    pub(crate) fn commands(&self) -> String {
        std::fs::read_to_string(self.folder.join("commands")).unwrap_or_default()
    }

    /// What is left there: files, and processes that were started from them.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let place = self.folder.join("tmp");
        let names = |folder: &Path| -> Vec<PathBuf> {
            std::fs::read_dir(folder).map_or_else(|_| Vec::new(), |all| all.flatten().map(|e| e.path()).collect())
        };
        let runs_there = |process: &PathBuf| {
            let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&*place.to_string_lossy())
        };
        let processes = names(Path::new("/proc")).into_iter().filter(runs_there);
        names(&place).into_iter().chain(processes).map(|path| path.display().to_string()).collect()
    }
}

/// Makes a key without a passphrase.
pub(crate) fn key_pair(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode can be set");
}

/// A configuration of ssh that leads to these servers, and knows them.
pub(crate) fn client(folder: &Path, key: &Path, servers: &[&Sshd]) -> PathBuf {
    let (known, config) = (folder.join("known_hosts"), folder.join("ssh_config"));
    let (mut keys, mut text) = (String::new(), String::new());
    for server in servers {
        let public = std::fs::read_to_string(server.folder.join("host_key.pub")).expect("a public key");
        let port = server.address.port();
        keys.push_str(&format!("[127.0.0.1]:{port} {public}"));
        text.push_str(&format!("Host {}\n HostName 127.0.0.1\n Port {port}\n", server.stands_for));
    }
    text.push_str(&format!(
        "Host *\n IdentityFile {}\n IdentitiesOnly yes\n UserKnownHostsFile {}\n GlobalKnownHostsFile /dev/null\n",
        key.display(),
        known.display()
    ));
    std::fs::write(known, keys).expect("it can be written");
    std::fs::write(&config, text).expect("it can be written");
    config
}
