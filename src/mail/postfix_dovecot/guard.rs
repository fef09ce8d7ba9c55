//! The mail guard: the small program beside Postfix that looks at each message before it is taken.
//!
//! - Whoever has signed in sends as an address they hold, in the header people read and not only in
//!   the envelope, which Postfix sees to.
//! - Mail from outside does not say it is from one of us.
//! - Who sent a message stands in [`SENT_BY`], as the identifier the audit trail knows the person by;
//!   nobody else can write it.
//! - What is sent as a shared mailbox is copied into its own Sent folder.
//! - Attachments that can harm are refused, whatever way their names are written.
//!
//! With SQLite it also answers what Postfix asks about addresses.
//!
//! It reads the projection and nothing else, and runs as a program of its own, so that mail goes on
//! while the service is stopped.

use super::lookups::{self, Answers};
use super::milter::{self, Message, Verdict};
use super::store::{self, LookupTable, Sender};
use crate::database::{Address, Database};
use crate::settings::Settings;
use mail_parser::{MessageParser, MimeHeaders, PartType};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The header that says who sent a message: the account's identifier.
pub const SENT_BY: &str = "Carepost-Sent-By";

/// How deep messages inside messages are looked into.
const DEPTH_MAX: usize = 8;

/// What the guard decides by.
struct GuardConfig {
    projection: Database,
    blocked: BTreeSet<String>,
    /// What our own addresses end in, with the @.
    own: String,
}

/// Serves until `stop`.
///
/// # Errors
/// In words, when it cannot start or its listener breaks.
pub async fn serve(settings: &Settings, stop: impl Future<Output = ()>) -> Result<(), String> {
    let address = match (super::projection_address(settings), &settings.mail_database) {
        (Address::Postgres(_), Some(text)) => Address::parse(text.reveal())?,
        (Address::Postgres(_), None) => {
            return Err("mail_database: say how the mail servers reach the database".to_owned());
        }
        (Address::Sqlite(path), _) => Address::Sqlite(path),
    };
    let projection = store::open_to_read(&address).await.map_err(|error| format!("{address}: {error}"))?;
    let own = format!("@{}", settings.mail_domain);
    let (stopped, stops) = tokio::sync::watch::channel(false);
    if let Address::Sqlite(_) = &address {
        let listen = settings.mail_lookups_listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
        let secure = super::secure_domain_tls(settings);
        let answers = Answers { projection: projection.clone(), secure, own: own.clone() };
        let mut stops = stops.clone();
        tokio::spawn(async move {
            let stop = async move {
                // It ends, too, when nobody is left who could say so.
                let _ = stops.wait_for(|stopped| *stopped).await;
            };
            lookups::serve(listener, answers, stop).await;
        });
    }
    let blocked = settings.blocked_attachments.split_whitespace().map(str::to_lowercase).collect();
    let config = Arc::new(GuardConfig { projection, blocked, own });
    let listen = settings.mail_guard_listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    tracing::info!(%listen, "the mail guard looks at messages");
    let size_max = (usize::from(settings.message_limit_mib) + 2) << 20;
    let look = move |message: Message| {
        let config = Arc::clone(&config);
        async move { look_at(&config, message).await }
    };
    let served = milter::serve(listener, size_max, look, stop).await;
    let _ = stopped.send(true);
    served.map_err(|error| error.to_string())
}

