//! Links to the pages of a list that pages by key: what an address says of where a page begins, and the links
//! to the pages beside it.

use super::components::{Pagination, PaginationLink};
use super::form::{Fields, encoded};
use crate::database::page::{Key, KeyPart, Page, Seek};

/// The fields of an address that say which page: after a row, or before one.
const AFTER: &str = "after";
const BEFORE: &str = "before";

/// Which page an address asks for; the first where it asks for none.
pub fn seek<P: KeyPart>(fields: &Fields) -> Seek<P> {
    Seek::parse(fields.text(AFTER), fields.text(BEFORE))
}

/// The links of a page to those beside it: nothing where it is the only one. `address` is that of the first
/// page, with or without a query; `words` say what stands before and after in the order of the list.
pub fn links<T, P: KeyPart>(
    address: &str,
    page: &Page<T, P>,
    label: &str,
    words: [&str; 2],
) -> Option<Pagination> {
    let joint = if address.contains('?') { '&' } else { '?' };
    let link = |field: &str, key: &Key<P>, words: &str| PaginationLink {
        href: format!("{address}{joint}{field}={}", encoded(&key.written())),
        label: words.to_owned().into(),
        ..Default::default()
    };
    let [before, after] = words;
    let previous = page.previous.as_ref().map(|key| link(BEFORE, key, before));
    let next = page.next.as_ref().map(|key| link(AFTER, key, after));
    (previous.is_some() || next.is_some()).then(|| Pagination {
        aria_label: label.to_owned(),
        previous,
        next,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn pages_lead_to_the_ones_beside_them() {
        let key = |id: &str| Some(Key::new(Timestamp::from_milliseconds(5), id));
        let check = |address: &str, previous, next, expect: [Option<&str>; 2]| {
            let page = Page { rows: Vec::<()>::new(), previous, next };
            let made = links(address, &page, "Pages", ["Earlier", "Later"]).unwrap_or_default();
            let of = |link: &Option<PaginationLink>| link.as_ref().map(|link| link.href.clone());
            assert_eq!([of(&made.previous).as_deref(), of(&made.next).as_deref()], expect);
        };
        check("/list", None, None, [None, None]);
        check("/list?show=all", None, key("b"), [None, Some("/list?show=all&after=b.5")]);
        check("/list", key("a"), None, [Some("/list?before=a.5"), None]);
    }
}
