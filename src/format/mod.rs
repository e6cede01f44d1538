//! Pure readers of the formats that BlueMind's files have: bytes in, values or errors out, never a panic.

pub mod bm_ini;
pub mod dpkg_status;
pub mod mounts;
