//! Organisations.

use super::broken;
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::{KnownOrganisation, Management, Organisation};
use crate::id::new_id;

macro_rules! organisation_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, name, hq_ods_code, cqc_provider_id, management, ict_contact, made_at \
               FROM organisations ",
            $rest
        )
    };
}

impl FromRow for Organisation {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let management: String = row.get(5)?;
        Ok(Organisation {
            id: row.get(0)?,
            version: row.get(1)?,
            name: row.get(2)?,
            hq_ods_code: row.get(3)?,
            cqc_provider_id: row.get(4)?,
            management: Management::parse(&management)
                .ok_or_else(|| broken("management of an organisation", &management))?,
            ict_contact: row.get(6)?,
            made_at: row.get(7)?,
        })
    }
}

pub async fn find_organisation(from: &impl Reads, id: &str) -> Result<Option<Organisation>> {
    from.maybe(organisation_by!("WHERE id = $1"), &[&id]).await
}

/// The organisation that the registers know under either code; its provider ID wins where the two
/// name different ones.
pub async fn find_known_organisation(
    from: &impl Reads,
    known: &KnownOrganisation,
) -> Result<Option<Organisation>> {
    from.maybe(
        organisation_by!(
            "WHERE cqc_provider_id = $1 OR hq_ods_code = $2 \
             ORDER BY CASE WHEN cqc_provider_id = $1 THEN 0 ELSE 1 END LIMIT 1"
        ),
        &[&known.cqc_provider_id, &known.hq_ods_code],
    )
    .await
}

/// The organisation that a site belongs to: the one that is known already, or a new one, which the
/// central team looks after. Its identifier.
pub(super) async fn organisation_of(
    tx: &mut Tx,
    at: Timestamp,
    by: &Actor,
    known: &KnownOrganisation,
) -> Result<String> {
    if let Some(found) = find_known_organisation(tx, known).await? {
        return Ok(found.id);
    }
    let id = new_id(at);
    let added = tx
        .run(
            "INSERT INTO organisations (id, version, name, hq_ods_code, cqc_provider_id, management, made_at)
             VALUES ($1, 1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[&id, &known.name, &known.hq_ods_code, &known.cqc_provider_id, &Management::Nas.stored(), &at],
        )
        .await?;
    if added == 1 {
        audit::store::add(tx, at, &Entry::new(by.clone(), "organisation added", &id)).await?;
        return Ok(id);
    }
    // Another writer added it while this one waited for its row.
    let found = find_known_organisation(tx, known).await?;
    found.map(|organisation| organisation.id).ok_or_else(|| broken("a new organisation", &id))
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{open_in, site_of};
    use super::super::{find_home_of_account, find_site};
    use super::*;
    use crate::database::for_tests::both_engines;
    use crate::directory::NewSite;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sites_of_one_provider_belong_to_one_organisation_however_they_race() {
        for database in both_engines().await {
            let known = KnownOrganisation {
                name: "Rose Care Limited".to_owned(),
                hq_ods_code: Some("A7E6".to_owned()),
                cqc_provider_id: Some("1-101".to_owned()),
            };
            let opening: Vec<_> = (0..6)
                .map(|number| {
                    let (database, organisation) = (database.clone(), known.clone());
                    let new = NewSite { organisation, ..site_of(&format!("VM{number}"), 1, 10 * number) };
                    tokio::spawn(async move { open_in(&database, new).await })
                })
                .collect();
            let mut owners = Vec::new();
            for opened in opening {
                let opened = opened.await.expect("no panic").expect("written").expect("opened");
                let site = find_site(&database, &opened.site_id).await.expect("read").expect("there");
                let home = find_home_of_account(&database, &opened.accounts[0]).await.expect("read");
                assert_eq!(home.map(|home| home.id), Some(site.id));
                owners.push(site.organisation_id);
            }
            owners.dedup();
            assert_eq!(owners.len(), 1, "{}", database.engine());
            let only_hq = KnownOrganisation { cqc_provider_id: None, ..known.clone() };
            let found = find_known_organisation(&database, &only_hq).await.expect("read").expect("known");
            assert_eq!((found.id.as_str(), found.management), (owners[0].as_str(), Management::Nas));
            let stranger = KnownOrganisation::unknown("Rose Care Limited");
            assert_eq!(find_known_organisation(&database, &stranger).await.expect("read"), None);
        }
    }
}
