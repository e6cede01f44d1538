//! What the autodiscover probes tell about each mail domain and alias, ready to be shown.
//!
//! States, reasons and outcomes are codes rather than enums: they are what the queries over the facts say, and a code
//! that no catalogue of phrases knows is shown as it is.

/// The ways in which a client looks for autodiscover, in the order of a report's columns: https on the domain itself,
/// https on `autodiscover.<domain>`, the plain http redirect, and the SRV record.
pub const METHODS: [&str; 4] = ["root", "autodiscover", "redirect", "srv"];

/// What the probes tell about one mail domain or alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailName {
    /// The name as DNS asks for it (A-labels).
    pub name: String,
    /// The name as people read it (U-labels), when it differs.
    pub unicode_name: Option<String>,
    /// Uid of the domain that the name belongs to.
    pub domain_uid: String,
    /// Whether the name is an alias of the domain.
    pub is_alias: bool,
    /// One cell for each of [`METHODS`], in that order.
    pub methods: Vec<MethodCell>,
    /// Would bm-mapi count the name as reachable: `yes`, `no` or `unknown`.
    pub bm_mapi: String,
    /// Would an Outlook prepared as BlueMind documents connect without a warning: `yes`, `warns`, `no` or `unknown`.
    pub workstation: String,
    /// What was done and what came of it, in that order.
    pub steps: Vec<Step>,
    /// The same as other machines see it.
    pub vantages: Vec<Vantage>,
}

/// What clients ask for at a URL of the installation, in the order of a report's columns: the web pages, Outlook's store and
/// address book, and mobiles' ActiveSync.
pub const SERVICES: [&str; 4] = ["web", "emsmdb", "nspi", "activesync"];

/// What the probes tell about one URL at which users reach the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// Such as `https://mail.example.org/`.
    pub url: String,
    /// One cell for each of [`SERVICES`], in that order.
    pub methods: Vec<MethodCell>,
    /// What was done and what came of it, in that order.
    pub steps: Vec<Step>,
    /// The same as other machines see it.
    pub vantages: Vec<Vantage>,
}

/// How a name or a URL looks from another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vantage {
    /// What that machine is called.
    pub label: String,
    /// The cells as from here.
    pub methods: Vec<MethodCell>,
    /// Of a name: whether Outlook would connect there without a warning.
    pub workstation: Option<String>,
}

/// How one method fares for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodCell {
    /// One of [`METHODS`], or of [`SERVICES`].
    pub method: String,
    /// `yes`, `warns`, `no`, `unknown`, or `absent` when nothing is offered there.
    pub state: String,
    /// Why, as a code such as `not_found`, `certificate` or `nxdomain`.
    pub reason: Option<String>,
}

/// One step of the trace; the depth makes the steps a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// 0 for a method, one more for each level below; a step belongs to the nearest one above that is less deep.
    pub depth: u8,
    /// `method`, `dns`, `tls`, `certificate`, `http` or `proof`.
    pub kind: String,
    /// What it is about: a host and record type, an address, a URL; one of [`METHODS`] for a `method`, `access_log`,
    /// `socket`, `address` or `certificate` for a `proof`.
    pub target: String,
    /// What came of it, as a code.
    pub outcome: String,
    /// How good that is: `ok`, `warning`, `error`, `unknown` or `note`.
    pub status: String,
    /// What else is known: records, a certificate's names, a header, an error's text.
    pub detail: Option<String>,
    /// Time it took, in milliseconds.
    pub elapsed_ms: Option<u64>,
}
