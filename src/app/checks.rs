//! `checks list|explain|lint|test`, and the loading that every command shares.

use std::fmt::Write as _;
use std::path::Path;

use glob::Pattern;
use include_dir::{Dir, include_dir};
use walkdir::WalkDir;

use super::{Failure, Output, explain};
use crate::check::{Check, CheckFile, case, is_about, load};
use crate::cli::{ChecksCommand, SelectArgs};
use crate::config::environment_lang;
use crate::fact::store::Origin;
use crate::fact::{Schema, Store};
use crate::model::Lang;
use crate::plan::Plan;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/checks");

/// Carries out `checks …`.
pub(super) fn execute(command: &ChecksCommand) -> Result<Output, Failure> {
    match command {
        ChecksCommand::List { select, from, to, lang } => {
            let checks = load_checks(select)?;
            let selects = !(select.check.is_empty() && select.skip.is_empty() && select.category.is_empty());
            let mut listed = if selects { choose(&checks, select)?.selected } else { checks.iter().collect() };
            listed.retain(|check| is_about(check, from.as_deref(), to.as_deref()));
            Ok(Output::text(list(&listed, lang.unwrap_or_else(environment_lang))))
        }
        ChecksCommand::Explain { id, full, checks_dir, lang } => {
            let checks = load_all(built_in(false), checks_dir)?;
            let check = checks.iter().find(|check| check.id == *id);
            let check = check.ok_or_else(|| Failure::Usage(format!("{id}: {}", unknown_id(id, &checks))))?;
            let lang = lang.unwrap_or_else(environment_lang);
            let page =
                if *full { explain::in_full(check, lang) } else { explain::explain(check, lang, &super::schema()) };
            Ok(Output::text(page))
        }
        ChecksCommand::Lint { path } => {
            let checks = load_path(path.as_deref())?;
            Ok(Output::text(format!("{} check file(s), no defect\n", checks.len())))
        }
        ChecksCommand::Test { path } => test(&load_path(path.as_deref())?),
    }
}

/// Every built-in check and all of more folders: those that are left out are told of.
pub(super) fn load_checks(select: &SelectArgs) -> Result<Vec<Check>, Failure> {
    load_all(built_in(true), &select.checks_dir)
}

fn load_all(mut files: Vec<CheckFile>, folders: &[std::path::PathBuf]) -> Result<Vec<Check>, Failure> {
    for folder in folders {
        files.extend(read_folder(folder)?);
    }
    lint(&files, &[])
}

/// Ids and categories of the built-in checks, as a shell completes them.
pub(super) fn words() -> (Vec<&'static str>, Vec<&'static str>) {
    let name = |path: &'static Path| path.file_stem()?.to_str();
    let folders =
        || BUILT_IN.dirs().filter(|dir| dir.files().any(|file| file.path().extension().is_some_and(|e| e == "toml")));
    let files = folders().flat_map(Dir::files).map(|file| file.path());
    let ids = files.filter(|path| path.extension().is_some_and(|e| e == "toml")).filter_map(name);
    (ids.collect(), folders().filter_map(|dir| name(dir.path())).collect())
}

/// The tables that the built-in checks of these categories need.
pub(super) fn plan_of_categories(categories: &[String]) -> Result<Plan, Failure> {
    let select = SelectArgs { category: categories.to_vec(), ..SelectArgs::default() };
    let checks = load_checks(&select)?;
    Ok(Plan::of_checks(&choose(&checks, &select)?.selected, &super::schema()))
}

/// The checks of a run.
pub(super) struct Chosen<'c> {
    /// Those that the options select.
    pub(super) selected: Vec<&'c Check>,
    /// Those that they leave out of an ordinary run.
    pub(super) left_out: Vec<&'c Check>,
}

/// Divides the checks by the options. A selection of none is wrong usage, and so is an option that names none.
pub(super) fn choose<'c>(checks: &'c [Check], select: &SelectArgs) -> Result<Chosen<'c>, Failure> {
    let options = Options::of(select)?;
    options.name_checks(checks)?;
    let (selected, rest): (Vec<_>, Vec<_>) = checks.iter().partition(|check| options.select(check));
    if selected.is_empty() {
        return Err(Failure::Usage("the selection leaves no check to run".to_owned()));
    }
    Ok(Chosen { selected, left_out: rest.into_iter().filter(|check| !check.only_with_category).collect() })
}

/// The options that choose checks.
struct Options<'a> {
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
    categories: &'a [String],
}

impl<'a> Options<'a> {
    fn of(select: &'a SelectArgs) -> Result<Self, Failure> {
        let parse = |glob: &String| Pattern::new(glob).map_err(|error| Failure::Usage(format!("{glob}: {error}")));
        let patterns = |globs: &[String]| globs.iter().map(parse).collect::<Result<Vec<_>, _>>();
        let (wanted, unwanted) = (patterns(&select.check)?, patterns(&select.skip)?);
        Ok(Self { wanted, unwanted, categories: &select.category })
    }

    /// One that names no check would be obeyed in silence, and a gate would lose what it was meant to hold.
    fn name_checks(&self, checks: &[Check]) -> Result<(), Failure> {
        for (option, globs) in [("--check", &self.wanted), ("--skip", &self.unwanted)] {
            if let Some(glob) = globs.iter().find(|glob| !checks.iter().any(|check| glob.matches(&check.id))) {
                return Err(Failure::Usage(format!("{option} {glob}: {}", unknown_id(glob.as_str(), checks))));
            }
        }
        let mut unknown = self.categories.iter().filter(|name| !checks.iter().any(|c| c.category == **name));
        unknown.next().map_or(Ok(()), |name| {
            let nearest = nearest(name, checks.iter().map(|check| check.category.as_str()));
            Err(Failure::Usage(format!("--category {name}: there is no such category{nearest}")))
        })
    }

