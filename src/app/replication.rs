//! How far replication is, and what it did in the last week, asked of the facts for the report.

use crate::digest::{Hour, Replicated};
use crate::fact::{Reader, SqlError};

const SERVERS: &str =
    "SELECT p.server_uid, p.distinct_messages, p.missing FROM replication_progress AS p ORDER BY p.server_uid";

/// The mail servers are known to InfluxDB by their addresses.
const HOURS: &str = "SELECT coalesce(s.server_uid, h.upstream), h.hours_ago, sum(h.value) FROM replication_hour AS h \
    LEFT JOIN server AS s ON h.upstream IN (s.ip, s.fqdn) WHERE h.metric = 'messages' AND h.upstream IS NOT NULL \
    GROUP BY 1, 2 ORDER BY 1, 2 DESC";

/// What is known of replication.
pub(super) struct Replication {
    pub(super) servers: Vec<Replicated>,
    pub(super) hours: Vec<Hour>,
}

impl Replication {
    pub(super) fn of(reader: &Reader) -> Result<Self, SqlError> {
        let servers = reader.texts(SERVERS)?.into_iter().filter_map(|row| {
            let [server, messages, missing] = known(row)?;
            Some(Replicated { server, messages: messages.parse().ok()?, missing: missing.parse().ok()? })
        });
        let hours = reader.texts(HOURS)?.into_iter().filter_map(|row| {
            let [server, hours_ago, messages] = known(row)?;
            Some(Hour { server, hours_ago: hours_ago.parse().ok()?, messages: messages.parse().ok()? })
        });
        Ok(Self { servers: servers.collect(), hours: hours.collect() })
    }
}

fn known<const N: usize>(row: Vec<Option<String>>) -> Option<[String; N]> {
    row.into_iter().collect::<Option<Vec<String>>>()?.try_into().ok()
}
