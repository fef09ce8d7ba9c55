//! Dovecot's own access lists: what they should say of each folder, what they say, and putting right what
//! differs.
//!
//! Who opens a shared mailbox is decided in Carepost, so a list names the mailbox's two groups and nobody
//! else, and the folders of an account have no lists at all. No mail program can change a list; somebody on
//! the machine can, and the comparison finds it.

use super::super::EngineError;
use super::doveadm::{Answer, Command, Doveadm};
use super::rules::{Mailbox, MailboxKind};
use serde_json::Value;

const INBOX: &str = "INBOX";
/// Folders every shared mailbox has, beside the inbox. Nobody may remove or rename them.
const FOLDERS: [&str; 5] = ["Sent", "Drafts", "Archive", "Junk", "Trash"];

/// What owners and members may do alike: read, mark, file, delete messages, and make folders. Nobody may
/// change the list itself.
const RIGHTS: [&str; 9] =
    ["lookup", "read", "write", "write-seen", "write-deleted", "insert", "post", "expunge", "create"];
/// What owners may do besides, with the folders that somebody has made: a folder that is removed or renamed
/// is so for all.
const OWNERS_RIGHTS: [&str; 1] = ["delete"];

/// One line of an access list: whom it names, and what they may do, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    who: String,
    rights: Vec<String>,
}

impl Line {
    fn new(who: String, rights: &[&str]) -> Self {
        let mut rights: Vec<String> = rights.iter().map(|right| (*right).to_owned()).collect();
        rights.sort();
        Line { who, rights }
    }

    fn read(row: &Value) -> Self {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or("");
        Line::new(text("id").to_owned(), &text("rights").split_whitespace().collect::<Vec<_>>())
    }

    fn in_words(&self) -> String {
        format!("{} {}", self.who, self.rights.join(" "))
    }
}

/// What may be said of a shared mailbox: the line of everybody who uses it, and that of its owners.
fn lines(id: &str) -> [Line; 2] {
    [Line::new(format!("group={id}"), &RIGHTS), Line::new(format!("group={id}-owners"), &OWNERS_RIGHTS)]
}

/// What the list of a folder should say. One that somebody has made has the list of the folder it was made
/// in, or none of its own, which counts as the inbox's.
fn is_right(mailbox: &Mailbox, folder: &str, says: &[Line]) -> bool {
    match mailbox.kind() {
        MailboxKind::Account => says.is_empty(),
        MailboxKind::SharedMailbox => {
            let [everybody, owners] = lines(mailbox.id());
            if folder == INBOX {
                says == [everybody, owners]
            } else if FOLDERS.contains(&folder) {
                says == [everybody]
            } else {
                says.is_empty() || says == [everybody.clone()] || says == [everybody, owners]
            }
        }
    }
}

/// What Dovecot is told so that a shared mailbox has its folders, their lists and its limit.
pub(super) fn prepare(address: &str, id: &str) -> Vec<Command> {
    let [everybody, owners] = [format!("group={id}"), format!("group={id}-owners")];
    let mut commands = vec![Command::create_folder(address, INBOX)];
    commands.extend(FOLDERS.map(|folder| Command::create_folder(address, folder)));
    commands.push(Command::allow(address, INBOX, &everybody, &RIGHTS));
    commands.push(Command::allow(address, INBOX, &owners, &OWNERS_RIGHTS));
    commands.extend(FOLDERS.map(|folder| Command::allow(address, folder, &everybody, &RIGHTS)));
    commands.push(Command::count_anew(address));
    commands
}

/// The folders of a shared mailbox as its people see them.
pub(super) fn seen_as(address: &str) -> Vec<String> {
    let name = address.split('@').next().unwrap_or(address);
    let below = FOLDERS.map(|folder| format!("Shared/{name}/{folder}"));
    std::iter::once(format!("Shared/{name}")).chain(below).collect()
}

/// A mailbox whose lists say what they should not.
pub(super) struct Wrong<'a> {
    pub(super) mailbox: &'a Mailbox,
    /// Folder by folder, what its list said.
    pub(super) says: String,
}

