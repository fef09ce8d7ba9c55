//! Who may use a shared mailbox: giving access, changing it, taking it away.
//!
//! A site keeps at least one owner whose account is active, because an owner is who speaks for it;
//! with fewer than two, the first holiday leaves it with none ([`OWNERS_GOOD`]).

use super::store::PersonOfSite;
use super::{Access, Account, AccountState, Refusal, Room, SharedMailbox};
use crate::audit::{Actor, Entry};
use crate::outbox::{Change, Work};

/// What the entries of these deeds say.
pub const REMOVED: &str = "access removed";
pub const ADDRESS_ADDED: &str = "address added";

/// What the entry says when access was given.
pub fn give_action(access: Access) -> &'static str {
    match access {
        Access::Owner => "access given as an owner",
        Access::Member => "access given as a member",
    }
}

/// What the entry says when access was changed.
pub fn change_action(access: Access) -> &'static str {
    match access {
        Access::Owner => "member made an owner",
        Access::Member => "owner made a member",
    }
}

/// Owners a site should have, at least.
pub const OWNERS_GOOD: usize = 2;

/// Somebody's access to a shared mailbox as it will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessChange {
    /// As it was read: saving is refused where it changed meanwhile.
    pub mailbox: SharedMailbox,
    pub account: String,
    /// None when it is taken away.
    pub access: Option<Access>,
}

fn is_active_owner(person: &PersonOfSite) -> bool {
    person.access == Access::Owner && person.state == AccountState::Active
}

/// Owners of a site whose accounts are active.
pub fn active_owners(people: &[PersonOfSite]) -> usize {
    people.iter().filter(|person| is_active_owner(person)).count()
}

/// Whether a site can do without one of its owners: somebody else must be left who can act, or,
/// where nobody has activated yet, who will.
///
/// # Errors
/// [`Refusal::LastOwner`].
pub fn can_do_without(people: &[PersonOfSite], account: &str, site: &str) -> Result<(), Refusal> {
    let Some(person) = people.iter().find(|person| person.account_id == account) else { return Ok(()) };
    let others = || people.iter().filter(|other| other.account_id != account);
    let is_last = match (person.access, is_active_owner(person)) {
        (Access::Member, _) => false,
        (Access::Owner, true) => !others().any(is_active_owner),
        (Access::Owner, false) => !others().any(|other| other.access == Access::Owner),
    };
    if is_last {
        return Err(Refusal::LastOwner { person: name(person), site: site.to_owned() });
    }
    Ok(())
}

fn name(person: &PersonOfSite) -> String {
    format!("{} {}", person.first_name, person.last_name)
}

/// Who can open a shared mailbox already, and how many may.
#[derive(Clone, Copy, Debug)]
pub struct Among<'a> {
    pub people: &'a [PersonOfSite],
    pub room: Room,
}

impl SharedMailbox {
    /// Lets an address of the past lead to it.
    pub fn add_alias(self, address: &str, by: Actor, reason: &str) -> Change<SharedMailbox> {
        let entry = Entry::new(by, ADDRESS_ADDED, &self.id).because(address).written(reason);
        let work = Work::ProvisionSharedMailbox { shared_mailbox: self.id.clone() };
        Change::new(self, entry).then(work)
    }

    /// The entry names the mailbox; whose access it is stands before the reason.
    fn change(self, account: &str, access: Option<Access>, entry: Entry) -> Change<AccessChange> {
        let work = Work::ProvisionSharedMailbox { shared_mailbox: self.id.clone() };
        Change::new(AccessChange { mailbox: self, account: account.to_owned(), access }, entry).then(work)
    }

    fn has_room(among: Among<'_>, access: Access) -> Result<(), Refusal> {
        let count = among.people.iter().filter(|person| person.access == access).count();
        let most = among.room.most(access);
        if count < usize::from(most) { Ok(()) } else { Err(Refusal::TooMany { access, most }) }
    }

    /// Lets an account use it that could not before, of this site or another one.
    ///
    /// # Errors
    /// [`Refusal::HasAccess`], [`Refusal::TooMany`].
    pub fn give_access(
        self,
        among: Among<'_>,
        account: &Account,
        access: Access,
        by: Actor,
        reason: &str,
    ) -> Result<Change<AccessChange>, Refusal> {
        if let Some(person) = among.people.iter().find(|person| person.account_id == account.id) {
            return Err(Refusal::HasAccess { person: name(person), access: person.access });
        }
        Self::has_room(among, access)?;
        let entry = Entry::new(by, give_action(access), &self.id).because(&account.id).written(reason);
        Ok(self.change(&account.id, Some(access), entry))
    }

    /// Makes a member an owner, or an owner a member.
    ///
    /// # Errors
    /// [`Refusal::NoAccess`], [`Refusal::HasAccess`], [`Refusal::LastOwner`], [`Refusal::TooMany`].
    pub fn change_access(
        self,
        among: Among<'_>,
        account: &str,
        access: Access,
        site: &str,
        by: Actor,
        reason: &str,
    ) -> Result<Change<AccessChange>, Refusal> {
        let person = among.people.iter().find(|person| person.account_id == account);
        let person = person.ok_or_else(|| Refusal::NoAccess("This person".to_owned()))?;
        if person.access == access {
            return Err(Refusal::HasAccess { person: name(person), access });
        }
        can_do_without(among.people, account, site)?;
        Self::has_room(among, access)?;
        let entry = Entry::new(by, change_action(access), &self.id).because(account).written(reason);
        Ok(self.change(account, Some(access), entry))
    }

