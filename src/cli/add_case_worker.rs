//! `carepost add-case-worker`: gives somebody of the central team a sign-in.

use super::Ended;
use super::tables::{self, words};
use crate::audit;
use crate::clock::Clock;
use crate::contact::{Email, Name};
use crate::database::{Database, Error, transaction};
use crate::settings::{Settings, service_key};
use crate::sign_in::secrets::Purpose;
use crate::{id, sign_in};
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct AddCaseWorker {
    email: String,
    /// First and last name
    #[arg(long)]
    name: String,
    /// Make a password and print it once
    #[arg(long)]
    make_password: bool,
}

impl AddCaseWorker {
    pub async fn run(self, settings: &Settings) -> Ended {
        let password = if self.make_password { made_password() } else { typed_password()? };
        let database = tables::open_current(settings).await?;
        let key = service_key(settings)?;
        let (email, name) = (&self.email, &self.name);
        let added = add(&database, &Clock::system(), email, name, &password).await?;
        println!("Case worker {name} can sign in at {}/casework", settings.public_address);
        if self.make_password {
            println!("Password (shown once): {password}");
        }
        let purpose = Purpose::CaseWorkerApp;
        println!(
            "Authenticator app: enter this key, or scan it from {}",
            sign_in::app_code::address(&key, purpose, &added, email, &settings.service_name)
        );
        println!("Key: {}", sign_in::app_code::key_text(&key, purpose, &added));
        Ok(ExitCode::SUCCESS)
    }
}

/// Adds a case worker; answers the identifier.
pub async fn add(
    database: &Database,
    clock: &Clock,
    email: &str,
    name: &str,
    password: &str,
) -> Result<String, String> {
    let email = Email::parse(email)?;
    Name::parse(name, "name")?;
    if let Some(problem) = sign_in::password::problem(password, &[name, email.as_str()]) {
        return Err(problem);
    }
    let hash = sign_in::password::hash_now(password)?;
    let now = clock.now();
    let id = id::new_id(now);
    let (for_row, name, taken) = (id.clone(), name.to_owned(), email.clone());
    let added = database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let added =
                sign_in::store::add_case_worker(tx, &for_row, &name, email.as_str(), &hash, now).await?;
            if added {
                let entry = audit::Entry::new(audit::Actor::Operator, "case worker added", &for_row);
                audit::store::add(tx, now, &entry).await?;
            }
            Ok(added)
        }))
        .await
        .map_err(words)?;
    if added { Ok(id) } else { Err(format!("There is a case worker with the address {taken} already.")) }
}

/// A password nobody has to think of: 100 bits, in groups that can be read out.
fn made_password() -> String {
    let token = id::new_token();
    [&token[..5], &token[5..10], &token[10..15], &token[15..20], &token[20..25]].join("-")
}

fn typed_password() -> Result<String, String> {
    use std::io::{BufRead, IsTerminal, Write};
    let input = std::io::stdin();
    if input.is_terminal() {
        print!("Password (it is shown as you type): ");
        std::io::stdout().flush().map_err(|error| error.to_string())?;
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
