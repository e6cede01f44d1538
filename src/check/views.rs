//! The views that several checks share: judgements in SQL, as data beside the checks.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use crate::fact::View;
use crate::model::releases;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/checks/views");

/// The releases that are known, for queries.
static RELEASE_LINE: LazyLock<String> = LazyLock::new(|| {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let or_null = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), quoted);
    let row = |line: &releases::Line| {
        let (major, minor) = line.release.split_once('.')?;
        let (coverage, after) = (line.step.map(|step| step.coverage.as_str()), line.after.as_ref());
        let [release, coverage] = [Some(line.release.as_str()), coverage].map(or_null);
        let [least, stop] =
            [after.map(|after| after.release.as_str()), after.map(|after| after.stop.as_str())].map(or_null);
        let postgresql =
            releases::postgresql_of(&line.release).map_or_else(|| "NULL".to_owned(), |major| major.to_string());
        Some(format!("({release}, {major}, {minor}, {coverage}, {least}, {stop}, {postgresql})"))
    };
    let rows: Vec<String> = releases::known().lines.iter().filter_map(row).collect();
    format!(
        "-- A line of releases that is known. `coverage`: how much of the step that leads to it the checks look at, `whole`,
-- `part` or `none`. `least`: the oldest release that an upgrade to it or beyond may start from, `stop` the line to go
-- through for that; null where there is no such rule. `postgresql`: the first number of the version that it comes with.
WITH line (release, major, minor, coverage, least, stop, postgresql) AS (VALUES {})
SELECT l.release, l.major, l.minor, l.coverage, l.least, l.stop, l.postgresql FROM line AS l",
        rows.join(", ")
    )
});

/// The systems that the packages of each line of releases were built for.
static RELEASE_SYSTEM: LazyLock<String> = LazyLock::new(|| {
    let of = |line: &'static releases::Line| {
        let confidence = line.confidence.unwrap_or(releases::Confidence::Inferred).as_str();
        line.systems()
            .into_iter()
            .map(move |(id, version)| format!("('{}', '{id}', '{version}', '{confidence}')", line.release))
    };
    let rows: Vec<String> = releases::known().lines.iter().flat_map(of).collect();
    format!(
        "-- A system for which the packages of a line of releases were built: what os-release calls it, and the version. `confidence`:
-- `documented`, `source` or `inferred`.
WITH platform (release, id, version, confidence) AS (VALUES {})
SELECT p.release, p.id, p.version, p.confidence FROM platform AS p",
        rows.join(", ")
    )
});

/// The packages that a line of releases does not have any more.
static RELEASE_DROP: LazyLock<String> = LazyLock::new(|| {
    let of = |line: &'static releases::Line| {
        line.drops.iter().map(|drop| format!("('{}', '{}', '{}')", line.release, drop.package, drop.feature))
    };
    let rows: Vec<String> = releases::known().lines.iter().flat_map(of).collect();
    format!(
        "-- A package that a line of releases is the first not to have any more, and the feature that goes with it. Those that belong
-- to a role and are replaced with it are left out.
WITH dropped (release, package, feature) AS (VALUES {})
SELECT d.release, d.package, d.feature FROM dropped AS d",
        rows.join(", ")
    )
});

/// Every view, by name: the files of `checks/views/`, and the releases.
pub static ALL: LazyLock<Vec<View>> = LazyLock::new(|| {
    let view = |file: &'static include_dir::File<'_>| {
        Some(View { name: file.path().file_stem()?.to_str()?, sql: file.contents_utf8()? })
    };
    let made = [("release_drop", &RELEASE_DROP), ("release_line", &RELEASE_LINE), ("release_system", &RELEASE_SYSTEM)];
    let made = made.map(|(name, sql)| View { name, sql: sql.as_str() });
    let mut views: Vec<View> = FOLDER.files().filter_map(view).chain(made).collect();
    views.sort_by_key(|view| view.name);
    views
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fact::Store;
    use crate::fact::store::Origin;

    #[test]
    fn each_view_reads_tables_and_says_what_a_row_is() {
        let schema = crate::app::schema();
        let reader = Store::in_memory(&schema, &Origin::default()).unwrap().into_reader().unwrap();
        assert!(ALL.len() > 10, "the folder was found");
        for view in &*ALL {
            let tables = reader.prepare(view.sql).unwrap().tables;
            let in_text: BTreeSet<String> =
                schema.reads().tables(view.sql).iter().map(|table| table.name.to_owned()).collect();
            assert_eq!(in_text, tables, "{}: another way to write what it reads", view.name);
            assert!(
                tables.is_empty() == view.name.starts_with("release_")
                    && tables.iter().all(|t| schema.table(t).is_some()),
                "{}: {tables:?}",
                view.name
            );
            assert!(!view.doc().is_empty(), "{}", view.name);
            // A view is answered once for all who ask: a parameter would be NULL.
            let code: String = view.sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
            let is_parameter = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase());
            assert!(!code.split(':').skip(1).any(is_parameter), "{}: a parameter", view.name);
        }
    }
}
