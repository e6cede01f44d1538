//! The forecast of the window in words, as the page, the terminal and the ticket tell it.

use serde::Serialize;

use super::i18n::Catalogue;
use super::outline;
use crate::digest::{Forecast, Keep, Read, Room, ServerSpan, Span, Stage, Term, Unforeseen};
use crate::model::releases::WayStep;
use crate::model::text::filesize;

/// Minutes from which on hours are easier to read.
const IN_HOURS: u64 = 120;

/// The forecast.
#[derive(Serialize)]
pub(super) struct Window {
    /// How long all of it takes.
    pub(super) span: String,
    pub(super) stages: Vec<StageRow>,
    /// What to do right before it and after it.
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// A release that is installed.
#[derive(Serialize)]
pub(super) struct StageRow {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) span: String,
    pub(super) servers: Vec<ServerRow>,
    /// What has no figure, each with its step.
    pub(super) unknown: Vec<String>,
}

/// A server's part of it.
#[derive(Serialize)]
pub(super) struct ServerRow {
    pub(super) server: String,
    pub(super) span: String,
    pub(super) terms: Vec<TermRow>,
    pub(super) rooms: Vec<String>,
    /// The read that was timed.
    pub(super) read: Option<String>,
}

/// What a server's part is made of.
#[derive(Serialize)]
pub(super) struct TermRow {
    pub(super) what: String,
    pub(super) span: String,
    pub(super) confidence: String,
}

impl Window {
    pub(super) fn of(forecast: &Forecast, words: &Catalogue) -> Self {
        let keep = |command: fn(&Keep) -> &String| forecast.keep.as_ref().map(command).cloned();
        Self {
            span: span(forecast.span, words),
            stages: forecast.stages.iter().map(|stage| StageRow::of(stage, words)).collect(),
            before: keep(|keep| &keep.before),
            after: keep(|keep| &keep.after),
        }
    }
}

impl StageRow {
    fn of(stage: &Stage, words: &Catalogue) -> Self {
        Self {
            from: stage.from.clone(),
            to: stage.to.clone(),
            span: span(stage.span, words),
            servers: stage.servers.iter().map(|server| ServerRow::of(server, words)).collect(),
            unknown: stage.unknown.iter().map(|unknown| unforeseen(unknown, words)).collect(),
        }
    }
}

impl ServerRow {
    fn of(server: &ServerSpan, words: &Catalogue) -> Self {
        Self {
            server: server.server.clone(),
            span: span(server.span, words),
            terms: server.terms.iter().map(|term| TermRow::of(term, words)).collect(),
            rooms: server.rooms.iter().map(|room| room_of(room, words)).collect(),
            read: server.read.map(|read| read_of(read, words)),
        }
    }
}

impl TermRow {
    fn of(term: &Term, words: &Catalogue) -> Self {
        let what = words.word("window_term", term.kind.as_str()).replace("{tables}", &term.tables.join(", "));
        let size = match term.bytes {
            Some(bytes) => format!(" ({})", size(bytes, words)),
            None => String::new(),
        };
        let step = term.step.as_ref().map(|step| format!("{}{} ", arrow(step), words.text("format.colon")));
        let calibrated = format!(", {}", words.text("label.window_calibrated"));
        let sure = words.word("confidence", term.confidence.as_str());
        Self {
            what: format!("{}{what}{size}", step.unwrap_or_default()),
            span: term.span.map_or_else(|| words.text("label.window_no_size").to_owned(), |of| span(of, words)),
            confidence: if term.is_calibrated { sure + &calibrated } else { sure },
        }
    }
}

fn arrow(step: &WayStep) -> String {
    format!("{} → {}", step.from, step.to)
}

fn unforeseen(unknown: &Unforeseen, words: &Catalogue) -> String {
    let what = words.word("window_unknown", &unknown.what);
    let when = words.word("window_when", outline::when_word(unknown.when));
    let step = unknown.step.as_ref().map(|step| format!("{}{} ", arrow(step), words.text("format.colon")));
    format!("{}{what} ({when})", step.unwrap_or_default())
}

fn room_of(room: &Room, words: &Catalogue) -> String {
    let known = |key| words.text(key).replace("{bytes}", &size(room.copies + room.log, words));
    let told = match &room.place {
        Some(place) => known("label.window_room")
            .replace("{available}", &size(place.available, words))
            .replace("{place}", &place.mount_point),
        None => known("label.window_room_somewhere"),
    };
    let parts = words.text("label.window_room_parts");
    let parts = parts.replace("{copies}", &size(room.copies, words)).replace("{log}", &size(room.log, words));
    if room.copies > 0 && room.log > 0 { format!("{told} ({parts})") } else { told }
}

fn read_of(read: Read, words: &Catalogue) -> String {
    let told = words.text("label.window_read").replace("{bytes}", &size(read.bytes, words));
    told.replace("{time}", &words.duration(read.ms))
}

fn size(bytes: u64, words: &Catalogue) -> String {
    filesize(bytes.cast_signed(), words.lang)
}

/// A range in minutes: the lower end rounded down, the upper one up.
pub(super) fn span(span: Span, words: &Catalogue) -> String {
    let low = span.low_s / 60;
    let (key, high) = match span.high_s.map(|high| high.div_ceil(60)) {
        None if low == 0 => ("label.window_unknown", 0),
        None => ("label.window_open", 0),
        Some(high) if low == 0 => ("label.window_up_to", high.max(1)),
        Some(high) => ("label.window_range", high),
    };
    words.text(key).replace("{low}", &minutes(low)).replace("{high}", &minutes(high))
}

fn minutes(minutes: u64) -> String {
    match minutes {
        0..IN_HOURS => format!("{minutes} min"),
        _ => format!("{} h {:02}", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::durations::{self, Kind};
    use crate::model::{Lang, When};

    #[test]
    fn every_code_has_a_phrase() {
        let words = Catalogue::shipped(Lang::Fr);
        let has = |section: &str, code: &str| assert!(words.get(&format!("{section}.{code}")).is_some(), "{code}");
        let kinds = [Kind::Packages, Kind::Postgresql, Kind::Rewrite, Kind::Update, Kind::Restart];
        kinds.iter().for_each(|kind| has("window_term", kind.as_str()));
        durations::known().unknown.iter().for_each(|unknown| has("window_unknown", &unknown.what));
        ["not_public", "servers", "databases"].iter().for_each(|what| has("window_unknown", what));
        [When::Before, When::During, When::After].iter().for_each(|w| has("window_when", outline::when_word(*w)));
    }

    #[test]
    fn a_range_is_rounded_outwards_and_says_where_it_has_no_end() {
        let (en, fr) = (Catalogue::shipped(Lang::En), Catalogue::shipped(Lang::Fr));
        let of = |low_s, high_s| span(Span { low_s, high_s }, &en);
        assert_eq!(of(0, Some(0)), "up to 1 min");
        assert_eq!(of(59, Some(61)), "up to 2 min");
        assert_eq!(of(179, Some(181)), "2 min to 4 min");
        assert_eq!(of(7_199, Some(11_100)), "119 min to 3 h 05");
        assert_eq!(of(60, None), "at least 1 min, no upper end");
        assert_eq!(of(59, None), "unknown");
        assert_eq!(span(Span { low_s: 179, high_s: Some(181) }, &fr), "de 2 min à 4 min");
    }
}
