//! The views that several checks share: judgements in SQL, as data beside the checks.

use crate::fact::View;

macro_rules! view {
    ($name:literal, $($table:literal),+) => {
        View { name: $name, sql: include_str!(concat!("../../checks/views/", $name, ".sql")), tables: &[$($table),+] }
    };
}

/// Every view, each after those that it reads, with the tables behind it.
pub const ALL: &[View] = &[
    view!("autodiscover_address", "dns_answer", "dns_record"),
    view!("autodiscover_certificate", "tls_certificate", "tls_handshake"),
    view!(
        "autodiscover_probe",
        "dns_answer",
        "dns_record",
        "http_exchange",
        "identity_proof",
        "tls_certificate",
        "tls_handshake"
    ),
    view!("autodiscover_host", "dns_answer"),
    view!("autodiscover_service", "dns_answer", "dns_record"),
    view!(
        "autodiscover_method",
        "autodiscover_name",
        "dns_answer",
        "dns_record",
        "http_exchange",
        "identity_proof",
        "tls_certificate",
        "tls_handshake"
    ),
    view!(
        "autodiscover_verdict",
        "autodiscover_name",
        "dns_answer",
        "dns_record",
        "http_exchange",
        "identity_proof",
        "network_vantage",
        "server_role",
        "tls_certificate",
        "tls_handshake"
    ),
    view!("replication_peer", "replication_connection", "server"),
    view!("replication_core", "listening_port", "replication_connection", "server", "server_role"),
    view!("replication_backend", "listening_port", "replication_connection", "server", "server_role"),
    view!("mailbox_backlog", "mailbox", "message_replication"),
];

/// The steps of every trace, for the report: no view, as no check asks for them.
pub const STEPS: &str = include_str!("../../checks/views/autodiscover_step.sql");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Store;
    use crate::fact::store::Origin;

    #[test]
    fn the_tables_behind_a_view_are_those_that_it_reads() {
        let schema = crate::app::schema();
        let origin = Origin::default();
        let reader = Store::in_memory(&schema, &origin).unwrap().into_reader().unwrap();
        for view in ALL {
            let read: Vec<String> = reader.prepare(view.sql).unwrap().tables.into_iter().collect();
            assert_eq!(read, view.tables, "{}", view.name);
        }
    }
}
