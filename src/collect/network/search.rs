//! How Elasticsearch is, and which version made its indexes.

use reqwest::Url;

use crate::collect::network::Around;
use crate::collect::network::question::Service;
use crate::collect::reach::seen::{Rows, Seen};
use crate::config::Probe;
use crate::fact::{Record as _, Table, enumeration, table};
use crate::format::search_answer::{self, Health};
use crate::model::Reason;
use crate::model::reason::Network;
use crate::model::text::visible;
use crate::topology::Server;

table! {
    /// How Elasticsearch says it is, asked at port 9200 of each server with the role bm/es, without waiting for it to get
    /// better; none where no server has it. Where several form a cluster, each tells of all of it.
    pub(in crate::collect) struct SearchCluster: "search_cluster", "a server with Elasticsearch", Network {
        /// the server
        server_uid: String as key,
        /// how its shards are: all there with their copies, copies missing, shards missing
        status: Status,
        /// shards and copies that are on no node
        unassigned_shards: u64,
        /// version of Elasticsearch, such as `6.8.6`
        version: String as vocabulary,
    }
}

table! {
    /// The indexes of Elasticsearch, closed ones too, asked like `search_cluster`.
    pub(in crate::collect) struct SearchIndex: "search_index", "an index and a server that tells of it", Network {
        /// the server
        server_uid: String as key,
        /// such as `mailspool_1`
        name: String as vocabulary,
        /// the version that made it, as a number: 6080699 is 6.8.6
        created_version: u64,
    }
}

enumeration! {
    /// How the shards of a cluster are.
    pub(in crate::collect) enum Status { Green = "green", Yellow = "yellow", Red = "red" }
}

pub(super) const TABLES: &[&Table] = &[SearchCluster::TABLE, SearchIndex::TABLE];

/// Role of the servers that are asked, and Elasticsearch there: it says a hundred bytes of an index.
const ROLE: &str = "bm/es";
const ELASTICSEARCH: Service =
    Service { port: 9200, purpose: "question for the state of Elasticsearch", most: 4 << 20 };

/// What a server says.
struct Told {
    cluster: SearchCluster,
    indexes: Vec<SearchIndex>,
}

