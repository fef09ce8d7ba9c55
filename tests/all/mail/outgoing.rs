//! Mail that leaves: signed so that anybody can check it, and never in the clear to secure domains.

use super::clients::from_base64;
use super::world::{MailWorld, until};
use carepost::mail::MailEngine;
use carepost::mail::postfix_dovecot::dns;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey;
use rsa::sha2::{Digest, Sha256};
use rsa::signature::Verifier;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A mail server elsewhere that takes everything, in the clear.
#[derive(Clone, Default)]
struct Elsewhere(Arc<Mutex<Vec<String>>>);

impl Elsewhere {
    async fn starts() -> (Elsewhere, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let elsewhere = Elsewhere::default();
        let own = elsewhere.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { own.serves(stream).await });
            }
        });
        (elsewhere, port)
    }

    async fn serves(&self, stream: tokio::net::TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 elsewhere.example ESMTP\r\n").await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 {
            let answer: &[u8] = match line.get(..4).unwrap_or("").to_uppercase().as_str() {
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        stream.read_line(&mut text).await?;
                    }
                    let text = text.trim_end_matches(".\r\n").replace("\r\n..", "\r\n.");
                    self.0.lock().expect("not poisoned").push(text);
                    b"250 taken\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                _ => b"250 yes\r\n",
            };
            stream.write_all(answer).await?;
            line.clear();
        }
        Ok(())
    }

    fn has(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

fn in_one_space(text: &str) -> String {
    text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Header fields, folded lines together, as they stand.
fn fields(head: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in head.split_inclusive("\r\n") {
        match fields.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
            _ => fields.push(line.to_owned()),
        }
    }
    fields
}

fn relaxed(field: &str) -> String {
    let (name, value) = field.split_once(':').expect("a field");
    format!("{}:{}", name.trim().to_lowercase(), in_one_space(value))
}

fn relaxed_body(body: &str) -> String {
    let lines: Vec<String> = body
        .split("\r\n")
        .map(|line| {
            let words: Vec<&str> = line.split([' ', '\t']).collect();
            let mut text = String::new();
            for (place, word) in words.iter().enumerate() {
                if place > 0 && !text.ends_with(' ') {
                    text.push(' ');
                }
                text.push_str(word);
            }
            text.trim_end_matches(' ').to_owned()
        })
        .collect();
    let text = lines.join("\r\n");
    let text = text.trim_end_matches("\r\n");
    if text.is_empty() { String::new() } else { format!("{text}\r\n") }
}

fn tag<'a>(signature: &'a str, name: &str) -> &'a str {
    signature
        .split(';')
        .filter_map(|tag| tag.trim().split_once('='))
        .find(|(known, _)| known.trim() == name)
        .map_or("", |(_, value)| value.trim())
}

