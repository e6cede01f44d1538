//! An HTTP request without credentials, and where its redirects lead: each is followed by hand, one address at a time.

use std::collections::HashSet;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::header::{HOST, HeaderValue, LOCATION, SERVER};
use reqwest::{Client, Response, Url};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::answer::{self, Reply};
use super::peers::{Peers, milliseconds};
use super::recorder::Recorder;
use super::trace::{Hop, Probe};
use super::words::{BodyEnd, HopOutcome, Method, Spelling};
use crate::collect::reach::failure::{Cause, Failure, shown};
use crate::collect::reach::web;

/// How much of a body is read: the longest autodiscover answers have a few thousand bytes.
const MAX_BODY: usize = 64 << 10;
/// Redirects that are followed: Outlook stops after as many (Microsoft's page of the element RedirectUrl of POX).
const MAX_REDIRECTS: usize = 10;
/// The path of the https methods ([MS-OXDSCLI] 3.2.5), as Outlook asks for it.
const LOWER: &str = "/autodiscover/autodiscover.xml";
/// The path of the http redirect method ([MS-OXDISCO], "Locations found by HTTP redirect").
const CAPITAL: &str = "/Autodiscover/Autodiscover.xml";
/// The parameter that carries the token of the run.
const PARAMETER: &str = "bmpf";

/// What to ask for.
pub(super) struct Request<'a> {
    /// What a client would try.
    pub method: Method,
    /// How the path is spelt.
    pub spelling: Spelling,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host of the URL, in A-labels.
    pub host: &'a str,
    /// Port of the URL.
    pub port: u16,
    /// The address to connect to.
    pub address: IpAddr,
    /// What tells this request from all others in an access log.
    pub token: String,
}

/// A request as it goes out.
struct Asked<'a> {
    /// Without the token.
    url: &'a Url,
    address: IpAddr,
    is_loopback: bool,
    /// The token of this very hop: it is the one that goes out.
    token: String,
    /// The token of the probe, which the hop before may have told.
    told: &'a str,
}

impl Asked<'_> {
    /// A text of the other side without any token.
    fn cleaned(&self, text: &str) -> String {
        without_token(&without_token(text, &self.token), self.told)
    }
}

/// The token of a hop. Each has its own: that the first server was ours says nothing of the one that it leads to.
pub(super) fn token_of_hop(token: &str, hop: usize) -> String {
    if hop == 0 { token.to_owned() } else { format!("{token}-{hop:02}") }
}

