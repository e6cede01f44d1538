//! BlueMind's version numbers.
//!
//! A technical version is `major.minor.build`; releases 4.0.x and 4.1.x both call themselves `4.1.<build>`, so that the
//! build alone tells the release.

use std::cmp::Ordering;

use super::releases::{self, Build};

/// Third numbers below this are those of a release name such as `4.0.14`, not builds.
const FIRST_BUILD: u32 = 1_000;

/// The release that a technical version belongs to: `4.1.43922-buster` is `4.0.14`. A release name stands for itself.
/// `None` when it is no version, or a build whose release is not known.
pub fn release_of(version: &str) -> Option<String> {
    let (major, minor, third) = leading_numbers(version)?;
    match (major, third) {
        (_, None) => Some(format!("{major}.{minor}")),
        (_, Some(patch)) if patch < FIRST_BUILD => Some(format!("{major}.{minor}.{patch}")),
        (4, Some(build)) => begun(build).filter(|begun| !begun.is_least).map(|begun| begun.release.clone()),
        (_, Some(_)) => Some(format!("{major}.{minor}")),
    }
}

/// The release that a build whose own is not known has at least: `4.1.61831` is not below `4.7`. `None` when the release is
/// known, or nothing is.
pub fn at_least(version: &str) -> Option<String> {
    match leading_numbers(version)? {
        (4, _, Some(build)) => begun(build).filter(|begun| begun.is_least).map(|begun| begun.release.clone()),
        _ => None,
    }
}

/// Where the release of a build began.
fn begun(build: u32) -> Option<&'static Build> {
    releases::known().builds.iter().rev().find(|begun| begun.first <= build)
}

/// The release as a semantic version, for version ranges: `4.1` is `4.1.0`.
pub fn semantic(release: &str) -> Option<semver::Version> {
    let (major, minor, patch) = leading_numbers(release)?;
    Some(semver::Version::new(major.into(), minor.into(), patch.unwrap_or(0).into()))
}

/// The numbers that a version begins with.
pub(super) fn leading_numbers(version: &str) -> Option<(u32, u32, Option<u32>)> {
    let head = version.trim().split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut parts = head.split('.').map(str::parse::<u32>);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let third = match parts.next() {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => return None,
    };
    Some((major, minor, third))
}

/// Compares versions part by part, numbers as numbers: `17.2.3` comes before `17.10.0`, and `4.1` equals `4.1.0`.
pub fn compare(left: &str, right: &str) -> Ordering {
    let split = |text: &str| -> Vec<String> {
        text.split(['.', '-', '_', '+', '~', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (left, right) = (split(left), split(right));
    for index in 0..left.len().max(right.len()) {
        let part = |parts: &[String]| parts.get(index).cloned().unwrap_or_else(|| "0".to_owned());
        let (l, r) = (part(&left), part(&right));
        let order = match (l.parse::<u64>(), r.parse::<u64>()) {
            (Ok(l), Ok(r)) => l.cmp(&r),
            _ => l.cmp(&r),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_tell_the_release() {
        for (version, release) in [
            ("4.1.42217", Some("4.0")),
            ("4.1.43922", Some("4.0.14")),
            ("4.1.43922-buster", Some("4.0.14")),
            ("4.1.43926", Some("4.0.14")),
            ("4.1.47223", Some("4.0.15")),
            ("4.1.47224", Some("4.1")),
            ("4.1.48912", Some("4.2.1")),
            ("4.1.48913", Some("4.2.4")),
            ("4.1.48914", None),
            ("4.1.61831", None),
            ("4.1.42216", None),
            ("4.0.14", Some("4.0.14")),
            ("4.1", Some("4.1")),
            ("3.5.30301", Some("3.5")),
            ("5.0.1348", Some("5.0")),
            ("nonsense", None),
            ("4.1.99999999999", None),
            ("", None),
        ] {
            assert_eq!(release_of(version).as_deref(), release, "{version}");
        }
    }

    #[test]
    fn a_build_above_the_known_ones_tells_the_least() {
        for (version, least) in [
            ("4.1.48913", None),
            ("4.1.48914", Some("4.2.4")),
            ("4.1.51056", Some("4.2.4")),
            ("4.1.51057", Some("4.3")),
            ("4.1.61831", Some("4.7")),
            ("4.1.65000-buster", Some("4.8")),
            ("4.1.42216", None),
            ("4.2.1", None),
            ("5.0.4859", None),
            ("nonsense", None),
        ] {
            assert_eq!(at_least(version).as_deref(), least, "{version}");
            assert!(least.is_none() || release_of(version).is_none(), "{version}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert_eq!(compare("17.2.3", "17.10.0"), Ordering::Less);
        assert_eq!(compare("4.1", "4.1.0"), Ordering::Equal);
        assert_eq!(compare("4.1.1", "4.1"), Ordering::Greater);
        assert_eq!(compare("4.0.14", "4.1"), Ordering::Less);
    }
}
