//! The report for the node exporter's textfile collector: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use super::Report;
use crate::model::text::visible;
use crate::verdict;

/// Writes the gauges.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let place = &report.run.installation;
    head(&mut out, "bm_preflight_verdict", "What the last run says of the upgrade");
    let labels = [
        ("verdict", report.judgement.verdict.as_str()),
        ("release", place.release.as_deref().unwrap_or_default()),
        ("target", &place.target),
        ("demo", if report.run.is_demo { "true" } else { "false" }),
    ];
    gauge(&mut out, "bm_preflight_verdict", &labels, 1);
    head(&mut out, "bm_preflight_check", "How each check ended");
    for check in &report.checks {
        let labels = [
            ("id", check.id.as_str()),
            ("category", &check.category),
            ("severity", check.severity.as_str()),
            ("outcome", check.outcome.as_str()),
        ];
        gauge(&mut out, "bm_preflight_check", &labels, 1);
    }
    head(&mut out, "bm_preflight_findings", "Findings of each check that nobody accepts and no other one explains");
    for check in &report.checks {
        let labels = [("id", check.id.as_str()), ("severity", check.severity.as_str())];
        gauge(&mut out, "bm_preflight_findings", &labels, verdict::open(check).cast_signed());
    }
    window(&mut out, report);
    for (name, help, value) in [
        ("bm_preflight_facts_timestamp_seconds", "When the facts were collected", place.collected_at.as_second()),
        ("bm_preflight_run_timestamp_seconds", "When the run began", report.run.started_at.as_second()),
        ("bm_preflight_exit_code", "What the run ended with", i64::from(report.judgement.exit_code)),
    ] {
        head(&mut out, name, help);
        gauge(&mut out, name, &[], value);
    }
    out
}

/// Both ends of the range of each release that is installed; of one that is open the lower end alone.
fn window(out: &mut String, report: &Report) {
    const NAME: &str = "bm_preflight_window_seconds";
    head(out, NAME, "How long the installation of a release takes, at least and at most");
    for stage in &report.digest.forecast.stages {
        for (bound, seconds) in [("low", Some(stage.span.low_s)), ("high", stage.span.high_s)] {
            let labels = [("from", stage.from.as_str()), ("to", &stage.to), ("bound", bound)];
            seconds.into_iter().for_each(|seconds| gauge(out, NAME, &labels, seconds.cast_signed()));
        }
    }
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}.\n# TYPE {name} gauge");
}

fn gauge(out: &mut String, name: &str, labels: &[(&str, &str)], value: i64) {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let _ = match labels.is_empty() {
        true => writeln!(out, "{name} {value}"),
        false => writeln!(out, "{name}{{{}}} {value}", labels.join(",")),
    };
}

fn escaped(value: &str) -> String {
    visible(value, false).replace('\\', "\\\\").replace('"', "\\\"")
}
