//! The only place that runs another program: bounded in time and output, killed when nobody waits for it any more.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Output beyond this is an error.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;

/// Standard output of a program that ended well, in no language and with times in UTC. The error names the command line.
pub(in crate::collect) async fn output(program: &str, arguments: &[&str], limit: Duration) -> Result<String, String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let fail = |what: String| format!("{}: {what}", shown.trim_end());
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
        .map_err(|error| fail(error.to_string()))?;
    let stdout = child.stdout.take().ok_or_else(|| fail("no output".to_owned()))?;
    let work = async {
        let mut bytes = Vec::new();
        stdout.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>((bytes, child.wait().await?))
    };
    let (bytes, status) = tokio::time::timeout(limit, work)
        .await
        .map_err(|_| fail(format!("did not end within {} s", limit.as_secs())))?
        .map_err(|error| fail(error.to_string()))?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(fail(format!("more than {MAX_OUTPUT_BYTES} bytes of output")));
    }
    if !status.success() {
        return Err(fail(status.to_string()));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_way_to_fail_names_the_command() {
        let limit = Duration::from_secs(5);
        assert_eq!(output("echo", &["a", "b"], limit).await.as_deref(), Ok("a b\n"));
        assert_eq!(output("date", &["-d", "@0", "+%H %Z"], limit).await.as_deref(), Ok("00 UTC\n"));
        assert!(output("false", &[], limit).await.unwrap_err().starts_with("false: exit status"));
        assert!(output("no-such-program", &["x"], limit).await.unwrap_err().starts_with("no-such-program x: No such"));
        let slow = output("sleep", &["9"], Duration::from_millis(50)).await.unwrap_err();
        assert!(slow.starts_with("sleep 9: did not end"));
    }
}
