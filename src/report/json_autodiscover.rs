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
    /// The same as other machines see it.
    vantages: Vec<Vantage<'a>>,
}

/// What the probes tell about one URL at which users reach the installation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct PublicUrl<'a> {
    /// Such as `https://mail.example.org/`.
    url: &'a str,
    /// What clients ask for there, in the order `web`, `emsmdb`, `nspi`, `activesync`.
    methods: Vec<MethodCell<'a>>,
    /// What was done and what came of it, in that order.
    steps: Vec<AutodiscoverStep<'a>>,
    /// The same as other machines see it.
    vantages: Vec<Vantage<'a>>,
}

/// How a name or a URL looks from another machine.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Vantage<'a> {
    /// What that machine is called.
    label: &'a str,
    /// As from here.
    methods: Vec<MethodCell<'a>>,
    /// Would an Outlook there connect without a warning; null of a URL.
    workstation: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MethodCell<'a> {
    /// `root`, `autodiscover`, `redirect` or `srv` of a name, `web`, `emsmdb`, `nspi` or `activesync` of a URL.
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
            vantages: name.vantages.iter().map(Vantage::of).collect(),
        }
    }
}

impl<'a> PublicUrl<'a> {
    pub(super) fn of(url: &'a model::PublicUrl) -> Self {
        Self {
            url: &url.url,
            methods: url.methods.iter().map(MethodCell::of).collect(),
            steps: url.steps.iter().map(AutodiscoverStep::of).collect(),
            vantages: url.vantages.iter().map(Vantage::of).collect(),
        }
    }
}

impl<'a> Vantage<'a> {
    fn of(vantage: &'a model::Vantage) -> Self {
        Self {
            label: &vantage.label,
            methods: vantage.methods.iter().map(MethodCell::of).collect(),
            workstation: vantage.workstation.as_deref(),
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
