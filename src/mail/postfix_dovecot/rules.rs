//! What follows from a mailbox for the mail servers: who signs in, who opens it, who sends from it, what
//! senders are told, and what Dovecot must be told of a change.
//!
//! Pure: `store/` keeps what is decided here as facts, and the views only pick them out. Who changes what a
//! [`MailboxFacts`] says must raise the version of the projection (`store/mod.rs`), or rows decided by the
//! rules before stay in force.

use super::super::{Standing, WantedAccount, WantedSharedMailbox, stored_enum};

/// What senders and mail programs read while the projection may not hold everything.
pub(super) const UNFILLED_WORDS: &str =
    "The list of our addresses is being made again; please try again later";
/// The reply to a sender then. RFC 3463: 4.3.2 is a system that does not accept messages for now.
pub(super) const UNFILLED_REPLY: &str =
    "451 4.3.2 The list of our addresses is being made again; please try again later";

/// Names somebody may sign in with and send from one address, at most: Postfix takes 100,000 bytes as the
/// answer to one look-up (`DICT_SOCKMAP_DEF_MAX_REPLY`), and an address and its comma have 255 at most. Owners
/// and members of a shared mailbox are 350 (`owners_max`, `members_max`).
pub(super) const SENDERS_MAX: i64 = 392;

stored_enum! {
    /// What kind of mailbox it is.
    pub(super) enum MailboxKind {
        Account,
        SharedMailbox,
    }
}

stored_enum! {
    /// How somebody belongs to a shared mailbox. Owners may clear away folders besides.
    pub(super) enum MailboxAccess {
        Owner,
        Member,
    }
}

stored_enum! {
    /// What Dovecot can be told, in the order in which it must hear it: what it remembers of names is
    /// forgotten before sessions end, so that nobody comes back with what they knew.
    pub(super) enum StepKind {
        /// Prepare the storage of the shared mailbox at this address.
        Prepare,
        /// Forget what is remembered of this name.
        Forget,
        /// Show the person at this address the folders of the shared mailboxes they have begun to use.
        Subscribe,
        /// End the sessions of this address.
        EndSessions,
        /// Read the access lists of the shared mailbox at this address, and remove what is not of ours.
        CheckAccess,
        /// Remove this folder, below the storage.
        RemoveStorage,
    }
}

/// Something Dovecot must be told for a change to take effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    pub(super) name: String,
}

impl Step {
    pub(super) fn prepare(address: &str) -> Self {
        Step { kind: StepKind::Prepare, name: address.to_owned() }
    }

    pub(super) fn forget(name: &str) -> Self {
        Step { kind: StepKind::Forget, name: name.to_owned() }
    }

    fn subscribe(address: &str) -> Self {
        Step { kind: StepKind::Subscribe, name: address.to_owned() }
    }

    fn check_access(address: &str) -> Self {
        Step { kind: StepKind::CheckAccess, name: address.to_owned() }
    }

    fn end_sessions(address: &str) -> Self {
        Step { kind: StepKind::EndSessions, name: address.to_owned() }
    }

    fn remove_storage(folder: String) -> Self {
        Step { kind: StepKind::RemoveStorage, name: folder }
    }
}

/// A mailbox as the projection keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mailbox {
    Account(WantedAccount),
    SharedMailbox(WantedSharedMailbox),
}

impl Mailbox {
    pub(super) fn kind(&self) -> MailboxKind {
        match self {
            Mailbox::Account(_) => MailboxKind::Account,
            Mailbox::SharedMailbox(_) => MailboxKind::SharedMailbox,
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Mailbox::Account(account) => &account.id,
            Mailbox::SharedMailbox(mailbox) => &mailbox.id,
        }
    }

    pub(super) fn address(&self) -> &str {
        match self {
            Mailbox::Account(account) => &account.address,
            Mailbox::SharedMailbox(mailbox) => &mailbox.address,
        }
    }

