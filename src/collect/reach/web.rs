//! HTTP without habits, for whatever is asked over it.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, StatusCode, Url};
use tokio::time::timeout;

use super::failure::{Failure, shown};
use super::tls;
use crate::model::Reason;
use crate::model::reason::Network;

/// How much of the body of a refusal is told, in bytes.
const BEGINNING: usize = 200;

/// A client for one request: nothing of the environment, no cookies, no credentials, no redirects. `purpose` says in the
/// User-Agent who asks for what.
pub(in crate::collect) fn client(purpose: &str) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .http1_ignore_invalid_headers_in_responses(true)
        .user_agent(format!("bm-preflight/{} (read-only {purpose})", env!("CARGO_PKG_VERSION")))
}

/// The body of what is answered to a plain request, at most `most` bytes, within `limit`. The error says why there is none,
/// without the URL.
pub(in crate::collect) async fn get(
    client: ClientBuilder,
    url: Url,
    limit: Duration,
    most: usize,
) -> Result<Vec<u8>, Reason> {
    let asked = timeout(limit, ask(client, url, most)).await;
    asked.unwrap_or_else(|_| Err(Network::Silent { seconds: limit.as_secs() }.into()))
}

async fn ask(client: ClientBuilder, url: Url, most: usize) -> Result<Vec<u8>, Reason> {
    let fail = |error: reqwest::Error| Network::Failed { error: Failure::of(&error.without_url()).detail };
    let client = client.tls_backend_preconfigured(tls::trusting_nobody()?).build().map_err(fail)?;
    let mut response = client.get(url).send().await.map_err(fail)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(fail)? {
        if body.len() + chunk.len() > most {
            return Err(Network::Loud { limit: most }.into());
        }
        body.extend_from_slice(&chunk);
    }
    match status {
        StatusCode::OK => Ok(body),
        _ => {
            let body = shown(body.get(..BEGINNING).unwrap_or(&body));
            Err(Network::Status { status: status.as_u16(), body }.into())
        }
    }
}
