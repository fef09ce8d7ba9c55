//! What tests of other folders need to be on record.

use super::site_contacts::{ContactIdHash, ContactKey, SiteContact, SiteContacts};
use super::{CqcContactId, CqcLocationId, Provenance};
use crate::database::{Database, Error, transaction};

/// Puts the contact of a location on record, in place of the one that was there.
pub async fn on_record(
    database: &Database,
    key: &ContactKey,
    location: &str,
    email: Option<&str>,
    contact_id: Option<&str>,
) {
    let id = CqcLocationId::parse(location).expect("an ID");
    let hash = |known| ContactIdHash::of(key, &id, &CqcContactId::parse(known).expect("an ID"));
    let contact =
        SiteContact { contact_id: contact_id.map(hash), email: email.map(str::to_owned), telephone: None };
    let contacts = SiteContacts { location: id, contacts: vec![contact], provenance: Provenance::default() };
    let (location, facts) = (location.to_owned(), serde_json::to_string(&contacts).expect("written"));
    database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run(
                "INSERT INTO imports (number, kind, layout, full_picture, source, file_name, sha256, size_bytes,
                   row_count, applied, unchanged, rejected, closed, contacts_changed, started_at, finished_at,
                   by_whom, report)
                 VALUES (0, 'site-contacts', 'test', FALSE, 'test', 'test', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 'test', '{}')
                 ON CONFLICT DO NOTHING",
                &[],
            )
            .await?;
            tx.run(
                "INSERT INTO site_contacts (location_id, facts, import_number) VALUES ($1, $2, 0)
                 ON CONFLICT (location_id) DO UPDATE SET facts = excluded.facts",
                &[&location, &facts],
            )
            .await
        }))
        .await
        .expect("on record");
}