/// Checks a DKIM signature (RFC 6376, relaxed/relaxed) against a published record.
fn is_signed(message: &str, record: &str) -> Result<(), String> {
    let (head, body) = message.split_once("\r\n\r\n").ok_or("no body")?;
    let fields = fields(&format!("{head}\r\n"));
    let signature = fields
        .iter()
        .find(|field| field.to_lowercase().starts_with("dkim-signature:"))
        .ok_or("no signature")?;
    let (_, value) = signature.split_once(':').ok_or("no value")?;
    if from_base64(tag(value, "bh")) != Sha256::digest(relaxed_body(body).as_bytes()).as_slice() {
        return Err("the body is not what was signed".to_owned());
    }
    let mut left: Vec<&String> = fields.iter().collect();
    let mut signed = String::new();
    for name in tag(value, "h").split(':') {
        let name = name.trim().to_lowercase();
        let place = left.iter().rposition(|field| {
            field.split(':').next().is_some_and(|known| known.trim().to_lowercase() == name)
        });
        if let Some(place) = place {
            signed.push_str(&relaxed(left.remove(place)));
            signed.push_str("\r\n");
        }
    }
    let end = value.find("b=").into_iter().chain(value.match_indices("b=").map(|(at, _)| at));
    let start = end.filter(|at| value[..*at].ends_with([';', ' ', '\t'])).last().ok_or("no b=")? + 2;
    let rest = value[start..].find(';').map_or("", |at| &value[start + at..]);
    signed.push_str(&relaxed(&format!("DKIM-Signature:{}{rest}", &value[..start])));
    let key = rsa::RsaPublicKey::from_public_key_der(&from_base64(tag(record, "p")))
        .map_err(|error| error.to_string())?;
    let bytes = from_base64(tag(value, "b"));
    let signature = Signature::try_from(bytes.as_slice()).map_err(|error| error.to_string())?;
    VerifyingKey::<Sha256>::new(key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "the signature is wrong".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_is_signed_and_goes_in_the_clear_to_no_secure_domain() {
    let (ordinary, ordinary_port) = Elsewhere::starts().await;
    let (secure, secure_port) = Elsewhere::starts().await;
    let lines = format!(
        "transport_maps = inline:{{ {{ elsewhere.example = smtp:[127.0.0.1]:{ordinary_port} }}, {{ trust.example = smtp:[127.0.0.1]:{secure_port} }} }}\n"
    );
    let Some(world) = MailWorld::on_sqlite_with(&lines).await else { return };
    // Postfix looks a connection's rules up by where it connects to.
    world.engine.ensure_secure_domains(&[format!("[127.0.0.1]:{secure_port}")]).await.expect("kept");
    let home = world.joins("VM195", &[("Asha", "Patel")]).await;
    let asha = &home.people[0];
    let text = format!(
        "From: Rose Court <{}>\r\nTo: family@elsewhere.example\r\nSubject: Visit   on  Sunday\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: <a@b.example>\r\n\r\nDear family,\r\n\r\nsee you  on Sunday. \r\n\r\n",
        home.address
    );
    let mut smtp = world.smtp(asha).await;
    assert_eq!(smtp.send(&home.address, &["family@elsewhere.example"], &text).await.0, 250);
    until("it arrives elsewhere", || async { !ordinary.has().is_empty() }).await;
    let message = ordinary.has().remove(0);

    // Anybody can check the signature with what we publish, and see when something was changed.
    let key_file = world.folder.join("state/dkim/carepost.private");
    let (key, _) = dns::signing_key(&key_file).expect("the key");
    let records = dns::records(&world.app.settings, &key).expect("records");
    let record = &records.iter().find(|record| record.name.contains("_domainkey")).expect("published").value;
    assert_eq!(is_signed(&message, record), Ok(()), "{message}");
    assert!(is_signed(&message.replace("Sunday", "Monday"), record).is_err());
    assert!(is_signed(&message.replace("Rose Court", "Rose Hill"), record).is_err());
    // Where the person sat is nobody's business.
    assert!(!message.contains("laptop.example") && !message.contains("ESMTPSA"), "{message}");

    // Letters beyond ASCII and long lines stay as they were signed, though this server offers no 8BITMIME.
    let long = "word ".repeat(600);
    let parts = format!(
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nBore da, Si\u{e2}n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>Bore da, Si\u{e2}n {long}</p>\r\n--b--"
    );
    for (name, head, body) in [
        (
            "plain",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
            "Bore da, Si\u{e2}n\r\n\u{2014} Rose Court",
        ),
        ("unsaid", "X-Other: x", "Bore da, Si\u{e2}n"),
        ("long", "Content-Type: text/plain", long.as_str()),
        ("parts", "Content-Type: multipart/alternative; boundary=b", parts.as_str()),
    ] {
        let text = format!(
            "From: Rose Court <{}>\r\nTo: family@elsewhere.example\r\nSubject: {name}\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{name}@b.example>\r\nMIME-Version: 1.0\r\n{head}\r\n\r\n{body}\r\n",
            home.address
        );
        let before = ordinary.has().len();
        // Most programs say that the body has eight bits.
        assert_eq!(
            smtp.command(&format!("MAIL FROM:<{}> BODY=8BITMIME", home.address)).await.0,
            250,
            "{name}"
        );
        assert_eq!(smtp.command("RCPT TO:<family@elsewhere.example>").await.0, 250, "{name}");
        assert_eq!(smtp.command("DATA").await.0, 354, "{name}");
        assert_eq!(smtp.raw(format!("{text}.\r\n").as_bytes()).await.0, 250, "{name}");
        until("it arrives elsewhere", || async { ordinary.has().len() > before }).await;
        let message = ordinary.has().pop().expect("one");
        assert_eq!(is_signed(&message, record), Ok(()), "{name}: {message}");
        assert!(message.contains(body), "{name}: {message}");
    }

    // The secure domain's server offers no encryption: the message waits and says nothing in the clear.
    assert_eq!(smtp.send(&home.address, &["ward@trust.example"], &text).await.0, 250);
    until("it is put off", || async {
        let log = std::fs::read_to_string(world.folder.join("state/postfix/log")).unwrap_or_default();
        log.contains("TLS is required, but was not offered")
    })
    .await;
    assert_eq!(secure.has(), Vec::<String>::new());
}
