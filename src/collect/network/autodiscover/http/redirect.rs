//! Where redirects lead, and which of them are followed: what a stranger writes into one shall make nobody ask this machine's
//! own services for anything.

use std::collections::HashSet;
use std::future::Future;
use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::url::{LOWER, host_of};
use super::{Asked, MAX_REDIRECTS};
use crate::collect::network::autodiscover::words::HopOutcome;
use crate::collect::reach::identity;
use crate::model::address;

/// Where BlueMind's nginx serves https.
const HTTPS: u16 = 443;

/// Where a redirect leads, or how and why it ends here. Clients refuse to be led to http, where anybody could answer.
pub(super) fn redirect(
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
    if leads_home(&url) {
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
fn leads_home(url: &Url) -> bool {
    let host = host_of(url);
    match host.parse::<IpAddr>() {
        Ok(address) => address::leads_home(address),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The address of the host of a redirect; none when it has none. The error says why nobody is asked there.
pub(super) async fn destination<R, F>(url: &Url, resolve: &R) -> Result<Option<IpAddr>, (HopOutcome, String)>
where
    R: Fn(String) -> F,
    F: Future<Output = Vec<IpAddr>>,
{
    let host = host_of(url);
    let addresses = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => resolve(host.clone()).await,
    };
    // Where one of several leads elsewhere, that one is meant; IPv4 goes first, as it does where IPv6 is not to be had.
    let rank = |address: &&IpAddr| (address::leads_home(**address), address.is_ipv6());
    let Some(address) = addresses.iter().min_by_key(rank).copied() else { return Ok(None) };
    let port = url.port_or_known_default().unwrap_or_default();
    let is_ours = port == HTTPS && url.path().eq_ignore_ascii_case(LOWER) && url.query().is_none();
    match trespass(address, port) {
        Some(why) if !(is_ours && address::leads_home(address)) => {
            let outcome = if address::leads_home(address) { HopOutcome::BadRedirect } else { HopOutcome::NotAsked };
            Err((outcome, format!("not followed: {host} is {address}, {why}")))
        }
        _ => Ok(Some(address)),
    }
}

/// Why nobody is asked at an address that a stranger's record or redirect tells, if so: it would be this machine, or one
/// of the same wire.
pub(in crate::collect::network::autodiscover) fn trespass(address: IpAddr, port: u16) -> Option<&'static str> {
    let is_wire = match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    match address {
        _ if address::leads_home(address) => Some("where each client finds itself"),
        _ if is_wire => Some("an address of the own wire alone"),
        _ if port != HTTPS && identity::is_local_address(&address.to_string()) => {
            Some("an address of this machine, and the port is not BlueMind's")
        }
        _ => None,
    }
}