async fn look_at(config: &GuardConfig, message: Message) -> Verdict {
    let blocked = config.blocked.clone();
    // A hostile message must not take the guard with it, and a large one must not hold up others.
    let read = tokio::task::spawn_blocking(move || (read(&message.raw, &blocked), message));
    let Ok((read, message)) = read.await else {
        tracing::error!("a message could not be read; its sender is told to try again");
        return Verdict::Later;
    };
    let queue_id = message.queue_id.as_str();
    if let Some(name) = &read.blocked {
        tracing::info!(queue_id, "a message with a blocked attachment was refused");
        return Verdict::Refuse(format!(
            "550 5.7.1 Attachments like {name} are not taken; send another kind of file"
        ));
    }
    let remove = forged(&message.headers);
    let Some(login) = &message.login else {
        if read.from.iter().chain(&read.sender).any(|address| address.ends_with(&config.own)) {
            tracing::info!(queue_id, "a message from outside that says it is from us was refused");
            return Verdict::Refuse(
                "550 5.7.1 Mail from us is taken only from people who have signed in".to_owned(),
            );
        }
        return Verdict::Take { remove, add: Vec::new(), recipients: Vec::new() };
    };
    let from = match said_sender(&message.headers, &read) {
        Ok(from) => from,
        Err(words) => {
            tracing::info!(queue_id, "a message without one clear sender was refused");
            return Verdict::Refuse(format!("550 5.7.1 {words}"));
        }
    };
    match holds_all(config, login, &from).await {
        Ok(Holding::By(sender)) => Verdict::Take {
            remove,
            add: vec![(SENT_BY.to_owned(), sender.account_id)],
            recipients: sender.sent_copy.into_iter().collect(),
        },
        Ok(Holding::NotYetKnown) => {
            tracing::info!(queue_id, "whose address a message is from is not known yet");
            Verdict::Later
        }
        Ok(Holding::BySomebodyElse) => {
            tracing::info!(queue_id, "a message from an address its sender does not hold was refused");
            Verdict::Refuse(
                "550 5.7.1 From must be your own address or that of a shared mailbox you belong to"
                    .to_owned(),
            )
        }
        Err(error) => {
            tracing::warn!(queue_id, %error, "whether an address is held could not be read");
            Verdict::Later
        }
    }
}

/// Whether somebody holds every address a message is from.
enum Holding {
    /// As the first one is held.
    By(Sender),
    BySomebodyElse,
    /// The projection is being filled.
    NotYetKnown,
}

async fn holds_all(
    config: &GuardConfig,
    login: &str,
    addresses: &[String],
) -> Result<Holding, crate::database::Error> {
    let mut first = None;
    for address in addresses {
        let Some(sender) = store::sender(&config.projection, login, address).await? else {
            // Either may be what is still to come: the address, or whoever has signed in.
            for name in [address.as_str(), login] {
                if name.ends_with(&config.own)
                    && !store::look_up(&config.projection, LookupTable::Unfilled, name).await?.is_empty()
                {
                    return Ok(Holding::NotYetKnown);
                }
            }
            return Ok(Holding::BySomebodyElse);
        };
        first = first.or(Some(sender));
    }
    Ok(first.map_or(Holding::BySomebodyElse, Holding::By))
}

/// Headers with our name that somebody else has written, the last first so that counting holds.
fn forged(headers: &[(String, String)]) -> Vec<(String, u32)> {
    let count = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(SENT_BY)).count();
    (1..=u32::try_from(count).unwrap_or(u32::MAX)).rev().map(|which| (SENT_BY.to_owned(), which)).collect()
}

/// What a message says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MessageSummary {
    /// The name of an attachment that is not taken.
    blocked: Option<String>,
    from: Vec<String>,
    sender: Vec<String>,
}

fn addresses(of: Option<&mail_parser::Address<'_>>) -> Vec<String> {
    let Some(of) = of else { return Vec::new() };
    of.iter().map(|one| one.address().unwrap_or("").to_lowercase()).collect()
}

fn read(raw: &[u8], blocked: &BTreeSet<String>) -> MessageSummary {
    let Some(message) = MessageParser::default().parse(raw) else { return MessageSummary::default() };
    let mut found = MessageSummary {
        blocked: None,
        from: addresses(message.from()),
        sender: addresses(message.sender()),
    };
    found.blocked = blocked_name(&message, blocked, 0);
    found
}

/// The addresses a message says it is from: the one From, and the Sender where there is one.
fn said_sender(headers: &[(String, String)], read: &MessageSummary) -> Result<Vec<String>, &'static str> {
    let count = |wanted: &str| headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).count();
    if count("From") != 1 || read.from.len() != 1 {
        return Err("A message must have one From with one address");
    }
    if count("Sender") > 1 || read.sender.len() > 1 {
        return Err("A message may have one Sender with one address");
    }
    Ok(read.from.iter().chain(&read.sender).cloned().collect())
}

fn blocked_name(
    message: &mail_parser::Message<'_>,
    blocked: &BTreeSet<String>,
    depth: usize,
) -> Option<String> {
    for part in &message.parts {
        let disposition = part.content_disposition().and_then(|value| value.attribute("filename"));
        let kind = part.content_type().and_then(|value| value.attribute("name"));
        for name in [disposition, kind].into_iter().flatten() {
            if let Some(ending) = ending(name).filter(|ending| blocked.contains(ending)) {
                return Some(format!("“.{ending}”"));
            }
        }
        if let PartType::Message(inner) = &part.body
            && depth < DEPTH_MAX
            && let Some(name) = blocked_name(inner, blocked, depth + 1)
        {
            return Some(name);
        }
    }
    None
}

