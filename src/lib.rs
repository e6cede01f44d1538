//! Pre-upgrade checks for BlueMind 4.

pub mod model;
pub mod report;
pub mod verdict;
