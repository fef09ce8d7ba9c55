//! How letters leave: kept where they are (the demo), or by a mail server.
//!
//! Connections to the mail server are kept and used again. Every answer of it has a limit of its own, and a
//! connection on which one did not come is closed and never used again: what comes late would be taken for
//! the answer to the next letter.

use super::{Channel, Written};
use crate::settings::Settings;
use lettre::message::{Mailbox, header};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::{Address, Message};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the mail server may take for its answers.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// To take a connection: to greet, to switch to encryption, to sign us in.
    connect: Duration,
    /// To answer whether a connection that was kept still works.
    still_there: Duration,
    /// To answer a command.
    command: Duration,
    /// To accept a message once it has all of it: some look through it first.
    message: Duration,
}

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(20),
    still_there: Duration::from_secs(1),
    command: Duration::from_secs(30),
    message: Duration::from_secs(60),
};
/// Connections kept for the next letters.
const KEPT_MAX: usize = 8;
/// How long a connection is kept; mail servers close those on which nothing happens.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Why a letter did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The mail server asked for patience with this letter.
    Later(String),
    /// This letter cannot be sent, whoever sends it.
    Never(String),
    /// The mail server takes no letters from us at all: it cannot be reached, does not know us, or is out
    /// of order. No letter is to blame.
    Relay(String),
}

/// What the mail server was asked when it answered, which says whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A connection with its greeting, EHLO, STARTTLS and AUTH.
    Connection,
    /// MAIL: our own address, the same in every letter.
    Sender,
    Recipient,
    /// DATA and the message itself.
    Message,
}

impl Stage {
    fn in_words(self) -> &'static str {
        match self {
            Stage::Connection => "a connection",
            Stage::Sender => "MAIL",
            Stage::Recipient => "RCPT",
            Stage::Message => "the message",
        }
    }

    fn fault(self, error: &Error) -> SendError {
        let words = || format!("the mail server refused {}: {error}", self.in_words());
        let code = error.status().map(u16::from);
        match (self, code) {
            (Stage::Connection | Stage::Sender, _) => SendError::Relay(words()),
            // It is going away (421), or wants us to sign in first (RFC 4954), whatever it was asked.
            (Stage::Recipient | Stage::Message, Some(421 | 454 | 530 | 534 | 535 | 538)) => {
                SendError::Relay(words())
            }
            (Stage::Recipient | Stage::Message, _) if error.is_permanent() => SendError::Never(words()),
            (Stage::Recipient | Stage::Message, _) => SendError::Later(words()),
        }
    }
}

/// Where letters go. There is one a service.
pub enum Transport {
    /// They stay in the database, where the demo shows them.
    Kept,
    Smtp(Box<Smtp>),
}

/// How the connection to the mail server is protected.
enum Protection {
    /// Not at all: on this machine only.
    None,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

pub struct Smtp {
    host: String,
    port: u16,
    protection: Protection,
    credentials: Option<Credentials>,
    from: Mailbox,
    /// Where an answer to a letter goes: to people, and not to an address that nobody reads.
    reply_to: Mailbox,
    text_gateway: Option<String>,
    limits: Limits,
    kept: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
}

impl Transport {
    /// The transport that the settings ask for.
    ///
    /// # Errors
    /// Words that name the setting that is wrong.
    pub fn open(settings: &Settings) -> Result<Self, String> {
        Self::open_with(settings, LIMITS)
    }

