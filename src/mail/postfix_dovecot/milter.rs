//! The mail filter protocol that Postfix speaks (Sendmail's, version 6), as far as the guard needs
//! it: one message at a time, looked at when it is complete.
//!
//! A packet is a length of four bytes, a letter and data. There is no library for it with a licence
//! we can use.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The version of the protocol both sides must know.
const VERSION: u32 = 6;
/// What a filter may ask for: add headers, add recipients, change headers.
const ACTIONS: u32 = 0x01 | 0x04 | 0x10;
/// Steps Postfix need not tell (connection, greeting, DATA, unknown commands), and those it need not
/// wait for an answer to (headers, end of headers, body).
const STEPS: u32 = 0x01 | 0x02 | 0x100 | 0x200 | 0x80 | 0x4_0000 | 0x8_0000;
/// The largest packet taken; Postfix sends bodies in pieces of 64 KiB.
const PACKET_MAX: usize = 1 << 20;
/// Connections of Postfix that are served together; it has 100 processes that take mail.
const CONNECTIONS_MAX: usize = 128;

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of one message.
    pub(super) message: usize,
    /// Bytes of all messages that are held at the same time. Beyond that senders try again.
    pub(super) held: usize,
    /// Header fields that are kept apart; whoever looks sees one more where there are more.
    pub(super) fields: usize,
}

/// The bytes that one connection holds, counted among those of all.
struct Held {
    all: Arc<AtomicUsize>,
    own: usize,
}

impl Held {
    fn add(&mut self, bytes: usize, most: usize) -> bool {
        let fits = self.all.fetch_add(bytes, Ordering::Relaxed) + bytes <= most;
        self.own += bytes;
        fits
    }

    fn release(&mut self) {
        self.all.fetch_sub(std::mem::take(&mut self.own), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// A message as it was handed in.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// Who has signed in to send it, if anybody has.
    pub(super) login: Option<String>,
    /// When its connection was opened, as [`Judge::opened`] has it.
    pub(super) opened: i64,
    /// Postfix's name for it.
    pub(super) queue_id: String,
    /// Names and values, in order.
    pub(super) headers: Vec<(String, String)>,
    /// Header lines and body, as they stand.
    pub(super) raw: Vec<u8>,
}

/// What is to be done with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Take(Edits),
    /// A reply code, an enhanced one and words.
    Refuse(String),
    /// The sender tries again.
    Later,
}

/// Who judges.
pub(super) trait Judge: Clone + Send + Sync + 'static {
    /// A mark of the moment in which a connection is opened, before anybody signs in on it.
    fn opened(&self) -> impl Future<Output = i64> + Send;

    /// Whether somebody who has signed in on a connection that was opened then may begin a message: what they
    /// are told where they may not.
    fn begins(&self, login: String, opened: i64) -> impl Future<Output = Result<(), Verdict>> + Send;

    /// What is done with a message.
    fn look(&self, message: Message) -> impl Future<Output = Verdict> + Send;
}

/// What is changed about a message that is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// Headers to remove: the name and which of those with that name, counted from one.
    pub(super) remove: Vec<(String, u32)>,
    /// Headers to write anew: the name, which of those with that name, and the value.
    pub(super) change: Vec<(String, u32, String)>,
    pub(super) add: Vec<(String, String)>,
    pub(super) recipients: Vec<String>,
}

fn packet(letter: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap_or(u32::MAX);
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(letter);
    packet.extend_from_slice(data);
    packet
}

