use std::collections::BTreeSet;

use super::*;

fn words() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let kinds = [
        applies::WORDS,
        notice::WORDS,
        run::WORDS,
        files::WORDS,
        server::WORDS,
        cyrus::WORDS,
        database::WORDS,
        network::WORDS,
        merge::WORDS,
    ];
    kinds.into_iter().flatten()
}

/// The fields that a sentence names.
fn fields(words: &str) -> BTreeSet<&str> {
    words.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

#[test]
fn both_languages_tell_the_same_fields() {
    for (en, fr) in words() {
        assert_eq!(fields(en), fields(fr), "{en}");
    }
}

#[test]
fn french_is_written_as_it_is_printed() {
    for (_, fr) in words() {
        let is_plain = |sign: &str| fr.contains(&format!(" {sign}"));
        assert!(![":", ";", "!", "?", "»"].into_iter().any(is_plain) && !fr.contains("« "), "a plain space: {fr}");
        assert!(!fr.contains('\''), "a straight apostrophe: {fr}");
    }
}

#[test]
fn a_reason_within_a_reason_is_told_in_the_same_language() {
    let why = Files::NotMounted { path: "/srv".to_owned() };
    let reason = Reason::from(Run::WhichServer { why: Box::new(why.into()) });
    assert_eq!(
        reason.text(Lang::En),
        "which server this is could not be told: /srv: not mounted here, so that its space is not known"
    );
    assert_eq!(
        reason.text(Lang::Fr),
        "impossible de dire quel serveur est celui-ci : /srv n’est pas monté ici, sa place n’est donc pas connue"
    );
    assert_eq!(reason.to_string(), reason.text(Lang::En));
}

#[test]
fn what_is_stored_is_read_again_and_a_field_too_many_is_refused() {
    let one = Reason::from(Run::Offline);
    let other = Reason::from(Files::TooLarge { path: "/x".to_owned(), limit: 5 });
    let both = Reason::all([one.clone(), other.clone()]).unwrap();
    for reason in [one.clone(), other, both] {
        let stored = serde_json::to_string(&reason).unwrap();
        assert_eq!(serde_json::from_str::<Reason>(&stored).unwrap(), reason, "{stored}");
    }
    assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"run":"offline"}"#);
    let odd = r#"{"files":{"too_large":{"path":"/x","limit":5,"more":1}}}"#;
    assert!(serde_json::from_str::<Reason>(odd).unwrap_err().to_string().contains("unknown field `more`"));
}

#[test]
fn one_reason_is_not_several() {
    assert_eq!(Reason::all([]), None);
    assert_eq!(Reason::all([Run::Offline.into()]), Some(Run::Offline.into()));
    let both = Reason::all([Run::Offline.into(), Run::NoServer.into()]).unwrap();
    assert_eq!(both.to_string(), "--offline: nothing was asked; the directory database lists no server");
}