/// Asks every server; what is missing of some is told, and that nothing is known is an error.
pub(in crate::collect) async fn look(around: &Around<'_>) -> Seen {
    let told = read(around).await;
    let (clusters, indexes) = match told {
        Ok((told, gap)) => {
            let (clusters, indexes): (Vec<_>, Vec<_>) =
                told.into_iter().map(|told| (told.cluster, told.indexes)).unzip();
            let indexes: Vec<SearchIndex> = indexes.into_iter().flatten().collect();
            (Ok(Rows::from(clusters).but(gap.clone())), Ok(Rows::from(indexes).but(gap)))
        }
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    Seen::at(format!("Elasticsearch at port {}", ELASTICSEARCH.port))
        .tell::<SearchCluster>(clusters)
        .tell::<SearchIndex>(indexes)
}

async fn read(around: &Around<'_>) -> Result<(Vec<Told>, Option<Reason>), Reason> {
    let (mut all, mut gaps) = (Vec::new(), Vec::new());
    for server in around.servers()?.iter().filter(|server| server.roles.contains(ROLE)) {
        match told(&around.config.probe, server).await {
            Ok(told) => all.push(told),
            Err(why) => gaps.push(Network::Search { server: server.uid.clone(), why: Box::new(why) }.into()),
        }
    }
    match Reason::all(gaps) {
        Some(reason) if all.is_empty() => Err(reason),
        gap => Ok((all, gap)),
    }
}

async fn told(probe: &Probe, server: &Server) -> Result<Told, Reason> {
    let address = server.address.as_deref().ok_or(Network::AddressUnknown)?;
    let fail = |error: String| Network::Failed { error: visible(&error, false) };
    let version = search_answer::version(&ask(probe, address, "/").await?).map_err(fail)?;
    let cluster = search_answer::cluster(&ask(probe, address, "/_cluster/health").await?).map_err(fail)?;
    let settings = ask(probe, address, "/_all/_settings/index.version.created?expand_wildcards=all").await?;
    let index = |(name, created_version): (String, u64)| SearchIndex {
        server_uid: server.uid.clone(),
        name: visible(&name, false),
        created_version,
    };
    let indexes = search_answer::indexes(&settings).map_err(fail)?.into_iter().map(index).collect();
    let status = match cluster.status {
        Health::Green => Status::Green,
        Health::Yellow => Status::Yellow,
        Health::Red => Status::Red,
    };
    let (server_uid, unassigned_shards) = (server.uid.clone(), cluster.unassigned_shards);
    let cluster = SearchCluster { server_uid, status, unassigned_shards, version: visible(&version, false) };
    Ok(Told { cluster, indexes })
}

async fn ask(probe: &Probe, address: &str, path: &str) -> Result<Vec<u8>, Reason> {
    ELASTICSEARCH.ask(probe, address, |target| Url::parse(&format!("http://{target}{path}"))).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collect::network::autodiscover::stand_ins::http::{Request, Response, Site};

    /// What is told where the questions have these answers, in the order in which they are asked.
    async fn told_by(root: Response, health: Response, settings: Response) -> Result<Told, Reason> {
        let answer = move |request: &Request| match request.path() {
            "/" => root.clone(),
            "/_cluster/health" => health.clone(),
            _ => settings.clone(),
        };
        let site = Site::new(answer).start();
        let probe = Probe { connect: [("192.0.2.1:9200".to_owned(), site.address)].into(), ..Probe::default() };
        let server = Server { uid: "es".into(), address: Some("192.0.2.1".into()), roles: BTreeSet::new() };
        told(&probe, &server).await
    }

    fn ok(body: &str) -> Response {
        Response::new("200 OK", &[("content-type", "application/json; charset=UTF-8")], body)
    }

    const ROOT: &str = r#"{"version":{"number":"6.8.6"}}"#;
    const HEALTH: &str = r#"{"status":"yellow","timed_out":false,"unassigned_shards":2}"#;

    #[tokio::test]
    async fn a_cluster_and_its_indexes_are_told() {
        let settings = r#"{"mailspool_1":{"settings":{"index":{"version":{"created":"5061699"}}}}}"#;
        let Told { cluster, indexes } = told_by(ok(ROOT), ok(HEALTH), ok(settings)).await.ok().unwrap();
        let (server_uid, version) = ("es".to_owned(), "6.8.6".to_owned());
        assert_eq!(
            cluster,
            SearchCluster { server_uid: server_uid.clone(), status: Status::Yellow, unassigned_shards: 2, version }
        );
        assert_eq!(indexes, [SearchIndex { server_uid, name: "mailspool_1".to_owned(), created_version: 5_061_699 }]);
    }

    #[tokio::test]
    async fn one_that_does_not_tell_all_tells_nothing() {
        for (root, health, settings, reason) in [
            (ok(ROOT), ok(HEALTH), Response::new("403 Forbidden", &[], "no"), "status 403: no"),
            (
                ok(ROOT),
                Response::new("503 Service Unavailable", &[], "master not discovered"),
                ok("{}"),
                "status 503: master not discovered",
            ),
            (ok("<html>"), ok(HEALTH), ok("{}"), "no answer of Elasticsearch: expected value at line 1 column 1"),
            (Response::redirect("http://192.0.2.2/"), ok(HEALTH), ok("{}"), "status 302: "),
            (Response::Bytes(Vec::new()), ok(HEALTH), ok("{}"), "connection closed before message completed"),
            (
                Response::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), 5 << 20),
                ok(HEALTH),
                ok("{}"),
                "more than 4194304 bytes",
            ),
        ] {
            let Err(why) = told_by(root, health, settings).await else { panic!("{reason}") };
            assert_eq!(why.to_string(), reason);
        }
    }
}
