//! The list of sites, and what finds one in it.

use crate::database::{FromRow, Reads, Result, Row};
use crate::directory::organisation::scoped;
use crate::directory::{Scope, SiteSearch};

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
        scoped!(
            "SELECT t.id, t.name, t.town, t.postcode, t.ods_code, m.address, \
                    (SELECT COUNT(*) FROM shared_mailbox_access x JOIN accounts a ON a.id = x.account_id \
                      WHERE x.shared_mailbox_id = m.id AND x.access = 'Owner' AND a.state = 'Active') \
               FROM sites t JOIN shared_mailboxes m ON m.site_id = t.id",
            $rest
        )
    };
}

/// The line after which a page of sites begins: its name and identifier. A page by key costs the same
/// wherever it is, and nobody is missed or shown twice when sites join meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AfterSite {
    pub name: String,
    pub id: String,
}

/// A page of the sites that have joined, by name. One line more than a page where there is another.
pub async fn list_sites(scope: &Scope, from: &impl Reads, after: &AfterSite) -> Result<Vec<SiteLine>> {
    let (organisation, sites) = scope.parameters();
    from.all(
        scope.statement(&site_lines!("AND (t.name, t.id) > ($3, $4) ORDER BY t.name, t.id LIMIT $5")),
        &[&organisation, &sites, &after.name, &after.id, &(SITES_PAGE + 1)],
    )
    .await
}

/// A page of the sites that something typed names: their own name, from its beginning or from the
/// beginning of a word in it, a code, a postcode, or an address of the site or of one of its people.
pub async fn search_sites(
    scope: &Scope,
    from: &impl Reads,
    typed: &SiteSearch,
    after: &AfterSite,
) -> Result<Vec<SiteLine>> {
    let (organisation, sites) = scope.parameters();
    from.all(
        scope.statement(&site_lines!(
            "AND (t.name_plain LIKE $3 OR t.name_plain LIKE $4 OR t.ods_code = $5 OR t.cqc_location_id = $5
                OR t.postcode = $6
                OR m.address = $7
                OR m.id IN (SELECT mailbox_id FROM aliases WHERE canonical = $7)
                OR m.id IN (SELECT x.shared_mailbox_id FROM shared_mailbox_access x
                              JOIN accounts a ON a.id = x.account_id WHERE a.address = $7))
             AND (t.name, t.id) > ($8, $9) ORDER BY t.name, t.id LIMIT $10"
        )),
        &[
            &organisation,
            &sites,
            &typed.beginning,
            &typed.word,
            &typed.code,
            &typed.postcode,
            &typed.address,
            &after.name,
            &after.id,
            &(SITES_PAGE + 1),
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
                let found = search_sites(&Scope::All, &database, &search, &AfterSite::default())
                    .await
                    .expect("searched");
                assert_eq!(found.len(), 1, "{typed} on {}", database.engine());
            }
            let listed = list_sites(&Scope::All, &database, &AfterSite::default()).await.expect("listed");
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
