//! Shell completions, which know the ids and categories of the checks.

use clap::CommandFactory as _;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use super::checks;
use crate::cli::Cli;

const NAME: &str = "bm-preflight";

/// The script for a shell.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let (ids, categories) = checks::words();
    let mut command = Cli::command();
    let paths = [&["run"][..], &["demo"], &["checks", "list"], &["checks", "explain"], &["collect"]];
    for path in paths {
        command = within(command, path, &|command| {
            let id = |command, name| offer(command, name, &ids);
            offer(id(id(id(command, "check"), "skip"), "id"), "category", &categories)
        });
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    match shell {
        // The generator takes the hyphen of the name for the beginning of a subcommand: the script would complete one word.
        Shell::Bash => String::from_utf8_lossy(&script).replace("bm__subcmd__preflight", "bm__preflight").into_bytes(),
        _ => script,
    }
}

/// Changes a subcommand.
fn within(
    command: clap::Command,
    path: &[&'static str],
    change: &dyn Fn(clap::Command) -> clap::Command,
) -> clap::Command {
    match path.split_first() {
        None => change(command),
        Some((first, rest)) => command.mut_subcommand(first, |inner| within(inner, rest, change)),
    }
}

/// Words for an argument, where the command has it.
fn offer(command: clap::Command, argument: &'static str, words: &[&'static str]) -> clap::Command {
    let has = command.get_arguments().any(|known| known.get_id() == argument);
    match has {
        true => command.mut_arg(argument, |known| known.value_parser(PossibleValuesParser::new(words.iter().copied()))),
        false => command,
    }
}
