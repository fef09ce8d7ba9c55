//! Plain SMTP and IMAP clients that say exactly what a test tells them and show exactly what came
//! back, well-behaved or not.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

/// No answer takes this long unless something is broken.
const LIMIT: Duration = Duration::from_secs(180);

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// The test's own certificate is nobody's; who the server is, is not what is tested here.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn with_tls(stream: Box<dyn Wire>) -> Box<dyn Wire> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a TLS connection"))
}

pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|three| {
            let number = three.iter().fold(0_u32, |all, byte| (all << 8) | u32::from(*byte))
                << (8 * (3 - three.len()));
            (0..4).map(move |place| {
                if place > three.len() {
                    '='
                } else {
                    char::from(LETTERS[(number >> (18 - 6 * place)) as usize & 63])
                }
            })
        })
        .collect()
}

/// What a text in base64 says, whatever white space stands in it.
pub fn from_base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let letters: Vec<u8> = text.bytes().filter_map(value).collect();
    letters
        .chunks(4)
        .flat_map(|four| {
            let number =
                four.iter().fold(0_u32, |all, six| (all << 6) | u32::from(*six)) << (6 * (4 - four.len()));
            number.to_be_bytes()[1..four.len()].to_vec()
        })
        .collect()
}

/// Somebody who speaks a protocol of lines.
struct Lines {
    wire: Box<dyn Wire>,
    read: Vec<u8>,
}

impl Lines {
    async fn connect(port: u16, tls: bool) -> Lines {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        let mut wire: Box<dyn Wire> = Box::new(stream);
        if tls {
            wire = with_tls(wire).await;
        }
        Lines { wire, read: Vec::new() }
    }

    async fn more(&mut self) -> bool {
        let mut some = [0; 16_384];
        let count = tokio::time::timeout(LIMIT, self.wire.read(&mut some)).await.expect("an answer in time");
        // A server that ends a connection without a word of goodbye has ended it all the same.
        let count = count.unwrap_or(0);
        self.read.extend_from_slice(&some[..count]);
        count > 0
    }

    /// The next line without its end; nothing once the connection has ended.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.more().await, "the connection ended in the middle of a text");
        }
        self.read.drain(..count).collect()
    }

    async fn say(&mut self, bytes: &[u8]) {
        // Where the other side has hung up, its silence says so.
        let _ = self.wire.write_all(bytes).await;
        let _ = self.wire.flush().await;
    }
}

pub struct Smtp(Lines);

impl Smtp {
    /// Another mail server, in the clear.
    pub async fn outside(port: u16) -> Smtp {
        let mut smtp = Smtp(Lines::connect(port, false).await);
        assert_eq!(smtp.answer().await.0, 220);
        assert_eq!(smtp.command("EHLO elsewhere.example").await.0, 250);
        smtp
    }

    /// A mail program, encrypted from the start, before it has signed in.
    pub async fn program(port: u16) -> Smtp {
        let mut smtp = Smtp(Lines::connect(port, true).await);
        assert_eq!(smtp.answer().await.0, 220);
        assert_eq!(smtp.command("EHLO laptop.example").await.0, 250);
        smtp
    }

    /// A mail program that has signed in.
    pub async fn signed_in(port: u16, login: &str, password: &str) -> Smtp {
        let mut smtp = Smtp::program(port).await;
        let (code, words) = smtp.sign_in(login, password).await;
        assert_eq!(code, 235, "{words}");
        smtp
    }

    pub async fn starttls(mut self) -> Smtp {
        assert_eq!(self.command("STARTTLS").await.0, 220);
        let mut smtp = Smtp(Lines { wire: with_tls(self.0.wire).await, read: Vec::new() });
        assert_eq!(smtp.command("EHLO elsewhere.example").await.0, 250);
        smtp
    }

    pub async fn sign_in(&mut self, login: &str, password: &str) -> (u16, String) {
        let secret = base64(format!("\0{login}\0{password}").as_bytes());
        self.command(&format!("AUTH PLAIN {secret}")).await
    }

