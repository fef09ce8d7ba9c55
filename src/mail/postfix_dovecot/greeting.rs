//! Asks Postfix whether it takes mail, as far as one can without sending any.

use crate::mail::EngineError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Mail;
use lettre::transport::smtp::extension::ClientId;
use std::net::SocketAddr;
use std::time::Duration;

/// How long Postfix may take for each of its answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Greets Postfix and names an empty sender, which it takes only while the mail guard answers it, too.
pub async fn takes_mail(at: SocketAddr) -> Result<(), EngineError> {
    let later = |error: lettre::transport::smtp::Error| EngineError::Later(format!("Postfix: {error}"));
    let us = ClientId::Domain("localhost".to_owned());
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(at, Some(ANSWER_LIMIT), &us, None, None).await.map_err(later)?;
    let answer = connection.command(Mail::new(None, Vec::new())).await.map_err(later);
    // It takes a message or it does not; that it says goodbye is no matter.
    let _ = connection.quit().await;
    answer.map(|_| ())
}
