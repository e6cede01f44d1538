//! What InfluxDB (bm-tick) remembers of replication: the two graphs of BlueMind's dashboard "Mailspool & Replication",
//! messages replicated per hour and active sessions.

use reqwest::Url;

use crate::collect::network::Around;
use crate::collect::network::question::Service;
use crate::collect::reach::seen::{Rows, Seen};
use crate::config::Probe;
use crate::fact::{enumeration, table};
use crate::format::influx_answer::{self, Series};
use crate::model::Reason;
use crate::model::reason::Network;
use crate::model::text::visible;
use crate::topology::Server;

table! {
    /// What InfluxDB, which comes with bm-tick, remembers of replication: the whole hours of the last week, asked at port
    /// 8086 of each server with the role metrics/influxdb; none where no server has it. Where several have it, each tells
    /// its own. An hour of which it has no value has no row.
    pub(in crate::collect) struct ReplicationHour: "replication_hour", "a whole hour before the collection that an InfluxDB remembers, a metric, and where it is told, the mail server that it is about", Network {
        /// what is measured: the most connections that the worst ten minutes of the hour had; messages that were
        /// replicated within the hour
        metric: Metric as key,
        /// address of the mail server; null where the metric is not about one
        upstream: Option<String> as key,
        /// which hour (UTC): 1 is the last one that was over at the collection, 168 the first of a week
        hours_ago: i64,
        /// the number, rounded
        value: i64,
    }
}

enumeration! {
    /// What is measured.
    pub(in crate::collect) enum Metric { ActiveSessions = "active_sessions", Messages = "messages" }
}

/// Role of the servers that are asked, and InfluxDB there: a week of a hundred mail servers is less than half a megabyte.
const ROLE: &str = "metrics/influxdb";
const INFLUX: Service = Service { port: 8086, purpose: "question for metrics", most: 16 << 20 };
/// What BlueMind keeps of the past (`InfluxTagHandler`: seven days), in hours of so many seconds.
const HOURS: i64 = 7 * 24;
const HOUR: i64 = 3_600;

/// Asks every server; what is missing of some is told, and that nothing is known is an error.
pub(in crate::collect) async fn look(around: &Around<'_>) -> Seen {
    Seen::at(format!("InfluxDB at port {}", INFLUX.port)).tell::<ReplicationHour>(read(around).await)
}

async fn read(around: &Around<'_>) -> Result<Rows<ReplicationHour>, Reason> {
    let (mut is_read, mut found, mut gaps) = (false, Vec::new(), Vec::new());
    for server in around.servers()?.iter().filter(|server| server.roles.contains(ROLE)) {
        match rows(&around.config.probe, around.now, server).await {
            Ok(rows) => {
                found.extend(rows);
                is_read = true;
            }
            Err(why) => gaps.push(Network::Influx { server: server.uid.clone(), why: Box::new(why) }.into()),
        }
    }
    match Reason::all(gaps) {
        Some(reason) if !is_read => Err(reason),
        gap => Ok(Rows::from(found).but(gap)),
    }
}

/// What one server remembers.
async fn rows(probe: &Probe, now: i64, server: &Server) -> Result<Vec<ReplicationHour>, Reason> {
    let address = server.address.as_deref().ok_or(Network::AddressUnknown)?;
    let end = now.div_euclid(HOUR) * HOUR;
    let mut rows = Vec::new();
    for (metric, statement) in statements(end) {
        let answer = ask(probe, address, &statement).await?;
        let fail = |error: String| Network::Failed { error: visible(&error, false) };
        let series = influx_answer::parse(&answer).map_err(fail)?;
        rows.extend(rows_of(metric, &series, end));
    }
    rows.sort();
    Ok(rows)
}

/// The rows of a metric's series, each point of which stands for the hour that begins at its time.
fn rows_of(metric: Metric, all: &[Series], end: i64) -> impl Iterator<Item = ReplicationHour> {
    all.iter().flat_map(move |series| {
        let upstream = series.tags.get("upstream").filter(|upstream| !upstream.is_empty());
        let upstream = upstream.map(|upstream| visible(upstream, false));
        series.points.iter().filter_map(move |(at, value)| {
            let hours_ago = end.checked_sub(*at)?.div_euclid(HOUR);
            (1..=HOURS).contains(&hours_ago).then(|| ReplicationHour {
                metric,
                upstream: upstream.clone(),
                hours_ago,
                value: value.round() as i64,
            })
        })
    })
}

async fn ask(probe: &Probe, address: &str, statement: &str) -> Result<Vec<u8>, Reason> {
    let url = |target| Url::parse_with_params(&format!("http://{target}/query"), [("epoch", "s"), ("q", statement)]);
    INFLUX.ask(probe, address, url).await
}

