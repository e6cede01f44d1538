//! The autodiscover part of the JSON report, format 1. New codes may appear within a format.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model;

/// What the probes tell about one mail domain or alias.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct MailName<'a> {
    /// The name in A-labels.
    name: &'a str,
    /// The name in U-labels; null when it is the same.
    unicode_name: Option<&'a str>,
    /// Uid of the domain that the name belongs to.
    domain_uid: &'a str,
    /// Whether it is an alias of that domain.
    is_alias: bool,
    /// How each method fares, in the order `root`, `autodiscover`, `redirect`, `srv`.
    methods: Vec<MethodCell<'a>>,
    /// Would bm-mapi count the name as reachable: `yes`, `no` or `unknown`.
    bm_mapi: &'a str,
    /// Would an Outlook prepared as BlueMind documents connect without a warning: `yes`, `warns`, `no` or `unknown`.
    workstation: &'a str,
    /// What was done and what came of it, in that order.
    steps: Vec<AutodiscoverStep<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MethodCell<'a> {
    /// `root`, `autodiscover`, `redirect` or `srv`.
    method: &'a str,
    /// `yes`, `warns`, `no`, `unknown`, or `absent` when nothing is offered there.
    state: &'a str,
    /// Why, as a code; null when there is nothing to say.
    reason: Option<&'a str>,
}

/// One step of the trace.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AutodiscoverStep<'a> {
    /// 0 at the top; a step belongs to the nearest one above that is less deep.
    depth: u8,
    /// `method`, `dns`, `tls`, `certificate`, `http` or `proof`.
    kind: &'a str,
    /// What it is about: a host and record type, an address, a URL, a method or a proof.
    target: &'a str,
    /// What came of it, as a code.
    outcome: &'a str,
    /// `ok`, `warning`, `error`, `unknown` or `note`.
    status: &'a str,
    /// What else is known.
    detail: Option<&'a str>,
    /// Time it took, in milliseconds; null when it was not measured.
    elapsed_ms: Option<u64>,
}

impl<'a> MailName<'a> {
    pub(super) fn of(name: &'a model::MailName) -> Self {
        Self {
            name: &name.name,
            unicode_name: name.unicode_name.as_deref(),
            domain_uid: &name.domain_uid,
            is_alias: name.is_alias,
            methods: name.methods.iter().map(MethodCell::of).collect(),
            bm_mapi: &name.bm_mapi,
            workstation: &name.workstation,
            steps: name.steps.iter().map(AutodiscoverStep::of).collect(),
        }
    }
}

impl<'a> MethodCell<'a> {
    fn of(cell: &'a model::MethodCell) -> Self {
        Self { method: &cell.method, state: &cell.state, reason: cell.reason.as_deref() }
    }
}

impl<'a> AutodiscoverStep<'a> {
    fn of(step: &'a model::Step) -> Self {
        Self {
            depth: step.depth,
            kind: &step.kind,
            target: &step.target,
            outcome: &step.outcome,
            status: &step.status,
            detail: step.detail.as_deref(),
            elapsed_ms: step.elapsed_ms,
        }
    }
}