    async fn answer(&mut self) -> (u16, String) {
        let mut words = String::new();
        while let Some(line) = self.0.line().await {
            words.push_str(line.get(4..).unwrap_or(""));
            if line.as_bytes().get(3) != Some(&b'-') {
                return (line.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0), words);
            }
            words.push('\n');
        }
        (0, words)
    }

    /// Says one line; code 0 means that the connection has ended.
    pub async fn command(&mut self, line: &str) -> (u16, String) {
        self.0.say(format!("{line}\r\n").as_bytes()).await;
        self.answer().await
    }

    /// Says bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) -> (u16, String) {
        self.0.say(bytes).await;
        self.answer().await
    }

    /// Hands a message in; the answer is the first refusal, or that of its end.
    pub async fn send(&mut self, from: &str, to: &[&str], message: &str) -> (u16, String) {
        let answer = self.command(&format!("MAIL FROM:<{from}>")).await;
        if answer.0 != 250 {
            return answer;
        }
        for to in to {
            let answer = self.command(&format!("RCPT TO:<{to}>")).await;
            if answer.0 != 250 {
                let _ = self.command("RSET").await;
                return answer;
            }
        }
        let answer = self.command("DATA").await;
        if answer.0 != 354 {
            return answer;
        }
        self.raw(format!("{message}\r\n.\r\n").as_bytes()).await
    }
}

pub struct Imap {
    lines: Lines,
    tag: u32,
}

impl Imap {
    /// A mail program before it has signed in.
    pub async fn program(port: u16) -> Imap {
        let mut imap = Imap { lines: Lines::connect(port, true).await, tag: 0 };
        let greeting = imap.lines.line().await.expect("a greeting");
        assert!(greeting.starts_with("* OK"), "{greeting}");
        imap
    }

    pub async fn signed_in(port: u16, login: &str, password: &str) -> Imap {
        let mut imap = Imap::program(port).await;
        let (_, end) = imap.sign_in(login, password).await;
        assert!(end.starts_with("OK"), "{login}: {end}");
        imap
    }

    pub async fn sign_in(&mut self, login: &str, password: &str) -> (String, String) {
        self.command(&format!("LOGIN \"{login}\" \"{password}\"")).await
    }

    /// Says a command; answers everything before its end, texts included, and its end. An empty end
    /// means that the connection has ended.
    pub async fn command(&mut self, text: &str) -> (String, String) {
        self.tag += 1;
        let tag = format!("t{} ", self.tag);
        self.lines.say(format!("{tag}{text}\r\n").as_bytes()).await;
        let mut before = String::new();
        while let Some(line) = self.lines.line().await {
            if let Some(end) = line.strip_prefix(&tag) {
                return (before, end.to_owned());
            }
            before.push_str(&line);
            before.push('\n');
            let length =
                line.strip_suffix('}').and_then(|line| line.rsplit_once('{')).map(|(_, number)| number);
            if let Some(length) = length.and_then(|number| number.parse().ok()) {
                before.push_str(&String::from_utf8_lossy(&self.lines.bytes(length).await));
            }
        }
        (before, String::new())
    }

    /// Says a command that must be done.
    pub async fn done(&mut self, text: &str) -> String {
        let (before, end) = self.command(text).await;
        assert!(end.starts_with("OK"), "{text}: {end}");
        before
    }

    /// Waits for whatever happens in the folder that is open.
    pub async fn idles(&mut self) {
        self.lines.say(b"idle IDLE\r\n").await;
        let line = self.lines.line().await.expect("an answer");
        assert!(line.starts_with('+'), "{line}");
    }

    /// Reads what the server says by itself until a word comes.
    pub async fn is_told(&mut self, word: &str) {
        while let Some(line) = self.lines.line().await {
            if line.contains(word) {
                return;
            }
        }
        panic!("the connection has ended");
    }

    /// Whether a folder can be opened.
    pub async fn can_open(&mut self, folder: &str) -> bool {
        self.command(&format!("SELECT \"{folder}\"")).await.1.starts_with("OK")
    }

    /// Whether the server has ended the connection: it says so, or says nothing any more.
    pub async fn has_ended(&mut self) -> bool {
        self.command("NOOP").await.1.is_empty()
    }

    /// The messages of a folder whose subject holds a text: flags and whole text of each.
    pub async fn find(&mut self, folder: &str, subject: &str) -> Vec<String> {
        if !self.can_open(folder).await {
            return Vec::new();
        }
        let found = self.done(&format!("SEARCH SUBJECT \"{subject}\"")).await;
        let numbers: Vec<String> = found
            .lines()
            .filter_map(|line| line.strip_prefix("* SEARCH"))
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let mut messages = Vec::new();
        for number in numbers {
            messages.push(self.done(&format!("FETCH {number} (FLAGS BODY.PEEK[])")).await);
        }
        messages
    }
}
