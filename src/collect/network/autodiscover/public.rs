//! The URLs at which users reach the installation once Outlook is set up: where they are told, and the survey of each.

use reqwest::Url;

use super::names;
use super::survey::{Survey, Surveyor};
use super::tables::PublicUrl;
use super::words::{Method, Purpose, UrlSource};
use crate::collect::network::Around;
use crate::collect::reach::identity;
use crate::model::Reason;
use crate::model::reason::Run;

/// What is asked for at a URL: the web pages, what Outlook uses, and what mobiles do.
const METHODS: [Method; 4] = [Method::Web, Method::Emsmdb, Method::Nspi, Method::Activesync];

/// The URLs: that of bm.ini, which bm-core lays over the directory's, then the others. What is no host is left out.
pub(super) fn urls(around: &Around<'_>) -> Result<Vec<PublicUrl>, Reason> {
    let told = around.sink.with(|store| store.texts("SELECT external_url, other_urls FROM installation"));
    let told = told.map_err(|error| Run::Store { error: error.to_string() })?;
    let directory = |place: usize| told.iter().find_map(|row| row.get(place).cloned().flatten());
    let ini = identity::bm_ini(around.root).ok();
    let of_ini =
        |key: &str| ini.as_ref().and_then(|ini| ini.get(key)).filter(|value| !value.is_empty()).map(str::to_owned);
    let pick = |key: &str, place| match of_ini(key) {
        Some(value) => Some((value, UrlSource::BmIni)),
        None => Some((directory(place)?, UrlSource::Directory)),
    };
    let main = pick("external-url", 0);
    let others = pick("other-urls", 1)
        .map(|(all, source)| all.split_whitespace().map(|url| (url.to_owned(), source)).collect::<Vec<_>>());
    let main = main.into_iter().map(|told| (told, true));
    let all = main.chain(others.into_iter().flatten().map(|told| (told, false)));
    let mut urls: Vec<PublicUrl> = Vec::new();
    for url in all.filter_map(|((text, source), is_main)| url(&text, source, is_main)) {
        if urls.iter().all(|known| known.url != url.url) {
            urls.push(url);
        }
    }
    Ok(urls)
}

/// A URL as it is told: a host, mostly without scheme.
fn url(text: &str, source: UrlSource, is_main: bool) -> Option<PublicUrl> {
    let rest = text.trim().trim_start_matches("https://").trim_start_matches("http://");
    let url = Url::parse(&format!("https://{rest}")).ok()?;
    let told = url.host_str()?.trim_end_matches('.').to_lowercase();
    let host = names::ascii(&told)?;
    let port = url.port_or_known_default()?;
    let shown = if port == 443 { format!("https://{host}/") } else { format!("https://{host}:{port}/") };
    Some(PublicUrl { url: shown, is_internal: names::is_internal(&host), host, port, source, is_main })
}

impl Surveyor<'_> {
    /// Asks all there is to ask of a URL.
    pub(super) async fn survey_url(&self, url: &PublicUrl) -> Survey {
        let answers = self.addresses_of(Purpose::Public, &url.host).await;
        self.survey_host(&url.url, answers, &url.host, url.port, &METHODS).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_people_write_them() {
        for (text, expected) in [
            ("mail.example.org", Some(("https://mail.example.org/", 443, false))),
            ("https://Mail.Example.org/webmail/", Some(("https://mail.example.org/", 443, false))),
            (" mail.example.org:8443 ", Some(("https://mail.example.org:8443/", 8443, false))),
            ("café.test", Some(("https://xn--caf-dma.test/", 443, false))),
            ("mail.corp.local", Some(("https://mail.corp.local/", 443, true))),
            ("mail", Some(("https://mail/", 443, true))),
            ("192.0.2.1", None),
            ("", None),
            ("a b", None),
        ] {
            let read = url(text, UrlSource::BmIni, true);
            let read = read.as_ref().map(|url| (url.url.as_str(), url.port, url.is_internal));
            assert_eq!(read, expected, "{text}");
        }
    }
}
