//! The matrix of autodiscover and of the installation's URLs, and its traces in words, for the page and the terminal.

use serde::Serialize;

use super::i18n::Catalogue;
use crate::model::{METHODS, MailName, MethodCell, PublicUrl, SERVICES, Step, Vantage};

/// A name's row of the matrix and the trace below it.
#[derive(Serialize)]
pub(super) struct NameRow<'a> {
    name: &'a str,
    unicode_name: Option<&'a str>,
    /// The uid of its domain, where that says more than the name.
    domain_uid: Option<&'a str>,
    is_alias: bool,
    cells: Vec<Cell>,
    verdicts: [Cell; 2],
    step_count: u64,
    steps: Vec<StepRow<'a>>,
    vantages: Vec<VantageRow<'a>>,
}

/// A URL's row, and the trace below it.
#[derive(Serialize)]
pub(super) struct UrlRow<'a> {
    name: &'a str,
    cells: Vec<Cell>,
    step_count: u64,
    steps: Vec<StepRow<'a>>,
    vantages: Vec<VantageRow<'a>>,
}

/// The row of another machine.
#[derive(Serialize)]
struct VantageRow<'a> {
    label: &'a str,
    cells: Vec<Cell>,
    workstation: Option<Cell>,
}

/// A cell of the matrix: what to draw and what to say.
#[derive(Serialize)]
pub(super) struct Cell {
    /// Code of the method, or of the verdict's column.
    column: &'static str,
    pub(super) mark: Mark,
    pub(super) word: String,
    reason: Option<String>,
}

/// The drawing that goes with a state or a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Pass,
    Warning,
    Blocker,
    Unknown,
    Info,
    Off,
}

/// A step in words. A list is written from `opens` and `closes`: the step holds the next ones, or is the last of that
/// many lists.
#[derive(Serialize)]
struct StepRow<'a> {
    mark: Mark,
    status: String,
    kind: String,
    target: String,
    /// The target is a phrase of ours rather than a host or a URL.
    is_phrase: bool,
    outcome: String,
    detail: Option<&'a str>,
    elapsed: Option<String>,
    opens: bool,
    closes: Vec<()>,
}

impl<'a> NameRow<'a> {
    pub(super) fn of(name: &'a MailName, words: &Catalogue) -> Self {
        Self {
            name: &name.name,
            unicode_name: unicode_name(name),
            domain_uid: (name.domain_uid != name.name).then_some(name.domain_uid.as_str()),
            is_alias: name.is_alias,
            cells: cells(&METHODS, &name.methods, words),
            verdicts: verdict_cells(name, words),
            step_count: name.steps.len() as u64,
            steps: step_rows(&name.steps, words),
            vantages: name.vantages.iter().map(|vantage| VantageRow::of(vantage, &METHODS, words)).collect(),
        }
    }
}

impl<'a> UrlRow<'a> {
    pub(super) fn of(url: &'a PublicUrl, words: &Catalogue) -> Self {
        Self {
            name: &url.url,
            cells: cells(&SERVICES, &url.methods, words),
            step_count: url.steps.len() as u64,
            steps: step_rows(&url.steps, words),
            vantages: url.vantages.iter().map(|vantage| VantageRow::of(vantage, &SERVICES, words)).collect(),
        }
    }
}

impl<'a> VantageRow<'a> {
    fn of(vantage: &'a Vantage, methods: &[&'static str], words: &Catalogue) -> Self {
        let workstation = vantage.workstation.as_deref();
        Self {
            label: &vantage.label,
            cells: cells(methods, &vantage.methods, words),
            workstation: workstation.map(|code| verdict_cell("workstation", code, words)),
        }
    }
}

/// A cell for each method.
pub(super) fn cells(methods: &[&'static str], told: &[MethodCell], words: &Catalogue) -> Vec<Cell> {
    methods.iter().map(|method| method_cell(told, method, words)).collect()
}

impl Mark {
    /// The drawing for the code of a state or a status.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "yes" | "ok" => Self::Pass,
            "warns" | "warning" => Self::Warning,
            "no" | "error" => Self::Blocker,
            "note" => Self::Info,
            "absent" => Self::Off,
            _ => Self::Unknown,
        }
    }
}