    /// Every name it answers to: its address, then its aliases.
    pub(super) fn names(&self) -> Vec<&String> {
        match self {
            Mailbox::Account(account) => std::iter::once(&account.address).chain(&account.aliases).collect(),
            Mailbox::SharedMailbox(mailbox) => {
                std::iter::once(&mailbox.address).chain(&mailbox.aliases).collect()
            }
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match self {
            Mailbox::Account(account) => account.standing,
            Mailbox::SharedMailbox(mailbox) => mailbox.standing,
        }
    }

    /// Who has access to it, by address; an account is its holder's alone.
    pub(super) fn people(&self) -> Vec<(&String, MailboxAccess)> {
        match self {
            Mailbox::Account(_) => Vec::new(),
            Mailbox::SharedMailbox(mailbox) => {
                let owners = mailbox.owners.iter().map(|person| (person, MailboxAccess::Owner));
                owners.chain(mailbox.members.iter().map(|person| (person, MailboxAccess::Member))).collect()
            }
        }
    }

    /// The same with every list in order, so that two can be compared.
    pub(super) fn in_order(mut self) -> Self {
        match &mut self {
            Mailbox::Account(account) => {
                account.aliases.sort();
                account.passwords.sort();
            }
            Mailbox::SharedMailbox(mailbox) => {
                mailbox.aliases.sort();
                mailbox.owners.sort();
                mailbox.members.sort();
            }
        }
        self
    }

    pub(super) fn in_full(&self) -> String {
        match self {
            Mailbox::Account(account) => account.in_full(),
            Mailbox::SharedMailbox(mailbox) => mailbox.in_full(),
        }
    }
}

/// Whether a mailbox that stands so takes mail and is used; nobody signs in to, reads or sends from one
/// that is not.
fn is_in_use(standing: Standing) -> bool {
    match standing {
        Standing::Open => true,
        Standing::NotActivated
        | Standing::Inactive
        | Standing::Disabled
        | Standing::Frozen
        | Standing::Leaver
        | Standing::Deleted => false,
    }
}

/// Whether somebody may have been signed in to a mailbox that stands so.
fn may_have_sessions(standing: Standing) -> bool {
    match standing {
        Standing::NotActivated => false,
        Standing::Open
        | Standing::Inactive
        | Standing::Disabled
        | Standing::Frozen
        | Standing::Leaver
        | Standing::Deleted => true,
    }
}

/// What senders to it are told; none where it takes mail. RFC 3463: 5.2.1 is a mailbox that takes no mail,
/// 5.1.1 one that is not there.
fn refusal(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Open => None,
        Standing::NotActivated => Some("550 5.2.1 This mailbox has not been opened by its holder yet"),
        Standing::Inactive => {
            Some("550 5.2.1 This mailbox is not in use at present, so nobody would read your message")
        }
        Standing::Disabled => {
            Some("550 5.2.1 This mailbox is switched off, so nobody would read your message")
        }
        // It may be open again in a few hours: whoever sends tries again and loses nothing.
        Standing::Frozen => Some("450 4.2.1 This mailbox is closed for now, so please try again later"),
        Standing::Leaver => Some("550 5.2.1 The holder of this mailbox has left and does not read it"),
        Standing::Deleted => Some("550 5.1.1 This mailbox is no longer there"),
    }
}

/// The folder of a mailbox, below the storage: named after its identifier and never after its address.
pub(super) fn folder(kind: MailboxKind, id: &str) -> String {
    match kind {
        MailboxKind::Account => format!("accounts/{id}"),
        MailboxKind::SharedMailbox => format!("shared/{id}"),
    }
}

/// What the mail servers are told of a mailbox beside its names, size and people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailboxFacts {
    pub(super) folder: String,
    /// Where its messages are, below that folder. The servers look for what people share under the name that
    /// shared mailboxes have, so what is in an account is out of reach whatever an access list says.
    pub(super) mail_folder: &'static str,
    /// What senders are told; none where it takes mail.
    pub(super) refusal: Option<&'static str>,
    /// Its holder signs in with app passwords, and sends from its names.
    pub(super) holder_uses_it: bool,
    /// Whoever has access reads it, files in it, and sends from its names.
    pub(super) people_use_it: bool,
    /// Where the copy of what is sent as it goes, so that colleagues see it.
    pub(super) sent_copy: Option<String>,
}

/// Decides what the mail servers are told of a mailbox.
pub(super) fn facts(mailbox: &Mailbox) -> MailboxFacts {
    let standing = mailbox.standing();
    let (mail_folder, holder_uses_it, people_use_it, sent_copy) = match mailbox.kind() {
        MailboxKind::Account => ("Private", is_in_use(standing), false, None),
        MailboxKind::SharedMailbox => {
            ("Maildir", false, is_in_use(standing), Some(mailbox.address().replace('@', "+sent@")))
        }
    };
    MailboxFacts {
        folder: folder(mailbox.kind(), mailbox.id()),
        mail_folder,
        refusal: refusal(standing),
        holder_uses_it,
        people_use_it,
        sent_copy,
    }
}

/// The people who use a shared mailbox now.
fn users(mailbox: &Mailbox) -> Vec<&String> {
    if facts(mailbox).people_use_it {
        mailbox.people().into_iter().map(|(person, _)| person).collect()
    } else {
        Vec::new()
    }
}

