//! Pages of a long list by key, so that the last page costs as much as the first, and a row that comes or
//! goes meanwhile moves no other over the edge of a page.
//!
//! A list has an order that no two rows share: what it is ordered by, then the identifier. That pair is a
//! row's key. A page is asked for after or before a key ([`Seek`]); its statement takes one row more than
//! a page has, in the direction asked for, and [`Page::of`] makes a page of what it answers.

use crate::clock::Timestamp;

/// Longest key that is read from an address, in bytes: an identifier, and the longest name of a site.
const KEY_BYTES_MAX: usize = 400;

/// What a list is ordered by, with the identifier that makes it one row's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key<P> {
    pub first: P,
    pub id: String,
}

/// The first half of a key: how it stands in an address.
pub trait KeyPart: Sized {
    fn written(&self) -> String;
    fn parse(text: &str) -> Option<Self>;
}

impl KeyPart for Timestamp {
    fn written(&self) -> String {
        self.as_milliseconds().to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Timestamp::from_milliseconds)
    }
}

impl KeyPart for String {
    fn written(&self) -> String {
        self.clone()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl<P: KeyPart> Key<P> {
    pub fn new(first: P, id: &str) -> Self {
        Key { first, id: id.to_owned() }
    }

    /// As it stands in an address, before it is encoded for one: `ID.FIRST`.
    pub fn written(&self) -> String {
        format!("{}.{}", self.id, self.first.written())
    }

    /// The key that was written; `None` for whatever else somebody typed.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > KEY_BYTES_MAX {
            return None;
        }
        let (id, first) = text.split_once('.')?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        Some(Key { first: P::parse(first)?, id: id.to_owned() }).filter(|_| is_id)
    }
}

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seek<P> {
    First,
    /// What follows this row in the order of the list.
    After(Key<P>),
    /// What stands before this row, its neighbour last.
    Before(Key<P>),
}

impl<P: KeyPart> Seek<P> {
    /// Reads the two fields of an address, of which one is filled; the first page where neither is a key.
    pub fn parse(after: &str, before: &str) -> Self {
        match (Key::parse(after), Key::parse(before)) {
            (Some(key), _) => Seek::After(key),
            (None, Some(key)) => Seek::Before(key),
            (None, None) => Seek::First,
        }
    }

    pub fn is_first(&self) -> bool {
        match self {
            Seek::First => true,
            Seek::After(_) | Seek::Before(_) => false,
        }
    }
}

/// One page of a list, with where the pages beside it begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, P> {
    pub rows: Vec<T>,
    /// Ask for what stands before this key; `None` on the first page.
    pub previous: Option<Key<P>>,
    /// Ask for what follows this key; `None` on the last page.
    pub next: Option<Key<P>>,
}

impl<T, P> Page<T, P> {
    /// Makes a page of at most `size` rows of what a statement answered: one row more where there is more
    /// in the direction it was asked for, and for [`Seek::Before`] the nearest first.
    pub fn of(seek: &Seek<P>, size: usize, mut rows: Vec<T>, key: impl Fn(&T) -> Key<P>) -> Self {
        let is_more = rows.len() > size;
        rows.truncate(size);
        let (is_before, is_after) = match seek {
            Seek::First => (false, is_more),
            Seek::After(_) => (true, is_more),
            Seek::Before(_) => {
                rows.reverse();
                (is_more, true)
            }
        };
        let previous = rows.first().filter(|_| is_before).map(&key);
        let next = rows.last().filter(|_| is_after).map(&key);
        Page { rows, previous, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(row: &i64) -> Key<Timestamp> {
        Key::new(Timestamp::from_milliseconds(*row), &format!("id-{row}"))
    }

    /// What a statement with `LIMIT size + 1` answers over a list of the numbers from 1.
    fn asked(seek: &Seek<Timestamp>, count: i64, size: usize) -> Vec<i64> {
        let of = |key: &Key<Timestamp>| key.first.as_milliseconds();
        match seek {
            Seek::First => (1..=count).take(size + 1).collect(),
            Seek::After(key) => (of(key) + 1..=count).take(size + 1).collect(),
            Seek::Before(key) => (1..of(key)).rev().take(size + 1).collect(),
        }
    }

    #[test]
    fn pages_walk_a_list_to_its_end_and_back_without_losing_a_row() {
        for count in 0..12 {
            let page = |seek: &Seek<Timestamp>| Page::of(seek, 4, asked(seek, count, 4), key);
            let (mut there, mut back) = (Vec::new(), Vec::new());
            let mut seek = Seek::First;
            let last = loop {
                let now = page(&seek);
                there.extend(now.rows.clone());
                match now.next.clone() {
                    Some(next) => seek = Seek::After(next),
                    None => break now,
                }
            };
            assert_eq!(there, (1..=count).collect::<Vec<_>>());
            let mut now = last;
            loop {
                back.splice(0..0, now.rows.clone());
                let Some(previous) = now.previous.clone() else { break };
                now = page(&Seek::Before(previous));
            }
            assert_eq!(back, there, "of {count}");
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written_and_nothing_else_is_one() {
        let at = key(&1_764_000_000_000);
        assert_eq!(Key::parse(&at.written()), Some(at.clone()));
        let name = Key::new("St. Mary’s".to_owned(), "0199f0c0-0000-7000-8000-000000000000");
        assert_eq!(Key::parse(&name.written()), Some(name));
        for wrong in ["", ".", "id", "id.", "id.x", ".5", "i'd.5", "id.5; DROP", "id 1.5"] {
            assert_eq!(Key::<Timestamp>::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Key::<String>::parse(&format!("id.{}", "x".repeat(KEY_BYTES_MAX))), None);
        assert_eq!(Seek::parse("nonsense", &at.written()), Seek::Before(at));
        assert!(Seek::<Timestamp>::parse("", "'").is_first());
    }
}
