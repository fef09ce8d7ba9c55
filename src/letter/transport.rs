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
    /// Where an answer to a letter goes: to people, and not to an address that nobody reads.
    reply_to: Mailbox,
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
        let helpdesk = settings.helpdesk_email.parse().map_err(|error| format!("helpdesk_email: {error}"))?;
        Ok(Transport::Smtp(Box::new(Smtp {
            transport: builder.build(),
            from: Mailbox::new(Some(settings.service_name.clone()), address),
            reply_to: Mailbox::new(None, helpdesk),
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
        let mut message = Message::builder()
            .from(self.from.clone())
            .reply_to(self.reply_to.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}>", letter.message_id)))
            .header(header::ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| SendError::Never(error.to_string()))?;
        // Says to other programs that none of them is to answer by itself (RFC 3834).
        let automatic = header::HeaderName::new_from_ascii_str("Auto-Submitted");
        let words = "auto-generated".to_owned();
        message.headers_mut().insert_raw(header::HeaderValue::new(automatic, words));
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                Err(SendError::Never(format!("the mail server refused: {error}")))
            }
            Err(error) => Err(SendError::Later(format!("the mail server did not accept: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    /// A mail server that takes what it is given and answers a recipient as it is told.
    async fn mail_server(answer_to_recipient: &'static str) -> (String, Arc<Mutex<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let heard = Arc::new(Mutex::new(String::new()));
        let hearing = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let hearing = Arc::clone(&hearing);
                tokio::spawn(async move {
                    let (read, mut write) = stream.into_split();
                    let mut lines = BufReader::new(read).lines();
                    let _ = write.write_all(b"220 mail.example ready\r\n").await;
                    let mut in_data = false;
                    while let Ok(Some(line)) = lines.next_line().await {
                        hearing.lock().expect("not poisoned").push_str(&format!("{line}\n"));
                        let answer = match (in_data, line.split(' ').next().unwrap_or("")) {
                            (true, ".") => {
                                in_data = false;
                                "250 taken\r\n".to_owned()
                            }
                            (true, _) => continue,
                            (false, "DATA") => {
                                in_data = true;
                                "354 go on\r\n".to_owned()
                            }
                            (false, "RCPT") => format!("{answer_to_recipient}\r\n"),
                            (false, "QUIT") => "221 bye\r\n".to_owned(),
                            (false, _) => "250 fine\r\n".to_owned(),
                        };
                        if write.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, heard)
    }

    fn transport(server: &str) -> Transport {
        let settings = Settings::from_texts(
            &BTreeMap::new(),
            &BTreeMap::from([
                ("smtp_server".to_owned(), server.to_owned()),
                ("smtp_security".to_owned(), "none".to_owned()),
                ("text_gateway".to_owned(), "{number}@texts.example".to_owned()),
            ]),
        )
        .expect("settings");
        Transport::open(&settings).expect("a transport")
    }

    fn letter(channel: Channel, recipient: &str) -> Written {
        Written {
            id: "id".to_owned(),
            message_id: "0199@carepost.example".to_owned(),
            channel,
            recipient: recipient.to_owned(),
            name: "email code".to_owned(),
            subject: "Your code for Ní Bhriain’s home".to_owned(),
            body: String::new(),
            about: String::new(),
            secret: None,
            written_at: Timestamp::from_milliseconds(0),
            sent_at: None,
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_letter_reaches_the_mail_server_as_one_message_to_one_person() {
        let (server, heard) = mail_server("250 fine").await;
        let sent = transport(&server)
            .send(
                &letter(Channel::Email, "amy@oakhouse.example"),
                "Your code is 123456\n.\nNeed help?".to_owned(),
            )
            .await;
        assert_eq!(sent, Ok(()));
        let heard = heard.lock().expect("not poisoned").clone();
        assert!(heard.contains("RCPT TO:<amy@oakhouse.example>"), "{heard}");
        assert!(heard.contains("Message-ID: <0199@carepost.example>"), "{heard}");
        assert!(
            heard.contains("From: \"Carepost\" <no-reply@carepost.example>")
                || heard.contains("From: Carepost <no-reply@carepost.example>"),
            "{heard}"
        );
        assert!(heard.contains("Reply-To: helpdesk@carepost.example"), "{heard}");
        assert!(heard.contains("Auto-Submitted: auto-generated"), "{heard}");
        assert!(heard.contains("123456"), "{heard}");
        assert_eq!(heard.matches("RCPT TO").count(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_text_message_goes_through_the_gateway() {
        let (server, heard) = mail_server("250 fine").await;
        let sent =
            transport(&server).send(&letter(Channel::Text, "+447700900123"), "123456".to_owned()).await;
        assert_eq!(sent, Ok(()));
        assert!(heard.lock().expect("not poisoned").contains("RCPT TO:<447700900123@texts.example>"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_mail_server_says_is_later_or_never() {
        for (answer, for_good) in [("550 no such person", true), ("451 try again", false)] {
            let (server, _) = mail_server(answer).await;
            let sent = transport(&server)
                .send(&letter(Channel::Email, "amy@oakhouse.example"), "x".to_owned())
                .await;
            match sent {
                Err(SendError::Never(_)) => assert!(for_good, "{answer}"),
                Err(SendError::Later(_)) => assert!(!for_good, "{answer}"),
                Ok(()) => panic!("{answer} is no success"),
            }
        }
        // Nobody listens there.
        let nobody = transport("127.0.0.1:1")
            .send(&letter(Channel::Email, "amy@oakhouse.example"), "x".to_owned())
            .await;
        assert!(matches!(nobody, Err(SendError::Later(_))), "{nobody:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_recipient_that_is_not_one_address_is_never_mailed() {
        let (server, heard) = mail_server("250 fine").await;
        for recipient in [
            "amy@oakhouse.example, eve@elsewhere.example",
            "amy@oakhouse.example\r\nRCPT TO:<eve@elsewhere.example>",
            "",
            "amy",
        ] {
            let sent = transport(&server).send(&letter(Channel::Email, recipient), "x".to_owned()).await;
            assert!(matches!(sent, Err(SendError::Never(_))), "{recipient:?}: {sent:?}");
        }
        assert!(!heard.lock().expect("not poisoned").contains("eve"));
    }

    #[test]
    fn a_connection_without_protection_is_for_this_machine_only() {
        let settings = Settings::from_texts(
            &BTreeMap::new(),
            &BTreeMap::from([
                ("smtp_server".to_owned(), "mail.example:25".to_owned()),
                ("smtp_security".to_owned(), "none".to_owned()),
            ]),
        )
        .expect("settings");
        assert!(Transport::open(&settings).is_err_and(|words| words.starts_with("smtp_security")));
    }
}
