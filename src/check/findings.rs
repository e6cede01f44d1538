//! The rows of a query as findings, in words.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tera::Context;

use super::evaluate::Situation;
use super::message::Part;
use super::{Check, Problem};
use crate::fact::{Reader, ScopeKind, Value, bytes};
use crate::model::text::distinct;
use crate::model::{Cause, Finding, Lang, Missing, Remediation, Remedy, Risk, Severity, When};

/// The column in which a row gives the code of a reason why its subject cannot be judged.
pub(super) const INCONCLUSIVE: &str = "inconclusive";

/// The column in which a row lowers the severity of its finding.
pub(super) const SEVERITY: &str = "severity";

/// The column that says what a row is about.
pub(super) const SUBJECT: &str = "subject";

/// The column in which a row gives the id of the check whose finding explains this one.
pub(super) const EXPLAINED_BY: &str = "explained_by";

/// The column in which it gives the subject of that finding; its own where there is none.
pub(super) const EXPLAINED_SUBJECT: &str = "explained_subject";

/// The column in which a row gives the address of the user whom its finding is for.
const OWNER: &str = "owner";

/// The column in which a row names the server that it is about.
const SERVER: &str = "server_uid";

/// Characters of one cell that a finding keeps: longer texts are cut, with an ellipsis.
const MAX_CELL_CHARS: usize = 4_000;

/// What the rows of a query come to.
pub(super) struct Found {
    /// All of them, by subject.
    pub(super) findings: Vec<Finding>,
    /// What is done about them, each text once.
    pub(super) remediations: Vec<Remediation>,
    /// Subjects that the facts do not decide, ordered.
    pub(super) undecided: Vec<Missing>,
}

/// A row with its subject.
pub(super) type Subject = (String, Vec<Value>);

/// Runs the query. A row is a finding, unless it gives in the column `inconclusive` the code of a reason why nothing can
/// be said of its subject.
pub(super) fn find(
    check: &Check,
    reader: &mut Reader,
    situation: &Situation<'_>,
    limit: Duration,
) -> Result<Found, String> {
    let (columns, rows) = by_subject(&check.query, reader, situation, limit)?;
    let inconclusive_at = columns.iter().position(|column| column == INCONCLUSIVE);
    let is_undecided =
        |row: &[Value]| inconclusive_at.and_then(|at| row.get(at)).is_some_and(|code| *code != Value::Null);
    let (mut findings, mut undecided, mut remediations) = (Vec::new(), Vec::new(), Remediations::default());
    for (subject, row) in rows {
        let is_undecided = is_undecided(&row);
        let row = Columns::of(&columns, &row);
        if is_undecided {
            undecided.push(missing(check, situation.lang, subject, row)?);
        } else {
            findings.push(finding(check, situation.lang, subject, row, &mut remediations)?);
        }
    }
    Ok(Found { findings, remediations: remediations.told, undecided })
}

/// What is done about the findings of a check: thousands of them have the same.
#[derive(Default)]
struct Remediations {
    told: Vec<Remediation>,
    places: BTreeMap<(String, When, Risk), usize>,
}

impl Remediations {
    /// The place of a remediation among those that were told.
    fn place(&mut self, problem: &Problem, text: String) -> usize {
        let Remedy { when, risk } = problem.remedy;
        let code = (!problem.code.is_empty()).then(|| problem.code.clone());
        let place = *self.places.entry((text.clone(), when, risk)).or_insert(self.told.len());
        match self.told.get_mut(place) {
            None => self.told.push(Remediation { problem: code, text, remedy: problem.remedy }),
            Some(told) if told.problem != code => told.problem = None,
            Some(_) => {}
        }
        place
    }
}

/// Runs a query of a check: the names of its columns, and the rows ordered by their subjects.
pub(super) fn by_subject(
    query: &str,
    reader: &mut Reader,
    situation: &Situation<'_>,
    limit: Duration,
) -> Result<(Vec<String>, Vec<Subject>), String> {
    reader.bind(":now", situation.now);
    reader.bind(":from_release", situation.from.clone());
    reader.bind(":to_release", situation.to.clone());
    let question = reader.question(query).map_err(|error| error.to_string())?;
    let columns = question.columns.clone();
    let subject_at = columns.iter().position(|column| column == SUBJECT).ok_or("the query returns no subject")?;
    let (mut rows, mut without_subject) = (Vec::new(), 0_u64);
    let explained_at = columns.iter().position(|column| column == EXPLAINED_SUBJECT);
    let short = |(at, value)| if Some(at) == explained_at { named(value) } else { shortened(value) };
    let take = |row: Vec<Value>| match row.get(subject_at).and_then(as_text) {
        Some(subject) => {
            let subject = distinct(subject, MAX_CELL_CHARS);
            let row: Vec<Value> = row.into_iter().enumerate().map(short).collect();
            let bytes = subject.len() as u64 + bytes(&row);
            rows.push((subject, row));
            bytes
        }
        None => {
            without_subject += 1;
            0
        }
    };
    question.for_each(limit, take).map_err(|error| error.to_string())?;
    if without_subject > 0 {
        let total = rows.len() as u64 + without_subject;
        return Err(format!("{without_subject} of {total} rows have no subject"));
    }
    rows.sort();
    Ok((columns, rows))
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.0.to_string()),
        Value::Text(text) => Some(text.clone()),
    }
}

/// The subject of another finding, as that has it.
fn named(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(distinct(text, MAX_CELL_CHARS)),
        other => other,
    }
}

fn shortened(value: Value) -> Value {
    match value {
        Value::Text(text) if text.chars().nth(MAX_CELL_CHARS).is_some() => {
            Value::Text(text.chars().take(MAX_CELL_CHARS).chain(['…']).collect())
        }
        other => other,
    }
}