impl Peers {
    /// Asks, and follows redirects; `resolve` finds the addresses of the host of a redirect.
    pub(super) async fn probe<R, F>(&self, request: Request<'_>, resolve: R) -> Probe
    where
        R: Fn(String) -> F,
        F: Future<Output = Vec<IpAddr>>,
    {
        let mut hops = Vec::new();
        let mut visited = HashSet::new();
        let mut next = match first_url(&request) {
            Ok(url) => Some((url, Some(request.address))),
            Err(hop) => {
                hops.push(*hop);
                None
            }
        };
        while let Some((url, address)) = next.take() {
            visited.insert(url.to_string());
            let Some(address) = address else {
                hops.push(failed(&url, None, HopOutcome::Unresolved, "the host has no address".to_owned()));
                break;
            };
            let is_loopback = request.method == Method::Loopback && hops.is_empty();
            let token = token_of_hop(&request.token, hops.len());
            let asked = Asked { url: &url, address, is_loopback, token, told: &request.token };
            let (mut hop, location) = self.ask(&asked).await;
            if hop.status.is_some_and(answer::is_redirect) {
                match redirect(&asked, location.as_ref(), &visited, hops.len()) {
                    Ok(url) => {
                        let address = address_of(&url, &resolve).await;
                        next = Some((url, address));
                    }
                    Err((outcome, why)) => (hop.outcome, hop.detail) = (outcome, Some(why)),
                }
            }
            hops.push(hop);
        }
        Probe { method: request.method, spelling: request.spelling, token: request.token, hops, proofs: Vec::new() }
    }

    /// One request and its answer, and the Location as it was sent.
    async fn ask(&self, asked: &Asked<'_>) -> (Hop, Option<HeaderValue>) {
        let host = host_of(asked.url);
        let port = asked.url.port_or_known_default().unwrap_or_default();
        let target = self.target(&host, asked.address, port, asked.is_loopback);
        let turn = self.turn(target).await;
        let start = Instant::now();
        let answered = match &turn {
            Ok(_) => self.exchange(asked, target, start).await,
            Err(failure) => Err(failure.clone()),
        };
        if turn.is_ok() {
            self.note_request(target, answered.as_ref().err().map(|failure| failure.cause));
        }
        let (mut hop, location) = answered.unwrap_or_else(|Failure { cause, detail }| {
            (failed(asked.url, Some(asked.address), cause.into(), detail), None)
        });
        drop(turn);
        hop.elapsed_ms = milliseconds(start.elapsed());
        hop.detail = hop.detail.map(|detail| asked.cleaned(&detail));
        (hop, location)
    }

    async fn exchange(
        &self,
        asked: &Asked<'_>,
        target: SocketAddr,
        start: Instant,
    ) -> Result<(Hop, Option<HeaderValue>), Failure> {
        let deadline = start + self.timeout * 2;
        let (recorder, config) = Recorder::new(self.trust.provider(), true)
            .map_err(|error| Failure::new(Cause::Failed, error.to_string()))?;
        let url = connect_url(asked, target)?;
        let client = self.client(config, &url, &asked.token, target).map_err(|error| Failure::of(&error))?;
        let request = client.get(url).header(HOST, authority(asked.url));
        let response = timeout_at(deadline, request.send())
            .await
            .map_err(|_| Failure::new(Cause::Timeout, format!("no answer within {} s", self.timeout.as_secs() * 2)))?
            .map_err(|error| self.failure(&error.without_url(), &recorder))?;
        Ok(answered(asked, response, deadline).await)
    }

    /// A client for one request, to no other address.
    fn client(&self, config: ClientConfig, url: &Url, token: &str, target: SocketAddr) -> reqwest::Result<Client> {
        web::client(&format!("autodiscover probe; {token}"))
            .tls_backend_preconfigured(config)
            .connect_timeout(self.timeout)
            .resolve_to_addrs(url.host_str().unwrap_or_default(), &[target])
            .build()
    }

    /// The time limit of a connection is that of TCP and of TLS together; whether TLS began tells which of them it was.
    fn failure(&self, error: &reqwest::Error, recorder: &Recorder) -> Failure {
        if !error.is_timeout() {
            return Failure::of(error);
        }
        let limit = self.timeout.as_secs();
        if recorder.seen().started {
            Failure::new(Cause::TlsTimeout, format!("no TLS handshake within {limit} s"))
        } else {
            Failure::new(Cause::Timeout, format!("no connection within {limit} s"))
        }
    }
}

/// The first URL; the hop says why there is none.
fn first_url(request: &Request<'_>) -> Result<Url, Box<Hop>> {
    let path = match request.spelling {
        Spelling::Lower => LOWER,
        Spelling::Capital => CAPITAL,
    };
    let host = match request.host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => request.host.to_owned(),
    };
    let text = format!("{}://{host}:{}{path}", request.scheme, request.port);
    let url = Url::parse(&text).map_err(|error| error.to_string());
    // A host of DNS may hold characters that mean something else in a URL.
    let is_host = |url: &Url| url.path() == path && url.username().is_empty() && url.password().is_none();
    url.and_then(|url| if is_host(&url) { Ok(url) } else { Err("no name of a host".to_owned()) }).map_err(|error| {
        Box::new(Hop {
            url: shown(text.as_bytes()),
            host: shown(request.host.as_bytes()),
            ..blank(Some(request.address), HopOutcome::Failed, Some(error))
        })
    })
}

/// What an answer says. The body is read for as long as it is short and in time; what is missing is not held against it.
async fn answered(asked: &Asked<'_>, mut response: Response, deadline: Instant) -> (Hop, Option<HeaderValue>) {
    let body = read_body(&mut response, deadline).await;
    let headers = response.headers();
    let location = headers.get(LOCATION).cloned();
    let towards = location.as_ref().and_then(|to| asked.url.join(std::str::from_utf8(to.as_bytes()).ok()?).ok());
    let towards = towards.as_ref().map(host_of);
    let host = host_of(asked.url);
    let judged = answer::judge(&Reply {
        host: &host,
        status: response.status().as_u16(),
        headers,
        body: &body.bytes,
        is_whole: body.is_whole,
        location_host: towards.as_deref(),
    });
    let text = |value: Option<&HeaderValue>| value.map(|v| asked.cleaned(&shown(v.as_bytes())));
    let hop = Hop {
        status: Some(response.status().as_u16()),
        kind: Some(judged.kind),
        realm: judged.realm.map(|realm| asked.cleaned(&realm)),
        schemes: judged.schemes,
        server: text(headers.get(SERVER)),
        location: text(location.as_ref()),
        error_code: judged.error_code,
        body_bytes: i64::try_from(body.bytes.len()).unwrap_or(i64::MAX),
        body: body.end,
        detail: body.detail,
        ..blank(Some(asked.address), HopOutcome::Answer, None)
    };
    (Hop { url: asked.url.to_string(), host, ..hop }, location)
}

/// The beginning of a body.
struct Body {
    bytes: Vec<u8>,
    /// How far it was read.
    end: BodyEnd,
    /// The other side has nothing more to say.
    is_whole: bool,
    detail: Option<String>,
}

