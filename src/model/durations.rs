//! What is known of how long an upgrade takes (`durations.toml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::When;
use super::releases::Confidence;

/// The data file, read once. Its tests read it too: what is wrong with it is found before anybody runs it.
static DURATIONS: LazyLock<Durations> = LazyLock::new(|| {
    toml::from_str(include_str!("durations.toml")).unwrap_or_else(|error| {
        tracing::error!("durations.toml: {error}");
        Durations::default()
    })
});

/// Everything that is known.
pub fn known() -> &'static Durations {
    &DURATIONS
}

/// The data file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// The read that tells how fast a machine is.
    pub calibration: Calibration,
    /// How fast things are done with bytes, by what is done.
    pub rate: BTreeMap<Kind, Rate>,
    /// What takes its time whatever there is, by what is done.
    pub fixed: BTreeMap<Kind, Fixed>,
    /// What the steps do to the large tables.
    pub work: Vec<Work>,
    /// What no figure is known of.
    pub unknown: Vec<Unknown>,
}

/// The read that tells how fast a machine is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The facts table that it fills.
    pub facts: String,
    /// The database tables that it reads.
    pub tables: Vec<String>,
    /// A shorter one says nothing, in milliseconds.
    pub least_ms: u64,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Packages are installed.
    Packages,
    /// Another major version of PostgreSQL takes the databases over.
    Postgresql,
    /// Tables are written anew.
    Rewrite,
    /// A column is filled in every row.
    Update,
    /// Services start again.
    Restart,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Postgresql => "postgresql",
            Self::Rewrite => "rewrite",
            Self::Update => "update",
            Self::Restart => "restart",
        }
    }
}

/// Both ends of a range.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ends<T> {
    /// The lower one.
    pub low: T,
    /// The upper one.
    pub high: T,
}

/// How fast something is done with bytes, and the room that it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Millions of bytes a second.
    pub mb_s: Ends<f64>,
    /// How many times as long as reading the same bytes, where that was timed.
    pub factor: Option<Ends<f64>>,
    /// Room for a copy, in percent of the bytes.
    pub copy_percent: u64,
    /// Room for the write-ahead log, in percent of the bytes.
    pub wal_percent: u64,
    /// How sure that is.
    pub confidence: Confidence,
}

/// What takes its time whatever there is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// How long.
    pub seconds: Ends<u64>,
    /// How sure that is.
    pub confidence: Confidence,
}

/// What a step does to large tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// The line of releases that the step leads to.
    pub step: String,
    /// What is done.
    pub rate: Kind,
    /// To which tables.
    pub tables: Vec<String>,
    /// How sure that is.
    pub confidence: Confidence,
}

/// What no figure is known of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// The line of releases that the step leads to.
    pub step: String,
    /// A code for it.
    pub what: String,
    /// When it happens.
    pub when: When,
}

#[cfg(test)]
mod tests {
    use super::super::releases;
    use super::*;

    #[test]
    fn the_data_file_is_read_and_its_ranges_are_ranges() {
        let known: Durations = toml::from_str(include_str!("durations.toml")).unwrap();
        for rate in known.rate.values() {
            let factor = rate.factor.unwrap_or(Ends { low: 1.0, high: 2.0 });
            assert!(0.0 < rate.mb_s.low && rate.mb_s.low < rate.mb_s.high, "{rate:?}");
            assert!(0.0 < factor.low && factor.low < factor.high, "{rate:?}");
        }
        assert!(known.fixed.values().all(|fixed| fixed.seconds.low < fixed.seconds.high));
        assert!(known.work.iter().all(|work| known.rate.contains_key(&work.rate)));
        assert!([Kind::Packages, Kind::Restart].iter().all(|kind| known.fixed.contains_key(kind)));
        assert!(known.rate.contains_key(&Kind::Postgresql));
    }

    #[test]
    fn a_step_is_one_that_is_known() {
        let is_line = |step: &&String| releases::known().lines.iter().any(|line| line.release == **step);
        let steps = known().work.iter().map(|work| &work.step).chain(known().unknown.iter().map(|u| &u.step));
        assert_eq!(steps.filter(|step| !is_line(step)).collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(known().unknown.len() > 3);
    }
}
