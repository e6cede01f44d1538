//! The URLs of probes: made for a host, sent to one address, and told without the token that they carry.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::Url;

use super::Asked;
use crate::collect::network::autodiscover::words::{Method, Spelling};
use crate::collect::reach::failure::{Cause, Failure};

/// The path of the https methods ([MS-OXDSCLI] 3.2.5), as Outlook asks for it.
pub(super) const LOWER: &str = "/autodiscover/autodiscover.xml";
/// The path of the http redirect method ([MS-OXDISCO], "Locations found by HTTP redirect").
const CAPITAL: &str = "/Autodiscover/Autodiscover.xml";
/// The parameter that carries the token of the run.
const PARAMETER: &str = "bmpf";

/// The URL of a path, as text.
pub(super) fn text_of_first(scheme: &str, host: &str, port: u16, path: &str) -> String {
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    format!("{scheme}://{host}:{port}{path}")
}

/// The path of a method: those of Outlook's MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.1), of mobiles ([MS-ASHTTP] 2.2.1), and the
/// home page.
pub(super) fn path(method: Method, spelling: Spelling) -> &'static str {
    match (method, spelling) {
        (Method::Web, _) => "/",
        (Method::Emsmdb, _) => "/mapi/emsmdb/",
        (Method::Nspi, _) => "/mapi/nspi/",
        (Method::Activesync, _) => "/Microsoft-Server-ActiveSync",
        (_, Spelling::Lower) => LOWER,
        (_, Spelling::Capital) => CAPITAL,
    }
}

/// The first URL; the error says why there is none.
pub(super) fn first(text: &str, path: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    // A host of DNS may hold characters that mean something else in a URL.
    let is_host = url.path() == path && url.username().is_empty() && url.password().is_none();
    if is_host { Ok(url) } else { Err("no name of a host".to_owned()) }
}

/// The host of a URL, without the brackets of an IPv6 address and without a final dot.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_owned()
}

/// Host and port as the Host header names them.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The URL for the HTTP client: the port is that of the connection, for a port in the URL goes before that of an address;
/// a final dot would have the host looked up after all; an address in the URL would be connected to.
pub(super) fn to_connect(asked: &Asked<'_>, target: SocketAddr) -> Result<Url, Failure> {
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
pub(super) fn without_token(text: &str, token: &str) -> String {
    if token.is_empty() {
        return text.to_owned();
    }
    let parameter = format!("{PARAMETER}={token}");
    text.replace(&format!("?{parameter}&"), "?")
        .replace(&format!("?{parameter}"), "")
        .replace(&format!("&{parameter}"), "")
        .replace(token, "")
}
