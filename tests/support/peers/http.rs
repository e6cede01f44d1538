//! HTTP servers: BlueMind's answer, those of others, and those that nobody should give.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::socket::Peer;
use super::tls::{self, Tls};

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `GET /autodiscover/autodiscover.xml?bmpf=… HTTP/1.1`.
    pub(crate) line: String,
    /// As sent, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// A header, by its name in lower case; empty when it was not sent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes one by one, with a pause after each.
    Slow(Vec<u8>, Duration),
    /// These bytes, then others one by one without end, with a pause after each.
    SlowBody(Vec<u8>, Duration),
    /// These bytes, then as many more.
    Flood(Vec<u8>, u64),
    /// Nothing: the connection stays open.
    Silence,
}

impl Response {
    /// A status line, headers and a body; the length is added.
    pub(crate) fn new(status: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        Self::Bytes(head.into_bytes())
    }

    /// BlueMind's answer to those who give no password.
    pub(crate) fn bluemind() -> Self {
        let challenge = "Basic realm=\"bm.basic.auth.v2\", charset=\"UTF-8\"";
        Self::new("401 Unauthorized", &[("Server", "nginx"), ("WWW-Authenticate", challenge)], "")
    }

    /// The page of BlueMind's nginx when bm-mapi does not run.
    pub(crate) fn bluemind_error_page() -> Self {
        let page = "<html><head><title>BlueMind</title></head><body>The service is not available</body></html>";
        Self::new("502 Bad Gateway", &[("Server", "nginx"), ("Content-Type", "text/html")], page)
    }

    /// That of an Exchange server.
    pub(crate) fn exchange() -> Self {
        let headers = [
            ("Server", "Microsoft-IIS/10.0"),
            ("request-id", "0f4d8d2e-3f0c-4d39-9c0e-111111111111"),
            ("X-FEServer", "EX01"),
            ("WWW-Authenticate", "Negotiate"),
            ("WWW-Authenticate", "NTLM"),
            ("WWW-Authenticate", "Basic realm=\"mail.exchange.test\""),
        ];
        Self::new("401 Unauthorized", &headers, "")
    }

    /// That of a web server without such a page.
    pub(crate) fn not_found() -> Self {
        let page = "<html><head><title>404 Not Found</title></head><body><center>nginx</center></body></html>";
        Self::new("404 Not Found", &[("Server", "nginx"), ("Content-Type", "text/html")], page)
    }

    /// A redirect.
    pub(crate) fn redirect(to: &str) -> Self {
        Self::new("302 Found", &[("Location", to)], "")
    }

    /// An autodiscover answer with an error.
    pub(crate) fn autodiscover_error(code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/\
             responseschema/2006\"><Response><Error Time=\"12:00:00\" Id=\"1\"><ErrorCode>{code}</ErrorCode><Message>Invalid \
             Request</Message></Error></Response></Autodiscover>"
        );
        Self::new("200 OK", &[("Content-Type", "text/xml; charset=utf-8")], &body)
    }

    /// Headers without end, one byte in 100 ms.
    pub(crate) fn slow_headers() -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nX-Slow: {}\r\n\r\n", "x".repeat(10_000));
        Self::Slow(head.into_bytes(), Duration::from_millis(100))
    }

    /// BlueMind's answer, with a body without end, one byte in 100 ms.
    pub(crate) fn slow_body() -> Self {
        let head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"bm.basic.auth\"\r\n\r\n";
        Self::SlowBody(head.into(), Duration::from_millis(100))
    }

    /// A page of 200 MB.
    pub(crate) fn huge_body() -> Self {
        Self::Flood(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 200000000\r\n\r\n".to_vec(),
            200_000_000,
        )
    }

    /// A million headers.
    pub(crate) fn header_bomb() -> Self {
        let head = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Bomb: xxxxxxxxxxxxxxxx\r\n".repeat(1_000_000));
        Self::Bytes(head.into_bytes())
    }

    fn status(&self) -> &str {
        let bytes = match self {
            Self::Bytes(bytes) | Self::Slow(bytes, _) | Self::SlowBody(bytes, _) | Self::Flood(bytes, _) => bytes,
            Self::Silence => return "499",
        };
        bytes.get(9..12).and_then(|status| std::str::from_utf8(status).ok()).unwrap_or("000")
    }

    fn write(&self, stream: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::Bytes(bytes) => stream.write_all(bytes)?,
            Self::Slow(bytes, pause) => bytes.iter().try_for_each(|byte| slowly(stream, *byte, *pause))?,
            Self::SlowBody(head, pause) => {
                stream.write_all(head)?;
                stream.flush()?;
                // Longer than any test.
                (0..6000).try_for_each(|_| slowly(stream, b'x', *pause))?;
            }
            Self::Flood(head, length) => {
                stream.write_all(head)?;
                std::io::copy(&mut std::io::repeat(b'x').take(*length), stream)?;
            }
            Self::Silence => std::thread::sleep(Duration::from_secs(60)),
        }
        stream.flush()
    }
}

