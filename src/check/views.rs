//! The views that several checks share: judgements in SQL, as data beside the checks.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use crate::fact::View;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/checks/views");

/// Every view, by name: the files of `checks/views/`.
pub static ALL: LazyLock<Vec<View>> = LazyLock::new(|| {
    let view = |file: &'static include_dir::File<'_>| {
        Some(View { name: file.path().file_stem()?.to_str()?, sql: file.contents_utf8()? })
    };
    let mut views: Vec<View> = FOLDER.files().filter_map(view).collect();
    views.sort_by_key(|view| view.name);
    views
});

#[cfg(test)]
mod tests {
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
            assert!(
                !tables.is_empty() && tables.iter().all(|t| schema.table(t).is_some()),
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
