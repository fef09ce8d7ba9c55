//! Sites that have joined.

use super::broken;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::organisation::scoped;
use crate::directory::{Management, Origin, Scope, Site, SiteState, address};

/// Sites of one town that are looked through for look-alikes; the largest English towns have about
/// 400 care sites.
const LOOK_ALIKES_MAX: i64 = 1_000;

macro_rules! site_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, organisation_id, state, ods_code, cqc_location_id, name, town, postcode, \
                    management, origin, origin_id, joined_at, activates_at FROM sites t ",
            $rest
        )
    };
}

impl FromRow for Site {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (state, management): (String, String) = (row.get(3)?, row.get(9)?);
        let (origin, origin_id): (String, String) = (row.get(10)?, row.get(11)?);
        Ok(Site {
            id: row.get(0)?,
            version: row.get(1)?,
            organisation_id: row.get(2)?,
            state: SiteState::parse(&state).ok_or_else(|| broken("state of a site", &state))?,
            ods_code: row.get(4)?,
            cqc_location_id: row.get(5)?,
            name: row.get(6)?,
            town: row.get(7)?,
            postcode: row.get(8)?,
            management: Management::parse(&management)
                .ok_or_else(|| broken("management of a site", &management))?,
            origin: Origin::parse(&origin, &origin_id).ok_or_else(|| broken("origin of a site", &origin))?,
            joined_at: row.get(12)?,
            activates_at: row.get(13)?,
        })
    }
}

pub async fn find_site(from: &impl Reads, id: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_site_by_ods_code(from: &impl Reads, ods_code: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE ods_code = $1"), &[&ods_code]).await
}

/// The site of a CQC location, if it has joined.
pub async fn find_site_by_cqc_location(from: &impl Reads, location: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE cqc_location_id = $1 ORDER BY joined_at, id LIMIT 1"), &[&location]).await
}

pub async fn find_site_of_registration(from: &impl Reads, registration: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE origin = 'Registration' AND origin_id = $1"), &[&registration]).await
}

/// The site an account has its place at.
pub async fn find_home_of_account(from: &impl Reads, account: &str) -> Result<Option<Site>> {
    from.maybe(site_by!("WHERE id = (SELECT site_id FROM account_slots WHERE account_id = $1)"), &[&account])
        .await
}

/// The sites whose shared mailboxes an account owns, at most 100.
pub async fn list_sites_owned(scope: &Scope, from: &impl Reads, account: &str) -> Result<Vec<Site>> {
    let (organisation, sites) = scope.parameters();
    let statement = scope.statement(&scoped!(
        site_by!(""),
        "AND t.id IN (SELECT m.site_id FROM shared_mailboxes m
                        JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id
                       WHERE x.account_id = $3 AND x.access = 'Owner') ORDER BY t.name, t.id LIMIT 100"
    ));
    from.all(statement, &[&organisation, &sites, &account]).await
}

/// Ends the time that accounts of a site wait to be activated; false where there was none.
pub async fn end_activation_wait(tx: &mut Tx, site: &str) -> Result<bool> {
    let ended = tx
        .run(
            "UPDATE sites SET activates_at = NULL, version = version + 1
              WHERE id = $1 AND activates_at IS NOT NULL",
            &[&site],
        )
        .await?;
    Ok(ended == 1)
}

/// Sites of the same town whose names could be taken for this one's, in words; for warning a case
/// worker.
pub async fn list_look_alike_sites(
    scope: &Scope,
    from: &impl Reads,
    name: &str,
    town: &str,
    ods_code: &str,
) -> Result<Vec<String>> {
    let (organisation, sites) = scope.parameters();
    let statement = scope.statement(&scoped!(
        "SELECT t.ods_code, t.name FROM sites t",
        "AND t.town = $3 AND t.ods_code <> $4 ORDER BY t.ods_code LIMIT $5"
    ));
    let near: Vec<(String, String)> =
        from.all(statement, &[&organisation, &sites, &town, &ods_code, &LOOK_ALIKES_MAX]).await?;
    Ok(near
        .into_iter()
        .filter(|(_, other)| address::look_alike(name, other))
        .map(|(code, other)| format!("{other} ({code})"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{open_in, site_of};
    use super::*;
    use crate::database::for_tests::both_engines;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sites_of_one_town_that_look_alike_are_found() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let near = async |name: &'static str, town: &'static str| {
                list_look_alike_sites(&Scope::All, &database, name, town, "VM999").await.expect("listed")
            };
            assert_eq!(near("Rose Coutr", "Lincoln").await, ["Rose Court (VM195)"]);
            assert_eq!(near("Oak House", "Lincoln").await, [""; 0]);
            assert_eq!(near("Rose Court", "York").await, [""; 0]);
            let own = list_look_alike_sites(&Scope::All, &database, "Rose Court", "Lincoln", "VM195")
                .await
                .expect("listed");
            assert_eq!(own, [""; 0]);
        }
    }
}