    fn open_with(settings: &Settings, limits: Limits) -> Result<Self, String> {
        let Some(server) = &settings.smtp_server else {
            return Ok(Transport::Kept);
        };
        let (host, port) = server
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
            .ok_or("smtp_server: must be a host and a port, like mail.example:587")?;
        let protection = match settings.smtp_security.as_str() {
            "none" if host == "127.0.0.1" || host == "localhost" => Protection::None,
            "none" => {
                return Err("smtp_security: none is for a mail server on this machine only".to_owned());
            }
            word => {
                let parameters =
                    TlsParameters::new(host.to_owned()).map_err(|error| format!("smtp_server: {error}"))?;
                if word == "tls" { Protection::Tls(parameters) } else { Protection::StartTls(parameters) }
            }
        };
        let credentials = match (&settings.smtp_user, &settings.smtp_password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.reveal().clone())),
            (Some(_), None) | (None, _) => None,
        };
        let address = settings.letter_from.parse().map_err(|error| format!("letter_from: {error}"))?;
        let helpdesk = settings.helpdesk_email.parse().map_err(|error| format!("helpdesk_email: {error}"))?;
        Ok(Transport::Smtp(Box::new(Smtp {
            host: host.to_owned(),
            port,
            protection,
            credentials,
            from: Mailbox::new(Some(settings.service_name.clone()), address),
            reply_to: Mailbox::new(None, helpdesk),
            text_gateway: settings.text_gateway.clone(),
            limits,
            kept: Mutex::default(),
        })))
    }

    /// Whether letters stay readable in the database.
    pub fn keeps(&self) -> bool {
        matches!(self, Transport::Kept)
    }

    /// Sends one letter with its body filled in. Where it is abandoned half way, the connection is closed and
    /// the letter may have left or not: it has its `Message-ID`, so that two are one to the recipient.
    ///
    /// # Errors
    /// Whose fault it is that it did not leave.
    pub async fn send(&self, letter: &Written, body: String) -> Result<(), SendError> {
        match self {
            Transport::Kept => Ok(()),
            Transport::Smtp(smtp) => smtp.send(letter, body).await,
        }
    }
}