/// The metrics, each with the question about the hours before `end`. A counter's first hour needs the one before it; that it
/// begins anew with bm-core is no negative number of messages. That ten minutes count keeps a restart of bm-core out.
fn statements(end: i64) -> [(Metric, String); 2] {
    let within = |hours: i64| format!("WHERE time >= {}s AND time < {end}s", end - hours * HOUR);
    let table = |measurement: &str| format!("\"telegraf\".\"autogen\".\"bm-core.cyrus-replication.{measurement}\"");
    let (sessions, messages) = (table("activeSessions"), table("applyMessage"));
    let (week, more) = (within(HOURS), within(HOURS + 1));
    let sessions = format!(
        "SELECT min(\"most\") AS \"value\" FROM \
         (SELECT max(\"value\") AS \"most\" FROM {sessions} {week} GROUP BY time(10m) fill(none)) \
         {week} GROUP BY time(1h) fill(none)"
    );
    let messages = format!(
        "SELECT non_negative_difference(last(\"count\")) AS \"value\" FROM {messages} \
         {more} GROUP BY time(1h), \"upstream\" fill(none)"
    );
    [(Metric::ActiveSessions, sessions), (Metric::Messages, messages)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collect::network::autodiscover::stand_ins::http::{Request, Response, Site};

    /// 2026-11-02T08:20:00Z.
    const NOW: i64 = 1_793_607_600;
    const END: i64 = 1_793_606_400;

    /// What is read where every question has the same answer.
    async fn read(answer: Response) -> Result<Vec<ReplicationHour>, Reason> {
        read_each(answer.clone(), answer).await
    }

    async fn read_each(sessions: Response, messages: Response) -> Result<Vec<ReplicationHour>, Reason> {
        let is_about_sessions = |request: &Request| request.target().contains("activeSessions");
        let site =
            Site::new(move |request| if is_about_sessions(request) { sessions.clone() } else { messages.clone() });
        let site = site.start();
        let probe = Probe { connect: [("192.0.2.1:8086".to_owned(), site.address)].into(), ..Probe::default() };
        let server = Server { uid: "tick".into(), address: Some("192.0.2.1".into()), roles: BTreeSet::new() };
        rows(&probe, NOW, &server).await
    }

    #[tokio::test]
    async fn whole_hours_are_told_by_how_long_ago_they_were() {
        let answer = |tags: &str, values: &str| {
            let series = format!("{{{tags}\"columns\":[\"time\",\"value\"],\"values\":[{values}]}}");
            Response::new("200 OK", &[], &format!("{{\"results\":[{{\"series\":[{series}]}}]}}"))
        };
        let (hour, week) = (END - 3_600, END - 169 * 3_600);
        let sessions = answer("", &format!("[{hour},2]"));
        let tags = "\"tags\":{\"upstream\":\"192.0.2.21\"},";
        let messages = answer(tags, &format!("[{week},1],[{hour},41.4],[{END},9]"));
        let row = |metric, upstream: Option<&str>, value| ReplicationHour {
            metric,
            upstream: upstream.map(str::to_owned),
            hours_ago: 1,
            value,
        };
        let expected = [row(Metric::ActiveSessions, None, 2), row(Metric::Messages, Some("192.0.2.21"), 41)];
        assert_eq!(read_each(sessions, messages).await.unwrap(), expected);
        assert_eq!(read(Response::new("200 OK", &[], "{\"results\":[{}]}")).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn an_influxdb_that_does_not_tell_is_named_with_its_reason() {
        for (answer, reason) in [
            (
                Response::new("401 Unauthorized", &[], "{\"error\":\"no credentials\"}"),
                "status 401: {\"error\":\"no credentials\"}",
            ),
            (
                Response::new("200 OK", &[], "{\"results\":[{\"error\":\"database not found: telegraf\"}]}"),
                "database not found: telegraf",
            ),
            (Response::new("200 OK", &[], "{}"), "no answer of InfluxDB: neither results nor an error"),
            (Response::new("302 Found", &[("Location", "http://192.0.2.2/")], ""), "status 302: "),
            (Response::Bytes(Vec::new()), "connection closed before message completed"),
            (Response::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), 20 << 20), "more than 16777216 bytes"),
        ] {
            assert_eq!(read(answer).await.unwrap_err().to_string(), reason);
        }
        let server = Server { uid: "tick".into(), address: None, roles: BTreeSet::new() };
        assert_eq!(rows(&Probe::default(), NOW, &server).await.unwrap_err().to_string(), "its address is not known");
    }
}
