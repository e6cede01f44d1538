//! The little of IMAP and LMTP that fills a Cyrus. A command goes out in one write: two would wait for each other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// A connection of either protocol.
#[derive(Debug)]
struct Line(BufReader<TcpStream>);

impl Line {
    fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn read(&mut self) -> std::io::Result<String> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("Cyrus takes what is sent");
    }
}

/// Whether a server greets in that way.
pub(crate) fn answers(port: u16, greeting: &str) -> bool {
    Line::connect(port).and_then(|mut line| line.read()).is_ok_and(|read| read.starts_with(greeting))
}

/// A quoted string.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A session of IMAP.
#[derive(Debug)]
pub(crate) struct Imap {
    line: Line,
    commands: u32,
}

impl Imap {
    /// Any password will do.
    pub(crate) fn login(port: u16, login: &str) -> Self {
        let mut line = Line::connect(port).expect("Cyrus listens");
        line.read().expect("Cyrus greets");
        let mut imap = Self { line, commands: 0 };
        imap.run(&format!("LOGIN {} any", quoted(login)));
        imap
    }

    /// Sends a command; the answer's last line is `OK …`, `NO …` or `BAD …`.
    pub(crate) fn send(&mut self, command: &[u8]) -> String {
        self.commands += 1;
        let tag = format!("t{} ", self.commands);
        self.line.write(&[tag.as_bytes(), command, b"\r\n"].concat());
        loop {
            let line = self.line.read().unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(command)));
            if let Some(answer) = line.strip_prefix(&tag) {
                return answer.to_owned();
            }
        }
    }

    /// Carries out a command that must succeed.
    pub(crate) fn run(&mut self, command: &str) {
        let answer = self.send(command.as_bytes());
        assert!(answer.starts_with("OK"), "{command}: {answer}");
    }

    /// Creates a folder.
    pub(crate) fn create(&mut self, name: &str) {
        self.run(&format!("CREATE {}", quoted(name)));
    }

    /// Creates a mailbox on a partition.
    pub(crate) fn create_on(&mut self, name: &str, partition: &str) {
        self.run(&format!("CREATE {} {partition}", quoted(name)));
    }

    /// Gives the administrator every right on a mailbox.
    pub(crate) fn allow(&mut self, name: &str) {
        self.run(&format!("SETACL {} admin0 lrswipkxtecda", quoted(name)));
    }

    /// Puts a message into a folder. `attributes` are flags and a date.
    pub(crate) fn append(&mut self, folder: &str, attributes: &str, message: &[u8]) {
        let attributes = if attributes.is_empty() { String::new() } else { format!("{attributes} ") };
        let command = format!("APPEND {} {attributes}{{{}+}}\r\n", quoted(folder), message.len());
        let answer = self.send(&[command.as_bytes(), message].concat());
        assert!(answer.starts_with("OK"), "{command}: {answer}");
    }

    /// Marks messages of a folder as deleted and expunges them.
    pub(crate) fn expunge(&mut self, folder: &str, messages: &str) {
        self.run(&format!("SELECT {}", quoted(folder)));
        self.run(&format!("STORE {messages} +FLAGS.SILENT (\\Deleted)"));
        self.run("EXPUNGE");
        self.run("UNSELECT");
    }
}

/// A session of LMTP.
#[derive(Debug)]
pub(crate) struct Lmtp(Line);

impl Lmtp {
    pub(super) fn connect(port: u16) -> Self {
        let mut line = Line::connect(port).expect("Cyrus listens");
        line.read().expect("Cyrus greets");
        let mut lmtp = Self(line);
        lmtp.command("LHLO test", "250");
        lmtp
    }

    /// Delivers a message, once for each recipient.
    pub(crate) fn deliver(&mut self, recipients: &[&str], message: &[u8]) {
        self.command("MAIL FROM:<sender@example.invalid>", "250");
        for recipient in recipients {
            self.command(&format!("RCPT TO:<{recipient}>"), "250");
        }
        self.command("DATA", "354");
        self.0.write(&[message, b".\r\n"].concat());
        for _ in recipients {
            self.expect("250");
        }
    }

    fn command(&mut self, command: &str, code: &str) {
        self.0.write(format!("{command}\r\n").as_bytes());
        self.expect(code);
    }

    fn expect(&mut self, code: &str) {
        loop {
            let line = self.0.read().expect("Cyrus answers");
            if line.as_bytes().get(3) != Some(&b'-') {
                assert!(line.starts_with(code), "{line}");
                return;
            }
        }
    }
}

/// A message like no other; `padding` bytes make it big.
pub(crate) fn message(seed: &str, padding: usize) -> Vec<u8> {
    let mut message = format!(
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: {seed}\r\nMessage-ID: <{}@lab.invalid>\r\n\
         Date: Mon, 01 Jul 2019 10:00:00 +0000\r\n\r\nThis is {seed}.\r\n",
        seed.replace(|c: char| !c.is_ascii_alphanumeric(), ".")
    );
    message.push_str(&format!("{}\r\n", "x".repeat(70)).repeat(padding / 72));
    message.into_bytes()
}
