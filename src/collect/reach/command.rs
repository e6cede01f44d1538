//! The only place that runs another program: bounded in time and output, killed when nobody waits for it any more.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::model::Reason;
use crate::model::reason::Files;

/// Output beyond this is an error.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;

/// Standard output of a program that ended well, in no language and with times in UTC. The error names the command line.
pub(in crate::collect) async fn output(program: &str, arguments: &[&str], limit: Duration) -> Result<String, Reason> {
    let command = format!("{program} {}", arguments.join(" ")).trim_end().to_owned();
    let fail = |error: &dyn std::fmt::Display| Files::Program { command: command.clone(), error: error.to_string() };
    #[expect(clippy::disallowed_methods, reason = "the one spawner")]
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| fail(&error))?;
    let stdout = child.stdout.take().ok_or_else(|| fail(&"no output"))?;
    let work = async {
        let mut bytes = Vec::new();
        stdout.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>((bytes, child.wait().await?))
    };
    let (bytes, status) = tokio::time::timeout(limit, work)
        .await
        .map_err(|_| Files::ProgramSlow { command: command.clone(), seconds: limit.as_secs() })?
        .map_err(|error| fail(&error))?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(Files::ProgramLoud { command, limit: MAX_OUTPUT_BYTES }.into());
    }
    if !status.success() {
        return Err(fail(&status).into());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_way_to_fail_names_the_command() {
        let limit = Duration::from_secs(5);
        assert_eq!(output("echo", &["a", "b"], limit).await.unwrap(), "a b\n");
        assert_eq!(output("date", &["-d", "@0", "+%H %Z"], limit).await.unwrap(), "00 UTC\n");
        let moment = Duration::from_millis(50);
        for (program, arguments, limit, reason) in [
            ("false", &[][..], limit, "false: exit status"),
            ("no-such-program", &["x"], limit, "no-such-program x: No such"),
            ("sleep", &["9"], moment, "sleep 9: did not end"),
        ] {
            let told = output(program, arguments, limit).await.unwrap_err().to_string();
            assert!(told.starts_with(reason), "{told}");
        }
    }
}
