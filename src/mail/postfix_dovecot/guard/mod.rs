//! The mail guard: the small program beside Postfix that looks at each message before it is taken.
//!
//! - Whoever has signed in sends as an address they hold, in the header people read and not only in
//!   the envelope, which Postfix sees to; the header is written anew from what was read (`sender.rs`).
//! - Mail from outside does not say it is from one of us, however a reader reads it.
//! - Who sent a message stands in [`SENT_BY`], as the identifier the audit trail knows the person by;
//!   nobody else can write it.
//! - What is sent as a shared mailbox is copied into its own Sent folder.
//! - Attachments that can harm are refused, whatever way their names are written and whatever they are
//!   packed into (`parts.rs`, `names.rs`, `contents.rs`).
//!
//! What cannot be read with certainty is refused with the rule's name and words (`rule.rs`), and no message
//! ends the program: everything is bounded before it is read (`bounds.rs`), nothing recurses, and each
//! message has a task of its own. `docs/decisions/0027-the-guard-reads-what-readers-read.md` has the reasons.
//!
//! With SQLite it also answers what Postfix asks about addresses.
//!
//! It reads the projection and nothing else, and runs as a program of its own, so that mail goes on
//! while the service is stopped.

mod bounds;
mod contents;
mod names;
mod parts;
mod rule;
mod sender;
mod tnef;
mod words;

use super::lookups::{self, Answers};
use super::milter::{self, Edits, Message, Verdict};
use super::store::{self, LookupTable, Sender};
use crate::database::{Address, Database};
use crate::settings::Settings;
use rule::Rule;
use sender::{OwnDomain, Said};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The header that says who sent a message: the account's identifier.
pub const SENT_BY: &str = "Carepost-Sent-By";

/// What the guard decides by.
struct GuardConfig {
    projection: Database,
    rules: Arc<Rules>,
    /// What our own addresses end in, with the @.
    own: String,
}

/// What a message is judged by, without the database.
struct Rules {
    blocked: BTreeSet<String>,
    own: OwnDomain,
}

impl Rules {
    fn of(settings: &Settings) -> Self {
        Rules {
            blocked: settings.blocked_attachments.split_whitespace().map(str::to_lowercase).collect(),
            own: OwnDomain::new(&settings.mail_domain),
        }
    }
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
    let config = Arc::new(GuardConfig { projection, rules: Arc::new(Rules::of(settings)), own });
    let listen = settings.mail_guard_listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    tracing::info!(%listen, "the mail guard looks at messages");
    let bounds = milter::Bounds {
        message: (usize::from(settings.message_limit_mib) + 2) << 20,
        held: bounds::HELD_BYTES,
        fields: bounds::FIELDS,
    };
    let served = milter::serve(listener, bounds, Guard(config), stop).await;
    let _ = stopped.send(true);
    served.map_err(|error| error.to_string())
}

/// What Postfix asks.
#[derive(Clone)]
struct Guard(Arc<GuardConfig>);

impl milter::Judge for Guard {
    async fn opened(&self) -> i64 {
        store::revision(&self.0.projection).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the projection cannot be read; whoever signs in now is asked to do so again");
            i64::MIN
        })
    }

    async fn begins(&self, login: String, opened: i64) -> Result<(), Verdict> {
        may_send(&self.0, &login, opened).await
    }

    async fn look(&self, message: Message) -> Verdict {
        look_apart(Arc::clone(&self.0), message).await
    }
}

/// Whoever was signed out of everything is so in sessions that are open, too: the mail program must sign in
/// again, which a revoked app password or a closed account does not.
async fn may_send(config: &GuardConfig, login: &str, opened: i64) -> Result<(), Verdict> {
    match store::signed_out_at(&config.projection, login).await {
        Ok(revision) if opened >= revision => Ok(()),
        Ok(_) => {
            tracing::info!("a session from before its holder was signed out was ended");
            Err(Verdict::Refuse(Rule::SignedOut.reply()))
        }
        Err(error) => {
            tracing::warn!(%error, "whether somebody has been signed out could not be read");
            Err(Verdict::Later)
        }
    }
}

/// Looks at a message in a task of its own: if that ends badly, only this message waits for it.
async fn look_apart(config: Arc<GuardConfig>, message: Message) -> Verdict {
    let queue_id = message.queue_id.clone();
    let looked = tokio::spawn(async move { look_at(&config, message).await }).await;
    looked.unwrap_or_else(|error| {
        tracing::error!(queue_id, %error, "looking at a message failed; its sender is told to try again");
        Verdict::Later
    })
}

