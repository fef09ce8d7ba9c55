//! How letters leave: kept where they are (the demo), or by a mail server.

use super::{Channel, Written};
use crate::settings::Settings;
use lettre::message::{Mailbox, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::Duration;

/// How long the mail server may take to accept one letter.
const SEND_LIMIT: Duration = Duration::from_secs(30);

/// Why a letter did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    Later(String),
    Never(String),
}

/// Where letters go. There is one a service.
pub enum Transport {
    /// They stay in the database, where the demo shows them.
    Kept,
    Smtp(Box<Smtp>),
}

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    text_gateway: Option<String>,
}

impl Transport {
    /// The transport that the settings ask for.
    ///
    /// # Errors
    /// Words that name the setting that is wrong.
    pub fn open(settings: &Settings) -> Result<Self, String> {
        let Some(server) = &settings.smtp_server else {
            return Ok(Transport::Kept);
        };
        let (host, port) = server
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
            .ok_or("smtp_server: must be a host and a port, like mail.example:587")?;
        let tls = match settings.smtp_security.as_str() {
            "none" if host == "127.0.0.1" || host == "localhost" => Tls::None,
            "none" => {
                return Err("smtp_security: none is for a mail server on this machine only".to_owned());
            }
            word => {
                let parameters =
                    TlsParameters::new(host.to_owned()).map_err(|error| format!("smtp_server: {error}"))?;
                if word == "tls" { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }
            }
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port)
            .tls(tls)
            .timeout(Some(SEND_LIMIT));
        if let (Some(user), Some(password)) = (&settings.smtp_user, &settings.smtp_password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().clone()));
        }
        let address = settings.letter_from.parse().map_err(|error| format!("letter_from: {error}"))?;
        Ok(Transport::Smtp(Box::new(Smtp {
            transport: builder.build(),
            from: Mailbox::new(Some(settings.service_name.clone()), address),
            text_gateway: settings.text_gateway.clone(),
        })))
    }

    /// Whether letters stay readable in the database.
    pub fn keeps(&self) -> bool {
        matches!(self, Transport::Kept)
    }

    /// Sends one letter with its body filled in.
    ///
    /// # Errors
    /// `Later` when the mail server did not answer or asked for patience, `Never` when it refused.
    pub async fn send(&self, letter: &Written, body: String) -> Result<(), SendError> {
        match self {
            Transport::Kept => Ok(()),
            Transport::Smtp(smtp) => smtp.send(letter, body).await,
        }
    }
}

impl Smtp {
    async fn send(&self, letter: &Written, body: String) -> Result<(), SendError> {
        let to = match (letter.channel, &self.text_gateway) {
            (Channel::Email, _) => letter.recipient.clone(),
            (Channel::Text, Some(gateway)) => {
                gateway.replace("{number}", letter.recipient.trim_start_matches('+'))
            }
            (Channel::Text, None) => {
                return Err(SendError::Never(
                    "text messages cannot be sent: set text_gateway and try again".to_owned(),
                ));
            }
        };
        // The recipient is parsed as one address, so a list can never be mailed by mistake.
        let to =
            to.parse().map_err(|_| SendError::Never("the recipient is not an email address".to_owned()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}>", letter.message_id)))
            .header(header::ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| SendError::Never(error.to_string()))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                Err(SendError::Never(format!("the mail server refused: {error}")))
            }
            Err(error) => Err(SendError::Later(format!("the mail server did not accept: {error}"))),
        }
    }
}
