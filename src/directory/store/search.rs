//! The list of sites, and what finds one in it.

use crate::database::{FromRow, Reads, Result, Row};
use crate::directory::SiteSearch;

/// Sites on one page of a search.
pub const SITES_PAGE: i64 = 25;

/// A site as a search shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteLine {
    pub id: String,
    pub name: String,
    pub town: String,
    pub postcode: String,
    pub ods_code: String,
    pub shared_mailbox: String,
    /// Owners whose accounts are active.
    pub owners: i64,
}

impl FromRow for SiteLine {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(SiteLine {
            id: row.get(0)?,
            name: row.get(1)?,
            town: row.get(2)?,
            postcode: row.get(3)?,
            ods_code: row.get(4)?,
            shared_mailbox: row.get(5)?,
            owners: row.get(6)?,
        })
    }
}

macro_rules! site_lines {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.name, t.town, t.postcode, t.ods_code, m.address, \
                    (SELECT COUNT(*) FROM shared_mailbox_access x JOIN accounts a ON a.id = x.account_id \
                      WHERE x.shared_mailbox_id = m.id AND x.access = 'Owner' AND a.state = 'Active') \
               FROM sites t JOIN shared_mailboxes m ON m.site_id = t.id ",
            $rest
        )
    };
}

/// A page of the sites that have joined, by name; `page` counts from 0. One line more than a page
/// where there is another.
pub async fn list_sites(from: &impl Reads, page: i64) -> Result<Vec<SiteLine>> {
    from.all(
        site_lines!("ORDER BY t.name, t.id LIMIT $1 OFFSET $2"),
        &[&(SITES_PAGE + 1), &(SITES_PAGE * page)],
    )
    .await
}

/// A page of the sites that something typed names: their own name, from its beginning or from the
/// beginning of a word in it, a code, a postcode, or an address of the site or of one of its people.
pub async fn search_sites(from: &impl Reads, typed: &SiteSearch, page: i64) -> Result<Vec<SiteLine>> {
    from.all(
        site_lines!(
            "WHERE t.name_plain LIKE $1 OR t.name_plain LIKE $2 OR t.ods_code = $3 OR t.cqc_location_id = $3
                OR t.postcode = $4
                OR m.address = $5
                OR m.id IN (SELECT mailbox_id FROM aliases WHERE canonical = $5)
                OR m.id IN (SELECT x.shared_mailbox_id FROM shared_mailbox_access x
                              JOIN accounts a ON a.id = x.account_id WHERE a.address = $5)
             ORDER BY t.name, t.id LIMIT $6 OFFSET $7"
        ),
        &[
            &typed.beginning,
            &typed.word,
            &typed.code,
            &typed.postcode,
            &typed.address,
            &(SITES_PAGE + 1),
            &(SITES_PAGE * page),
        ],
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{DOMAIN, open_in, site_of};
    use super::super::{PastAddress, find_shared_mailbox_of_site, past_address, unread_alarm};
    use super::*;
    use crate::database::for_tests::both_engines;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sites_are_searched_and_old_addresses_known_on_both_engines() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            for typed in ["rose", "COURT", "vm195", "ln11aa", "care.vm195", "asha.patel@carepost.example"] {
                let search = SiteSearch::read(typed, DOMAIN).expect("a search");
                let found = search_sites(&database, &search, 0).await.expect("searched");
                assert_eq!(found.len(), 1, "{typed} on {}", database.engine());
            }
            let listed = list_sites(&database, 0).await.expect("listed");
            assert_eq!((listed.len(), listed[0].owners), (1, 0), "nobody is active yet");
            let past = past_address(&database, "care.vm195@carepost.example").await.expect("read");
            assert_eq!(past, PastAddress::InUse);
            let never = past_address(&database, "asha.patel@carepost.example").await.expect("read");
            assert_eq!(never, PastAddress::NotASites);
            let mailbox =
                find_shared_mailbox_of_site(&database, &listed[0].id).await.expect("read").expect("one");
            assert_eq!(unread_alarm(&database, &mailbox.id).await.expect("read"), None);
        }
    }
}