    fn select(&self, check: &Check) -> bool {
        let Check { id, category, .. } = check;
        (self.wanted.is_empty() || self.wanted.iter().any(|glob| glob.matches(id)))
            && !self.unwanted.iter().any(|glob| glob.matches(id))
            && (self.categories.is_empty() || self.categories.contains(category))
            && (!check.only_with_category || self.ask_for(check))
    }

    /// Whether an option names the check.
    fn ask_for(&self, check: &Check) -> bool {
        self.wanted.iter().any(|glob| glob.matches(&check.id)) || self.categories.contains(&check.category)
    }
}

/// That no check has an id like that.
pub(super) fn unknown_id(id: &str, checks: &[Check]) -> String {
    format!("no check has such an id{}", nearest(id, checks.iter().map(|check| check.id.as_str())))
}

/// That no table has a name like that.
pub(super) fn unknown_table(name: &str, schema: &Schema) -> String {
    format!("there is no such facts table{}", nearest(name, schema.tables().iter().map(|table| table.name)))
}

/// The word most like a misspelt one, to be added to what is said of that.
fn nearest<'w>(misspelt: &str, words: impl Iterator<Item = &'w str>) -> String {
    let misspelt = misspelt.replace(['*', '?'], "");
    let likeness = |word: &&str| strsim::jaro_winkler(&misspelt, word);
    let nearest = words.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.map(|word| format!("; the nearest is {word}")).unwrap_or_default()
}

fn built_in(is_proven: bool) -> Vec<CheckFile> {
    fn walk(dir: &'static Dir<'_>, is_proven: bool, files: &mut Vec<CheckFile>) {
        for file in dir.files().filter(|f| f.path().extension().is_some_and(|e| e == "toml")) {
            let path = Path::new("checks").join(file.path()).display().to_string();
            let text = file.contents_utf8().unwrap_or_default().into();
            files.push(CheckFile { path, text, is_proven });
        }
        dir.dirs().for_each(|dir| walk(dir, is_proven, files));
    }
    let mut files = Vec::new();
    walk(&BUILT_IN, is_proven, &mut files);
    files
}

fn read_folder(path: &Path) -> Result<Vec<CheckFile>, Failure> {
    let mut files = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
        let entry = entry.map_err(|error| Failure::Usage(format!("check files: {error}")))?;
        let is_named = path == entry.path() || entry.path().extension().is_some_and(|e| e == "toml");
        if entry.file_type().is_file() && is_named {
            let shown = entry.path().display().to_string();
            let bytes = std::fs::read(entry.path()).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
            let text = String::from_utf8(bytes).map_err(|error| Failure::Usage(not_utf8(&shown, &error)))?;
            files.push(CheckFile { path: shown, text: text.into(), is_proven: false });
        }
    }
    if files.is_empty() {
        return Err(Failure::Usage(format!("{}: no check file (*.toml) in it", path.display())));
    }
    Ok(files)
}

fn not_utf8(shown: &str, error: &std::string::FromUtf8Error) -> String {
    let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
    let (line, column) = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default());
    format!("{shown}:{line}:{}: not UTF-8", column.chars().count() + 1)
}

fn load_path(path: Option<&Path>) -> Result<Vec<Check>, Failure> {
    let built_in = built_in(false);
    match path {
        Some(path) => lint(&read_folder(path)?, &built_in),
        None => lint(&built_in, &[]),
    }
}

fn lint(files: &[CheckFile], beside: &[CheckFile]) -> Result<Vec<Check>, Failure> {
    let (schema, origin) = (super::schema(), Origin::new(super::VERSION, 0));
    let reader = Store::in_memory(&load::named(files, &schema), &origin)?.into_reader()?;
    load::load(files, beside, &schema, &reader)
        .map_err(|defects| Failure::Usage(defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn list(checks: &[&Check], lang: Lang) -> String {
    let width = checks.iter().map(|c| c.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for check in checks {
        let _ = writeln!(
            out,
            "{:8} {:12} {:width$}  {}",
            check.severity.as_str(),
            check.category,
            check.id,
            check.text.get(lang).title
        );
    }
    out
}

fn test(checks: &[Check]) -> Result<Output, Failure> {
    let mut out = String::new();
    let schema = super::schema();
    let (mut passed, mut failed) = (0, 0);
    for check in checks {
        for case in &check.cases {
            match case::run(check, case, &schema) {
                Ok(()) => passed += 1,
                Err(difference) => {
                    failed += 1;
                    let _ = writeln!(out, "FAILED {}: {}: {}\n    {difference}", check.path, check.id, case.name);
                }
            }
        }
    }
    let _ = writeln!(out, "{passed} passed, {failed} failed");
    Ok(Output { text: out, exit_code: if failed == 0 { 0 } else { 2 }, trouble: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_knows_of_the_built_in_checks_is_what_the_lint_finds() {
        let tables = |checks: &[Check]| -> Vec<(String, Vec<&'static str>)> {
            let names = |check: &Check| check.tables.iter().map(|table| table.name).collect();
            checks.iter().map(|check| (check.id.clone(), names(check))).collect()
        };
        let [known, linted] = [true, false].map(|is_proven| lint(&built_in(is_proven), &[]).unwrap());
        assert!(known.len() > 100, "the folder was found");
        for (known, linted) in tables(&known).into_iter().zip(tables(&linted)) {
            assert_eq!(known, linted, "the text names what is read in another way");
        }
    }
}