/// Waits for an answer of the mail server as long as it may take.
async fn answered<T>(
    limit: Duration,
    stage: Stage,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(stage.fault(&error)),
        Err(_) => {
            let (seconds, what) = (limit.as_secs_f32(), stage.in_words());
            let words = format!("the mail server did not answer within {seconds} seconds ({what})");
            Err(match stage {
                Stage::Connection | Stage::Sender => SendError::Relay(words),
                // It may be this letter on which it hangs.
                Stage::Recipient | Stage::Message => SendError::Later(words),
            })
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
        let to: Address =
            to.parse().map_err(|_| SendError::Never("the recipient is not an email address".to_owned()))?;
        let mut message = Message::builder()
            .from(self.from.clone())
            .reply_to(self.reply_to.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}>", letter.message_id)))
            .header(header::ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| SendError::Never(error.to_string()))?;
        // Says to other programs that none of them is to answer by itself (RFC 3834).
        let language = header::HeaderName::new_from_ascii_str("Content-Language");
        message
            .headers_mut()
            .insert_raw(header::HeaderValue::new(language, letter.language.tag().to_owned()));
        let automatic = header::HeaderName::new_from_ascii_str("Auto-Submitted");
        let words = "auto-generated".to_owned();
        message.headers_mut().insert_raw(header::HeaderValue::new(automatic, words));
        // From here on the connection is this letter's own; it is kept only where all went well.
        let mut connection = self.connection().await?;
        self.hand_over(&mut connection, &to, &message.formatted()).await?;
        let mut kept = self.kept();
        if kept.len() < KEPT_MAX {
            kept.push((Instant::now(), connection));
        }
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Instant, AsyncSmtpConnection)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was kept and still works, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        let kept = {
            let mut kept = self.kept();
            kept.retain(|(since, _)| since.elapsed() < KEPT_FOR);
            kept.pop()
        };
        if let Some((_, mut connection)) = kept {
            let test = tokio::time::timeout(self.limits.still_there, connection.test_connected());
            if test.await == Ok(true) {
                return Ok(connection);
            }
            // Whatever became of this one became of the others: nobody waits for each of them in turn.
            self.kept().clear();
        }
        answered(self.limits.connect, Stage::Connection, self.connect()).await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let from_the_start = match &self.protection {
            Protection::Tls(parameters) => Some(parameters.clone()),
            Protection::StartTls(_) | Protection::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let limit = Some(self.limits.connect);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, limit, &hello, from_the_start, None).await?;
        if let Protection::StartTls(parameters) = &self.protection {
            connection.starttls(parameters.clone(), &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &Address,
        message: &[u8],
    ) -> Result<(), SendError> {
        let from = &self.from.email;
        let mut parameters = Vec::new();
        if !AsRef::<str>::as_ref(from).is_ascii() || !AsRef::<str>::as_ref(to).is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the mail server takes no addresses with letters beyond ASCII";
                return Err(SendError::Never(why.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let limit = self.limits.command;
        let mail = Mail::new(Some(from.clone()), parameters);
        answered(limit, Stage::Sender, connection.command(mail)).await?;
        answered(limit, Stage::Recipient, connection.command(Rcpt::new(to.clone(), Vec::new()))).await?;
        answered(limit, Stage::Message, connection.command(Data)).await?;
        answered(self.limits.message, Stage::Message, connection.message(message)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
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

    /// Limits that a test can wait for.
    const SHORT: Limits = Limits {
        connect: Duration::from_millis(300),
        still_there: Duration::from_millis(200),
        command: Duration::from_millis(400),
        message: Duration::from_millis(600),
    };

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
        Transport::open_with(&settings, SHORT).expect("a transport")
    }

    fn letter(channel: Channel, recipient: &str) -> Written {
        Written {
            id: "id".to_owned(),
            message_id: "0199@carepost.example".to_owned(),
            channel,
            language: crate::language::Language::English,
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

    /// A mail server that answers as `mail_server` does until it has heard `silent_after` on the connections
    /// whose place is in `silent`, counted from 0; from then on it says nothing there. Answers how many
    /// connections there were, too.
    async fn silent_server(
        silent: &'static [usize],
        silent_after: &'static str,
    ) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let place = counting.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let (read, mut write) = stream.into_split();
                    let mut lines = BufReader::new(read).lines();
                    let falls_silent =
                        |heard: &str| silent.contains(&place) && heard.starts_with(silent_after);
                    if falls_silent("") {
                        std::future::pending::<()>().await;
                    }
                    let _ = write.write_all(b"220 mail.example ready\r\n").await;
                    let mut in_data = false;
                    while let Ok(Some(line)) = lines.next_line().await {
                        if falls_silent(&line) {
                            std::future::pending::<()>().await;
                        }
                        let answer = match (in_data, line.as_str()) {
                            (true, ".") => {
                                in_data = false;
                                "250 taken\r\n"
                            }
                            (true, _) => continue,
                            (false, "DATA") => {
                                in_data = true;
                                "354 go on\r\n"
                            }
                            (false, _) => "250 fine\r\n",
                        };
                        if write.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, connections)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_mail_server_that_falls_silent_holds_nobody_at_any_of_its_answers() {
        for silent_after in ["", "EHLO", "MAIL", "RCPT", "DATA", "."] {
            let (server, connections) = silent_server(&[0], silent_after).await;
            let transport = transport(&server);
            let begun = Instant::now();
            let written = letter(Channel::Email, "amy@oakhouse.example");
            let send = || transport.send(&written, "x".to_owned());
            let Err(SendError::Later(why) | SendError::Relay(why)) = send().await else {
                panic!("silence after {silent_after:?}")
            };
            assert!(why.contains("did not answer within"), "{why}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{silent_after}");
            // The connection is not used again, and the next letter leaves on another.
            assert_eq!(send().await, Ok(()), "after silence at {silent_after:?}");
            assert_eq!(send().await, Ok(()));
            assert_eq!(connections.load(Ordering::SeqCst), 2, "one was closed, the other is kept");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_kept_connection_that_has_fallen_silent_costs_a_moment_and_no_letter() {
        let (server, connections) = silent_server(&[0], "NOOP").await;
        let transport = transport(&server);
        for place in 0..3 {
            let sent = transport.send(&letter(Channel::Email, "amy@oakhouse.example"), "x".to_owned()).await;
            assert_eq!(sent, Ok(()), "letter {place}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_letter_that_is_abandoned_half_way_leaves_no_connection_behind() {
        let (server, connections) = silent_server(&[0], "DATA").await;
        let transport = transport(&server);
        let written = letter(Channel::Email, "amy@oakhouse.example");
        let abandoned =
            tokio::time::timeout(Duration::from_millis(100), transport.send(&written, "x".to_owned()));
        assert!(abandoned.await.is_err(), "the deadline of the work comes first");
        let sent = transport.send(&letter(Channel::Email, "bo@oakhouse.example"), "y".to_owned()).await;
        assert_eq!(sent, Ok(()));
        assert_eq!(connections.load(Ordering::SeqCst), 2, "nobody takes the answers to another's letter");
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
        assert!(heard.contains("Content-Language: en"), "{heard}");
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

    /// A mail server that gives one answer where it is asked `at` (an empty word is the greeting), and is
    /// content everywhere else.
    async fn answers_at(at: &'static str, answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (read, mut write) = stream.into_split();
                    let mut lines = BufReader::new(read).lines();
                    let greeting = if at.is_empty() { answer } else { "220 mail.example ready" };
                    let _ = write.write_all(format!("{greeting}\r\n").as_bytes()).await;
                    let mut in_data = false;
                    while let Ok(Some(line)) = lines.next_line().await {
                        let word = line.split(' ').next().unwrap_or("");
                        if in_data && word != "." {
                            continue;
                        }
                        let fine = match word {
                            "EHLO" | "HELO" => "250-mail.example\r\n250 AUTH PLAIN LOGIN",
                            "AUTH" => "235 welcome",
                            "DATA" => "354 go on",
                            _ => "250 fine",
                        };
                        in_data = word == "DATA" && at != "DATA";
                        // Both forms of the greeting get the answer.
                        let is_here = word == at || (at == "EHLO" && word == "HELO");
                        let said = if is_here { answer } else { fine };
                        if write.write_all(format!("{said}\r\n").as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn refusals_of_the_mail_server_are_the_relays_or_the_letters() {
        #[derive(Debug, PartialEq)]
        enum Whose {
            Relay,
            Letter,
            LetterLater,
        }
        for (at, answer, whose) in [
            ("", "554 no service for you", Whose::Relay),
            ("", "421 too busy", Whose::Relay),
            ("", "530 go away", Whose::Relay),
            ("EHLO", "550 not with this name", Whose::Relay),
            ("EHLO", "554 no", Whose::Relay),
            ("AUTH", "535 5.7.8 wrong password", Whose::Relay),
            ("AUTH", "454 4.7.0 try again", Whose::Relay),
            ("AUTH", "554 no", Whose::Relay),
            ("MAIL", "530 5.7.0 sign in first", Whose::Relay),
            ("MAIL", "550 not from you", Whose::Relay),
            ("MAIL", "553 not from you", Whose::Relay),
            ("MAIL", "454 later", Whose::Relay),
            ("RCPT", "530 5.7.0 sign in first", Whose::Relay),
            ("RCPT", "421 closing", Whose::Relay),
            ("RCPT", "550 no such person", Whose::Letter),
            ("RCPT", "554 no such person", Whose::Letter),
            ("RCPT", "451 try again", Whose::LetterLater),
            ("DATA", "451 try again", Whose::LetterLater),
            ("DATA", "421 closing", Whose::Relay),
            (".", "554 not this message", Whose::Letter),
            (".", "552 too large", Whose::Letter),
            (".", "452 no room", Whose::LetterLater),
        ] {
            let server = answers_at(at, answer).await;
            let Transport::Smtp(mut smtp) = transport(&server) else { panic!("a mail server is set") };
            smtp.credentials = Some(Credentials::new("us".to_owned(), "secret".to_owned()));
            let written = letter(Channel::Email, "amy@oakhouse.example");
            let sent = Transport::Smtp(smtp).send(&written, "x".to_owned()).await;
            let found = match sent {
                Err(SendError::Never(_)) => Whose::Letter,
                Err(SendError::Later(_)) => Whose::LetterLater,
                Err(SendError::Relay(_)) => Whose::Relay,
                Ok(()) => panic!("{answer} at {at:?} is no success"),
            };
            assert_eq!(found, whose, "{answer} at {at:?}");
        }
        // Nobody listens there.
        let nobody = transport("127.0.0.1:1")
            .send(&letter(Channel::Email, "amy@oakhouse.example"), "x".to_owned())
            .await;
        assert!(matches!(nobody, Err(SendError::Relay(_))), "{nobody:?}");
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
