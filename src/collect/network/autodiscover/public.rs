//! The URLs at which users reach the installation once Outlook is set up: where they are told, and the survey of each.

use reqwest::Url;

use super::names;
use super::survey::{Survey, Surveyor};
use super::tables::PublicUrl;
use super::words::{Method, Purpose, UrlSource};
use crate::collect::network::Around;
use crate::collect::reach::failure::shown;
use crate::collect::reach::identity;
use crate::collect::reach::sink::Sink;
use crate::model::reason::Run;
use crate::model::{Completeness, Coverage, Reason};

/// Where the external URL is told first.
const BM_INI: &str = "/etc/bm/bm.ini";
/// What is asked for at a URL: the web pages, what Outlook uses, and what mobiles do.
const METHODS: [Method; 4] = [Method::Web, Method::Emsmdb, Method::Nspi, Method::Activesync];

/// The URLs: that of bm.ini, which bm-core lays over the directory's, then the others. The error says why they are not known.
pub(super) fn urls(around: &Around<'_>) -> Result<Vec<PublicUrl>, Reason> {
    let ini = match around.root.find(BM_INI)? {
        Some(_) => Some(identity::bm_ini(around.root)?),
        None => None,
    };
    let directory = directory(around.sink)?;
    let of_ini =
        |key: &str| ini.as_ref().and_then(|ini| ini.get(key)).filter(|value| !value.is_empty()).map(str::to_owned);
    let pick = |key: &str, of_directory: Option<String>| match of_ini(key) {
        Some(value) => Some((value, UrlSource::BmIni)),
        None => Some((of_directory?, UrlSource::Directory)),
    };
    let [main, others] = directory;
    let others = pick("other-urls", others)
        .map(|(all, source)| all.split_whitespace().map(|url| (url.to_owned(), source)).collect::<Vec<_>>());
    let main = pick("external-url", main).into_iter().map(|told| (told, true));
    let all = main.chain(others.into_iter().flatten().map(|told| (told, false)));
    let mut urls: Vec<PublicUrl> = Vec::new();
    for url in all.map(|((text, source), is_main)| url(&text, source, is_main)) {
        if urls.iter().all(|known| known.url != url.url) {
            urls.push(url);
        }
    }
    Ok(urls)
}

/// What the directory has of them: the external URL, and the others.
fn directory(sink: &Sink) -> Result<[Option<String>; 2], Reason> {
    let read = sink.with(|store| {
        let is_gap = |told: &Coverage| told.table == "installation" && told.completeness != Completeness::Complete;
        let gap = store.coverage()?.into_iter().find(is_gap);
        Ok((gap, store.texts("SELECT external_url, other_urls FROM installation")?))
    });
    let (gap, told) = read.map_err(|error| Run::Store { error: error.to_string() })?;
    if let Some(gap) = gap {
        return Err(gap.reason.unwrap_or_else(|| Run::NothingReported.into()));
    }
    Ok([0, 1].map(|place| told.iter().find_map(|row| row.get(place).cloned().flatten())))
}

/// A URL as it is told: a host, mostly without scheme. One that is no name of a host is kept as it is, and asked for nothing.
fn url(text: &str, source: UrlSource, is_main: bool) -> PublicUrl {
    let read = || {
        let rest = text.trim().trim_start_matches("https://").trim_start_matches("http://");
        let url = Url::parse(&format!("https://{rest}")).ok()?;
        let host = names::ascii(&url.host_str()?.trim_end_matches('.').to_lowercase())?;
        Some((host, url.port_or_known_default()?))
    };
    let Some((host, port)) = read() else {
        let url = shown(text.trim().as_bytes());
        return PublicUrl { url, host: None, port: None, source, is_main, is_internal: false };
    };
    let url = if port == 443 { format!("https://{host}/") } else { format!("https://{host}:{port}/") };
    PublicUrl { url, is_internal: names::is_internal(&host), host: Some(host), port: Some(port), source, is_main }
}

impl Surveyor<'_> {
    /// Asks all there is to ask of a URL.
    pub(super) async fn survey_url(&self, url: &PublicUrl) -> Survey {
        let (Some(host), Some(port)) = (&url.host, url.port) else { return Survey::of_nothing(&url.url) };
        let answers = self.addresses_of(Purpose::Public, host).await;
        self.survey_host(&url.url, answers, host, port, &METHODS).await
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
            ("a\u{1b}b", None),
        ] {
            let read = url(text, UrlSource::BmIni, true);
            let is_host = read.host.is_some();
            assert_eq!(is_host.then(|| (read.url.as_str(), read.port.unwrap(), read.is_internal)), expected, "{text}");
            assert!(is_host || read.url.chars().all(|c| !c.is_control()), "{read:?}");
        }
    }
}
