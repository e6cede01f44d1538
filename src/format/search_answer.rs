//! What Elasticsearch answers (its reference of 6.8 and 7.17: the root, "Cluster health", "Get index settings").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How the shards of a cluster are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All are there, with their copies.
    Green,
    /// Copies are missing.
    Yellow,
    /// Shards are missing.
    Red,
}

/// What a cluster says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Cluster {
    /// How it is.
    pub status: Health,
    /// Shards and copies that are on no node.
    pub unassigned_shards: u64,
}

/// The version of the answer to `/`, such as `6.8.6`.
pub fn version(bytes: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Root {
        version: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        number: String,
    }
    read(bytes).map(|root: Root| root.version.number)
}

/// The answer to `/_cluster/health`.
pub fn cluster(bytes: &[u8]) -> Result<Cluster, String> {
    read(bytes)
}

/// Indexes and the version that made each as a number, 6080699 for 6.8.6: the answer to `/_all/_settings/index.version.created`.
pub fn indexes(bytes: &[u8]) -> Result<Vec<(String, u64)>, String> {
    #[derive(Deserialize)]
    struct Index {
        settings: Settings,
    }
    #[derive(Deserialize)]
    struct Settings {
        index: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        version: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        created: String,
    }
    let all: BTreeMap<String, Index> = read(bytes)?;
    let number = |(name, index): (String, Index)| {
        let created = index.settings.index.version.created;
        created.parse().map(|number| (name, number)).map_err(|_| format!("no version of an index: {created:?}"))
    };
    all.into_iter().map(number).collect()
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("no answer of Elasticsearch: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_its_reference_are_understood() {
        let root = br#"{"name":"a","cluster_name":"bm","version":{"number":"6.8.6","lucene_version":"7.7.2"},"tagline":"You Know, for Search"}"#;
        assert_eq!(version(root).as_deref(), Ok("6.8.6"));
        let health =
            br#"{"cluster_name":"bm","status":"yellow","timed_out":false,"number_of_nodes":1,"unassigned_shards":25}"#;
        assert_eq!(cluster(health), Ok(Cluster { status: Health::Yellow, unassigned_shards: 25 }));
        let settings = br#"{"mailspool_1":{"settings":{"index":{"version":{"created":"6040399"}}}},"contact":{"settings":{"index":{"version":{"created":"5061699"}}}}}"#;
        assert_eq!(
            indexes(settings),
            Ok(vec![("contact".to_owned(), 5_061_699), ("mailspool_1".to_owned(), 6_040_399)])
        );
        assert_eq!(indexes(b"{}"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for bytes in [&b""[..], b"<html>", b"{}", br#"{"status":"blue","unassigned_shards":0}"#, br#"{"error":"x"}"#] {
            assert!(cluster(bytes).unwrap_err().starts_with("no answer of Elasticsearch: "));
            assert!(version(bytes).is_err());
        }
        let settings = br#"{"a":{"settings":{"index":{"version":{"created":"six"}}}}}"#;
        assert_eq!(indexes(settings), Err("no version of an index: \"six\"".to_owned()));
        assert!(indexes(br#"{"error":{"type":"x"},"status":403}"#).is_err());
    }
}
