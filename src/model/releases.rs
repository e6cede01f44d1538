//! What is known of the releases of BlueMind (`releases.toml`), and the way from one to another.

use std::sync::LazyLock;

use serde::Deserialize;

use super::version::leading_numbers;

/// The data file, read once. Its tests read it too: what is wrong with it is found before anybody runs it.
static RELEASES: LazyLock<Releases> = LazyLock::new(|| {
    toml::from_str(include_str!("releases.toml")).unwrap_or_else(|error| {
        tracing::error!("releases.toml: {error}");
        Releases::default()
    })
});

/// Everything that is known.
pub fn known() -> &'static Releases {
    &RELEASES
}

/// The data file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// The builds at which a release begins, ascending.
    pub builds: Vec<Build>,
    /// The lines of releases, ascending.
    #[serde(rename = "line")]
    pub lines: Vec<Line>,
}

/// Where a release begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The first build.
    pub first: u32,
    /// The release.
    pub release: String,
    /// Whether builds from there on only have that release at least.
    #[serde(default)]
    pub is_least: bool,
    /// How sure that is.
    pub confidence: Confidence,
}

/// A line of releases, such as 4.8.
#[derive(Debug, Deserialize)]
pub struct Line {
    /// Its name.
    pub release: String,
    /// What is proposed to whoever has it.
    pub next: String,
    /// The step that leads to it; none of the first.
    pub step: Option<Looked>,
    /// What has to be installed before it.
    pub after: Option<After>,
    /// The version of PostgreSQL that it comes with; none where that is not known.
    pub postgresql: Option<String>,
    /// The versions of Debian that its packages were built for; none where that is not known.
    pub debian: Option<Vec<String>>,
    /// The same of Ubuntu.
    pub ubuntu: Option<Vec<String>>,
    /// The same of Red Hat Enterprise Linux and CentOS.
    pub rhel: Option<Vec<String>>,
    /// How sure that is.
    pub confidence: Option<Confidence>,
    /// What it drops that somebody may use.
    #[serde(default)]
    pub drops: Vec<Dropped>,
}

/// A package that a line of releases does not have any more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// Its name.
    pub package: String,
    /// What goes with it.
    pub feature: String,
}

impl Line {
    /// The systems that its packages were built for: what they call themselves, and the version.
    pub fn systems(&self) -> Vec<(&'static str, String)> {
        let all = [("debian", &self.debian), ("ubuntu", &self.ubuntu), ("rhel", &self.rhel), ("centos", &self.rhel)];
        let versions = |(id, versions): (&'static str, &'_ Option<Vec<String>>)| -> Vec<(&'static str, String)> {
            versions.iter().flatten().map(|version| (id, version.clone())).collect()
        };
        all.into_iter().flat_map(versions).collect()
    }
}

/// How much of a step the checks look at.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// How much.
    pub coverage: StepCoverage,
    /// How sure what they look for is.
    pub confidence: Confidence,
}

/// A release that has to be installed before another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// The oldest that will do.
    pub release: String,
    /// The line to stop at for it.
    pub stop: String,
    /// How sure that is.
    pub confidence: Confidence,
}

/// How much of a step the checks of this program look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepCoverage {
    /// What is known of it.
    Whole,
    /// Some of it.
    Part,
    /// Nothing.
    None,
}

/// How sure something is.
// Ordered from the surest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It was measured.
    Measured,
    /// BlueMind says so.
    Documented,
    /// It was read in BlueMind's source.
    Source,
    /// It is concluded from something else.
    Inferred,
}

impl StepCoverage {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Part => "part",
            Self::None => "none",
        }
    }
}

impl Confidence {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Documented => "documented",
            Self::Source => "source",
            Self::Inferred => "inferred",
        }
    }
}

/// The way from an installed release to the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// The releases to install one after the other, the target last; empty when there is no way.
    pub stops: Vec<String>,
    /// Every release whose conversions are carried out on the way, those too that are not installed themselves.
    pub steps: Vec<WayStep>,
}

/// A step from a line of releases to the next one that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayStep {
    /// Where it begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// How much of it the checks look at.
    pub coverage: StepCoverage,
    /// How sure what they look for is.
    pub confidence: Confidence,
}

/// The way between two releases. Of a line that nobody knows nothing is looked at.
pub fn way(installed: &str, target: &str) -> Way {
    let (Some(from), Some(to)) = (line_of(installed), line_of(target)) else { return Way::default() };
    let mut steps = Vec::new();
    let mut last = from;
    let ahead = RELEASES.lines.iter().filter_map(|line| Some((line_of(&line.release)?, line.step)));
    let unknown = RELEASES.lines.iter().all(|line| line_of(&line.release) != Some(to)).then_some((to, None));
    for (line, looked) in ahead.chain(unknown).filter(|(line, _)| *line > from && *line <= to) {
        let looked = looked.unwrap_or(Looked { coverage: StepCoverage::None, confidence: Confidence::Inferred });
        let Looked { coverage, confidence } = looked;
        steps.push(WayStep { from: name(last), to: name(line), coverage, confidence });
        last = line;
    }
    let is_forward = super::version::compare(installed, target).is_lt();
    let required = RELEASES.lines.iter().filter_map(|line| Some((line_of(&line.release)?, line.after.as_ref()?)));
    let stop = |(line, after): (_, &After)| {
        let is_crossed = line > from && line <= to && super::version::compare(installed, &after.release).is_lt();
        is_crossed.then(|| after.stop.clone())
    };
    let stops = required.filter_map(stop).chain([target.to_owned()]).collect();
    Way { stops: if is_forward { stops } else { Vec::new() }, steps }
}

