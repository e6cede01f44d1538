//! The HTML report: one file that needs neither network nor scripts, rendered by Tera from `report-templates/`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use sha2::Digest as _;
use tera::{Context, Kwargs, State, Tera, TeraResult};

use super::i18n::Catalogue;
use super::{Report, page};
use crate::model::Lang;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/report-templates");

/// The template that is rendered; it includes the others.
const ENTRY: &str = "report.html";

/// The one script of the page: without it nothing is missing but the search.
const SCRIPT: &str = "search.js";

/// File of phrases; one in the templates folder replaces just the phrases that it has.
const PHRASES: &str = "i18n.toml";

/// Why no page could be written.
#[derive(Debug)]
pub enum Error {
    /// A file or folder of templates cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// A file of phrases is wrong; the message has the line.
    Phrases(PathBuf, toml::de::Error),
    /// A template is wrong, or asks for what is not there; the message has file and line.
    Template(Box<tera::Error>),
    /// A table of the page cannot be written.
    Table(csv::Error),
    /// A value cannot be handed to the templates.
    Value(serde_json::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Phrases(path, error) => write!(f, "broken phrases in {}: {error}", path.display()),
            Self::Template(error) => write!(f, "broken report template: {error}"),
            Self::Table(error) => write!(f, "cannot write a table of the report: {error}"),
            Self::Value(error) => write!(f, "cannot hand the report to its template: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<tera::Error> for Error {
    fn from(error: tera::Error) -> Self {
        Self::Template(Box::new(error))
    }
}

/// Writes the report as one HTML page. A `*.html`, `*.css` or `*.js` file in `templates_dir` replaces the shipped one of its
/// name or is there to be included; an `i18n.toml` replaces the phrases that it has.
///
/// # Errors
/// When `templates_dir` or a file in it cannot be read, or is wrong.
pub fn render(report: &Report, templates_dir: Option<&Path>) -> Result<String, Error> {
    let (tera, words) = load(templates_dir, report.run.lang)?;
    let context = page::context(report, &words)?;
    Ok(tera.render(ENTRY, &Context::from_serialize(&context)?)?)
}

/// Whether the files of a folder can serve as templates, as far as that shows without a report.
///
/// # Errors
/// When the folder or a file in it cannot be read, or is wrong.
pub fn verify(templates_dir: &Path) -> Result<(), Error> {
    load(Some(templates_dir), Lang::En).map(|_| ())
}

pub(super) fn load(templates_dir: Option<&Path>, lang: Lang) -> Result<(Tera, Arc<Catalogue>), Error> {
    let mut words = Catalogue::shipped(lang);
    let mut templates = shipped();
    for path in templates_dir.map_or_else(|| Ok(Vec::new()), files)? {
        let text = std::fs::read_to_string(&path).map_err(|e| Error::Unreadable(path.clone(), e))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == PHRASES {
            words.overlay(&text).map_err(|e| Error::Phrases(path, e))?;
        } else if is_template(&path) {
            templates.push((name, text));
        }
    }
    let (mut tera, words) = (Tera::new(), Arc::new(words));
    offer_words(&mut tera, &words);
    let script = templates.iter().rev().find(|(name, _)| name == SCRIPT).map_or("", |(_, text)| text.as_str());
    let hash = hash_of(script);
    tera.register_function("script_hash", move |_: Kwargs, _: &State| hash.clone());
    tera.add_raw_templates(templates)?;
    Ok((tera, words))
}

/// What a content security policy allows a script by: the hash of its very bytes.
fn hash_of(script: &str) -> String {
    use base64::Engine as _;
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script)))
}

fn shipped() -> Vec<(String, String)> {
    let templates = SHIPPED.files().filter(|file| is_template(file.path()));
    templates.filter_map(|f| Some((f.path().to_string_lossy().into_owned(), f.contents_utf8()?.to_owned()))).collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |e| Error::Unreadable(folder.to_owned(), e);
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn is_template(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["html", "css", "js", "txt"].iter().any(|known| e == *known))
}

/// `t(key="section.plan")` is a phrase, `plural(of="outcomes", word="pass", n=3)` the form that goes with a number,
/// `count(noun="row", n=3)` a number with its noun and `more(n=3)` the end of a list that was cut.
fn offer_words(tera: &mut Tera, words: &Arc<Catalogue>) {
    let catalogue = Arc::clone(words);
    tera.register_function("t", move |args: Kwargs, _: &State| -> TeraResult<String> {
        let key: String = args.must_get("key")?;
        catalogue.get(&key).map(str::to_owned).ok_or_else(|| tera::Error::message(format!("there is no phrase {key}")))
    });
    let catalogue = Arc::clone(words);
    tera.register_function("plural", move |args: Kwargs, _: &State| -> TeraResult<String> {
        Ok(catalogue.plural(args.must_get("of")?, args.must_get("word")?, args.must_get("n")?))
    });
    let catalogue = Arc::clone(words);
    tera.register_function("count", move |args: Kwargs, _: &State| -> TeraResult<String> {
        Ok(catalogue.count(args.must_get("noun")?, args.must_get("n")?))
    });
    let catalogue = Arc::clone(words);
    tera.register_function("more", move |args: Kwargs, _: &State| -> TeraResult<String> {
        Ok(catalogue.more(args.must_get("n")?))
    });
}
