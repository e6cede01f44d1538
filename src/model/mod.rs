//! The shared vocabulary: plain values without behaviour that every other room speaks of.

pub mod address;
pub mod autodiscover;
pub mod coverage;
pub mod durations;
pub mod finding;
pub mod reason;
pub mod releases;
pub mod text;
pub mod version;

pub use autodiscover::{METHODS, MailName, MethodCell, PublicUrl, SERVICES, Step, Vantage};
pub use coverage::{Completeness, Coverage, Gap};
pub use finding::{
    Cause, CheckResult, Examined, Finding, Missing, Outcome, Remediation, Remedy, Risk, Severity, Waived, When, Who,
};
pub use reason::Reason;
pub use text::{Lang, Localized};
