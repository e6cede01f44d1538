//! A check to start from, for the tests of those who take checks.

use super::{Check, CheckFile, load};
use crate::fact::store::Origin;
use crate::fact::{Schema, Store};

/// A blocker with a query, and whatever else its file says.
pub(crate) fn check(schema: &Schema, settings: &str, query: &str) -> Check {
    // The words of a proof and of a headline stand idle unless the settings have their query.
    let texts = "title = \"t\"\nwhy = \"w\"\nmessage = \"{{ subject }}\"\nremediation = \"r\"\n\
                 proof = \"{{ subject }}: {{ units | grouped }} compared\"\n\
                 headline = \"{{ units }} units, {{ messages | grouped }} messages\"";
    let text = format!(
        "id = \"sample\"\ncategory = \"c\"\nseverity = \"blocker\"\nwho = \"support\"\n\
         remedy.risk = \"none\"\nremedy.when = \"before\"\n{settings}\nquery = '''{query}'''\n\
         [en]\n{texts}\n[fr]\n{texts}\n"
    );
    let file = CheckFile { path: "sample.toml".to_owned(), text: text.into(), is_proven: true };
    let reader = Store::in_memory(schema, &Origin::default()).unwrap().into_reader().unwrap();
    load::load(&[file], &[], schema, &reader).unwrap_or_else(|defects| panic!("{}", defects[0])).remove(0)
}