/// Reads the list of every folder of these mailboxes, and takes out whom it should not name. What is missing
/// from a list is put in when the mailbox is prepared again.
pub(super) async fn check<'a>(
    doveadm: &Doveadm,
    mailboxes: &[&'a Mailbox],
) -> Result<Vec<Wrong<'a>>, EngineError> {
    let asked: Vec<Command> =
        mailboxes.iter().map(|mailbox| Command::list_folders(mailbox.address())).collect();
    let mut folders: Vec<(&'a Mailbox, String)> = Vec::new();
    for (mailbox, answer) in mailboxes.iter().zip(doveadm.run(&asked).await?) {
        let mut names: Vec<String> = answer
            .rows()
            .iter()
            .filter_map(|row| row.get("mailbox").and_then(Value::as_str))
            .map(str::to_owned)
            .collect();
        if mailbox.kind() == MailboxKind::SharedMailbox {
            // Those that are not even there have no list either.
            names.extend(std::iter::once(INBOX).chain(FOLDERS).map(str::to_owned));
        }
        names.sort();
        names.dedup();
        folders.extend(names.into_iter().map(|name| (*mailbox, name)));
    }
    let asked: Vec<Command> =
        folders.iter().map(|(mailbox, folder)| Command::list_allowed(mailbox.address(), folder)).collect();
    let mut wrong: Vec<Wrong<'a>> = Vec::new();
    let mut undo = Vec::new();
    for ((mailbox, folder), answer) in folders.into_iter().zip(doveadm.run(&asked).await?) {
        let mut says: Vec<Line> = answer.rows().iter().map(Line::read).collect();
        says.sort();
        if is_right(mailbox, &folder, &says) {
            continue;
        }
        let ours = match mailbox.kind() {
            MailboxKind::Account => Vec::new(),
            MailboxKind::SharedMailbox => lines(mailbox.id()).to_vec(),
        };
        for line in &says {
            match ours.iter().find(|known| known.who == line.who) {
                Some(known) if FOLDERS.contains(&folder.as_str()) && *known == ours[1] => {
                    undo.push(Command::disallow(mailbox.address(), &folder, &line.who));
                }
                Some(known) if known == line => {}
                Some(known) => {
                    let rights: Vec<&str> = known.rights.iter().map(String::as_str).collect();
                    undo.push(Command::allow(mailbox.address(), &folder, &line.who, &rights));
                }
                None => undo.push(Command::disallow(mailbox.address(), &folder, &line.who)),
            }
        }
        let lines: Vec<String> = says.iter().map(Line::in_words).collect();
        let said =
            format!("{folder}: {}", if lines.is_empty() { "nobody".to_owned() } else { lines.join(", ") });
        match wrong.last_mut().filter(|last| last.mailbox.id() == mailbox.id()) {
            Some(last) => {
                last.says.push_str("; ");
                last.says.push_str(&said);
            }
            None => wrong.push(Wrong { mailbox, says: said }),
        }
    }
    doveadm.run(&undo).await?;
    Ok(wrong)
}

impl Answer {
    fn rows(&self) -> &[Value] {
        match self {
            Answer::Done(rows) => rows,
            Answer::NothingToDo | Answer::NoUser => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::{account, shared_mailbox};
    use super::*;
    use crate::mail::Standing;

    #[test]
    fn an_access_list_names_the_two_groups_of_its_mailbox_and_nobody_else() {
        let shared = shared_mailbox(Standing::Open, &["asha"], &["bo"]);
        let [everybody, owners] = lines("s-1");
        let both = [everybody.clone(), owners.clone()];
        let stranger = Line::new("user=mallory@carepost.example".to_owned(), &["lookup"]);
        for (folder, says, right) in [
            (INBOX, &both[..], true),
            (INBOX, &both[..1], false),
            (INBOX, &[], false),
            ("Sent", &both[..1], true),
            ("Sent", &both[..], false),
            ("Sent", &[], false),
            ("Residents", &[], true),
            ("Residents", &both[..1], true),
            ("Residents", &both[..], true),
            ("Residents", &both[1..], false),
            ("Residents", &[everybody.clone(), stranger.clone()], false),
        ] {
            assert_eq!(is_right(&shared, folder, says), right, "{folder}: {says:?}");
        }
        let more = Line { rights: [&everybody.rights[..], &["admin".to_owned()]].concat(), ..everybody };
        assert!(!is_right(&shared, "Residents", &[more]));
        let own = account("asha", Standing::Open);
        assert!(is_right(&own, INBOX, &[]) && !is_right(&own, INBOX, &[stranger]));
        assert!(!is_right(&own, INBOX, &[owners]));
    }
}