/// The name as people read it, if that differs.
pub(super) fn unicode_name(name: &MailName) -> Option<&str> {
    name.unicode_name.as_deref().filter(|unicode| *unicode != name.name)
}

/// The cell of a method; a name that has none for it is not known to have it.
fn method_cell(told: &[MethodCell], method: &'static str, words: &Catalogue) -> Cell {
    let cell = told.iter().find(|cell| cell.method == method);
    let state = cell.map_or("unknown", |cell| cell.state.as_str());
    let reason = cell.and_then(|cell| cell.reason.as_deref());
    Cell {
        column: method,
        mark: Mark::of(state),
        word: words.code("method_state", state),
        reason: reason.map(|code| words.code("trace", code)),
    }
}

/// The two verdicts on a name.
pub(super) fn verdict_cells(name: &MailName, words: &Catalogue) -> [Cell; 2] {
    [("bm_mapi", &name.bm_mapi), ("workstation", &name.workstation)]
        .map(|(column, code)| verdict_cell(column, code, words))
}

pub(super) fn verdict_cell(column: &'static str, code: &str, words: &Catalogue) -> Cell {
    Cell { column, mark: Mark::of(code), word: words.code("name_verdict", code), reason: None }
}

fn step_rows<'a>(steps: &'a [Step], words: &Catalogue) -> Vec<StepRow<'a>> {
    // Depths of the steps that hold the current one: a jump by several levels is one level of the tree.
    let mut above: Vec<u8> = Vec::new();
    let mut rows = Vec::with_capacity(steps.len());
    for (i, step) in steps.iter().enumerate() {
        let next = steps.get(i + 1).map(|step| step.depth);
        let opens = next.is_some_and(|next| next > step.depth);
        let mut closes = Vec::new();
        if opens {
            above.push(step.depth);
        } else {
            while above.last().is_some_and(|depth| next.is_none_or(|next| next <= *depth)) {
                above.pop();
                closes.push(());
            }
        }
        rows.push(StepRow::of(step, words, opens, closes));
    }
    rows
}

