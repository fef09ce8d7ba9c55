//! What lies outside the service, as the settings name it: live registers, the mail engine, the
//! transport of letters.

use super::tables::words;
use crate::app::Outside;
use crate::audit;
use crate::clock::Clock;
use crate::database::{Database, Error, transaction};
use crate::directory::upkeep;
use crate::letter::Transport;
use crate::mail::postfix_dovecot::PostfixDovecot;
use crate::mail::{Embedded, MailEngine};
use crate::register::{self, Register};
use crate::settings::{SecretKey, Settings};
use std::sync::Arc;

/// Everything outside that the settings name, for whoever does the service's work.
pub async fn outside(
    settings: &Settings,
    database: &Database,
    key: &SecretKey,
    clock: &Clock,
) -> Result<Outside, String> {
    let mut live: Vec<Arc<dyn Register>> = Vec::new();
    if let (true, Some(key)) = (settings.cqc_live, &settings.cqc_key) {
        let cqc = register::cqc::Settings {
            enabled: true,
            key: register::Key::new(key.reveal()),
            ..Default::default()
        };
        live.push(Arc::new(register::cqc::LiveCqc::open(&cqc, clock.clone())?));
    }
    if let (true, Some(key)) = (settings.ods_live, &settings.ods_key) {
        let ods = register::ods::Settings {
            enabled: true,
            key: register::Key::new(key.reveal()),
            ..Default::default()
        };
        live.push(Arc::new(register::ods::LiveOds::open(&ods, clock.clone())?));
    }
    let mail = mail_engine(settings, database, key, clock).await?;
    Ok(Outside { live, mail, letters: Transport::open(settings)?, demo: false })
}

/// The engine the settings name. Where it does not hold everything yet, the directory is compared with it
/// at once.
pub async fn mail_engine(
    settings: &Settings,
    database: &Database,
    key: &SecretKey,
    clock: &Clock,
) -> Result<Arc<dyn MailEngine>, String> {
    match settings.mail_engine.as_str() {
        "embedded" => Ok(Arc::new(Embedded::new(database.clone(), clock.clone()))),
        "postfix-dovecot" => {
            let engine = PostfixDovecot::open(settings, key).await?;
            if !matches!(engine.filling().await, Ok(None)) {
                let now = clock.now();
                database
                    .write::<_, Error, _>(transaction!(async move |tx| {
                        upkeep::store::ask_for_comparison(tx, now, &audit::Actor::Service).await
                    }))
                    .await
                    .map_err(words)?;
            }
            Ok(Arc::new(engine))
        }
        other => Err(format!("mail_engine: there is no engine called {other}")),
    }
}
