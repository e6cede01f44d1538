//! What a check that passed has compared, in words.

use super::Check;
use super::evaluate::Situation;
use super::findings::{Columns, First, by_subject};
use super::message::Part;
use crate::fact::Reader;
use crate::model::Lang;

/// The sentences of a check's proof, ordered by subject; none where it has no proof.
pub(super) fn tell(check: &Check, reader: &mut Reader, situation: &Situation<'_>) -> Result<Vec<String>, String> {
    let Some(proof) = &check.proof else { return Ok(Vec::new()) };
    let lang = situation.lang;
    let mut first = First::up_to(situation.row_cap);
    by_subject(&proof.query, &proof.columns, reader, situation, |subject, row| first.take(subject, row))?;
    let total = first.total;
    let rows = first.sorted();
    let more = total - rows.len() as u64;
    let sentence = |(subject, row): (String, Vec<_>)| {
        Columns::of(&proof.columns, &row).render(check, Part::Proof, "", lang, &subject)
    };
    let mut sentences = rows.into_iter().map(sentence).collect::<Result<Vec<_>, _>>()?;
    // What has nothing to say of a subject is rendered as nothing.
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.extend((more > 0).then(|| left_out(more, lang)));
    Ok(sentences)
}

/// The sentence that stands for those beyond the row cap.
fn left_out(more: u64, lang: Lang) -> String {
    match lang {
        Lang::En => format!("… and {more} more"),
        Lang::Fr => format!("… et {more} de plus"),
    }
}
