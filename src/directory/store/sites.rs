//! Sites that have joined.

use super::broken;
use crate::database::{FromRow, Reads, Result, Row};
use crate::directory::{Management, Site, address};

/// Sites of one town that are looked through for look-alikes; the largest English towns have about
/// 400 care sites.
const LOOK_ALIKES_MAX: i64 = 1_000;

macro_rules! site_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, ods_code, cqc_location_id, name, town, postcode, management, registration_id, joined_at \
             FROM sites ",
            $rest
        )
    };
}

impl FromRow for Site {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let management: String = row.get(6)?;
        Ok(Site {
            id: row.get(0)?,
            ods_code: row.get(1)?,
            cqc_location_id: row.get(2)?,
            name: row.get(3)?,
            town: row.get(4)?,
            postcode: row.get(5)?,
            management: Management::parse(&management)
                .ok_or_else(|| broken("management of a site", &management))?,
            registration_id: row.get(7)?,
            joined_at: row.get(8)?,
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
    from.maybe(site_by!("WHERE registration_id = $1"), &[&registration]).await
}

/// The sites whose shared mailboxes an account owns.
pub async fn list_sites_owned(from: &impl Reads, account: &str) -> Result<Vec<Site>> {
    from.all(
        site_by!(
            "WHERE id IN (SELECT m.site_id FROM shared_mailboxes m
                            JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id
                           WHERE x.account_id = $1 AND x.access = 'Owner') ORDER BY name, id LIMIT 100"
        ),
        &[&account],
    )
    .await
}

/// Sites of the same town whose names could be taken for this one's, in words; for warning a case
/// worker.
pub async fn list_look_alike_sites(
    from: &impl Reads,
    name: &str,
    town: &str,
    ods_code: &str,
) -> Result<Vec<String>> {
    let near: Vec<(String, String)> = from
        .all(
            "SELECT ods_code, name FROM sites WHERE town = $1 AND ods_code <> $2 ORDER BY ods_code LIMIT $3",
            &[&town, &ods_code, &LOOK_ALIKES_MAX],
        )
        .await?;
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
                list_look_alike_sites(&database, name, town, "VM999").await.expect("listed")
            };
            assert_eq!(near("Rose Coutr", "Lincoln").await, ["Rose Court (VM195)"]);
            assert_eq!(near("Oak House", "Lincoln").await, [""; 0]);
            assert_eq!(near("Rose Court", "York").await, [""; 0]);
            let own =
                list_look_alike_sites(&database, "Rose Court", "Lincoln", "VM195").await.expect("listed");
            assert_eq!(own, [""; 0]);
        }
    }
}