fn slowly(stream: &mut impl Write, byte: u8, pause: Duration) -> std::io::Result<()> {
    stream.write_all(&[byte])?;
    stream.flush()?;
    std::thread::sleep(pause);
    Ok(())
}

type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// A site that is to be served.
pub(crate) struct Site {
    handler: Box<Handler>,
    tls: Option<Tls>,
    access_log: Option<PathBuf>,
}

impl Site {
    /// Answers what the handler says.
    pub(crate) fn new(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self { handler: Box::new(handler), tls: None, access_log: None }
    }

    /// Answers the same to everything.
    pub(crate) fn always(response: Response) -> Self {
        Self::new(move |_| response.clone())
    }

    /// Serves https.
    pub(crate) fn behind(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Writes a line for each request, as BlueMind's nginx does.
    pub(crate) fn logging_to(self, path: &Path) -> Self {
        Self { access_log: Some(path.to_owned()), ..self }
    }

    /// Starts it on a free port of 127.0.0.1.
    pub(crate) fn start(self) -> Server {
        self.start_on(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Starts it on a free port of an address of this machine.
    pub(crate) fn start_on(self, address: IpAddr) -> Server {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, config) = (Arc::clone(&requests), self.tls.clone().map(Tls::config));
        let peer = Peer::start_on(address, move |stream| {
            let from = stream.peer_addr();
            let done = match &config {
                Some(config) => self.answer(tls::secured(stream, config), &seen),
                None => self.answer(stream, &seen),
            };
            if let (Some(path), Ok(from), Some((request, status))) = (&self.access_log, from, done) {
                log(path, from, &request, &status);
            }
        });
        let peer = peer.unwrap();
        Server { address: peer.address, peer, requests }
    }

    /// Answers one request; what it was and its status.
    fn answer(&self, stream: impl Read + Write, seen: &Mutex<Vec<Request>>) -> Option<(Request, String)> {
        let mut stream = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let headers = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let request = Request { line: lines.first()?.clone(), headers };
        seen.lock().unwrap().push(request.clone());
        let response = (self.handler)(&request);
        // A client that has seen enough closes: that is no failure of a test.
        drop(response.write(stream.get_mut()));
        Some((request, response.status().to_owned()))
    }
}

/// `bm-access-log.conf` of BlueMind.
#[allow(clippy::disallowed_methods, reason = "a server has a clock of its own")]
fn log(path: &Path, from: SocketAddr, request: &Request, status: &str) {
    let now = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let (line, agent) = (&request.line, request.header("user-agent"));
    let from = from.ip();
    let entry =
        format!("{from} - - [{now}] \"{line}\" {status} 0 \"-\" \"{agent}\" rt=0.001 uct=\"0.000\" urt=\"0.001\"\n");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(entry.as_bytes()).unwrap();
}

/// A site that is served until it is dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its connections.
    pub(crate) peer: Peer,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// What it was asked until now.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answers as BlueMind does.
pub(crate) fn bluemind() -> Site {
    Site::always(Response::bluemind())
}

/// Answers as BlueMind does, its home page included, which leads to the one where people log in (login.xml of
/// net.bluemind.webmodule.loginapp).
pub(crate) fn bluemind_with_pages() -> Site {
    Site::new(|request| match request.path() {
        "/" => Response::redirect("/login/index.html"),
        "/login/index.html" => {
            let page = "<!DOCTYPE html><html><img alt=\"BlueMind\"><form></form></html>";
            Response::new("200 OK", &[("Content-Type", "text/html")], page)
        }
        _ => Response::bluemind(),
    })
}

/// Answers as Exchange does.
pub(crate) fn exchange() -> Site {
    Site::always(Response::exchange())
}

/// Elasticsearch, in the words of its reference of 6.8: how its shards are, and the version that made each index.
pub(crate) fn elasticsearch(status: &'static str, created: u32) -> Site {
    Site::new(move |request| {
        let body = match request.path() {
            "/" => r#"{"name":"bm","cluster_name":"bluemind-CLUSTER","version":{"number":"6.8.6","lucene_version":"7.7.2"},"tagline":"You Know, for Search"}"#.to_owned(),
            "/_cluster/health" => {
                let unassigned = if status == "green" { 0 } else { 25 };
                format!(r#"{{"cluster_name":"bluemind-CLUSTER","status":"{status}","timed_out":false,"number_of_nodes":1,"number_of_data_nodes":1,"unassigned_shards":{unassigned}}}"#)
            }
            "/_all/_settings/index.version.created" => {
                let index = |name: &str| format!(r#""{name}":{{"settings":{{"index":{{"version":{{"created":"{created}"}}}}}}}}"#);
                format!("{{{},{}}}", index("mailspool_1"), index("contact"))
            }
            _ => return Response::not_found(),
        };
        Response::new("200 OK", &[("content-type", "application/json; charset=UTF-8")], &body)
    })
}

/// Has no such page.
pub(crate) fn not_found() -> Site {
    Site::always(Response::not_found())
}

/// Sends everybody to `to`.
pub(crate) fn redirect(to: &str) -> Site {
    Site::always(Response::redirect(to))
}
