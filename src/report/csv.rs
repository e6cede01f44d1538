//! Findings and users as CSV: RFC 4180, UTF-8 with a byte order mark, so that a spreadsheet opens it as it is.

use super::{Report, outline};
use crate::digest::Owner;
use crate::model::text::visible;
use crate::model::{CheckResult, Finding};

/// By this a spreadsheet knows UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Columns of the findings.
const FINDINGS: [&str; 11] =
    ["check", "severity", "subject", "owner", "server", "message", "who", "when", "lead_days", "risk", "waived"];

/// Columns of the users.
const USERS: [&str; 7] = ["owner", "server", "suspended", "folders", "messages", "findings", "checks"];

/// A row for each finding, all of them, in the order of the JSON report.
///
/// # Errors
/// When the writer fails.
pub fn render(report: &Report) -> Result<String, csv::Error> {
    let all = report.checks.iter().flat_map(|check| check.findings.iter().map(move |finding| (check, finding)));
    table(&FINDINGS, all.map(|(check, finding)| finding_row(check, finding)))
}

/// A row for each user who has something to do himself.
///
/// # Errors
/// When the writer fails.
pub fn users(owners: &[Owner]) -> Result<String, csv::Error> {
    table(&USERS, owners.iter().map(user_row))
}

fn finding_row(check: &CheckResult, finding: &Finding) -> [String; 11] {
    let remedy = check.remediations.get(finding.remedy).map_or(check.remedy, |done| done.remedy);
    [
        check.id.clone(),
        finding.severity.as_str().to_owned(),
        finding.subject.clone(),
        finding.owner.clone().unwrap_or_default(),
        finding.server.clone().unwrap_or_default(),
        finding.message.clone(),
        check.who.as_str().to_owned(),
        outline::when_word(remedy.when).to_owned(),
        check.lead_days.to_string(),
        outline::risk_word(remedy.risk).to_owned(),
        finding.waived.as_ref().map(|waived| waived.reason.clone()).unwrap_or_default(),
    ]
}

fn user_row(owner: &Owner) -> [String; 7] {
    [
        owner.address.clone(),
        owner.servers.join(", "),
        if owner.is_suspended { "yes" } else { "no" }.to_owned(),
        owner.folders.join("\n"),
        owner.messages.to_string(),
        owner.findings.to_string(),
        owner.checks.join(", "),
    ]
}

fn table<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.map(|cell| harmless(&cell)))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(format!("{BYTE_ORDER_MARK}{}", String::from_utf8_lossy(&bytes)))
}

/// A cell that no spreadsheet takes for a formula: these begin one, the wide forms in some of them, and so does what
/// follows white space.
fn harmless(cell: &str) -> String {
    let cell = visible(cell, true);
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    match cell.starts_with(['\t', '\n']) || cell.trim_start().starts_with(begins) {
        true => format!("'{cell}"),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, shown) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\n=1", "'\n=1"),
            (" =1", "' =1"),
            ("\r=1", "\\u{d}=1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), shown);
        }
    }
}
