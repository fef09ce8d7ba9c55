//! The directory in the database: a file for each thing that is stored.

mod access;
mod accounts;
mod addresses;
mod app_passwords;
#[cfg(test)]
pub(in crate::directory) mod for_tests;
mod freezes;
mod invariants;
mod opening;
mod organisations;
mod search;
mod shared_mailboxes;
mod sites;
mod subjects;

use crate::database::{Error, Result, Tx};
use sha2::{Digest, Sha256};

pub use access::{PersonOfSite, SiteOfAccount, list_people, list_sites_of_account, save_access};
pub use accounts::{
    find_account, find_account_by_address, find_account_by_any_email, home_of_account, mark_used,
    save_account, taken_contacts,
};
pub use addresses::{PastAddress, add_alias, list_aliases, past_address};
pub use app_passwords::{
    add_app_password, list_app_passwords_in_force, mark_app_password_used, revoke_app_password,
    revoke_app_passwords,
};
pub use freezes::{
    add_freeze, count_freezes, find_freeze, find_freeze_of, list_accounts_of_site, list_freezes, save_freeze,
    set_site_state,
};
pub use invariants::invariants;
pub use opening::{Opened, Progress, open_site, progress};
pub use organisations::{find_known_organisation, find_organisation};
pub use search::{AfterSite, SITES_PAGE, SiteLine, list_sites, search_sites};
pub use shared_mailboxes::{
    find_shared_mailbox, find_shared_mailbox_of_site, save_shared_mailbox, unread_alarm,
};
pub use sites::{
    end_activation_wait, find_home_of_account, find_site, find_site_by_cqc_location, find_site_by_ods_code,
    find_site_of_registration, list_look_alike_sites, list_sites_owned,
};
pub use subjects::{subject_of_account, subject_of_shared_mailbox, subject_of_site};

fn broken(what: &str, text: &str) -> Error {
    Error::Broken(format!("{what}: {text}"))
}

/// Makes other writers of the same account wait until this transaction ends.
pub async fn lock_account(tx: &mut Tx, account: &str) -> Result<()> {
    lock_subject(tx, account).await
}

/// Makes other writers of the same site wait until this transaction ends, so that of two mailboxes
/// that become ready together one sees the other, and of two owners that go one stays.
pub async fn lock_site(tx: &mut Tx, site: &str) -> Result<()> {
    lock_subject(tx, site).await
}

/// Makes other writers of the same freeze wait until this transaction ends.
pub async fn lock_freeze(tx: &mut Tx, freeze: &str) -> Result<()> {
    lock_subject(tx, freeze).await
}

async fn lock_subject(tx: &mut Tx, what: &str) -> Result<()> {
    let hash = Sha256::digest(what.as_bytes());
    let mut key = [0_u8; 8];
    key.copy_from_slice(&hash[..8]);
    tx.lock(i64::from_be_bytes(key)).await
}
