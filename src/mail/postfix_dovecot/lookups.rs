//! What Postfix asks about addresses, answered from the projection: its `socketmap` protocol, in which
//! question and answer are netstrings.
//!
//! Only with SQLite. Postfix can read SQLite by itself, but gives up at once when somebody writes at
//! that moment, and then answers nobody for a minute (measured; see
//! `docs/decisions/0012-mail-servers-read-a-projection.md`). Here a look-up waits for the writer,
//! which takes milliseconds. With PostgreSQL Postfix reads the views itself.

use super::store::{self, LookupTable};
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

/// What is answered from, and with.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) projection: Database,
    /// Postfix's word for how secure domains are connected to.
    pub(super) secure: &'static str,
    /// What our own addresses end in, with the @.
    pub(super) own: String,
}

async fn answer(answers: &Answers, question: &str) -> String {
    let Some((table, key)) = question.split_once(' ') else { return "PERM no such table".to_owned() };
    let Some(table) = LookupTable::ALL.into_iter().find(|known| known.name() == table) else {
        return "PERM no such table".to_owned();
    };
    match found(answers, table, &key.to_lowercase()).await {
        Ok(LookupAnswer::Nothing) => "NOTFOUND ".to_owned(),
        Ok(LookupAnswer::NotYet) => "TEMP the projection is being filled".to_owned(),
        Ok(LookupAnswer::Values(_)) if table == LookupTable::SecureDomains => {
            format!("OK {}", answers.secure)
        }
        Ok(LookupAnswer::Values(values)) => format!("OK {}", values.join(",")),
        Err(error) => {
            tracing::warn!(%error, table = table.name(), "a look-up for the mail server failed");
            "TEMP the projection cannot be read".to_owned()
        }
    }
}

enum LookupAnswer {
    Values(Vec<String>),
    Nothing,
    /// Nothing, and that may be because the projection is still being filled.
    NotYet,
}

async fn found(
    answers: &Answers,
    table: LookupTable,
    key: &str,
) -> Result<LookupAnswer, crate::database::Error> {
    let is_ours = key.ends_with(&answers.own);
    if table == LookupTable::Unfilled && !is_ours {
        return Ok(LookupAnswer::Nothing);
    }
    let values = store::look_up(&answers.projection, table, key).await?;
    if !values.is_empty() {
        return Ok(LookupAnswer::Values(values));
    }
    match table {
        LookupTable::Recipients if is_ours => {
            // Postfix has asked whether the projection is filled before it asks this, and it may have
            // been made again in between.
            let unfilled = store::look_up(&answers.projection, LookupTable::Unfilled, key).await?;
            Ok(if unfilled.is_empty() { LookupAnswer::Nothing } else { LookupAnswer::NotYet })
        }
        LookupTable::Recipients
        | LookupTable::Refusals
        | LookupTable::Senders
        | LookupTable::Unfilled
        | LookupTable::SecureDomains => Ok(LookupAnswer::Nothing),
    }
}

async fn serve_one(stream: TcpStream, answers: Answers) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(question) = read(&mut stream).await? {
        let answer = answer(&answers, &question).await;
        stream.write_all(format!("{}:{answer},", answer.len()).as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Answers until `stop`.
pub(super) async fn serve(listener: TcpListener, answers: Answers, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            taken = listener.accept() => taken.map(|(stream, _)| stream),
            () = &mut stop => return,
        };
        match stream {
            Ok(stream) => {
                let answers = answers.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve_one(stream, answers).await {
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
    use super::super::rules::tests::account;
    use super::*;
    use crate::mail::Standing;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_address_of_ours_that_is_not_known_yet_is_asked_for_again() {
        let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
        let place = crate::database::Address::Sqlite(folder.join("mail.db"));
        let projection = store::open(&place).await.expect("made");
        store::ensure(&projection, account("asha", Standing::Open)).await.expect("kept");
        let answers = Answers {
            projection: projection.clone(),
            secure: "encrypt",
            own: "@carepost.example".to_owned(),
        };
        let ask = async |question: &str| answer(&answers, question).await;
        assert_eq!(ask("recipients Asha@carepost.example").await, "OK asha@carepost.example");
        assert_eq!(ask("unfilled Asha@carepost.example").await, "NOTFOUND ");
        assert!(ask("unfilled cy@carepost.example").await.starts_with("OK 451 4.3.2 "));
        assert!(ask("recipients cy@carepost.example").await.starts_with("TEMP "));
        // What is not of ours is no business of this list, nor are the other forms Postfix asks for.
        for other in ["ward@trust.example", "carepost.example", "example", "cy@", "cy@notcarepost.example"] {
            assert_eq!(ask(&format!("unfilled {other}")).await, "NOTFOUND ", "{other}");
            assert_eq!(ask(&format!("recipients {other}")).await, "NOTFOUND ", "{other}");
        }
        let filling = store::filling(&projection).await.expect("read").expect("it is filling");
        store::ensure_filled(&projection, &filling).await.expect("noted");
        for table in ["unfilled", "recipients"] {
            assert_eq!(ask(&format!("{table} cy@carepost.example")).await, "NOTFOUND ");
        }
    }

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