/// The ending of a file's name as a computer that opens it would see it.
fn ending(name: &str) -> Option<String> {
    let seen: String = name
        .chars()
        // Windows ignores these at the end, and nobody sees marks that turn the writing round.
        .filter(|letter| {
            !letter.is_control() && !('\u{200b}'..='\u{206f}').contains(letter) && *letter != '\u{feff}'
        })
        .collect();
    let seen = seen.trim_end_matches(['.', ' ', '"', '\'']).to_lowercase();
    let (_, ending) = seen.rsplit_once('.')?;
    let ending: String =
        ending.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    Some(ending).filter(|ending| !ending.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endings() -> BTreeSet<String> {
        ["exe", "docm", "js"].map(str::to_owned).into()
    }

    fn blocked(headers: &str) -> Option<String> {
        let raw = format!(
            "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n{headers}\r\n\r\nbody\r\n--x--\r\n"
        );
        read(raw.as_bytes(), &endings()).blocked
    }

    #[test]
    fn a_blocked_attachment_is_found_whatever_way_its_name_is_written() {
        for headers in [
            "Content-Type: application/octet-stream; name=run.exe",
            "Content-Type: application/octet-stream; name=\"RUN.EXE\"",
            "Content-Disposition: attachment; filename=\"letter.pdf.exe\"",
            "Content-Disposition: attachment; filename=\"run.exe. \"",
            "Content-Disposition: attachment; filename*=UTF-8''run%2Eexe",
            "Content-Disposition: attachment;\r\n filename*0=\"ru\";\r\n filename*1=\"n.ex\";\r\n filename*2=\"e\"",
            "Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.exe",
            "Content-Type: application/pdf; name=a.exe\r\nContent-Disposition: attachment; filename=a.pdf",
            "Content-Disposition: attachment; filename=\"=?UTF-8?B?cnVuLmV4ZQ==?=\"",
            "Content-Type: message/rfc822\r\n\r\nFrom: c@d.example\r\nContent-Disposition: attachment; filename=run.exe\r\n",
            "Content-Disposition: attachment; filename=\"run.exe\u{202e}\"",
        ] {
            assert!(blocked(headers).is_some(), "{headers}");
        }
        for headers in [
            "Content-Type: application/pdf; name=care-plan.pdf",
            "Content-Disposition: attachment; filename=\"exe\"",
            "Content-Disposition: attachment; filename=\"run.exe.txt\"",
            "Content-Type: text/plain",
        ] {
            assert_eq!(blocked(headers), None, "{headers}");
        }
    }

    #[test]
    fn a_message_says_once_who_it_is_from() {
        let check = |headers: &[(&str, &str)]| {
            let headers: Vec<(String, String)> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let raw: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            said_sender(&headers, &read(format!("{raw}\r\nhi").as_bytes(), &endings()))
        };
        let one = |address: &str| Ok(vec![address.to_owned()]);
        assert_eq!(
            check(&[("From", "Asha Patel <Asha.Patel@Carepost.example>")]),
            one("asha.patel@carepost.example")
        );
        assert_eq!(check(&[("from", "asha@carepost.example")]), one("asha@carepost.example"));
        let both = check(&[("From", "a@b.example"), ("Sender", "c@d.example")]);
        assert_eq!(both, Ok(vec!["a@b.example".to_owned(), "c@d.example".to_owned()]));
        assert!(check(&[("Subject", "no sender")]).is_err());
        assert!(check(&[("From", "a@b.example, c@d.example")]).is_err());
        assert!(check(&[("From", "a@b.example"), ("FROM", "c@d.example")]).is_err());
        assert!(check(&[("From", "a@b.example"), ("Sender", "c@d.example, e@f.example")]).is_err());
        // A name without an address is nobody's address.
        assert_ne!(check(&[("From", "asha@carepost.example <>")]), one("asha@carepost.example"));
    }

    #[test]
    fn our_header_is_removed_where_others_wrote_it() {
        let headers = [("Subject", "x"), ("carepost-sent-by", "me"), ("Carepost-Sent-By", "you")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(forged(&headers), [(SENT_BY.to_owned(), 2), (SENT_BY.to_owned(), 1)]);
    }
}