/// The release that an upgrade goes to next. Where the installed release is not known it is taken for the first; a line that
/// nobody knows goes where the last one before it does.
pub fn next_stop(installed: Option<&str>) -> &'static str {
    let lines = &RELEASES.lines;
    let installed = installed.and_then(line_of);
    let is_reached = |line: &&Line| line_of(&line.release) <= installed;
    lines.iter().rev().find(is_reached).or(lines.first()).map_or("4.1", |line| &line.next)
}

/// The major version of PostgreSQL that a release comes with; none where that is not known.
pub fn postgresql_of(release: &str) -> Option<u32> {
    let line = RELEASES.lines.iter().find(|line| line_of(&line.release) == line_of(release))?;
    line.postgresql.as_ref()?.split('.').next()?.parse().ok()
}

/// Whether a release is of a line that comes after that of another.
pub fn is_beyond(release: &str, other: &str) -> bool {
    line_of(release) > line_of(other)
}

fn line_of(release: &str) -> Option<(u32, u32)> {
    leading_numbers(release).map(|(major, minor, _)| (major, minor))
}

fn name((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::super::version::compare;
    use super::*;

    #[test]
    fn the_data_file_is_read_and_ascending() {
        let known: Releases = toml::from_str(include_str!("releases.toml")).unwrap();
        assert!(known.builds.windows(2).all(|w| w[0].first < w[1].first));
        assert!(known.builds.windows(2).all(|w| w[0].is_least <= w[1].is_least), "what is known comes first");
        assert!(known.lines.windows(2).all(|w| compare(&w[0].release, &w[1].release).is_lt()));
        assert!(known.lines.iter().all(|line| known.lines.iter().any(|other| other.release == line.next)));
        assert!(known.builds.iter().all(|b| !b.is_least || b.confidence == Confidence::Inferred));
    }

    #[test]
    fn a_release_has_its_postgresql_where_that_is_known() {
        let majors = ["4.0.14", "4.2.4", "4.3", "4.9.1", "5.0", "5.3", "6.0"].map(postgresql_of);
        assert_eq!(majors, [Some(11), Some(11), Some(12), Some(14), Some(16), None, None]);
    }

    #[test]
    fn the_next_stop_is_on_the_way_to_5() {
        for (installed, next) in [
            (None, "4.1"),
            (Some("3.5.17"), "4.1"),
            (Some("4.0.14"), "4.1"),
            (Some("4.1"), "4.9"),
            (Some("4.2.4"), "4.9"),
            (Some("4.8.24"), "4.9"),
            (Some("4.9.1"), "5.0"),
            (Some("5.0.1"), "5.6"),
            (Some("5.7"), "5.6"),
        ] {
            assert_eq!(next_stop(installed), next, "{installed:?}");
        }
    }

    fn told(installed: &str, target: &str) -> (Vec<String>, Vec<String>) {
        let Way { stops, steps } = way(installed, target);
        (stops, steps.into_iter().map(|s| format!("{}>{} {}", s.from, s.to, s.coverage.as_str())).collect())
    }

    #[test]
    fn before_5_the_last_of_4_is_installed_and_each_release_between_is_a_step() {
        let (stops, steps) = told("4.8.3", "5.0");
        assert_eq!(stops, ["4.9", "5.0"]);
        assert_eq!(steps.len(), 2);
        assert!(steps[0].starts_with("4.8>4.9") && steps[1].starts_with("4.9>5.0"), "{steps:?}");
        assert_eq!(told("4.0.14", "5.1").0, ["4.9", "5.1"]);
        assert_eq!(told("4.0.14", "5.1").1.len(), 11);
        assert_eq!(told("4.8.24", "5.0").0, ["5.0"]);
        assert_eq!(told("4.0.14", "4.1"), (vec!["4.1".to_owned()], vec!["4.0>4.1 whole".to_owned()]));
    }

    #[test]
    fn of_a_release_that_nobody_knows_nothing_is_looked_at() {
        assert_eq!(told("5.6.2", "5.10").1, ["5.6>5.10 none"]);
        assert_eq!(told("4.1.3", "4.1.5"), (vec!["4.1.5".to_owned()], vec![]));
        assert_eq!(told("4.2", "4.1"), (vec![], vec![]));
        assert_eq!(told("nonsense", "4.1"), (vec![], vec![]));
    }
}