fn quota(mailbox: &Mailbox) -> u64 {
    match mailbox {
        Mailbox::Account(account) => account.quota_bytes,
        Mailbox::SharedMailbox(mailbox) => mailbox.quota_bytes,
    }
}

fn once_each(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort();
    steps.dedup();
    steps
}

/// What Dovecot must be told when one mailbox becomes another, or the projection begins to hold it.
pub(super) fn steps_between(before: Option<&Mailbox>, after: &Mailbox) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(before) = before {
        steps.extend(before.names().into_iter().chain(after.names()).map(|name| Step::forget(name)));
    }
    match (before, after) {
        (Some(Mailbox::Account(was)), Mailbox::Account(is)) => {
            let closed = is_in_use(was.standing) && !is_in_use(is.standing);
            let password_gone = was.passwords.iter().any(|password| !is.passwords.contains(password));
            if closed || password_gone || was.address != is.address {
                steps.push(Step::end_sessions(&was.address));
            }
            if is_in_use(is.standing) && (!is_in_use(was.standing) || was.address != is.address) {
                steps.push(Step::subscribe(&is.address));
            }
        }
        (None, Mailbox::Account(is)) => {
            // Where the projection was made again, Dovecot may know it from before, and its holder may be
            // signed in.
            if !is_in_use(is.standing) && may_have_sessions(is.standing) {
                steps.extend(after.names().into_iter().map(|name| Step::forget(name)));
                steps.push(Step::end_sessions(&is.address));
            }
            if is_in_use(is.standing) {
                steps.push(Step::subscribe(&is.address));
            }
        }
        (Some(was), Mailbox::SharedMailbox(is)) => {
            let after_people = after.people();
            let (before, after) = (users(was), users(after));
            let mut goes = before.iter().filter(|person| !after.contains(person)).peekable();
            if goes.peek().is_some() {
                // Whatever else the servers' own lists say must not keep them in.
                steps.push(Step::check_access(&is.address));
            }
            for person in goes {
                steps.extend([Step::forget(person), Step::end_sessions(person)]);
            }
            for person in after.iter().filter(|person| !before.contains(person)) {
                steps.extend([Step::forget(person), Step::subscribe(person)]);
            }
            // Owners clear folders away, members do not.
            for (person, access) in after_people {
                let was = was.people().into_iter().find(|(other, _)| other == &person);
                match (was.map(|(_, access)| access), access) {
                    (Some(MailboxAccess::Owner), MailboxAccess::Member) => {
                        steps.extend([Step::forget(person), Step::end_sessions(person)]);
                    }
                    (Some(MailboxAccess::Member), MailboxAccess::Owner) => steps.push(Step::forget(person)),
                    (None, _)
                    | (Some(MailboxAccess::Owner), MailboxAccess::Owner)
                    | (Some(MailboxAccess::Member), MailboxAccess::Member) => {}
                }
            }
            if quota(was) != is.quota_bytes {
                // Its storage keeps its limit beside it.
                steps.push(Step::prepare(&is.address));
            }
            if was.address() != is.address {
                // Where it is seen has changed for everybody.
                for person in &after {
                    steps.extend([Step::forget(person), Step::end_sessions(person), Step::subscribe(person)]);
                }
            }
        }
        (None, Mailbox::SharedMailbox(is)) => {
            steps.push(Step::prepare(&is.address));
            for person in users(after) {
                steps.extend([Step::forget(person), Step::subscribe(person)]);
            }
        }
        // An identifier names one kind of mailbox for ever.
        (Some(Mailbox::SharedMailbox(_)), Mailbox::Account(_)) => {}
    }
    once_each(steps)
}

