//! What the collector knows of a directory already spares the query a look, and changes nothing of what it finds.

use toml::{Table, Value};

const CHECK: &str = include_str!("../../checks/cyrus/spool_directory_unexpected.toml");

/// The row that stands in a line of a case.
fn row(line: &str) -> Option<Table> {
    let row = line.strip_prefix("  ")?.strip_suffix(',').filter(|row| row.starts_with("{ server_uid"))?;
    let mut table: Table = toml::from_str(&format!("row = {row}")).ok()?;
    table.remove("row")?.try_into().ok()
}

fn text<'t>(row: &'t Table, column: &str) -> &'t str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// A case with each of its directories marked as the collector would have marked it.
fn marked(case: &str) -> String {
    let place = |row: &Table, name: &str| ["server_uid", name, "partition"].map(|column| text(row, column).to_owned());
    let is_entry = |row: &Table| row.contains_key("name") && !row.contains_key("depth");
    let entries: Vec<_> = case.lines().filter_map(row).filter(is_entry).map(|row| place(&row, "name")).collect();
    let is_listed = |row: &Table| {
        let first = text(row, "path").split('/').next().unwrap_or_default();
        row.contains_key("depth") && first == text(row, "partition") && entries.contains(&place(row, "mailbox_name"))
    };
    let line = |line: &str| match row(line).filter(is_listed) {
        // A line may not be too long.
        Some(_) => line.replace(" = ", "=").replace(" },", ",is_listed=true },"),
        None => line.to_owned(),
    };
    case.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn directories_that_are_where_the_list_has_them_are_judged_as_if_looked_at() {
    let text = CHECK.split("[[test]]\n").map(marked).collect::<Vec<_>>().join("\n[[test]]\n");
    let listed = text.matches("is_listed=true").count();
    assert!(listed > 20, "the cases have listed directories: {listed}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool_directory_unexpected.toml");
    std::fs::write(&path, text).unwrap();
    let output = super::program().args(["checks", "test"]).arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("0 failed"), "{said}");
}
