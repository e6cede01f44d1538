//! Cyrus's dlist notation, in which Cyrus 3 writes the values of `mailboxes.db` and, since 3.5, `cyrus.header`: atoms,
//! quoted strings, literals, `(lists)` and `%(key value pairs)` (format: `imap/dlist.c` of Cyrus IMAP).

use std::borrow::Cow;

/// Lists in lists: Cyrus itself writes three.
const DEEPEST: usize = 32;

/// Why a text is no dlist. Offsets are in bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DlistError {
    /// A value was due.
    #[error("offset {offset}: no value")]
    NoValue {
        /// Where.
        offset: usize,
    },
    /// A list that does not end.
    #[error("offset {offset}: the list that starts here has no end")]
    OpenList {
        /// Its start.
        offset: usize,
    },
    /// A quoted string that does not end.
    #[error("offset {offset}: the string that starts here has no end")]
    OpenString {
        /// Its start.
        offset: usize,
    },
    /// A literal without length, or longer than the text.
    #[error("offset {offset}: a literal that is none, or longer than what follows")]
    Literal {
        /// Its start.
        offset: usize,
    },
    /// Neither a space nor the end of the list after a value.
    #[error("offset {offset}: neither a space nor the end of the list")]
    Separator {
        /// Where.
        offset: usize,
    },
    /// A list as a key.
    #[error("offset {offset}: a list where a key is due")]
    Key {
        /// Where.
        offset: usize,
    },
    /// Lists in lists without end.
    #[error("offset {offset}: more than {DEEPEST} lists in one another")]
    TooDeep {
        /// The first list too many.
        offset: usize,
    },
    /// Something after the value.
    #[error("offset {offset}: more after the value")]
    More {
        /// Where.
        offset: usize,
    },
}

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// Offset in bytes from the start of the text.
    pub offset: usize,
    /// What it is.
    pub data: Data<'a>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// The atom `NIL`.
    Nil,
    /// An atom, a quoted string or a literal, plain.
    Text(Cow<'a, [u8]>),
    /// `(a b c)`.
    List(Vec<Value<'a>>),
    /// `%(key value key value)`, in the order of the text.
    Pairs(Vec<Pair<'a>>),
}

/// A key and its value.
pub type Pair<'a> = (Cow<'a, [u8]>, Value<'a>);

/// Reads a text that is one value.
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, DlistError> {
    let (value, end) = parse_prefix(bytes)?;
    if end == bytes.len() { Ok(value) } else { Err(DlistError::More { offset: end }) }
}

/// Reads the value that a text starts with, and says where it ends.
pub fn parse_prefix(bytes: &[u8]) -> Result<(Value<'_>, usize), DlistError> {
    let mut parser = Parser { bytes, at: 0 };
    let value = parser.value(0)?;
    Ok((value, parser.at))
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, DlistError> {
        let offset = self.at;
        let data = match self.rest() {
            [b'%', b'(', ..] => self.pairs(depth)?,
            [b'(', ..] => self.list(depth)?,
            [b'"', ..] => Data::Text(self.quoted()?),
            [b'{', ..] => Data::Text(Cow::Borrowed(self.literal()?)),
            _ => match self.atom()? {
                b"NIL" => Data::Nil,
                atom => Data::Text(Cow::Borrowed(atom)),
            },
        };
        Ok(Value { offset, data })
    }

    fn list(&mut self, depth: usize) -> Result<Data<'a>, DlistError> {
        let start = self.open(1, depth)?;
        let mut values = Vec::new();
        while !self.is_closed(start, values.is_empty())? {
            values.push(self.value(depth + 1)?);
        }
        Ok(Data::List(values))
    }

    fn pairs(&mut self, depth: usize) -> Result<Data<'a>, DlistError> {
        let start = self.open(2, depth)?;
        let mut pairs = Vec::new();
        while !self.is_closed(start, pairs.is_empty())? {
            let key = match self.value(DEEPEST) {
                Ok(Value { data: Data::Text(key), .. }) => key,
                Ok(Value { data: Data::Nil, .. }) => Cow::Borrowed(&b"NIL"[..]),
                Ok(Value { offset, .. }) | Err(DlistError::TooDeep { offset }) => {
                    return Err(DlistError::Key { offset });
                }
                Err(error) => return Err(error),
            };
            match self.rest() {
                [b' ', ..] => self.at += 1,
                [] => return Err(DlistError::OpenList { offset: start }),
                _ => return Err(DlistError::Separator { offset: self.at }),
            }
            pairs.push((key, self.value(depth + 1)?));
        }
        Ok(Data::Pairs(pairs))
    }

    /// Passes the start of a list.
    fn open(&mut self, len: usize, depth: usize) -> Result<usize, DlistError> {
        let offset = self.at;
        if depth >= DEEPEST {
            return Err(DlistError::TooDeep { offset });
        }
        self.at += len;
        Ok(offset)
    }

    /// Passes the end of a list, or what separates its elements.
    fn is_closed(&mut self, start: usize, is_first: bool) -> Result<bool, DlistError> {
        match self.rest() {
            [] => Err(DlistError::OpenList { offset: start }),
            [b')', ..] => {
                self.at += 1;
                Ok(true)
            }
            _ if is_first => Ok(false),
            [b' ', ..] => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(DlistError::Separator { offset: self.at }),
        }
    }

    fn atom(&mut self) -> Result<&'a [u8], DlistError> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\n' | b'\r')).unwrap_or(rest.len());
        let len = end - rest[..end].iter().rev().take_while(|byte| **byte == b')').count();
        if len == 0 {
            return Err(DlistError::NoValue { offset: self.at });
        }
        self.at += len;
        Ok(&rest[..len])
    }

    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, DlistError> {
        let start = self.at;
        let body = &self.rest()[1..];
        let mut plain = Vec::new();
        let mut bytes = body.iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.at = start + at + 2;
                    // Without an escape the text itself will do.
                    return Ok(if plain.len() == at { Cow::Borrowed(&body[..at]) } else { Cow::Owned(plain) });
                }
                b'\\' => plain.extend(bytes.next().map(|(_, escaped)| *escaped)),
                _ => plain.push(*byte),
            }
        }
        Err(DlistError::OpenString { offset: start })
    }

    /// `{n}` or `{n+}`, CR LF and n bytes.
    fn literal(&mut self) -> Result<&'a [u8], DlistError> {
        let start = self.at;
        let rest = self.rest();
        let body = || {
            let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let len: usize = std::str::from_utf8(&rest[1..=digits]).ok()?.parse().ok()?;
            let after = &rest[1 + digits..];
            let body = after.strip_prefix(b"+").unwrap_or(after).strip_prefix(b"}\r\n")?;
            Some((body.get(..len)?, rest.len() - body.len() + len))
        };
        let (text, end) = body().ok_or(DlistError::Literal { offset: start })?;
        self.at = start + end;
        Ok(text)
    }
}
