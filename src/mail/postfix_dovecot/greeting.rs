//! Asks Postfix whether it takes mail, as far as one can without sending any.

use crate::mail::EngineError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Mail;
use lettre::transport::smtp::extension::ClientId;
use std::net::SocketAddr;
use std::time::Duration;

/// How long Postfix may take, from the connection to its last answer; it is near.
const LIMIT: Duration = Duration::from_secs(5);

/// Greets Postfix and names an empty sender, which it takes only while the mail guard answers it, too.
pub async fn takes_mail(at: SocketAddr) -> Result<(), EngineError> {
    // The library's own limit ends with the connection.
    let asked = tokio::time::timeout(LIMIT, asked(at)).await;
    asked.unwrap_or_else(|_| {
        Err(EngineError::Later(format!("Postfix: no answer within {} seconds", LIMIT.as_secs())))
    })
}

async fn asked(at: SocketAddr) -> Result<(), EngineError> {
    let later = |error: lettre::transport::smtp::Error| EngineError::Later(format!("Postfix: {error}"));
    let us = ClientId::Domain("localhost".to_owned());
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(at, Some(LIMIT), &us, None, None).await.map_err(later)?;
    let answer = connection.command(Mail::new(None, Vec::new())).await.map_err(later);
    // It takes a message or it does not; that it says goodbye is no matter.
    let _ = connection.quit().await;
    answer.map(|_| ())
}
