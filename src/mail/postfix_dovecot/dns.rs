//! What a mail domain publishes, so that others can tell its mail from forgeries and connect to it
//! safely: DKIM (RFC 6376), SPF (RFC 7208), DMARC (RFC 7489), MTA-STS (RFC 8461), TLS reports
//! (RFC 8460).

use crate::settings::{Secret, Settings};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Bits of a new key: what every receiver takes (RFC 8301).
const KEY_BITS: usize = 2048;
/// Longest piece of a text record (RFC 1035).
const TEXT_MAX: usize = 255;

/// One record to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub kind: &'static str,
    pub value: String,
    /// What it is for.
    pub why: &'static str,
}

/// The key that signs mail: the one in the file, or a new one where there is none.
///
/// # Errors
/// In words, when the file cannot be read or written or holds no key.
pub fn signing_key(file: &Path) -> Result<(RsaPrivateKey, Option<Secret<String>>), String> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let key = RsaPrivateKey::from_pkcs8_pem(&text)
                .map_err(|error| format!("{} holds no signing key: {error}", file.display()))?;
            Ok((key, None))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS)
                .map_err(|error| format!("no signing key could be made: {error}"))?;
            let text = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())?;
            Ok((key, Some(Secret::new(text.to_string()))))
        }
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// The public half as DKIM publishes it.
fn public_text(key: &RsaPrivateKey) -> Result<String, String> {
    let pem = RsaPublicKey::from(key).to_public_key_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    Ok(pem.lines().filter(|line| !line.starts_with("-----")).collect())
}

/// The policy that mail servers fetch before they connect (RFC 8461, section 3.2).
pub fn mta_sts_policy(settings: &Settings) -> String {
    format!("version: STSv1\r\nmode: enforce\r\nmx: {}\r\nmax_age: 604800\r\n", settings.mail_server_name)
}

/// Everything to publish.
///
/// # Errors
/// In words, when the key has no public form.
pub fn records(settings: &Settings, key: &RsaPrivateKey) -> Result<Vec<Record>, String> {
    let (domain, server) = (&settings.mail_domain, &settings.mail_server_name);
    let record = |name: String, kind, value: String, why| Record { name, kind, value, why };
    let policy = Sha256::digest(mta_sts_policy(settings).as_bytes());
    let policy_id = &crate::id::hex(&policy)[..20];
    Ok(vec![
        record(format!("{domain}."), "MX", format!("10 {server}."), "where mail is delivered"),
        record(
            format!("{domain}."),
            "TXT",
            "v=spf1 mx -all".to_owned(),
            "only the mail server sends for the domain",
        ),
        record(
            format!("{}._domainkey.{domain}.", settings.dkim_selector),
            "TXT",
            format!("v=DKIM1; k=rsa; p={}", public_text(key)?),
            "the key with which mail is signed",
        ),
        record(
            format!("_dmarc.{domain}."),
            "TXT",
            format!("v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:postmaster@{domain}"),
            "mail that fails both is refused, and we hear of it",
        ),
        record(
            format!("_mta-sts.{domain}."),
            "TXT",
            format!("v=STSv1; id={policy_id}"),
            "there is a policy, and which",
        ),
        record(
            format!("_smtp._tls.{domain}."),
            "TXT",
            format!("v=TLSRPTv1; rua=mailto:postmaster@{domain}"),
            "others tell us when an encrypted connection failed",
        ),
        record(
            format!("mta-sts.{domain}."),
            "CNAME",
            "the host of the service's pages".to_owned(),
            "where the policy is fetched: /.well-known/mta-sts.txt",
        ),
        record(
            format!("autoconfig.{domain}."),
            "CNAME",
            "the host of the service's pages".to_owned(),
            "where Thunderbird asks for settings",
        ),
        record(
            format!("autodiscover.{domain}."),
            "CNAME",
            "the host of the service's pages".to_owned(),
            "where Outlook asks for settings",
        ),
        record(
            format!("_imaps._tcp.{domain}."),
            "SRV",
            format!("0 1 {} {server}.", settings.imap_port),
            "where mail is read (RFC 6186)",
        ),
        record(
            format!("_submissions._tcp.{domain}."),
            "SRV",
            format!("0 1 {} {server}.", settings.submission_port),
            "where mail is handed in (RFC 8314)",
        ),
    ])
}

/// Records as a zone file writes them.
pub fn zone_lines(records: &[Record]) -> String {
    let mut lines = String::new();
    for record in records {
        let value = if record.kind == "TXT" {
            let pieces: Vec<String> = record
                .value
                .as_bytes()
                .chunks(TEXT_MAX)
                .map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)))
                .collect();
            pieces.join(" ")
        } else {
            record.value.clone()
        };
        lines.push_str(&format!("; {}\n{} IN {} {}\n", record.why, record.name, record.kind, value));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_published_in_pieces() {
        let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("key");
        let (key, made) = signing_key(&file).expect("a key");
        std::fs::write(&file, made.expect("a new key").reveal()).expect("written");
        let (again, made) = signing_key(&file).expect("the key");
        assert!(made.is_none());
        assert_eq!(again, key);

        let settings = Settings::defaults().expect("defaults");
        let records = records(&settings, &key).expect("records");
        let lines = zone_lines(&records);
        let dkim = lines.lines().find(|line| line.starts_with("carepost._domainkey.")).expect("a key record");
        assert!(
            dkim.starts_with("carepost._domainkey.carepost.example. IN TXT \"v=DKIM1; k=rsa; p=MIIBIjANBgkq")
        );
        let pieces: Vec<&str> = dkim.split('"').skip(1).step_by(2).collect();
        assert!(pieces.len() == 2 && pieces.iter().all(|piece| piece.len() <= TEXT_MAX), "{pieces:?}");
        assert!(lines.contains("carepost.example. IN TXT \"v=spf1 mx -all\""));
        assert!(lines.contains("_dmarc.carepost.example. IN TXT \"v=DMARC1; p=reject;"));
        assert!(lines.contains("_smtp._tls.carepost.example. IN TXT \"v=TLSRPTv1;"));

        std::fs::write(&file, "not a key").expect("written");
        assert!(signing_key(&file).is_err());
    }
}