fn finding(
    check: &Check,
    lang: Lang,
    subject: String,
    mut columns: Columns,
    remediations: &mut Remediations,
) -> Result<Finding, String> {
    let problem = columns.problem(check).map_err(|error| format!("{subject:?}: {error}"))?;
    let severity = lowered(check.severity, columns.cells.get(SEVERITY))?;
    let mut render = |part| columns.render(check, part, &problem.code, lang, &subject);
    let commands = (0..problem.commands.len()).map(|number| render(Part::Command(number)));
    // What is not to be done in this case is rendered as nothing.
    let mut commands = commands.collect::<Result<Vec<String>, String>>()?;
    commands.retain(|command| !command.is_empty());
    let remedy = remediations.place(problem, render(Part::Remediation)?);
    Ok(Finding {
        key: key(&check.id, &subject),
        severity,
        message: render(Part::Message)?,
        remedy,
        commands,
        owner: columns.owner(),
        server: columns.text(SERVER).map(str::to_owned),
        cause: columns.cause(&subject),
        evidence: columns.evidence(),
        waived: None,
        explained_by: None,
        subject,
    })
}

/// A row that says why nothing can be said of its subject. A code without words is shown as it is.
fn missing(check: &Check, lang: Lang, subject: String, mut columns: Columns) -> Result<Missing, String> {
    let code = columns.text(INCONCLUSIVE).unwrap_or_default().to_owned();
    let reason = match check.inconclusive.contains_key(&code) {
        true => columns.render(check, Part::Inconclusive, &code, lang, &subject)?,
        false => code.clone(),
    };
    let scope = columns.text(SERVER).unwrap_or_else(|| scope_of(check));
    let (table, scope) = (Missing::UNDECIDED.to_owned(), scope.to_owned());
    Ok(Missing { table, scope, place: Some(subject), problem: Some(code), reason, root: None, waived: None })
}

/// Where a check looks that names no server.
fn scope_of(check: &Check) -> &'static str {
    match check.tables.iter().any(|table| table.scope == ScopeKind::Network) {
        true => Missing::NETWORK,
        false => Missing::DIRECTORY,
    }
}

/// A row under the names of its columns.
pub(super) struct Columns {
    cells: serde_json::Map<String, serde_json::Value>,
    context: Context,
}

impl Columns {
    pub(super) fn of(names: &[String], row: &[Value]) -> Self {
        let cells: serde_json::Map<_, _> = names.iter().cloned().zip(row.iter().map(to_json)).collect();
        let mut context = Context::new();
        for (column, value) in &cells {
            context.insert(column.clone(), value);
        }
        Self { cells, context }
    }

    /// What the row says it is.
    fn problem<'c>(&self, check: &'c Check) -> Result<&'c Problem, String> {
        let code = check.by.as_ref().map_or(Some(""), |by| self.cells.get(by).and_then(|code| code.as_str()));
        let problem = code.and_then(|code| check.problem(code));
        problem.ok_or_else(|| format!("no words for the code {:?}", code.unwrap_or("NULL")))
    }

    pub(super) fn render(
        &mut self,
        check: &Check,
        part: Part,
        code: &str,
        lang: Lang,
        subject: &str,
    ) -> Result<String, String> {
        let rendered = check.messages().render(part, code, lang, &mut self.context);
        rendered.map_err(|error| format!("template of {subject:?}: {error}"))
    }

    fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column).and_then(|cell| cell.as_str())
    }

    /// The address of the user whom the row is for: a name that is none, such as a mailbox's, is evidence alone.
    fn owner(&self) -> Option<String> {
        self.text(OWNER).filter(|owner| owner.contains('@')).map(str::to_owned)
    }

    /// The finding that explains the row's.
    fn cause(&self, subject: &str) -> Option<Cause> {
        let check = self.cells.get(EXPLAINED_BY)?.as_str()?.to_owned();
        let subject = self.cells.get(EXPLAINED_SUBJECT).map_or(Some(subject), |cell| cell.as_str())?.to_owned();
        Some(Cause { check, subject })
    }

    /// The columns beside the reserved ones.
    fn evidence(self) -> serde_json::Map<String, serde_json::Value> {
        let cells = self.cells.into_iter().filter(|(name, _)| is_evidence(name));
        cells.map(|(name, value)| (name.clone(), told(&name, value))).collect()
    }
}

/// Whether a column is none of the reserved ones.
pub(super) fn is_evidence(name: &str) -> bool {
    !matches!(name, SUBJECT | INCONCLUSIVE | SEVERITY | EXPLAINED_BY | EXPLAINED_SUBJECT)
}

/// A value of evidence: a time, in seconds since the epoch as in all facts, is told as people read it.
pub(super) fn told(name: &str, value: serde_json::Value) -> serde_json::Value {
    let seconds = value.as_i64().filter(|_| name.ends_with("_at"));
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or(value, |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
}

/// The severity that a row asks for: that of the check, or a lower one.
fn lowered(of_check: Severity, value: Option<&serde_json::Value>) -> Result<Severity, String> {
    let Some(word) = value.and_then(|value| value.as_str()) else { return Ok(of_check) };
    let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == word);
    severity
        .filter(|severity| *severity >= of_check)
        .ok_or_else(|| format!("{word:?} is no severity below the check's"))
}

/// A cell as JSON.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => number.0.into(),
        Value::Text(text) => text.clone().into(),
    }
}

/// Stable identity of a finding: 128 bits of a hash of the check's id and the subject, in hexadecimal.
pub fn key(check: &str, subject: &str) -> String {
    let digest = Sha256::new().chain_update(check).chain_update([0]).chain_update(subject).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
