//! The views that several checks share: judgements in SQL, as data beside the checks.

use crate::fact::View;

macro_rules! view {
    ($name:literal) => {
        View { name: $name, sql: include_str!(concat!("../../checks/views/", $name, ".sql")) }
    };
}

/// Every view, each after those that it reads.
pub const ALL: &[View] = &[
    view!("autodiscover_address"),
    view!("autodiscover_certificate"),
    view!("autodiscover_probe"),
    view!("autodiscover_host"),
    view!("autodiscover_service"),
    view!("autodiscover_method"),
    view!("autodiscover_verdict"),
];

/// The steps of every trace, for the report: no view, as no check asks for them.
pub const STEPS: &str = include_str!("../../checks/views/autodiscover_step.sql");
