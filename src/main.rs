//! The program: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

use bm_preflight::app;
use bm_preflight::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.verbose, cli.quiet);
    let code = match app::execute(&cli) {
        Ok(output) => {
            let mut stdout = std::io::stdout().lock();
            // A reader that went away (`| head`) is no failure of the run.
            let _ = stdout.write_all(output.text.as_bytes()).and_then(|()| stdout.flush());
            output.exit_code
        }
        Err(failure) => {
            let _ = writeln!(anstream::stderr(), "bm-preflight: {failure}");
            failure.exit_code()
        }
    };
    ExitCode::from(code)
}

/// Logs go to standard error; standard output carries the report alone.
fn log(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) | (_, 0) => tracing::Level::ERROR,
        (_, 1) => tracing::Level::WARN,
        (_, _) => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false).init();
}
