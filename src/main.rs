//! The program: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

use bm_preflight::app;
use bm_preflight::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = match app::execute(&cli) {
        Ok(output) => {
            let mut stdout = anstream::stdout().lock();
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