fn strings(data: &[u8]) -> Vec<String> {
    data.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

fn replies(verdict: &Verdict) -> Vec<u8> {
    let mut out = Vec::new();
    match verdict {
        Verdict::Take(Edits { remove, change, add, recipients }) => {
            for (name, which, value) in change {
                let mut data = which.to_be_bytes().to_vec();
                data.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
                out.extend(packet(b'm', &data));
            }
            for (name, which) in remove {
                let mut data = which.to_be_bytes().to_vec();
                data.extend_from_slice(format!("{name}\0\0").as_bytes());
                out.extend(packet(b'm', &data));
            }
            for (name, value) in add {
                out.extend(packet(b'h', format!("{name}\0{value}\0").as_bytes()));
            }
            for recipient in recipients {
                out.extend(packet(b'+', format!("<{recipient}>\0").as_bytes()));
            }
            out.extend(packet(b'c', b""));
        }
        Verdict::Refuse(words) => {
            // A percent sign would be read as the start of a mark.
            out.extend(packet(b'y', format!("{}\0", words.replace('%', "%%")).as_bytes()));
        }
        Verdict::Later => out.extend(packet(b't', b"")),
    }
    out
}

/// One connection of Postfix.
struct Connection {
    stream: TcpStream,
    message: Message,
    opened: i64,
    bounds: Bounds,
    held: Held,
    too_large: bool,
    /// Too much is held at the moment.
    no_room: bool,
}

impl Connection {
    async fn read(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        let length = match self.stream.read_u32().await {
            Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        };
        if length == 0 || length > PACKET_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of the wrong size"));
        }
        let mut packet = vec![0; length];
        self.stream.read_exact(&mut packet).await?;
        let data = packet.split_off(1);
        Ok(Some((packet[0], data)))
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.message.raw.len() + bytes.len() > self.bounds.message {
            self.too_large = true;
        } else if self.no_room || !self.held.add(bytes.len(), self.bounds.held) {
            self.no_room = true;
        } else {
            self.message.raw.extend_from_slice(bytes);
        }
    }

    fn begin(&mut self) {
        self.message = Message { opened: self.opened, ..Message::default() };
        self.held.release();
        (self.too_large, self.no_room) = (false, false);
    }

    fn read_macros(&mut self, data: &[u8]) {
        let Some((step, rest)) = data.split_first() else { return };
        let words = strings(rest);
        let macros: BTreeMap<&str, &str> =
            words.chunks_exact(2).map(|pair| (pair[0].trim_matches(['{', '}']), pair[1].as_str())).collect();
        if *step == b'M' {
            self.begin();
            let login = macros.get("auth_authen").filter(|login| !login.is_empty());
            self.message.login = login.map(|login| (*login).to_owned());
        }
        if let Some(id) = macros.get("i") {
            self.message.queue_id = (*id).to_owned();
        }
    }

    async fn serve(mut self, judge: impl Judge) -> io::Result<()> {
        // Postfix greets nobody before it has the answer to its own greeting, which comes after this.
        self.opened = judge.opened().await;
        self.begin();
        while let Some((letter, data)) = self.read().await? {
            let answer = match letter {
                b'O' => Some(negotiated(&data)?),
                b'D' => {
                    self.read_macros(&data);
                    None
                }
                b'L' => {
                    let words = strings(&data);
                    let (name, value) = (
                        words.first().cloned().unwrap_or_default(),
                        words.get(1).cloned().unwrap_or_default(),
                    );
                    // Postfix hands lines over with a bare line feed.
                    let line = format!("{name}: {}\r\n", value.replace("\r\n", "\n").replace('\n', "\r\n"));
                    self.keep(line.as_bytes());
                    if self.message.headers.len() <= self.bounds.fields {
                        self.message.headers.push((name, value));
                    }
                    None
                }
                b'N' => {
                    self.keep(b"\r\n");
                    None
                }
                b'B' => {
                    self.keep(&data);
                    None
                }
                b'E' => {
                    self.keep(&data);
                    let message = std::mem::take(&mut self.message);
                    let login = message.login.clone();
                    let verdict = if self.too_large {
                        Verdict::Refuse("552 5.3.4 The message is too large".to_owned())
                    } else if self.no_room {
                        tracing::warn!("too many large messages at once; a sender is told to try again");
                        Verdict::Later
                    } else {
                        judge.look(message).await
                    };
                    self.begin();
                    self.message.login = login;
                    Some(replies(&verdict))
                }
                b'A' => {
                    self.begin();
                    None
                }
                b'Q' => return Ok(()),
                // A recipient, a new connection: nothing to say before the end.
                b'K' => {
                    self.begin();
                    None
                }
                b'M' => {
                    let begins = match self.message.login.clone() {
                        Some(login) => judge.begins(login, self.opened).await,
                        None => Ok(()),
                    };
                    Some(begins.map_or_else(|verdict| replies(&verdict), |()| packet(b'c', b"")))
                }
                _ => Some(packet(b'c', b"")),
            };
            if let Some(answer) = answer {
                self.stream.write_all(&answer).await?;
            }
        }
        Ok(())
    }
}

/// What both sides can do.
fn negotiated(data: &[u8]) -> io::Result<Vec<u8>> {
    let number = |place: usize| {
        data.get(place..place + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_be_bytes)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a negotiation that is too short"))
    };
    let (version, actions, steps) = (number(0)?, number(4)?, number(8)?);
    if version < VERSION || actions & ACTIONS != ACTIONS || steps & STEPS != STEPS {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "this mail server is too old for the guard"));
    }
    let mut reply = VERSION.to_be_bytes().to_vec();
    reply.extend(ACTIONS.to_be_bytes());
    reply.extend(STEPS.to_be_bytes());
    Ok(packet(b'O', &reply))
}

