//! What a look at something told: rows of tables, and gaps. The scopes of the tables are opened and ended here, once for all
//! collectors.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::sink::{Scope, Sink, insert_all};
use crate::fact::{Record, Row, Table};
use crate::model::Reason;
use crate::model::reason::Run;

/// Rows of a table, and what is missing of them. A vector is all of them.
pub(in crate::collect) struct Rows<R> {
    rows: Box<dyn Iterator<Item = R>>,
    gap: Option<Reason>,
}

impl<R: 'static> Rows<R> {
    /// Every row, one after the other: they need not be held all at once.
    pub(in crate::collect) fn each(rows: impl Iterator<Item = R> + 'static) -> Self {
        Self { rows: Box::new(rows), gap: None }
    }

    /// Those that were poured already.
    pub(in crate::collect) fn poured() -> Self {
        Self::each(std::iter::empty())
    }

    /// The same rows, some of which are missing if there is a reason.
    pub(in crate::collect) fn but(self, gap: Option<Reason>) -> Self {
        Self { gap, ..self }
    }
}

impl<R: 'static> From<Vec<R>> for Rows<R> {
    fn from(rows: Vec<R>) -> Self {
        Self::each(rows.into_iter())
    }
}

type Told = Result<(Box<dyn Iterator<Item = Row>>, Option<Reason>), Reason>;

/// What a look told of each table, and where it saw that.
pub(in crate::collect) struct Seen {
    source: String,
    told: BTreeMap<&'static str, (String, Told)>,
}

impl Seen {
    /// Nothing yet; `source` says where was looked.
    pub(in crate::collect) fn at(source: impl Into<String>) -> Self {
        Self { source: source.into(), told: BTreeMap::new() }
    }

    /// The same; what is told next was seen elsewhere.
    pub(in crate::collect) fn then_at(self, source: impl Into<String>) -> Self {
        Self { source: source.into(), ..self }
    }

    /// Tells the rows of a table, or why they are not known.
    pub(in crate::collect) fn tell<R: Record + 'static>(
        mut self,
        rows: Result<impl Into<Rows<R>>, impl Into<Reason>>,
    ) -> Self {
        let told = rows.map(Into::into).map_err(Into::into).map(|Rows { rows, gap }| {
            let rows: Box<dyn Iterator<Item = Row>> = Box::new(rows.map(R::row));
            (rows, gap)
        });
        self.told.insert(R::TABLE.name, (self.source.clone(), told));
        self
    }
}

/// The scopes of the wanted tables while they are looked for: until they end, nothing is known of them.
pub(in crate::collect) struct Open<'a>(Vec<Scope<'a>>);

