//! `run --before`: what an earlier snapshot held is put beside the facts.

use std::path::Path;

use super::{Failure, gather, run};
use crate::fact::Facts;

/// Opens the earlier snapshot.
pub(super) fn open(path: &Path) -> Result<Facts, Failure> {
    gather::replay(&[path.to_owned()], run::clock())
}

/// Facts with an earlier snapshot beside them. One of another installation would tell that everything was lost, and a later
/// one that nothing was.
pub(super) fn put_beside(facts: Facts, older: Facts) -> Result<Facts, Failure> {
    let [one, other] = [installation_id(&older)?, installation_id(&facts)?];
    if let (Some(one), Some(other)) = (one, other)
        && one != other
    {
        return Err(Failure::Usage(format!("--before: it is of another installation: {one}, not {other}")));
    }
    if older.origin().collected_at > facts.origin().collected_at {
        return Err(Failure::Usage("--before: it was collected after what it is compared with".to_owned()));
    }
    Ok(facts.after(older))
}

fn installation_id(facts: &Facts) -> Result<Option<String>, Failure> {
    let rows = facts.texts("SELECT installation_id FROM installation")?;
    Ok(rows.into_iter().flatten().flatten().next())
}