    /// Takes somebody's access away.
    ///
    /// # Errors
    /// [`Refusal::NoAccess`], [`Refusal::LastOwner`].
    pub fn remove_access(
        self,
        people: &[PersonOfSite],
        account: &str,
        site: &str,
        by: Actor,
        reason: &str,
    ) -> Result<Change<AccessChange>, Refusal> {
        if !people.iter().any(|person| person.account_id == account) {
            return Err(Refusal::NoAccess("This person".to_owned()));
        }
        can_do_without(people, account, site)?;
        let entry = Entry::new(by, REMOVED, &self.id).because(account).written(reason);
        Ok(self.change(account, None, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::super::SharedMailboxState;
    use super::super::tests::account;
    use super::*;
    use crate::clock::Timestamp;

    fn mailbox() -> SharedMailbox {
        SharedMailbox {
            id: "mailbox".to_owned(),
            version: 3,
            site_id: "site".to_owned(),
            state: SharedMailboxState::Active,
            address: "care.vm195@carepost.example".to_owned(),
            display_name: "Care.VM195 (Rose Court, Lincoln)".to_owned(),
            made_at: Timestamp::from_milliseconds(0),
        }
    }

    fn person(id: &str, access: Access, state: AccountState) -> PersonOfSite {
        PersonOfSite {
            account_id: id.to_owned(),
            first_name: id.to_owned(),
            last_name: "Patel".to_owned(),
            role: "Carer".to_owned(),
            address: format!("{id}.patel@carepost.example"),
            state,
            access,
            slot: Some(1),
            last_used_at: None,
        }
    }

    fn last_owner(who: &str) -> Option<Refusal> {
        Some(Refusal::LastOwner { person: format!("{who} Patel"), site: "Rose Court".to_owned() })
    }

    #[test]
    fn a_site_keeps_an_owner_who_can_act() {
        use Access::{Member, Owner};
        use AccountState::{Active, Disabled, Pending};
        let check = |people: &[(&str, Access, AccountState)], who: &str, refused: bool| {
            let people: Vec<_> =
                people.iter().map(|(id, access, state)| person(id, *access, *state)).collect();
            let expect = if refused { last_owner(who) } else { None };
            assert_eq!(can_do_without(&people, who, "Rose Court").err(), expect, "{people:?} without {who}");
            let removed = mailbox().remove_access(&people, who, "Rose Court", Actor::Service, "left");
            assert_eq!(removed.err(), expect);
        };
        check(&[("asha", Owner, Active), ("bo", Member, Active)], "bo", false);
        check(&[("asha", Owner, Active), ("bo", Member, Active)], "asha", true);
        check(&[("asha", Owner, Active), ("bo", Owner, Active)], "asha", false);
        check(&[("asha", Owner, Active), ("bo", Owner, Disabled)], "asha", true);
        check(&[("asha", Owner, Active), ("bo", Owner, Disabled)], "bo", false);
        check(&[("asha", Owner, Active), ("bo", Owner, Pending)], "asha", true);
        check(&[("asha", Owner, Pending), ("bo", Owner, Pending)], "asha", false);
        check(&[("asha", Owner, Pending), ("bo", Member, Active)], "asha", true);
    }

    fn among(people: &[PersonOfSite]) -> Among<'_> {
        Among { people, room: Room { owners: 100, members: 250 } }
    }

    #[test]
    fn access_is_given_changed_and_taken_with_its_reason() {
        let people = [
            person("asha", Access::Owner, AccountState::Active),
            person("bo", Access::Member, AccountState::Active),
        ];
        let by = || Actor::CaseWorker("worker".to_owned());
        let given = mailbox().give_access(
            among(&people),
            &account(AccountState::Active),
            Access::Member,
            by(),
            "new here",
        );
        let given = given.expect("given");
        assert_eq!((given.state.account.as_str(), given.state.access), ("account", Some(Access::Member)));
        assert_eq!((given.entry.subject.as_str(), given.entry.detail.as_str()), ("mailbox", "account"));
        let work = [Work::ProvisionSharedMailbox { shared_mailbox: "mailbox".to_owned() }];
        assert_eq!(given.work, work);

        let made =
            mailbox().change_access(among(&people), "bo", Access::Owner, "Rose Court", by(), "stands in");
        let made = made.expect("made an owner");
        assert_eq!(made.entry.action, "member made an owner");
        assert_eq!((made.state.access, made.work), (Some(Access::Owner), work.to_vec()));
        let again = mailbox().change_access(among(&people), "bo", Access::Member, "Rose Court", by(), "x");
        assert_eq!(
            again.err().map(|refusal| refusal.words()).as_deref(),
            Some("bo Patel is a member of this shared mailbox already.")
        );
        let last = mailbox().change_access(among(&people), "asha", Access::Member, "Rose Court", by(), "x");
        assert_eq!(last.err(), last_owner("asha"));
        let nobody = mailbox().change_access(among(&people), "cy", Access::Member, "Rose Court", by(), "x");
        assert_eq!(nobody.err(), Some(Refusal::NoAccess("This person".to_owned())));
    }

    #[test]
    fn a_shared_mailbox_has_an_end() {
        let full: Vec<_> = (0..250)
            .map(|number| person(&number.to_string(), Access::Member, AccountState::Active))
            .collect();
        let given = |access| {
            mailbox()
                .give_access(among(&full), &account(AccountState::Active), access, Actor::Service, "x")
                .err()
        };
        assert_eq!(given(Access::Member), Some(Refusal::TooMany { access: Access::Member, most: 250 }));
        assert_eq!(given(Access::Owner), None);
    }
}
