//! What is accepted not to be known.

use super::*;
use crate::model::{Reason, Waived};

#[test]
fn what_is_accepted_not_to_be_known_is_no_gap() {
    let check = sample("", UNITS);
    let missing = ["/a", "/b"].map(|path| Files::NotRegular { path: path.to_owned() }.into());
    let dark = [Coverage::partial("unit", "mail", Reason::all(missing).unwrap())];
    let waived = Some(Waived { reason: "known".to_owned(), expires: "2999-01-01".to_owned() });
    let whole = [Coverage::absent("unit", "mail", Reason::all(dark[0].reason.clone()).unwrap())];
    let mut without = situation(&whole);
    without.gaps[0].waived = waived.clone();
    let result = one(&check, &mut reader(&[("a", None)]), &without);
    assert_eq!((result.outcome, result.missing[0].waived.clone()), (Outcome::Unknown, waived.clone()));
    for (accepted, of_none, of_one, left) in [
        (&[][..], Outcome::Unknown, Outcome::Unknown, vec!["/a", "/b"]),
        (&[1], Outcome::Unknown, Outcome::Unknown, vec!["/a"]),
        (&[0, 1], Outcome::Pass, Outcome::Fail, vec![]),
    ] {
        let mut situation = situation(&dark);
        accepted.iter().for_each(|at: &usize| situation.gaps[*at].waived = waived.clone());
        for (found, outcome) in [(&[][..], of_none), (&[("a", None)], of_one)] {
            let result = one(&check, &mut reader(found), &situation);
            assert_eq!(result.outcome, outcome, "{accepted:?}");
            let places: Vec<_> = result.missing.iter().filter_map(|gap| gap.place.as_deref()).collect();
            assert_eq!(places, left);
            assert!(result.missing.iter().all(|gap| gap.scope == "mail"));
        }
    }
}