async fn read_body(response: &mut Response, deadline: Instant) -> Body {
    let mut body = Body { bytes: Vec::new(), end: BodyEnd::Complete, is_whole: true, detail: None };
    loop {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = MAX_BODY - body.bytes.len();
                body.bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() > room {
                    return Body { end: BodyEnd::TooLarge, is_whole: false, ..body };
                }
            }
            Ok(Ok(None)) => return body,
            // The other side cut it off: what came is all there is.
            Ok(Err(error)) => {
                let detail = Some(Failure::of(&error.without_url()).detail);
                return Body { end: BodyEnd::CutShort, detail, ..body };
            }
            Err(_) => {
                let detail = Some("the body did not end in time".to_owned());
                return Body { end: BodyEnd::CutShort, is_whole: false, detail, ..body };
            }
        }
    }
}

/// Where a redirect leads, or how and why it ends here. Clients refuse to be led to http, where anybody could answer.
fn redirect(
    asked: &Asked<'_>,
    location: Option<&HeaderValue>,
    visited: &HashSet<String>,
    number: usize,
) -> Result<Url, (HopOutcome, String)> {
    let bad = |why: &str| (HopOutcome::BadRedirect, why.to_owned());
    let location = location.ok_or_else(|| bad("a redirect without a place to go to"))?;
    if location.as_bytes().iter().any(u8::is_ascii_control) {
        return Err(bad("control characters in the Location"));
    }
    let text = std::str::from_utf8(location.as_bytes()).map_err(|_| bad("the Location is no text"))?;
    let text = asked.cleaned(text);
    let mut url = asked.url.join(text.trim()).map_err(|error| bad(&error.to_string()))?;
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(bad("neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("a user in the Location"));
    }
    if is_loopback(&url) {
        return Err(bad("it leads everybody to the own machine"));
    }
    if visited.contains(url.as_str()) {
        return Err((HopOutcome::RedirectLoop, "it leads back to where it has been".to_owned()));
    }
    if url.scheme() == "http" {
        return Err((HopOutcome::PlainHttp, "it leads to http".to_owned()));
    }
    if number >= MAX_REDIRECTS {
        return Err((HopOutcome::TooManyRedirects, format!("more than {MAX_REDIRECTS} redirects")));
    }
    Ok(url)
}

/// Whether a URL names the machine of whoever asks, so that this server would find itself and nobody else would.
fn is_loopback(url: &Url) -> bool {
    let host = host_of(url);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback() || address.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The address of the host of a redirect: IPv4 goes first, as it does where IPv6 is not to be had.
async fn address_of<R, F>(url: &Url, resolve: &R) -> Option<IpAddr>
where
    R: Fn(String) -> F,
    F: Future<Output = Vec<IpAddr>>,
{
    let host = host_of(url);
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let addresses = resolve(host).await;
    addresses.iter().find(|address| address.is_ipv4()).or_else(|| addresses.first()).copied()
}

/// The host of a URL, without the brackets of an IPv6 address and without a final dot.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_owned()
}

/// Host and port as the Host header names them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The URL for the HTTP client: the port is that of the connection, for a port in the URL goes before that of an address;
/// a final dot would have the host looked up after all; an address in the URL would be connected to.
fn connect_url(asked: &Asked<'_>, target: SocketAddr) -> Result<Url, Failure> {
    let fail = || Failure::new(Cause::Failed, "no such URL");
    let mut url = asked.url.clone();
    let host = host_of(asked.url);
    if host.parse::<IpAddr>().is_ok() {
        url.set_ip_host(target.ip()).map_err(|()| fail())?;
    } else {
        url.set_host(Some(&host)).map_err(|error| Failure::new(Cause::Failed, error.to_string()))?;
    }
    url.set_port(Some(target.port())).map_err(|()| fail())?;
    url.query_pairs_mut().append_pair(PARAMETER, &asked.token);
    Ok(url)
}

/// A text without the token, and without the parameter that carried it: it differs from run to run, and would let a
/// report show requests that others can make up.
fn without_token(text: &str, token: &str) -> String {
    if token.is_empty() {
        return text.to_owned();
    }
    let parameter = format!("{PARAMETER}={token}");
    text.replace(&format!("?{parameter}&"), "?")
        .replace(&format!("?{parameter}"), "")
        .replace(&format!("&{parameter}"), "")
        .replace(token, "")
}

fn failed(url: &Url, address: Option<IpAddr>, outcome: HopOutcome, why: String) -> Hop {
    let detail = Some(why).filter(|why| !why.is_empty());
    Hop { url: url.to_string(), host: host_of(url), ..blank(address, outcome, detail) }
}

/// A hop of which nothing is known but how it ended.
fn blank(address: Option<IpAddr>, outcome: HopOutcome, detail: Option<String>) -> Hop {
    Hop {
        url: String::new(),
        host: String::new(),
        address,
        outcome,
        status: None,
        kind: None,
        realm: None,
        schemes: None,
        server: None,
        location: None,
        error_code: None,
        body_bytes: 0,
        body: BodyEnd::Complete,
        detail,
        elapsed_ms: 0,
    }
}

#[cfg(test)]
mod tests;