/// What a message says, judged without the database.
///
/// # Errors
/// The rule that refuses it.
fn judge(rules: &Rules, message: &Message) -> Result<Option<Said>, Rule> {
    let fields = &message.headers;
    let size = |field: &sender::Field| field.0.len() + field.1.len();
    if fields.len() > bounds::FIELDS {
        return Err(Rule::TooManyFields);
    }
    if fields.iter().any(|field| size(field) > bounds::FIELD_BYTES)
        || fields.iter().map(size).sum::<usize>() > bounds::HEADER_BYTES
    {
        return Err(Rule::FieldTooLong);
    }
    let said = match &message.login {
        Some(_) => Some(sender::submitted(fields)?),
        None => {
            sender::outside(fields, &rules.own)?;
            None
        }
    };
    parts::look(&message.raw, &rules.blocked)?;
    Ok(said)
}

async fn look_at(config: &GuardConfig, message: Message) -> Verdict {
    let rules = Arc::clone(&config.rules);
    // A large message must not hold up others.
    let judged = tokio::task::spawn_blocking(move || (judge(&rules, &message), message)).await;
    let (judged, message) = match judged {
        Ok(judged) => judged,
        Err(error) => {
            tracing::error!(%error, "a message could not be read; its sender is told to try again");
            return Verdict::Later;
        }
    };
    let queue_id = message.queue_id.as_str();
    let refuse = |rule: &Rule| {
        tracing::info!(queue_id, rule = rule.name(), "a message was refused");
        Verdict::Refuse(rule.reply())
    };
    let said = match judged {
        Ok(said) => said,
        Err(rule) => return refuse(&rule),
    };
    let remove = forged(&message.headers);
    let (Some(login), Some(said)) = (&message.login, said) else {
        return Verdict::Take(Edits { remove, ..Edits::default() });
    };
    // Again at the end, for who is signed out while a message is on its way.
    if let Err(verdict) = may_send(config, login, message.opened).await {
        return verdict;
    }
    match holds_all(config, login, &said.addresses).await {
        Ok(Holding::By(sender)) => Verdict::Take(Edits {
            remove,
            change: said.rewrites,
            add: vec![(SENT_BY.to_owned(), sender.account_id)],
            recipients: sender.sent_copy.into_iter().collect(),
        }),
        Ok(Holding::NotYetKnown) => {
            tracing::info!(queue_id, "whose address a message is from is not known yet");
            Verdict::Later
        }
        Ok(Holding::BySomebodyElse) => refuse(&Rule::NotHeld),
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
    let count = headers.iter().filter(|(name, _)| name.trim().eq_ignore_ascii_case(SENT_BY)).count();
    (1..=u32::try_from(count).unwrap_or(u32::MAX)).rev().map(|which| (SENT_BY.to_owned(), which)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The endings that are refused by default.
    pub(super) fn endings() -> BTreeSet<String> {
        Rules::of(&Settings::defaults().expect("settings")).blocked
    }

    #[test]
    fn blocked_endings_are_written_once_and_in_order() {
        let text = Settings::defaults().expect("settings").blocked_attachments;
        let listed: Vec<&str> = text.split_whitespace().collect();
        assert!(listed.is_sorted() && listed.len() == endings().len(), "{text}");
        for ending in [
            "exe",
            "com",
            "xll",
            "one",
            "url",
            "iso",
            "img",
            "vhd",
            "vhdx",
            "appx",
            "msix",
            "library-ms",
            "search-ms",
        ] {
            assert!(endings().contains(ending), "{ending}");
        }
        for ending in [
            "pdf", "doc", "docx", "xls", "xlsx", "jpg", "png", "zip", "eml", "msg", "txt", "csv", "ics",
            "vcf", "p7s", "html",
        ] {
            assert!(!endings().contains(ending), "{ending}");
        }
    }

    #[test]
    fn our_header_is_removed_where_others_wrote_it() {
        let headers = [("Subject", "x"), ("carepost-sent-by ", "me"), ("Carepost-Sent-By", "you")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(forged(&headers), [(SENT_BY.to_owned(), 2), (SENT_BY.to_owned(), 1)]);
    }

    #[test]
    fn a_header_beyond_its_bounds_is_refused_before_it_is_read() {
        let rules = Rules::of(&Settings::defaults().expect("settings"));
        let judged = |more: Vec<(String, String)>| {
            let mut headers = vec![("From".to_owned(), "a@b.example".to_owned())];
            headers.extend(more);
            judge(&rules, &Message { headers, ..Message::default() })
        };
        let field = |length: usize| ("X".to_owned(), "a".repeat(length));
        assert_eq!(judged(Vec::new()), Ok(None));
        assert_eq!(judged(vec![field(1); bounds::FIELDS]), Err(Rule::TooManyFields));
        assert_eq!(judged(vec![field(bounds::FIELD_BYTES)]), Err(Rule::FieldTooLong));
        assert_eq!(judged(vec![field(90_000); 6]), Err(Rule::FieldTooLong));
    }
}
