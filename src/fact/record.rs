//! Rows with names: one declaration gives the struct of a row, its table, and the conversion of the one into cells of the
//! other, so that no cell can stand in another's place.

use std::net::IpAddr;

use super::table::{Kind, Row, Table, Value};

/// A row whose fields are the columns of its table. Declared by `table!`.
pub trait Record {
    /// The table.
    const TABLE: &'static Table;
    /// The table by itself, for who fills no other.
    const ALONE: &'static [&'static Table] = &[Self::TABLE];

    /// The cells, in the order of the columns.
    fn row(self) -> Row;
}

/// What a field may hold, and what that makes of its column.
pub trait Cell {
    /// Storage class.
    const KIND: Kind;
    /// Whether NULL is allowed.
    const NULLABLE: bool = false;
    /// The only values allowed; empty when any is.
    const ONE_OF: &'static [&'static str] = &[];

    /// The cell.
    fn value(self) -> Value;
}

impl Cell for String {
    const KIND: Kind = Kind::Text;
    fn value(self) -> Value {
        Value::Text(self)
    }
}
impl Cell for IpAddr {
    const KIND: Kind = Kind::Text;
    fn value(self) -> Value {
        Value::Text(self.to_string())
    }
}
impl Cell for bool {
    const KIND: Kind = Kind::Boolean;
    fn value(self) -> Value {
        Value::from(self)
    }
}
impl Cell for i64 {
    const KIND: Kind = Kind::Integer;
    fn value(self) -> Value {
        Value::Integer(self)
    }
}
impl Cell for u16 {
    const KIND: Kind = Kind::Integer;
    fn value(self) -> Value {
        Value::Integer(self.into())
    }
}
impl Cell for u32 {
    const KIND: Kind = Kind::Integer;
    fn value(self) -> Value {
        Value::Integer(self.into())
    }
}
/// What is too large for SQLite is the largest that it can hold.
impl Cell for u64 {
    const KIND: Kind = Kind::Integer;
    fn value(self) -> Value {
        Value::Integer(i64::try_from(self).unwrap_or(i64::MAX))
    }
}
impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    const ONE_OF: &'static [&'static str] = T::ONE_OF;
    fn value(self) -> Value {
        self.map_or(Value::Null, T::value)
    }
}

/// Declares a row and its table: the documentation of the struct is that of the table, its fields are the columns. After the
/// name of the struct come the name of the table, what one row stands for, and the kind of its scope; `as key` gives a
/// column an index, and `as vocabulary`, `as rights` or `as prose` says that its texts are no names (`as key and vocabulary`).
///
/// ```text
/// table! {
///     /// The packages of a server.
///     pub(super) struct Package: "package", "an installed package", Server {
///         /// name of the package
///         name: String as key,
///     }
/// }
/// ```
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $visible:vis struct $Row:ident: $name:literal, $grain:literal, $scope:ident {
            $( $(#[doc = $meaning:literal])+ $column:ident: $cell:ty $(as $($mark:ident)and+)?, )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        $visible struct $Row {
            $( $(#[doc = $meaning])+ $visible $column: $cell, )+
        }

        impl $crate::fact::Record for $Row {
            const TABLE: &'static $crate::fact::Table = &$crate::fact::Table {
                name: $name,
                doc: concat!($($doc),+).trim_ascii(),
                grain: $grain,
                scope: $crate::fact::ScopeKind::$scope,
                columns: &[$(
                    $crate::fact::Column::of::<$cell>(stringify!($column), concat!($($meaning),+).trim_ascii())
                        $($(.$mark())+)?
                ),+],
            };

            fn row(self) -> $crate::fact::Row {
                vec![$( $crate::fact::Cell::value(self.$column) ),+]
            }
        }
    };
}

/// Declares an enumeration: its variants are the only words that a column of its type may hold.
macro_rules! enumeration {
    (
        $(#[$about:meta])+
        $visible:vis enum $Name:ident { $( $(#[$of:meta])* $Variant:ident = $word:literal ),+ $(,)? }
    ) => {
        $(#[$about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visible enum $Name { $( $(#[$of])* $Variant ),+ }

        impl $Name {
            /// The word that stands for it in facts.
            $visible fn word(self) -> &'static str {
                match self { $( Self::$Variant => $word ),+ }
            }
        }

        impl $crate::fact::Cell for $Name {
            const KIND: $crate::fact::table::Kind = $crate::fact::table::Kind::Text;
            const ONE_OF: &'static [&'static str] = &[$( $word ),+];
            fn value(self) -> $crate::fact::Value {
                $crate::fact::Value::from(self.word())
            }
        }
    };
}

pub(crate) use {enumeration, table};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Column, Schema, ScopeKind};

    enumeration! {
        /// A side.
        enum Side { Left = "left", Right = "right" }
    }

    table! {
        /// What hands hold, told
        /// in two lines.
        struct Hand: "hand", "a hand of a server", Server {
            /// which one
            side: Side as key,
            /// the other one
            other: Option<Side>,
            /// what it holds
            r#type: String,
            /// how long,
            /// in millimetres
            length_mm: u64,
            /// whether it is open
            is_open: Option<bool>,
        }
    }

    #[test]
    fn a_declaration_gives_the_table_that_was_written_by_hand() {
        const BY_HAND: Table = Table {
            name: "hand",
            doc: "What hands hold, told in two lines.",
            grain: "a hand of a server",
            scope: ScopeKind::Server,
            columns: &[
                Column::text("side", "which one").key().one_of(&["left", "right"]),
                Column::text("other", "the other one").nullable().one_of(&["left", "right"]),
                Column::text("type", "what it holds"),
                Column::integer("length_mm", "how long, in millimetres"),
                Column::boolean("is_open", "whether it is open").nullable(),
            ],
        };
        assert_eq!(Hand::TABLE, &BY_HAND);
        assert_eq!(Hand::ALONE, [&BY_HAND]);
        assert_eq!(Schema::new([Hand::TABLE]).version(), Schema::new([&BY_HAND]).version());
    }

    #[test]
    fn cells_stand_in_the_order_of_the_columns() {
        let hand = Hand {
            is_open: None,
            length_mm: u64::MAX,
            r#type: "pen".to_owned(),
            other: Some(Side::Left),
            side: Side::Right,
        };
        let cells = ["right".into(), "left".into(), "pen".into(), i64::MAX.into(), Value::Null];
        assert_eq!(hand.row(), cells);
    }
}