/// What Dovecot must be told when a mailbox is gone for good. One that the projection does not hold may
/// have left storage of either kind.
pub(super) fn steps_of_removal(before: Option<&Mailbox>, id: &str) -> Vec<Step> {
    let Some(mailbox) = before else {
        return MailboxKind::ALL.into_iter().map(|kind| Step::remove_storage(folder(kind, id))).collect();
    };
    let mut steps = vec![Step::remove_storage(folder(mailbox.kind(), id))];
    steps.extend(mailbox.names().into_iter().map(|name| Step::forget(name)));
    let people: Vec<&String> = match mailbox {
        Mailbox::Account(account) => vec![&account.address],
        Mailbox::SharedMailbox(_) => mailbox.people().into_iter().map(|(person, _)| person).collect(),
    };
    for person in people {
        steps.extend([Step::forget(person), Step::end_sessions(person)]);
    }
    once_each(steps)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::mail::WantedPassword;

    pub(in super::super) fn account(name: &str, standing: Standing) -> Mailbox {
        Mailbox::Account(WantedAccount {
            id: format!("of-{name}"),
            address: format!("{name}@carepost.example"),
            aliases: Vec::new(),
            display_name: String::new(),
            quota_bytes: 1,
            standing,
            passwords: Vec::new(),
        })
    }

    pub(in super::super) fn shared_mailbox(standing: Standing, owners: &[&str], members: &[&str]) -> Mailbox {
        let people = |names: &[&str]| names.iter().map(|name| format!("{name}@carepost.example")).collect();
        Mailbox::SharedMailbox(WantedSharedMailbox {
            id: "s-1".to_owned(),
            address: "care.vm195@carepost.example".to_owned(),
            aliases: vec!["care.vm100@carepost.example".to_owned()],
            display_name: String::new(),
            quota_bytes: 1,
            standing,
            owners: people(owners),
            members: people(members),
        })
    }

    fn with(mailbox: &Mailbox, change: impl FnOnce(&mut WantedAccount)) -> Mailbox {
        let Mailbox::Account(account) = mailbox else { panic!("not an account") };
        let mut account = account.clone();
        change(&mut account);
        Mailbox::Account(account)
    }

    /// The steps in words, without the domain.
    fn told(steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .map(|step| format!("{} {}", step.kind.stored(), step.name.trim_end_matches("@carepost.example")))
            .collect()
    }

    fn told_between(before: Option<&Mailbox>, after: &Mailbox) -> Vec<String> {
        told(&steps_between(before, after))
    }

    #[test]
    fn stored_enums_are_read_as_they_are_written() {
        for kind in StepKind::ALL {
            assert_eq!(StepKind::from_stored(kind.stored()), Some(kind));
        }
        for standing in Standing::ALL {
            assert_eq!(Standing::from_stored(standing.stored()), Some(standing));
        }
        assert_eq!(MailboxKind::from_stored("account"), None);
        assert_eq!(MailboxAccess::from_stored(""), None);
    }

    #[test]
    fn facts_of_an_account_are_for_its_holder_and_of_a_shared_mailbox_for_its_people() {
        for standing in Standing::ALL {
            let open = standing == Standing::Open;
            let account = facts(&account("asha", standing));
            assert_eq!((account.holder_uses_it, account.people_use_it), (open, false), "{standing:?}");
            assert_eq!((account.folder.as_str(), account.sent_copy), ("accounts/of-asha", None));
            assert_eq!(account.mail_folder, "Private");
            let shared = facts(&shared_mailbox(standing, &["asha"], &[]));
            assert_eq!((shared.holder_uses_it, shared.people_use_it), (false, open), "{standing:?}");
            assert_eq!((shared.folder.as_str(), shared.mail_folder), ("shared/s-1", "Maildir"));
            assert_eq!(shared.sent_copy.as_deref(), Some("care.vm195+sent@carepost.example"));
            // Either it takes mail or senders are told why not; for good, but where it was stopped for a while.
            assert_eq!(shared.refusal.is_none(), open);
            assert!(
                shared.refusal.is_none_or(|words| {
                    words.starts_with(if standing == Standing::Frozen { "450 4." } else { "550 5." })
                }),
                "{standing:?}"
            );
        }
    }

    #[test]
    fn words_for_senders_and_mail_programs_are_the_same_while_the_projection_is_filled() {
        assert_eq!(UNFILLED_REPLY, format!("451 4.3.2 {UNFILLED_WORDS}"));
        // They stand between quotes in statements.
        assert!(!UNFILLED_REPLY.contains('\''));
    }

    #[test]
    fn steps_of_an_account_end_its_sessions_when_it_is_closed_moved_or_loses_a_password() {
        let open = account("asha", Standing::Open);
        assert_eq!(told_between(None, &open), ["Subscribe asha"]);
        assert_eq!(told_between(Some(&open), &with(&open, |asha| asha.quota_bytes = 2)), ["Forget asha"]);
        let end = ["Forget asha", "EndSessions asha"];
        for standing in Standing::ALL.into_iter().filter(|standing| *standing != Standing::Open) {
            assert_eq!(told_between(Some(&open), &account("asha", standing)), end, "{standing:?}");
            let told = told_between(Some(&account("asha", standing)), &open);
            assert_eq!(told, ["Forget asha", "Subscribe asha"]);
        }
        let moved = with(&open, |asha| asha.address = "asha.khan@carepost.example".to_owned());
        assert_eq!(
            told_between(Some(&open), &moved),
            ["Forget asha.khan", "Forget asha", "Subscribe asha.khan", "EndSessions asha"],
            "whoever is signed in is so by the old address"
        );
        let password =
            |selector: &str| WantedPassword { selector: selector.to_owned(), hash: "ab".to_owned() };
        let two = with(&open, |asha| asha.passwords = vec![password("aaaa"), password("bbbb")]);
        let one = with(&open, |asha| asha.passwords = vec![password("bbbb")]);
        assert_eq!(told_between(Some(&one), &two), ["Forget asha"], "a new one ends nothing");
        assert_eq!(told_between(Some(&two), &one), end);
    }

    #[test]
    fn steps_of_an_account_that_comes_in_closed_end_what_was_there_before_the_tables_were_made_again() {
        for standing in Standing::ALL {
            let expected: &[&str] = match standing {
                Standing::Open => &["Subscribe asha"],
                Standing::NotActivated => &[],
                Standing::Inactive
                | Standing::Disabled
                | Standing::Frozen
                | Standing::Leaver
                | Standing::Deleted => &["Forget asha", "EndSessions asha"],
            };
            assert_eq!(told_between(None, &account("asha", standing)), expected, "{standing:?}");
        }
    }

    #[test]
    fn steps_of_a_shared_mailbox_reach_whoever_comes_and_whoever_goes() {
        let both = shared_mailbox(Standing::Open, &["asha"], &["bo"]);
        let names = ["Forget care.vm100", "Forget care.vm195"];
        assert_eq!(
            told_between(None, &both),
            ["Prepare care.vm195", "Forget asha", "Forget bo", "Subscribe asha", "Subscribe bo"]
        );
        let one = shared_mailbox(Standing::Open, &["asha"], &[]);
        assert_eq!(
            told_between(Some(&both), &one),
            [&["Forget bo"], &names[..], &["EndSessions bo", "CheckAccess care.vm195"]].concat()
        );
        assert_eq!(told_between(Some(&one), &both), [&["Forget bo"], &names[..], &["Subscribe bo"]].concat());
        // An owner who becomes a member loses what owners may do at once.
        let other = shared_mailbox(Standing::Open, &["bo"], &["asha"]);
        let expected = [&["Forget asha", "Forget bo"], &names[..], &["EndSessions asha"]].concat();
        assert_eq!(told_between(Some(&both), &other), expected);
        // One that is closed is out of reach for all of them.
        let closed = shared_mailbox(Standing::Deleted, &["asha"], &["bo"]);
        assert_eq!(
            told_between(Some(&both), &closed),
            [
                &["Forget asha", "Forget bo"],
                &names[..],
                &["EndSessions asha", "EndSessions bo", "CheckAccess care.vm195"]
            ]
            .concat()
        );
        assert_eq!(
            told_between(Some(&closed), &both),
            [&["Forget asha", "Forget bo"], &names[..], &["Subscribe asha", "Subscribe bo"]].concat()
        );
        let Mailbox::SharedMailbox(mut moved) = both.clone() else { panic!("not a shared mailbox") };
        moved.quota_bytes += 1;
        let told = told_between(Some(&both), &Mailbox::SharedMailbox(moved.clone()));
        assert_eq!(told, [&["Prepare care.vm195"], &names[..]].concat(), "its limit is written anew");
        moved.address = "care.vm200@carepost.example".to_owned();
        let told = told_between(Some(&both), &Mailbox::SharedMailbox(moved));
        assert!(told.ends_with(&["EndSessions asha".to_owned(), "EndSessions bo".to_owned()]), "{told:?}");
        assert!(told.contains(&"Subscribe bo".to_owned()), "{told:?}");
        assert!(told.contains(&"Forget care.vm200".to_owned()), "{told:?}");
    }

    #[test]
    fn steps_of_a_removal_forget_before_they_end_and_remove_last() {
        let asha = account("asha", Standing::Open);
        assert_eq!(
            told(&steps_of_removal(Some(&asha), "of-asha")),
            ["Forget asha", "EndSessions asha", "RemoveStorage accounts/of-asha"]
        );
        let shared = shared_mailbox(Standing::Deleted, &["asha"], &["bo"]);
        assert_eq!(
            told(&steps_of_removal(Some(&shared), "s-1")),
            [
                "Forget asha",
                "Forget bo",
                "Forget care.vm100",
                "Forget care.vm195",
                "EndSessions asha",
                "EndSessions bo",
                "RemoveStorage shared/s-1"
            ]
        );
        assert_eq!(
            told(&steps_of_removal(None, "x")),
            ["RemoveStorage accounts/x", "RemoveStorage shared/x"]
        );
    }
}
