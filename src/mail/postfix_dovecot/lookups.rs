//! What Postfix asks about addresses, answered from the projection: its `socketmap` protocol, in which
//! question and answer are netstrings.
//!
//! Only with SQLite. Postfix can read SQLite by itself, but gives up at once when somebody writes at
//! that moment, and then answers nobody for a minute (measured; see
//! `docs/decisions/0012-mail-servers-read-a-projection.md`). Here a look-up waits for the writer,
//! which takes milliseconds. With PostgreSQL Postfix reads the views itself.

use super::store::{self, Table};
use crate::database::Database;
use std::future::Future;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The longest question: a table's name and an address, with room to spare.
const QUESTION_MAX: usize = 2_000;

/// Reads one netstring; nothing at the end.
async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut length = Vec::new();
    (&mut *from).take(10).read_until(b':', &mut length).await?;
    if length.is_empty() {
        return Ok(None);
    }
    let digits = length.strip_suffix(b":").ok_or_else(|| wrong("a question without a length"))?;
    let length: usize = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .filter(|length| *length <= QUESTION_MAX)
        .ok_or_else(|| wrong("a question of the wrong length"))?;
    let mut text = vec![0; length + 1];
    from.read_exact(&mut text).await?;
    if text.pop() != Some(b',') {
        return Err(wrong("a question without an end"));
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

async fn answer(projection: &Database, secure: &str, question: &str) -> String {
    let Some((table, key)) = question.split_once(' ') else { return "PERM no such table".to_owned() };
    let Some(table) = Table::ALL.into_iter().find(|known| known.name() == table) else {
        return "PERM no such table".to_owned();
    };
    match store::look_up(projection, table, &key.to_lowercase()).await {
        Ok(found) if found.is_empty() => "NOTFOUND ".to_owned(),
        Ok(_) if table == Table::SecureDomains => format!("OK {secure}"),
        Ok(found) => format!("OK {}", found.join(",")),
        Err(error) => {
            tracing::warn!(%error, table = table.name(), "a look-up for the mail server failed");
            "TEMP the projection cannot be read".to_owned()
        }
    }
}

async fn serve_one(stream: TcpStream, projection: Database, secure: String) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(question) = read(&mut stream).await? {
        let answer = answer(&projection, &secure, &question).await;
        stream.write_all(format!("{}:{answer},", answer.len()).as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Answers until `stop`. `secure` is Postfix's word for how secure domains are connected to.
pub(super) async fn serve(
    listener: TcpListener,
    projection: Database,
    secure: &'static str,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            taken = listener.accept() => taken.map(|(stream, _)| stream),
            () = &mut stop => return,
        };
        match stream {
            Ok(stream) => {
                let projection = projection.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve_one(stream, projection, secure.to_owned()).await {
                        tracing::warn!(%error, "a connection of the mail server ended badly");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of the mail server could not be taken");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_is_read_whole_or_refused() {
        let ask = |bytes: &'static [u8]| async move { read(&mut BufReader::new(bytes)).await };
        assert_eq!(ask(b"12:recipients a,").await.expect("read").as_deref(), Some("recipients a"));
        assert_eq!(ask(b"0:,").await.expect("read").as_deref(), Some(""));
        assert_eq!(ask(b"").await.expect("read"), None);
        for bad in [&b"12"[..], b"x:a,", b"-1:a,", b"3:abc;", b"5:ab", b"99999:a,", b"12345678901234:a,"] {
            assert!(ask(bad).await.is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
