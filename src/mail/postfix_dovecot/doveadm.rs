//! Dovecot's own administration interface over HTTP: several commands a request, each with its own
//! answer.

use super::super::EngineError;
use crate::settings::Secret;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a connection to Dovecot may take; it is near. The engine bounds the whole of a call.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest answer taken. A list of a third of a million folders has 25 MB.
const ANSWER_MAX_BYTES: usize = 64 << 20;
/// The name Dovecot knows its administrator by.
const USER: &str = "doveadm";
/// Commands in one request; more would make others wait for them.
const COMMANDS_MAX: usize = 64;

/// Exit codes of `doveadm` (sysexits.h, and Dovecot's own).
mod exit {
    /// What was to be made is there already.
    pub const ALREADY_THERE: i64 = 65;
    /// There is no such user.
    pub const NO_USER: i64 = 67;
    /// What was asked for is not there.
    pub const NOT_THERE: i64 = 68;
}

/// One command.
#[derive(Clone, Debug)]
pub(super) struct Command {
    name: &'static str,
    arguments: Value,
}

/// What one command answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Done(Vec<Value>),
    /// It is there already, or it is not there: nothing was to be done.
    NothingToDo,
    /// There is no such user.
    NoUser,
}

impl Command {
    /// Forget what is remembered of user names, so that the next sign-in is looked up anew.
    pub(super) fn forget(names: &[&str]) -> Self {
        Command { name: "authCacheFlush", arguments: json!({ "user": names }) }
    }

    /// Forget everything that is remembered of anybody: an empty list of names stands for all.
    pub(super) fn forget_everybody() -> Self {
        Command::forget(&[])
    }

    /// End every session of a user.
    pub(super) fn end_sessions(user: &str) -> Self {
        Command { name: "kick", arguments: json!({ "mask": [user] }) }
    }

    pub(super) fn create_folder(user: &str, folder: &str) -> Self {
        let arguments = json!({ "user": user, "mailbox": [folder] });
        Command { name: "mailboxCreate", arguments }
    }

    /// Lets a group do these things with a folder, and with those that have no list of their own.
    pub(super) fn allow(user: &str, folder: &str, who: &str, rights: &[&str]) -> Self {
        let arguments = json!({ "user": user, "mailbox": folder, "id": who, "right": rights });
        Command { name: "aclSet", arguments }
    }

    pub(super) fn list_allowed(user: &str, folder: &str) -> Self {
        Command { name: "aclGet", arguments: json!({ "user": user, "mailbox": folder }) }
    }

    /// The folders of a mailbox.
    pub(super) fn list_folders(user: &str) -> Self {
        Command { name: "mailboxList", arguments: json!({ "user": user }) }
    }

    /// Has folders shown to whoever asks for those that somebody wants to see.
    pub(super) fn subscribe(user: &str, folders: &[String]) -> Self {
        Command { name: "mailboxSubscribe", arguments: json!({ "user": user, "mailbox": folders }) }
    }

    /// Counts anew what is stored, and writes down the limit.
    pub(super) fn count_anew(user: &str) -> Self {
        Command { name: "quotaRecalc", arguments: json!({ "user": user }) }
    }

    /// Take away what somebody may do with a folder.
    pub(super) fn disallow(user: &str, folder: &str, who: &str) -> Self {
        Command { name: "aclDelete", arguments: json!({ "user": user, "mailbox": folder, "id": who }) }
    }

    /// Messages in the inbox that nobody has read and that came before an age. Numbers only.
    pub(super) fn find_unread(user: &str, hours: u32) -> Self {
        let query = ["mailbox", "INBOX", "UNSEEN", "BEFORE", &format!("{hours}h")].map(str::to_owned);
        Command { name: "search", arguments: json!({ "user": user, "query": query }) }
    }

    pub(super) fn list_folders_on_disk(root: &str, path: &str) -> Self {
        let arguments = json!({ "fsDriver": "posix", "fsArgs": format!("prefix={root}/"), "path": path });
        Command { name: "fsIterDirs", arguments }
    }

