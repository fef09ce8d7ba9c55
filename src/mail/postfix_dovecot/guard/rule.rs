//! Why a message is refused: a name for logs and for the helpdesk, and words for whoever sent it.

/// A rule that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// An ending that is refused, and the name it stands in.
    Ending(String, String),
    NameTurnedRound,
    /// Why nobody can say what an attachment is called.
    NameUnclear(&'static str),
    /// What an attachment is by its bytes, and its name.
    Contents(&'static str, String),
    ArchiveLocked(String),
    ArchiveOfOtherKind(&'static str, String),
    WinmailUnreadable,
    /// Unpacked, it is larger or deeper than the guard looks.
    TooMuchInside,
    InPieces,
    TooDeep,
    TooManyParts,
    TooManyFields,
    FieldTooLong,
    /// A field that must be there once.
    NotOneSender(&'static str),
    /// A field that not every reader reads alike.
    SenderUnclear(&'static str),
    FromOutsideAsOurs,
    NotHeld,
    /// The session was opened before its holder was signed out of everything.
    SignedOut,
}

/// Letters of a file's name in a reply.
const NAME_MAX: usize = 60;

/// A file's name for a reply, which is ASCII.
fn shown(name: &str) -> String {
    format!("\"{}\"", plain(name, NAME_MAX).trim().replace('"', "'"))
}

fn plain(text: &str, letters: usize) -> String {
    text.chars()
        .take(letters)
        .map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' })
        .collect()
}

impl Rule {
    /// What it is called in logs and replies.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Rule::Ending(..) => "attachment-ending",
            Rule::NameTurnedRound | Rule::NameUnclear(_) => "attachment-name",
            Rule::Contents(..) => "attachment-contents",
            Rule::ArchiveLocked(_) => "archive-locked",
            Rule::ArchiveOfOtherKind(..) => "archive-kind",
            Rule::WinmailUnreadable => "winmail-unreadable",
            Rule::TooMuchInside => "archive-too-much",
            Rule::InPieces => "message-in-pieces",
            Rule::TooDeep => "message-too-deep",
            Rule::TooManyParts => "message-too-many-parts",
            Rule::TooManyFields => "header-too-many-fields",
            Rule::FieldTooLong => "header-field-too-long",
            Rule::NotOneSender(_) => "sender-not-one",
            Rule::SenderUnclear(_) => "sender-unclear",
            Rule::FromOutsideAsOurs => "sender-from-outside-as-ours",
            Rule::NotHeld => "sender-not-held",
            Rule::SignedOut => "signed-out",
        }
    }

    fn words(&self) -> String {
        match self {
            Rule::Ending(ending, name) => {
                format!(
                    "Attachments ending in .{} are not taken, like {}; send another kind of file",
                    plain(ending, 20),
                    shown(name)
                )
            }
            Rule::NameTurnedRound => {
                "An attachment has a name that is written backwards; rename it and send it again".to_owned()
            }
            Rule::NameUnclear(why) => format!("An attachment has {why}; rename it and send it again"),
            Rule::Contents(what, name) => {
                format!("The attachment {} is or holds {what}, which is not taken", shown(name))
            }
            Rule::ArchiveLocked(name) => format!(
                "The attachment {} is locked with a password, so nobody can check it; send it without one",
                shown(name)
            ),
            Rule::ArchiveOfOtherKind(what, name) => {
                format!(
                    "The attachment {} is or holds {what}, which cannot be checked; send a zip file",
                    shown(name)
                )
            }
            Rule::WinmailUnreadable => {
                "The attachment winmail.dat cannot be read; send the message as HTML or plain text".to_owned()
            }
            Rule::TooMuchInside => {
                "There are more files in the attachments than can be checked; send fewer".to_owned()
            }
            Rule::InPieces => "Messages in pieces or with parts kept elsewhere are not taken".to_owned(),
            Rule::TooDeep => {
                "Too many messages are attached to one another; forward the last one only".to_owned()
            }
            Rule::TooManyParts => "The message has more parts than are taken".to_owned(),
            Rule::TooManyFields => "The header of the message has more fields than are taken".to_owned(),
            Rule::FieldTooLong => "The header of the message is longer than is taken".to_owned(),
            Rule::NotOneSender("From") => "A message must have one From with an address".to_owned(),
            Rule::NotOneSender(name) => format!("A message may have one {name} at most"),
            Rule::SenderUnclear(name) => {
                format!(
                    "{name} must be an address, or a name and an address in angle brackets, and nothing else"
                )
            }
            Rule::FromOutsideAsOurs => "Mail from us is taken only from people who have signed in".to_owned(),
            Rule::SignedOut => "Access has changed since you signed in; sign in again".to_owned(),
            Rule::NotHeld => {
                "From must be your own address or that of a shared mailbox you belong to".to_owned()
            }
        }
    }

    /// The answer to whoever hands the message in.
    pub(super) fn reply(&self) -> String {
        let code = match self {
            // Postfix hangs up with this one, and a mail program connects anew.
            Rule::SignedOut => "421 4.7.0",
            Rule::Ending(..)
            | Rule::NameTurnedRound
            | Rule::NameUnclear(_)
            | Rule::Contents(..)
            | Rule::ArchiveLocked(_)
            | Rule::ArchiveOfOtherKind(..)
            | Rule::WinmailUnreadable
            | Rule::TooMuchInside
            | Rule::InPieces
            | Rule::TooDeep
            | Rule::TooManyParts
            | Rule::TooManyFields
            | Rule::FieldTooLong
            | Rule::NotOneSender(_)
            | Rule::SenderUnclear(_)
            | Rule::FromOutsideAsOurs
            | Rule::NotHeld => "550 5.7.1",
        };
        format!("{code} {} (rule: {})", self.words(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_rule_and_the_file_in_letters_that_a_reply_may_have() {
        let reply = Rule::Ending("exe".to_owned(), "Si\u{e2}n\r\n\"run\".exe".to_owned()).reply();
        assert_eq!(
            reply,
            "550 5.7.1 Attachments ending in .exe are not taken, like \"Si?n??'run'.exe\"; send another kind of file (rule: attachment-ending)"
        );
        let long = Rule::Contents("a program", "x".repeat(5_000)).reply();
        assert!(long.len() < 400 && long.is_ascii(), "{long}");
        let odd = Rule::Ending("{\u{e9}\n".repeat(500), String::new()).reply();
        assert!(odd.len() < 400 && odd.is_ascii() && !odd.contains('\n'), "{odd}");
    }
}
