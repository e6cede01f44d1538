//! An HTTP request without credentials, and where its redirects lead: each is followed by hand, one address at a time.

use std::collections::HashSet;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HOST, HeaderValue, LOCATION, RETRY_AFTER, SERVER};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::answer::{self, Reply};
use super::peers::{Peers, milliseconds};
use super::recorder::Recorder;
use super::trace::{Hop, Probe};
use super::words::{BodyEnd, HopOutcome, Method, Spelling, Verb};
use crate::collect::reach::failure::{Cause, Failure, shown};
use crate::collect::reach::web;

mod redirect;
mod url;

use self::redirect::{destination, redirect};
use self::url::host_of;

pub(super) use self::redirect::trespass;

/// How much of a body is read: the longest autodiscover answers have a few thousand bytes.
const MAX_BODY: usize = 64 << 10;
/// Redirects that are followed: Outlook stops after as many (Microsoft's page of the element RedirectUrl of POX).
const MAX_REDIRECTS: usize = 10;

/// A hop, the Location as it was sent, and the pause that the other side asks for.
type Answered = (Hop, Option<HeaderValue>, Option<Duration>);

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
        url::without_token(&url::without_token(text, &self.token), self.told)
    }
}

/// The token of a hop. Each has its own: that the first server was ours says nothing of the one that it leads to.
pub(super) fn token_of_hop(token: &str, hop: usize) -> String {
    if hop == 0 { token.to_owned() } else { format!("{token}-{hop:02}") }
}

impl Request<'_> {
    /// The probe that is not made, and why.
    pub(super) fn left_out(self, why: &str) -> Probe {
        let path = url::path(self.method, self.spelling);
        let text = url::text_of_first(self.scheme, self.host, self.port, path);
        let none = blank(Some(self.address), HopOutcome::NotAsked, Some(why.to_owned()));
        let hop = Hop { url: shown(text.as_bytes()), host: shown(self.host.as_bytes()), ..none };
        Probe { method: self.method, spelling: self.spelling, token: self.token, hops: vec![hop], proofs: Vec::new() }
    }
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
        let path = url::path(request.method, request.spelling);
        let text = url::text_of_first(request.scheme, request.host, request.port, path);
        let mut next = match url::first(&text, path) {
            Ok(url) => Some((url, Some(request.address))),
            Err(why) => {
                let none = blank(Some(request.address), HopOutcome::Failed, Some(why));
                hops.push(Hop { url: shown(text.as_bytes()), host: shown(request.host.as_bytes()), ..none });
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
                let towards = match redirect(&asked, location.as_ref(), &visited, hops.len()) {
                    Ok(url) => destination(&url, &resolve).await.map(|address| (url, address)),
                    Err(refusal) => Err(refusal),
                };
                match towards {
                    Ok(towards) => next = Some(towards),
                    Err((outcome, why)) => (hop.outcome, hop.detail) = (outcome, Some(why)),
                }
            }
            hops.push(hop);
        }
        Probe { method: request.method, spelling: request.spelling, token: request.token, hops, proofs: Vec::new() }
    }

    /// One question and its answer, and the Location as it was sent. Outlook sends its questions by POST: who takes no GET
    /// is asked so, with nothing in it. Who says that he is asked too often is asked once more, later.
    async fn ask(&self, asked: &Asked<'_>) -> (Hop, Option<HeaderValue>) {
        let mut first = self.ask_by(asked, Verb::Get).await;
        if let Some(pause) = first.2
            && let Some(turn) = self.later(self.target_of(asked), pause)
        {
            tokio::time::sleep_until(turn).await;
            first = self.ask_by(asked, Verb::Get).await;
        }
        if first.0.status == Some(StatusCode::METHOD_NOT_ALLOWED.as_u16()) {
            let second = self.ask_by(asked, Verb::Post).await;
            if second.0.status.is_some() {
                first = second;
            }
        }
        (first.0, first.1)
    }

    fn target_of(&self, asked: &Asked<'_>) -> SocketAddr {
        let port = asked.url.port_or_known_default().unwrap_or_default();
        self.target(&host_of(asked.url), asked.address, port, asked.is_loopback)
    }

    async fn ask_by(&self, asked: &Asked<'_>, verb: Verb) -> Answered {
        let target = self.target_of(asked);
        let turn = self.turn(target).await;
        let start = Instant::now();
        let answered = match &turn {
            Ok(_) => self.exchange(asked, verb, target, start).await,
            Err(failure) => Err(failure.clone()),
        };
        if turn.is_ok() {
            self.note_request(target, answered.as_ref().err().map(|failure| failure.cause));
        }
        let (mut hop, location, pause) = answered.unwrap_or_else(|Failure { cause, detail }| {
            (failed(asked.url, Some(asked.address), cause.into(), detail), None, None)
        });
        drop(turn);
        hop.verb = verb;
        hop.elapsed_ms = milliseconds(start.elapsed());
        hop.detail = hop.detail.map(|detail| asked.cleaned(&detail));
        (hop, location, pause)
    }

    async fn exchange(
        &self,
        asked: &Asked<'_>,
        verb: Verb,
        target: SocketAddr,
        start: Instant,
    ) -> Result<Answered, Failure> {
        let deadline = start + self.timeout * 2;
        let (recorder, config) = Recorder::new(self.trust.provider(), true)
            .map_err(|error| Failure::new(Cause::Failed, error.to_string()))?;
        let url = url::to_connect(asked, target)?;
        let client = self.client(config, &url, &asked.token, target).map_err(|error| Failure::of(&error))?;
        let request = match verb {
            Verb::Get => client.get(url),
            Verb::Post => client.post(url).header(CONTENT_TYPE, "text/xml").body(""),
        };
        let request = request.header(HOST, url::authority(asked.url));
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
            return recorder.seen().explained(Failure::of(error));
        }
        let limit = self.timeout.as_secs();
        if recorder.seen().started {
            Failure::new(Cause::TlsTimeout, format!("no TLS handshake within {limit} s"))
        } else {
            Failure::new(Cause::Timeout, format!("no connection within {limit} s"))
        }
    }
}

/// What an answer says. The body is read for as long as it is short and in time; what is missing is not held against it.
async fn answered(asked: &Asked<'_>, mut response: Response, deadline: Instant) -> Answered {
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
    let pause = pause(response.status(), headers.get(RETRY_AFTER));
    (Hop { url: asked.url.to_string(), host, ..hop }, location, pause)
}

/// How long to leave alone who says that he is asked too often (RFC 6585, 4; RFC 9110, 10.2.3). A date in place of seconds
/// is further away than anybody would wait for here.
fn pause(status: StatusCode, retry_after: Option<&HeaderValue>) -> Option<Duration> {
    let told =
        retry_after.map(|value| value.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u32::MAX));
    match (status, told) {
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => {
            Some(Duration::from_secs(seconds.max(1).into()))
        }
        (StatusCode::TOO_MANY_REQUESTS, None) => Some(Duration::from_secs(1)),
        _ => None,
    }
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
        verb: Verb::Get,
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