impl<'a> StepRow<'a> {
    fn of(step: &'a Step, words: &Catalogue, opens: bool, closes: Vec<()>) -> Self {
        let phrase = match step.kind.as_str() {
            "method" => words.get(&format!("method.{}", step.target)),
            "proof" => words.get(&format!("trace_proof.{}", step.target)),
            _ => None,
        };
        let of_kind = words.get(&format!("trace_{}.{}", step.kind, step.outcome));
        Self {
            mark: Mark::of(&step.status),
            status: words.code("step_status", &step.status),
            kind: words.code("step_kind", &step.kind),
            target: phrase.unwrap_or(&step.target).to_owned(),
            is_phrase: phrase.is_some(),
            outcome: of_kind.map_or_else(|| words.code("trace", &step.outcome), str::to_owned),
            detail: step.detail.as_deref(),
            elapsed: step.elapsed_ms.map(|ms| words.duration(ms)),
            opens,
            closes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lang;

    const CODES: &str = "answer nodata nxdomain dangling_cname cname_loop servfail refused error timeout truncated \
        invalid_name not_asked ok unreachable tls_timeout closed not_tls too_old failed bad_redirect redirect_loop \
        too_many_redirects plain_http unresolved not_http bluemind bluemind_error_page exchange office365 \
        authentication autodiscover redirect html invalid_xml empty other yes warns no unknown valid expired \
        not_yet_valid system extra self_signed incomplete_chain unknown_issuer bad_signature name_mismatch no_san \
        weak_key certificate proven very_likely likely foreign not_found forbidden server_error html_page mapi_down \
        core_not_running other_bluemind unknown_basic_auth not_bluemind_autodiscover intercepted excluded only_server \
        no_record slow hairpin wildcard internal absent redirected prompt srv_port srv_alias srv_not_offered \
        srv_unresolvable srv_multiple no_redirect resolvers_disagree loopback_address no_common_algorithm \
        client_certificate rate_limited method_refused no_recursion late not_passed_on eas_down bluemind_page";

    fn step(depth: u8, kind: &str, target: &str, outcome: &str) -> Step {
        let own = str::to_owned;
        Step {
            depth,
            kind: own(kind),
            target: own(target),
            outcome: own(outcome),
            status: own("ok"),
            detail: None,
            elapsed_ms: None,
        }
    }

    #[test]
    fn every_code_has_a_phrase() {
        let words = Catalogue::shipped(Lang::Fr);
        for (section, codes) in [
            ("trace", CODES),
            ("method", "root autodiscover redirect srv loopback other"),
            ("method_url", "root autodiscover redirect srv"),
            ("method_state", "yes warns no unknown absent"),
            ("name_verdict", "yes warns no unknown"),
            ("verdict_title", "bm_mapi workstation"),
            ("verdict_means", "bm_mapi workstation"),
            ("step_kind", "method dns tls certificate http proof"),
            ("step_status", "ok warning error unknown note"),
            ("trace_proof", "access_log socket address certificate yes no unknown"),
        ] {
            for code in codes.split_whitespace() {
                assert!(words.get(&format!("{section}.{code}")).is_some(), "{section}.{code}");
            }
        }
    }

    #[test]
    fn a_code_means_what_its_step_is_about() {
        let words = Catalogue::shipped(Lang::En);
        let said = |kind, target, outcome| {
            let steps = [step(0, kind, target, outcome)];
            let rows = step_rows(&steps, &words);
            (rows[0].target.clone(), rows[0].outcome.clone())
        };
        assert_ne!(said("dns", "a.test", "refused").1, said("tls", "a.test", "refused").1);
        assert_ne!(said("method", "root", "yes").0, "root");
        assert_eq!(said("dns", "root", "yes").0, "root");
        assert_ne!(said("proof", "socket", "yes").0, "socket");
        assert_eq!(said("dream", "root", "of_sheep"), ("root".into(), "of_sheep".into()));
    }

    #[test]
    fn depths_become_lists_whatever_they_are() {
        let words = Catalogue::shipped(Lang::En);
        let written = |depths: &[u8]| {
            let steps: Vec<_> = depths.iter().map(|depth| step(*depth, "dns", "", "ok")).collect();
            let rows = step_rows(&steps, &words);
            let one =
                |row: &StepRow<'_>| if row.opens { "(".into() } else { ".".to_owned() + &")".repeat(row.closes.len()) };
            rows.iter().map(one).collect::<String>()
        };
        assert_eq!(written(&[]), "");
        assert_eq!(written(&[0, 1, 1, 2, 0]), "(.(.)).");
        assert_eq!(written(&[0, 1, 2]), "((.))");
        assert_eq!(written(&[3, 0, 9, 5, 1, 0]), ".(...).");
        assert_eq!(written(&[0, 255, 0, 255]), "(.)(.)");
    }

    #[test]
    fn a_method_without_a_cell_is_unknown() {
        let name = MailName {
            vantages: Vec::new(),
            name: "a.test".into(),
            unicode_name: Some("a.test".into()),
            domain_uid: "a.test".into(),
            is_alias: false,
            methods: Vec::new(),
            bm_mapi: "yes".into(),
            workstation: "perhaps".into(),
            steps: Vec::new(),
        };
        let row = NameRow::of(&name, &Catalogue::shipped(Lang::En));
        assert!(row.cells.iter().all(|cell| cell.mark == Mark::Unknown && cell.word == "unknown"));
        assert_eq!(row.cells.len(), METHODS.len());
        assert_eq!((row.unicode_name, row.domain_uid), (None, None));
        assert_eq!((row.verdicts[1].mark, row.verdicts[1].word.as_str()), (Mark::Unknown, "perhaps"));
    }
}
