//! Where reports go: opened before anything is collected, put in place by rename, never half a report. They name people and
//! their folders: nobody but their owner reads them.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use super::{Failure, Output, Terminal};
use crate::cli::JudgeArgs;
use crate::report::{Format, Report, Style, csv, notice};
use crate::script;

/// The reports of a run.
pub(super) struct Targets {
    files: Vec<(Format, PathBuf, Opened)>,
    stdout: Option<Format>,
    /// Whether the terminal is told what fits on a screen, and where the reports are.
    brief: bool,
}

/// A file that is opened for a report.
enum Opened {
    /// Put in place of the path when it is whole.
    Beside(tempfile::NamedTempFile),
    /// A terminal, a pipe or a device, which nothing may take the place of.
    Itself(std::fs::File),
}

impl Opened {
    fn fill(self, path: &Path, content: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Beside(mut file) => {
                file.write_all(content)?;
                file.as_file().sync_all()?;
                file.persist(path).map_err(|error| error.error)?;
                Ok(())
            }
            Self::Itself(mut file) => file.write_all(content),
        }
    }
}

impl Targets {
    /// Opens every file that the options ask for.
    pub(super) fn open(arguments: &JudgeArgs, terminal: Terminal) -> Result<Self, Failure> {
        arguments.notices.as_deref().map_or(Ok(()), empty_folder)?;
        let (paths, mut stdout) = if arguments.report.is_empty() {
            let paths = default_files(arguments);
            if !paths.is_empty() {
                make_folder(&arguments.output_dir)?;
            }
            let is_shown = arguments.format.is_empty() || arguments.format.contains(&Format::Text);
            (paths, is_shown.then_some(Format::Text))
        } else {
            explicit(&arguments.report)?
        };
        if terminal.quiet && stdout == Some(Format::Text) && arguments.report.is_empty() {
            stdout = None;
        }
        let brief = arguments.report.is_empty() && arguments.format.is_empty() && !terminal.verbose;
        let open = |(format, path)| create(path).map(|(path, file)| (format, path, file));
        let files = paths.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { files, stdout, brief })
    }

    /// Whether a report goes to that file.
    pub(super) fn has(&self, path: &Path) -> bool {
        let place = place(path);
        self.files.iter().any(|(_, other, _)| *other == place)
    }

    /// Writes every report; what the command leaves to print.
    pub(super) fn output(self, report: &Report, arguments: &JudgeArgs, terminal: Terminal) -> Output {
        let (text, mut trouble) = self.write(report, arguments.templates_dir.as_deref(), terminal);
        if let Some(folder) = &arguments.notices {
            trouble = trouble.or(notices(report, folder, arguments.templates_dir.as_deref()).err());
        }
        if let Some(folder) = &arguments.script {
            trouble = trouble.or(write_scripts(report, folder).err());
        }
        Output { text, exit_code: report.judgement.exit_code, trouble }
    }

    /// Writes every report; returns what belongs on standard output. One that cannot be written does not keep the others
    /// from it, nor the verdict from the terminal: the error is about the first.
    fn write(self, report: &Report, templates: Option<&Path>, terminal: Terminal) -> (String, Option<Failure>) {
        let style = Style { templates, verbose: terminal.verbose, ..Style::default() };
        let (mut failure, mut written) = (None, Vec::new());
        for (format, path, file) in self.files {
            let content = render(report, format, style);
            let filled = content.and_then(|content| {
                let fail = |error: std::io::Error| Failure::Tool(format!("{}: {error}", path.display()));
                file.fill(&path, content.as_bytes()).map_err(fail)
            });
            match filled {
                Ok(()) => written.push(path),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let Some(format) = self.stdout else { return (String::new(), failure) };
        let choice = anstream::AutoStream::choice(&std::io::stdout());
        let colour = choice != anstream::ColorChoice::Never;
        match render(report, format, Style { colour, brief: self.brief, ..style }) {
            Ok(text) if self.brief => (text + &paths(&written), failure),
            Ok(text) => (text, failure),
            Err(error) => (String::new(), failure.or(Some(error))),
        }
    }
}

/// Writes a mail for each user who has something to do, and a table of them, into a folder that is empty: a mail of an
/// earlier run would be sent again.
fn notices(report: &Report, folder: &Path, templates: Option<&Path>) -> Result<(), Failure> {
    let fail = |path: &Path, error: &dyn std::fmt::Display| Failure::Tool(format!("{}: {error}", path.display()));
    let notices = notice::all(report, templates).map_err(|error| fail(folder, &error))?;
    let table = csv::users(&report.digest.owners).map_err(|error| fail(folder, &error))?;
    let files = notices.into_iter().map(|notice| (notice.file, notice.mail));
    for (name, content) in files.chain([("notices.csv".to_owned(), table.into_bytes())]) {
        let path = folder.join(name);
        create(path.clone())?.1.fill(&path, &content).map_err(|error| fail(&path, &error))?;
    }
    Ok(())
}

/// Writes the scripts of a report, each for its owner alone.
fn write_scripts(report: &Report, folder: &Path) -> Result<(), Failure> {
    let fail = |path: &Path, error: std::io::Error| Failure::Tool(format!("{}: {error}", path.display()));
    make_folder(folder)?;
    for script::Script { name, text } in script::scripts(report) {
        let path = folder.join(name);
        let owner_alone = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let file = tempfile::Builder::new().prefix(".bm-preflight-").permissions(owner_alone).tempfile_in(folder);
        let file = file.map_err(|error| fail(&path, error))?;
        Opened::Beside(file).fill(&path, text.as_bytes()).map_err(|error| fail(&path, error))?;
    }
    Ok(())
}

/// Makes the folder of the notices. One that holds something is refused.
fn empty_folder(folder: &Path) -> Result<(), Failure> {
    make_folder(folder)?;
    let fail = |error: std::io::Error| Failure::Tool(format!("{}: {error}", folder.display()));
    match std::fs::read_dir(folder).map_err(fail)?.next() {
        None => Ok(()),
        Some(_) => Err(Failure::Usage(format!(
            "--notices {}: the folder is not empty: mails of an earlier run would be sent again",
            folder.display()
        ))),
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::Tool(format!("{}: {error}", folder.display())))
}

/// Where the reports are: their folder with the first of each.
fn paths(written: &[PathBuf]) -> String {
    let (mut folder, mut names) = (None, Vec::new());
    for path in written {
        let is_beside = std::mem::replace(&mut folder, path.parent()) == path.parent();
        let name = if is_beside { path.file_name().map(Path::new) } else { None };
        names.push(name.unwrap_or(path).display().to_string());
    }
    let line = crate::model::text::visible(&names.join("   "), false);
    if names.is_empty() { String::new() } else { format!("{line}\n") }
}

fn default_files(arguments: &JudgeArgs) -> Vec<(Format, PathBuf)> {
    let is_usual = arguments.format.is_empty();
    let chosen = |format: &&Format| is_usual && format.is_usual() || arguments.format.contains(format);
    let file = |format: &Format| Some((*format, arguments.output_dir.join(format.file_name()?)));
    Format::value_variants().iter().filter(chosen).filter_map(file).collect()
}

type Split = (Vec<(Format, PathBuf)>, Option<Format>);

fn explicit(reports: &[(Format, PathBuf)]) -> Result<Split, Failure> {
    let (on_stdout, files): (Vec<_>, Vec<_>) = reports.iter().cloned().partition(|(_, path)| path == Path::new("-"));
    if on_stdout.len() > 1 {
        return Err(Failure::Usage("only one report can go to standard output".to_owned()));
    }
    let different: BTreeSet<_> = files.iter().map(|(_, path)| place(path)).collect();
    if different.len() < files.len() {
        return Err(Failure::Usage("two reports go to the same file".to_owned()));
    }
    Ok((files, on_stdout.first().map(|(format, _)| *format)))
}

/// A path by one name: links are followed as far as its folder.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = || Some(std::fs::canonicalize(folder).ok()?.join(path.file_name()?));
    real().unwrap_or_else(|| path.to_owned())
}

/// Whether a path leads to what is written to, such as a pipe or a terminal. So does whatever stands for an open file,
/// such as `/dev/stdout`: a link there is the system's own.
fn is_written_to(path: &Path) -> bool {
    let is_of_system = || ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    path.exists() && (!path.is_file() || path.is_symlink() && is_of_system())
}

/// A temporary file beside the target, which takes its place, a link's too; a device or a pipe itself.
fn create(path: PathBuf) -> Result<(PathBuf, Opened), Failure> {
    let path = place(&path);
    let fail = |error: std::io::Error| Failure::Tool(format!("{}: {error}", path.display()));
    if path.is_dir() {
        return Err(Failure::Tool(format!("{}: is a folder", path.display())));
    }
    if is_written_to(&path) {
        let file = std::fs::File::options().write(true).open(&path).map_err(fail)?;
        return Ok((path, Opened::Itself(file)));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".bm-preflight-").tempfile_in(folder).map_err(fail)?;
    Ok((path, Opened::Beside(file)))
}

fn render(report: &Report, format: Format, style: Style<'_>) -> Result<String, Failure> {
    format.render(report, style).map_err(|error| Failure::Tool(format!("report: {error}")))
}
