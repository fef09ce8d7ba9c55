//! Accounts, shared mailboxes and sites as authority judges what is done to them.

use crate::database::{Reads, Result};
use crate::sign_in::authority::Subject;

/// An account, where it has its place; nothing where there is none or it has no place.
pub async fn subject_of_account(from: &impl Reads, id: &str) -> Result<Option<Subject>> {
    let home = super::find_home_of_account(from, id).await?;
    Ok(home.map(|site| Subject::Account { id: id.to_owned(), place: site.place() }))
}

/// A shared mailbox, where its site is.
pub async fn subject_of_shared_mailbox(from: &impl Reads, id: &str) -> Result<Option<Subject>> {
    let Some(mailbox) = super::find_shared_mailbox(from, id).await? else { return Ok(None) };
    let site = super::find_site(from, &mailbox.site_id).await?;
    Ok(site.map(|site| Subject::SharedMailbox { id: id.to_owned(), place: site.place() }))
}

/// A site.
pub async fn subject_of_site(from: &impl Reads, id: &str) -> Result<Option<Subject>> {
    Ok(super::find_site(from, id).await?.map(|site| Subject::Site(site.place())))
}
