//! What bm-core measures of replication, asked of the socket that telegraf asks, too.

use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Url;

use crate::collect::root::Root;
use crate::collect::web;
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

const SOCKET: &str = "/var/run/bm-metrics/metrics-bm-core.sock";
/// How long bm-core may take, and how much it may say, in bytes.
const LIMIT: Duration = Duration::from_secs(10);
const MOST: usize = 16 << 20;

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
    let fail = |reason: String| format!("{}: {reason}", root.shown(SOCKET));
    let (_socket, place) = match root.socket(SOCKET) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return root.dangling(SOCKET).map_or_else(|| Ok(Vec::new()), Err);
        }
        socket => socket.map_err(|error| fail(error.to_string()))?,
    };
    let url = Url::parse("http://localhost/metrics").map_err(|error| fail(error.to_string()))?;
    let client = web::client("question for metrics").unix_socket(place);
    let answer = web::get(client, url, LIMIT, MOST).await.map_err(fail)?;
    let answer = String::from_utf8_lossy(&answer);
    let mut rows: Vec<Row> = answer.lines().filter_map(Point::parse).filter_map(|point| row(&point)).collect();
    rows.sort();
    Ok(rows)
}

fn row(point: &Point) -> Option<Row> {
    let (_, field, tag, metric) = METRICS.iter().find(|(name, ..)| *name == point.measurement)?;
    let value = point.field(field)?.round() as i64;
    Some(vec![Value::from(*metric), Value::from(point.tag(tag)), Value::from(value)])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    /// A root with the folder of the socket, as /var/run leads to it.
    fn root() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run/bm-metrics");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::create_dir(folder.path().join("var")).unwrap();
        symlink("/run", folder.path().join("var/run")).unwrap();
        (folder, run.join("metrics-bm-core.sock"))
    }

    /// What is read when bm-core answers so.
    async fn read(answer: &'static [u8]) -> Result<Vec<Row>, String> {
        let (folder, socket) = root();
        let listener = UnixListener::bind(socket).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 512];
            let length = stream.read(&mut asked).await.unwrap();
            assert!(
                asked[..length].starts_with(b"GET /metrics HTTP/1.1\r\n"),
                "{:?}",
                asked.escape_ascii().to_string()
            );
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
            (&b"HTTP/1.0 500 \xff\r\n\r\nbroken"[..], "status 500: broken"),
            (b"", "connection closed before message completed"),
            (b"metrics\n", "invalid HTTP version parsed"),
        ] {
            let told = read(answer).await.unwrap_err();
            assert!(told.ends_with(reason) && told.contains("var/run/bm-metrics/metrics-bm-core.sock: "), "{told}");
        }
    }

    #[tokio::test]
    async fn no_socket_is_no_metric_and_a_dead_one_is_told() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(rows(&Root::new(empty.path())).await, Ok(Vec::new()));
        let (folder, socket) = root();
        let root = Root::new(folder.path());
        assert_eq!(rows(&root).await, Ok(Vec::new()));
        std::fs::write(&socket, "").unwrap();
        assert!(rows(&root).await.unwrap_err().ends_with("metrics-bm-core.sock: not a socket"));
        std::fs::remove_file(&socket).unwrap();
        drop(UnixListener::bind(&socket).unwrap());
        let told = rows(&root).await.unwrap_err();
        assert!(told.contains("metrics-bm-core.sock: Connection refused"), "{told}");
    }

    #[tokio::test]
    async fn a_socket_of_this_machine_is_none_of_the_root() {
        let (folder, socket) = root();
        let elsewhere = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(elsewhere.path().join("own.sock")).unwrap();
        symlink(elsewhere.path().join("own.sock"), socket).unwrap();
        let told = rows(&Root::new(folder.path())).await.unwrap_err();
        assert!(told.ends_with("own.sock, which is not there"), "{told}");
        let heard = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
        assert!(heard.is_err(), "nobody may ask it");
    }
}
