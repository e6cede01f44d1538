//! What a check that passed has compared, in words.

use std::time::Duration;

use super::Check;
use super::evaluate::Situation;
use super::findings::{Columns, Subject, by_subject};
use super::message::Part;
use crate::fact::Reader;

/// The sentences of a check's proof, ordered by subject; none where it has no proof.
pub(super) fn tell(
    check: &Check,
    reader: &mut Reader,
    situation: &Situation<'_>,
    limit: Duration,
) -> Result<Vec<String>, String> {
    let Some(proof) = &check.proof else { return Ok(Vec::new()) };
    let lang = situation.lang;
    let (columns, rows) = by_subject(&proof.query, reader, situation, limit)?;
    let sentence = |(subject, row): Subject| Columns::of(&columns, &row).render(check, Part::Proof, "", lang, &subject);
    let mut sentences = rows.into_iter().map(sentence).collect::<Result<Vec<_>, _>>()?;
    // What has nothing to say of a subject is rendered as nothing.
    sentences.retain(|sentence| !sentence.is_empty());
    Ok(sentences)
}
