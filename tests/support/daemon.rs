//! Servers that packages bring, started for a test on ports of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server process; it ends with its test, whatever becomes of that.
#[derive(Debug)]
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts it in the foreground and waits until it accepts connections at every address.
    pub(crate) fn start(program: &str, arguments: &[&str], ready: &[SocketAddr]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]).args(arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect(program);
        let mut daemon = Self(child);
        let end = Instant::now() + Duration::from_secs(20);
        while !ready.iter().all(|address| TcpStream::connect(address).is_ok()) {
            assert!(daemon.0.try_wait().expect(program).is_none(), "{program} ended");
            assert!(Instant::now() < end, "{program} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody uses now.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}