impl<'a> Open<'a> {
    /// Opens those of `tables` that are wanted; none when none is.
    pub(in crate::collect) fn begin(
        sink: &'a Sink,
        tables: &[&'static Table],
        wanted: &[&'static Table],
        scope: &'a str,
    ) -> Option<Self> {
        let is_wanted = |table: &&&'static Table| wanted.iter().any(|other| other.name == table.name);
        let begin = |table: &&'static Table| Scope::begin(sink, table, scope, "");
        let scopes: Vec<_> = tables.iter().filter(is_wanted).map(begin).collect();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// Ends them with what was seen. A table of which nothing was told is not known.
    pub(in crate::collect) fn end(self, mut seen: Seen) {
        for scope in self.0 {
            let nothing = || (seen.source.clone(), Err(Run::NothingReported.into()));
            let (source, told) = seen.told.remove(scope.table().name).unwrap_or_else(nothing);
            let scope = scope.from(&source);
            let outcome = told.and_then(|(rows, gap)| scope.add_all(rows).map(|()| gap));
            scope.end_with(outcome);
        }
    }
}

/// Takes rows that are too many to be held while they are looked for, also on another thread.
pub(in crate::collect) struct Pour<R> {
    sink: Sink,
    scope: String,
    of: PhantomData<fn(R)>,
}

impl<R: Record> Pour<R> {
    pub(super) fn new(sink: &Sink, scope: &str) -> Self {
        Self { sink: sink.clone(), scope: scope.to_owned(), of: PhantomData }
    }

    /// Adds rows. The error says why the table refuses one of them.
    pub(in crate::collect) fn add(&self, rows: impl IntoIterator<Item = R>) -> Result<(), Reason> {
        insert_all(&self.sink, R::TABLE, &self.scope, rows.into_iter().map(R::row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::reach::place::{Look, Place};
    use crate::fact::store::Origin;
    use crate::fact::{Schema, Store, enumeration, table};
    use crate::model::Completeness::{self, Absent, Complete, Partial};

    enumeration! {
        /// What one may be.
        enum State { Open = "open", Shut = "shut" }
    }

    table! {
        /// Doors.
        struct Door: "door", "a door", Server {
            /// which
            number: i64,
            /// how it is
            state: State,
        }
    }

    table! {
        /// Windows.
        struct Window: "window", "a window", Server {
            /// which
            number: i64,
        }
    }

    const BOTH: &[&Table] = &[Door::TABLE, Window::TABLE];

    fn door(number: i64) -> Door {
        Door { number, state: if number % 2 == 0 { State::Open } else { State::Shut } }
    }

    /// What is known of a table after a look at a place where both are wanted.
    async fn known(look: Look, table: &Table) -> (Completeness, u64, Option<Reason>) {
        let store = Store::in_memory(&Schema::new(BOTH.iter().copied()), &Origin::default()).unwrap();
        let place = Place { wanted: BOTH.to_vec(), sink: Sink::new(store), ..Place::of("/") };
        place.collect(&look).await;
        let coverage = place.sink.with(|store| store.coverage()).unwrap();
        let statement = coverage.into_iter().find(|c| c.table == table.name).unwrap();
        (statement.completeness, statement.rows, statement.reason)
    }

    fn seen(place: &Place) -> Seen {
        Seen::at(place.root.shown("/"))
    }

    #[tokio::test]
    async fn what_is_told_is_kept_and_what_is_not_told_is_not_known() {
        let look = || Look {
            tables: BOTH,
            look: |place| {
                let rows = Rows::each((0..5_000).map(door)).but(Some(Run::Offline.into()));
                Box::pin(async { seen(place).tell::<Door>(Ok::<_, Reason>(rows)) })
            },
        };
        assert_eq!(known(look(), Door::TABLE).await, (Partial, 5_000, Some(Run::Offline.into())));
        assert_eq!(known(look(), Window::TABLE).await, (Absent, 0, Some(Run::NothingReported.into())));
    }

    #[tokio::test]
    async fn only_what_is_wanted_is_told_and_where_it_was_seen() {
        let both = || Look {
            tables: BOTH,
            look: |place| {
                let seen = seen(place).tell::<Window>(Ok::<_, Reason>(vec![Window { number: 1 }]));
                Box::pin(async { seen.then_at("elsewhere").tell::<Door>(Ok::<_, Reason>(vec![door(1)])) })
            },
        };
        for (wanted, expected) in [
            (BOTH, vec![("door", "elsewhere"), ("window", "/")]),
            (&[Door::TABLE], vec![("door", "elsewhere")]),
            (&[], vec![]),
        ] {
            let store = Store::in_memory(&Schema::new(BOTH.iter().copied()), &Origin::default()).unwrap();
            let place = Place { wanted: wanted.to_vec(), sink: Sink::new(store), ..Place::of("/") };
            place.collect(&both()).await;
            let coverage = place.sink.with(|store| store.coverage()).unwrap();
            let mut told: Vec<_> = coverage.iter().map(|c| (&*c.table, c.source.as_deref().unwrap())).collect();
            told.sort_unstable();
            assert_eq!(told, expected);
        }
    }

    #[tokio::test]
    async fn what_was_poured_is_kept_unless_nothing_is_to_be_known() {
        fn poured(place: &Place, rest: Result<Rows<Door>, Run>) -> Seen {
            place.pour().unwrap().add([door(1), door(2)]).unwrap();
            seen(place).tell::<Door>(rest)
        }
        let whole = Look { tables: BOTH, look: |place| Box::pin(async { poured(place, Ok(Rows::poured())) }) };
        assert_eq!(known(whole, Door::TABLE).await, (Complete, 2, None));
        let broken = Look { tables: BOTH, look: |place| Box::pin(async { poured(place, Err(Run::Offline)) }) };
        assert_eq!(known(broken, Door::TABLE).await, (Absent, 0, Some(Run::Offline.into())));
        assert!(Place::of("/").pour::<Door>().is_none(), "nobody asks for it there");
    }
}
