//! What bm-core measures of replication, asked of the socket that telegraf asks, too.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::collect::root::Root;
use crate::fact::{Column, Row, ScopeKind, Table, Value};
use crate::format::influx_line::Point;

/// Metrics of replication.
pub(super) const REPLICATION_METRIC: Table = Table {
    name: "replication_metric",
    doc: "What bm-core measures of replication at the time of collection, asked of its socket below /var/run/bm-metrics; none where there is no such socket: on other servers than the core, in a copied tree, or while bm-core is stopped. Counters begin anew when bm-core starts.",
    grain: "a metric, and where it is told, the mail server that it is about",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("metric", "what is measured: connections now; messages, their bytes and flag updates since the start; latency of the probe, in milliseconds")
            .key()
            .one_of(&["active_sessions", "messages", "message_bytes", "record_updates", "probe_latency_ms"]),
        Column::text("upstream", "address of the mail server; null where the metric is not about one").nullable().key(),
        Column::integer("value", "the number, rounded"),
    ],
};

const FOLDER: &str = "/var/run/bm-metrics";
const SOCKET: &str = "metrics-bm-core.sock";
const REQUEST: &[u8] = b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
/// How long bm-core may take, and how much it may say, in bytes.
const LIMIT: Duration = Duration::from_secs(10);
const MOST: u64 = 16 * 1024 * 1024;

/// Measurement, the field that counts, the tag that names the mail server, and what it is called here.
const METRICS: [(&str, &str, &str, &str); 5] = [
    ("bm-core.cyrus-replication.activeSessions", "value", "", "active_sessions"),
    ("bm-core.cyrus-replication.applyMessage", "count", "upstream", "messages"),
    ("bm-core.cyrus-replication.applyMessageBytes", "count", "upstream", "message_bytes"),
    ("bm-core.cyrus-replication.recordUpdates", "count", "upstream", "record_updates"),
    ("bm-core.replication-latency.probe", "value", "backendAddress", "probe_latency_ms"),
];

/// Rows of [`REPLICATION_METRIC`].
pub(super) async fn rows(root: &Root) -> Result<Vec<Row>, String> {
    let fail = |reason: String| format!("{}: {reason}", root.shown(&format!("{FOLDER}/{SOCKET}")));
    let folder = match root.folder(FOLDER) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        folder => folder.map_err(|error| fail(error.to_string()))?,
    };
    if !root.names(FOLDER)?.iter().any(|name| name == SOCKET) {
        return Ok(Vec::new());
    }
    let asked = tokio::time::timeout(LIMIT, ask(&folder.join(SOCKET))).await;
    let answer = asked.unwrap_or_else(|_| Err(format!("no answer within {} s", LIMIT.as_secs()))).map_err(fail)?;
    let mut rows: Vec<Row> = answer.lines().filter_map(Point::parse).filter_map(|point| row(&point)).collect();
    rows.sort();
    Ok(rows)
}

/// The body of what the socket answers.
async fn ask(path: &std::path::Path) -> Result<String, String> {
    let mut stream = UnixStream::connect(path).await.map_err(|error| error.to_string())?;
    stream.write_all(REQUEST).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await.map_err(|error| error.to_string())?;
    if answer.len() as u64 == MOST {
        return Err(format!("more than {MOST} bytes"));
    }
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer of HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(format!(
            "{:?} instead of metrics",
            head.lines().next().unwrap_or_default().chars().take(80).collect::<String>()
        )),
    }
}

fn row(point: &Point) -> Option<Row> {
    let (_, field, tag, metric) = METRICS.iter().find(|(name, ..)| *name == point.measurement)?;
    let value = point.field(field)?.round() as i64;
    Some(vec![Value::from(*metric), Value::from(point.tag(tag)), Value::from(value)])
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    /// What is read when bm-core answers so.
    async fn read(answer: &'static [u8]) -> Result<Vec<Row>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("run/bm-metrics")).unwrap();
        std::fs::create_dir(folder.path().join("var")).unwrap();
        std::os::unix::fs::symlink("/run", folder.path().join("var/run")).unwrap();
        let listener = UnixListener::bind(folder.path().join("run/bm-metrics").join(SOCKET)).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; REQUEST.len()];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, REQUEST);
            stream.write_all(answer).await.unwrap();
        });
        let rows = rows(&Root::new(folder.path())).await;
        served.await.unwrap();
        rows
    }

    #[tokio::test]
    async fn the_metrics_of_replication_are_told_by_mail_server() {
        let answer = b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n\
            bm-core.cyrus-replication.activeSessions,host=core,meterType=Gauge value=2\n\
            bm-core.cyrus-replication.applyMessage,upstream=10.0.0.2 count=41i 1562689636000000000\n\
            bm-core.other value=1\nno metric\n\
            bm-core.cyrus-replication.applyMessage,upstream=10.0.0.3 mean=1\n";
        let expected: [Row; 2] = [
            vec!["active_sessions".into(), Value::Null, 2.into()],
            vec!["messages".into(), "10.0.0.2".into(), 41.into()],
        ];
        assert_eq!(read(answer).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn an_answer_that_is_none_is_told() {
        for (answer, reason) in [
            (&b"HTTP/1.0 500 \xff\r\n\r\n"[..], "\"HTTP/1.0 500 \u{fffd}\" instead of metrics"),
            (b"", "no answer of HTTP"),
            (b"metrics\n", "no answer of HTTP"),
        ] {
            let told = read(answer).await.unwrap_err();
            assert!(told.ends_with(reason) && told.contains("var/run/bm-metrics/metrics-bm-core.sock: "), "{told}");
        }
    }

    #[tokio::test]
    async fn no_socket_is_no_metric_and_a_dead_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        assert_eq!(rows(&root).await, Ok(Vec::new()));
        std::fs::create_dir_all(folder.path().join("var/run/bm-metrics")).unwrap();
        assert_eq!(rows(&root).await, Ok(Vec::new()));
        std::fs::write(folder.path().join("var/run/bm-metrics").join(SOCKET), "").unwrap();
        assert!(rows(&root).await.unwrap_err().contains("metrics-bm-core.sock: Connection refused"));
    }
}