    pub(super) fn find_on_disk(root: &str, path: &str) -> Self {
        let arguments = json!({ "fsDriver": "posix", "fsArgs": format!("prefix={root}/"), "path": path });
        Command { name: "fsStat", arguments }
    }

    /// Remove a folder on disk with everything in it.
    pub(super) fn remove_from_disk(root: &str, path: &str) -> Self {
        let arguments = json!({
            "fsDriver": "posix", "fsArgs": format!("dirs:prefix={root}/"), "path": [path], "recursive": true,
        });
        Command { name: "fsDelete", arguments }
    }
}

/// Where Dovecot takes commands.
#[derive(Clone)]
pub(super) struct Doveadm {
    client: reqwest::Client,
    address: String,
    password: Secret<String>,
}

impl Doveadm {
    pub(super) fn new(address: std::net::SocketAddr, password: Secret<String>) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Doveadm { client, address: format!("http://{address}/doveadm/v1"), password })
    }

    /// Runs commands in order; answers one for each.
    ///
    /// # Errors
    /// Later, when Dovecot does not answer or one command failed; those before it were done.
    pub(super) async fn run(&self, commands: &[Command]) -> Result<Vec<Answer>, EngineError> {
        let mut answers = Vec::with_capacity(commands.len());
        for some in commands.chunks(COMMANDS_MAX) {
            answers.extend(self.run_some(some).await?);
        }
        Ok(answers)
    }

    async fn run_some(&self, commands: &[Command]) -> Result<Vec<Answer>, EngineError> {
        let later = |why: String| EngineError::Later(format!("Dovecot: {why}"));
        let body: Vec<Value> = commands
            .iter()
            .enumerate()
            .map(|(place, command)| json!([command.name, command.arguments, place.to_string()]))
            .collect();
        let mut answered = self
            .client
            .post(&self.address)
            .basic_auth(USER, Some(self.password.reveal()))
            .json(&body)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            // The address has no password in it, and reqwest prints no headers.
            .map_err(|error| later(error.to_string()))?;
        let mut text = Vec::new();
        while let Some(part) = answered.chunk().await.map_err(|error| later(error.to_string()))? {
            if text.len() + part.len() > ANSWER_MAX_BYTES {
                return Err(later("its answer has no end".to_owned()));
            }
            text.extend_from_slice(&part);
        }
        let rows: Vec<(String, Value, String)> =
            serde_json::from_slice(&text).map_err(|error| later(error.to_string()))?;
        commands
            .iter()
            .enumerate()
            .map(|(place, command)| {
                let tag = place.to_string();
                let row = rows.iter().find(|(_, _, of)| *of == tag);
                let (kind, value, _) = row.ok_or_else(|| later(format!("{} got no answer", command.name)))?;
                meaning(command.name, kind, value).map_err(later)
            })
            .collect()
    }
}

fn meaning(command: &str, kind: &str, value: &Value) -> Result<Answer, String> {
    if kind == "doveadmResponse" {
        return Ok(Answer::Done(value.as_array().cloned().unwrap_or_default()));
    }
    match value.get("exitCode").and_then(Value::as_i64) {
        Some(exit::ALREADY_THERE | exit::NOT_THERE) => Ok(Answer::NothingToDo),
        Some(exit::NO_USER) => Ok(Answer::NoUser),
        _ => Err(format!("{command} failed: {value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_dovecot_means() {
        let rows = vec![json!({"id": "group=x"})];
        assert_eq!(meaning("aclGet", "doveadmResponse", &json!(rows)), Ok(Answer::Done(rows)));
        let code = |code: i64| json!({ "type": "exitCode", "exitCode": code });
        assert_eq!(meaning("mailboxCreate", "error", &code(65)), Ok(Answer::NothingToDo));
        assert_eq!(meaning("kick", "error", &code(68)), Ok(Answer::NothingToDo));
        assert_eq!(meaning("search", "error", &code(67)), Ok(Answer::NoUser));
        assert!(meaning("search", "error", &code(75)).is_err());
        assert!(meaning("search", "error", &json!({ "type": "unknownMethod" })).is_err());
    }
}
