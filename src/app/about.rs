//! What the facts say of the installation as a whole, and who in it has to act.

use std::collections::BTreeMap;

use jiff::civil::DateTime;

use super::forecast;
use super::replication::Replication;
use crate::digest::{Beside, Database, Digest, Measures, Step};
use crate::fact::{Facts, SqlError};
use crate::model::{CheckResult, Lang, version};
use crate::topology::{self, Identity, Topology};

/// What the facts say of the installation as a whole.
pub(super) struct About {
    pub(super) topology: Topology,
    pub(super) identity: Identity,
    pub(super) packages: topology::Packages,
    replication: Replication,
    databases: BTreeMap<String, Database>,
    pub(super) release: Option<String>,
    /// The release that is installed at least, where it is not known.
    pub(super) at_least: Option<String>,
}

impl About {
    pub(super) fn of(facts: &Facts) -> Result<Self, SqlError> {
        let reader = facts.reader()?;
        let topology = Topology::of(facts.coverage(), |sql| reader.texts(sql))?;
        let identity = Identity::of(|sql| reader.texts(sql))?;
        let packages = topology::packages(facts.coverage(), |sql| reader.texts(sql))?;
        let replication = Replication::of(&reader)?;
        let databases = forecast::databases(&reader)?;
        let release = identity.build.as_deref().and_then(version::release_of);
        let at_least = identity.build.as_deref().and_then(version::at_least);
        Ok(Self { topology, identity, packages, replication, databases, release, at_least })
    }

    /// Uids of the servers.
    pub(super) fn servers(&self) -> Vec<String> {
        self.topology.servers().iter().map(|server| server.uid.clone()).collect()
    }

    /// Who has to act, and what is open.
    pub(super) fn digest(
        &self,
        results: &[CheckResult],
        facts: &Facts,
        window: Option<DateTime>,
        lang: Lang,
        elsewhere: Vec<Step>,
        measures: Measures,
    ) -> Digest {
        let roles = |server: &topology::Server| (server.uid.clone(), server.roles.iter().cloned().collect());
        let beside = Beside {
            lang,
            window,
            coverage: facts.coverage(),
            servers: self.topology.servers().iter().map(roles).collect(),
            replicated: self.replication.servers.clone(),
            hours: self.replication.hours.clone(),
            elsewhere,
            measures: Measures { databases: self.databases.clone(), ..measures },
        };
        Digest::of(results, beside)
    }
}