/// Takes messages until `stop`. Each is looked at by `judge` when it is complete.
pub(super) async fn serve(
    listener: TcpListener,
    bounds: Bounds,
    judge: impl Judge,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let all_held = Arc::new(AtomicUsize::new(0));
    let room = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    tokio::pin!(stop);
    loop {
        let (stream, from): (TcpStream, SocketAddr) = tokio::select! {
            taken = listener.accept() => match taken {
                Ok(taken) => taken,
                Err(error) => {
                    tracing::warn!(%error, "a connection of the mail server could not be taken");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => return Ok(()),
        };
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let judge = judge.clone();
        let held = Held { all: Arc::clone(&all_held), own: 0 };
        tokio::spawn(async move {
            let message = Message::default();
            let connection =
                Connection { stream, message, opened: 0, bounds, held, too_large: false, no_room: false };
            if let Err(error) = connection.serve(judge).await {
                tracing::warn!(%error, %from, "a connection of the mail server ended badly");
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_that_cannot_do_what_the_guard_needs_is_refused() {
        let offer = |version: u32, actions: u32, steps: u32| {
            [version, actions, steps].iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>()
        };
        let reply = negotiated(&offer(6, 0x1ff, 0x1f_ffff)).expect("agreed");
        assert_eq!(reply[..5], [0, 0, 0, 13, b'O']);
        assert_eq!(reply[5..9], VERSION.to_be_bytes());
        assert!(negotiated(&offer(2, 0x1ff, 0x1f_ffff)).is_err());
        assert!(negotiated(&offer(6, 0, 0x1f_ffff)).is_err());
        assert!(negotiated(&offer(6, 0x1ff, 0)).is_err());
        assert!(negotiated(&[0, 0]).is_err());
    }

    #[test]
    fn a_verdict_is_written_as_packets() {
        let refused = replies(&Verdict::Refuse("550 5.7.1 100% no".to_owned()));
        assert_eq!(refused, [&[0, 0, 0, 20, b'y'][..], b"550 5.7.1 100%% no\0"].concat());
        let taken = replies(&Verdict::Take(Edits {
            remove: vec![("X".to_owned(), 2)],
            change: vec![("F".to_owned(), 1, "g".to_owned())],
            add: vec![("A".to_owned(), "b".to_owned())],
            recipients: vec!["c@d.example".to_owned()],
        }));
        let expect = [
            &[0, 0, 0, 9, b'm', 0, 0, 0, 1][..],
            b"F\0g\0",
            &[0, 0, 0, 8, b'm', 0, 0, 0, 2],
            b"X\0\0",
            &[0, 0, 0, 5, b'h'],
            b"A\0b\0",
            &[0, 0, 0, 15, b'+'],
            b"<c@d.example>\0",
            &[0, 0, 0, 1, b'c'],
        ]
        .concat();
        assert_eq!(taken, expect);
    }

    /// Refuses everything in words that show what it was asked, and whoever is called bo at once.
    #[derive(Clone)]
    struct Echo;

    impl Judge for Echo {
        async fn opened(&self) -> i64 {
            7
        }

        async fn begins(&self, login: String, opened: i64) -> Result<(), Verdict> {
            if login == "bo" { Err(Verdict::Refuse(format!("421 bo {opened}"))) } else { Ok(()) }
        }

        async fn look(&self, message: Message) -> Verdict {
            let text = String::from_utf8_lossy(&message.raw).into_owned();
            let login = message.login.unwrap_or_default();
            Verdict::Refuse(format!("550 {login} {} {} {text}", message.opened, message.queue_id))
        }
    }

    #[tokio::test]
    async fn each_message_of_a_connection_is_looked_at_by_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let bounds = Bounds { message: 100, held: 1_000, fields: 1 };
        tokio::spawn(serve(listener, bounds, Echo, std::future::pending()));
        let mut postfix = TcpStream::connect(address).await.expect("connected");
        let offer: Vec<u8> = [6_u32, 0x1ff, 0x1f_ffff].iter().flat_map(|n| n.to_be_bytes()).collect();
        let mut said = packet(b'O', &offer);
        for (login, body) in [("asha", "one"), ("", "two"), ("asha", &"x".repeat(200)), ("bo", "")] {
            said.extend(packet(b'D', format!("M{{auth_authen}}\0{login}\0").as_bytes()));
            said.extend(packet(b'M', b"<a@b>\0"));
            said.extend(packet(b'D', b"Ei\0QUEUE\0"));
            said.extend(packet(b'L', b"Subject\0hi\n there\0"));
            said.extend(packet(b'N', b""));
            said.extend(packet(b'B', body.as_bytes()));
            said.extend(packet(b'E', b""));
        }
        postfix.write_all(&said).await.expect("sent");
        let mut heard = Vec::new();
        for _ in 0..8 {
            let length = postfix.read_u32().await.expect("a length");
            let mut data = vec![0; usize::try_from(length).expect("small")];
            postfix.read_exact(&mut data).await.expect("a packet");
            heard.push(String::from_utf8_lossy(&data).into_owned());
        }
        assert_eq!(heard[1], "c");
        assert_eq!(heard[2], "y550 asha 7 QUEUE Subject: hi\r\n there\r\n\r\none\0");
        assert_eq!(heard[4], "y550  7 QUEUE Subject: hi\r\n there\r\n\r\ntwo\0");
        assert_eq!(heard[6], "y552 5.3.4 The message is too large\0");
        assert_eq!(heard[7], "y421 bo 7\0", "before anything is handed in");
    }
}
