//! The only place that runs another program: bounded in time and output, killed when nobody waits for it any more.

use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};

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

/// How far an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::collect) enum Moment {
    /// The program runs.
    Begun,
    /// It has all its input.
    Sent,
    /// It begins to answer.
    Answers,
}

/// So much of what a program complains about is looked at, from its beginning.
const MAX_COMPLAINT_BYTES: u64 = 64 * 1024;
/// The longest sentence that is told of it, in characters.
const LONGEST_SENTENCE: usize = 300;
/// What a program left running may hold its standard error for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Gives a program its input, and keeps what it answers. Standard input stays open until it has answered: by that it knows
/// that somebody waits. The error is what it said last.
pub(in crate::collect) async fn exchange(
    program: &str,
    arguments: &[String],
    input: &[u8],
    output: &mut File,
    tell: &(dyn Fn(Moment) + Sync),
) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{program}: {error}");
    #[expect(clippy::disallowed_methods, reason = "the one spawner")]
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for the run, which ends its programs itself.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(fail)?;
    tell(Moment::Begun);
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(format!("{program}: no pipes"));
    };
    let complaint = tokio::spawn(last_words(stderr));
    // A program that does not want its input says why.
    let (stdin, answered) = tokio::join!(send(stdin, input, tell), keep(stdout, output, tell));
    drop(stdin);
    let status = child.wait().await.map_err(fail)?;
    answered.map_err(|error| format!("facts: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = tokio::time::timeout(LAST_WORDS, complaint).await.ok().and_then(Result::ok);
    Err(said.filter(|said| !said.is_empty()).unwrap_or_else(|| format!("{program}: {status}")))
}

async fn send(mut stdin: ChildStdin, input: &[u8], tell: &(dyn Fn(Moment) + Sync)) -> ChildStdin {
    if stdin.write_all(input).await.is_ok() {
        tell(Moment::Sent);
    }
    stdin
}

async fn keep(
    mut stdout: impl AsyncRead + Unpin,
    output: &mut File,
    tell: &(dyn Fn(Moment) + Sync),
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    let mut is_first = true;
    loop {
        let length = stdout.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        if std::mem::take(&mut is_first) {
            tell(Moment::Answers);
        }
        output.write_all(&piece[..length])?;
    }
}

/// The last line that says anything.
async fn last_words(stderr: impl AsyncRead + Unpin) -> String {
    let mut said = Vec::new();
    let mut first = stderr.take(MAX_COMPLAINT_BYTES);
    let _ = first.read_to_end(&mut said).await;
    // Who is not listened to must not be held up by it.
    let mut rest = first.into_inner();
    let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    crate::model::text::visible(last, false).chars().take(LONGEST_SENTENCE).collect()
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

    #[tokio::test]
    async fn an_exchange_keeps_standard_input_open_until_the_answer_is_there() {
        let script = |text: &str| ["-c".to_owned(), text.to_owned()];
        let told = std::sync::Mutex::new(Vec::new());
        let tell = |moment| told.lock().unwrap().push(moment);
        let mut kept = tempfile::tempfile().unwrap();
        // It would be ended by the end of its input.
        let echo = "exec 3<&0; head -c 3; (cat; kill $$) <&3 >/dev/null 2>&1 & sleep 0.2; kill $!; echo d";
        exchange("sh", &script(echo), b"abc", &mut kept, &tell).await.unwrap();
        std::io::Seek::rewind(&mut kept).unwrap();
        assert_eq!(std::io::read_to_string(&kept).unwrap(), "abcd\n");
        assert_eq!(told.lock().unwrap().len(), 3);
        for (text, said) in
            [("echo a >&2; echo 'no way' >&2; echo >&2; exit 3", "no way"), ("exit 3", "sh: exit status: 3")]
        {
            // More than a pipe holds: it goes unread.
            let input = vec![0; 1_000_000];
            assert_eq!(exchange("sh", &script(text), &input, &mut kept, &|_| ()).await.unwrap_err(), said);
        }
        let error = exchange("no-such-program", &[], b"", &mut kept, &|_| ()).await.unwrap_err();
        assert!(error.starts_with("no-such-program: No such file"), "{error}");
    }
}
