//! The program: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

use bm_preflight::app;
use bm_preflight::cli::Cli;
use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.verbose, cli.quiet);
    let code = match app::execute(&cli) {
        Ok(output) => {
            let mut stdout = std::io::stdout().lock();
            let printed = stdout.write_all(output.text.as_bytes()).and_then(|()| stdout.flush());
            output.trouble.iter().for_each(|trouble| tell(trouble));
            match printed {
                // A reader that went away (`| head`) is no failure of the run.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    tell(&format_args!("standard output: {error}"));
                    1
                }
                _ => output.code(),
            }
        }
        Err(failure) => {
            tell(&failure);
            failure.exit_code()
        }
    };
    ExitCode::from(code)
}

fn tell(trouble: &dyn std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "bm-preflight: {trouble}");
}

/// Logs go to standard error; standard output carries the report alone.
fn log(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) | (_, 0) => tracing::Level::ERROR,
        (_, 1) => tracing::Level::WARN,
        (_, _) => tracing::Level::DEBUG,
    };
    // Libraries repeat what strangers sent them: what matters of it is in the facts.
    let own = Targets::new().with_target("bm_preflight", level);
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    // A terminal that is gone ends no run: the complaint about it would.
    let lines = lines.log_internal_errors(false);
    tracing_subscriber::registry().with(lines).with(own).init();
}
