//! The configuration of Postfix, Dovecot and the signer, complete and commented, for one database,
//! domain, certificate and set of ports.
//!
//! The templates are the files in `templates/`; what stands in double braces is filled in. Secrets
//! stand only in files that their one reader may read.

use super::store::LookupTable;
use super::{dns, projection_address, report_key, secure_domain_tls, shared_secret};
use crate::database::Address;
use crate::settings::{SecretKey, Settings};
use std::collections::BTreeMap;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Who may read a written file besides root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Anyone,
    Postfix,
    Dovecot,
    Opendkim,
}

impl Reader {
    /// The file's mode, and the system group it is given to.
    fn mode_and_group(self) -> (u32, Option<&'static str>) {
        match self {
            Reader::Anyone => (0o644, None),
            Reader::Postfix => (0o640, Some("postfix")),
            // Dovecot reads its configuration as root; the master hands parts to others.
            Reader::Dovecot => (0o640, Some("dovecot")),
            Reader::Opendkim => (0o600, None),
        }
    }
}

/// How a database is reached by the mail servers.
struct Reached {
    /// Dovecot's word for the driver.
    driver: &'static str,
    /// Dovecot's `connect`.
    connect: String,
    /// What a query's tables begin with.
    schema: &'static str,
    /// The lines of a Postfix map that say where the database is; where there are none, the guard
    /// answers.
    map_head: Option<String>,
}

fn reached(settings: &Settings) -> Result<Reached, String> {
    match projection_address(settings) {
        Address::Sqlite(path) => {
            let path = std::path::absolute(&path).map_err(|error| error.to_string())?;
            Ok(Reached { driver: "sqlite", connect: path.display().to_string(), schema: "", map_head: None })
        }
        Address::Postgres(_) => {
            let text = settings.mail_database.as_ref().ok_or(
                "mail_database: say how the mail servers reach the database, as postgres://carepost_mail:PASSWORD@HOST:PORT/NAME",
            )?;
            let parts = parts(text.reveal())
                .ok_or("mail_database: must be postgres://USER:PASSWORD@HOST:PORT/NAME")?;
            let (host, port) = (parts.host, parts.port);
            let secret = if parts.password.is_empty() {
                [String::new(), String::new()]
            } else {
                [format!(" password={}", parts.password), format!("password = {}\n", parts.password)]
            };
            Ok(Reached {
                driver: "pgsql",
                connect: format!(
                    "host={host} port={port} dbname={} user={}{}",
                    parts.name, parts.user, secret[0]
                ),
                schema: "mail.",
                map_head: Some(format!(
                    "hosts = {host}:{port}\nuser = {}\n{}dbname = {}\n",
                    parts.user, secret[1], parts.name
                )),
            })
        }
    }
}

struct Parts<'a> {
    user: &'a str,
    password: &'a str,
    host: &'a str,
    port: &'a str,
    name: &'a str,
}

fn parts(address: &str) -> Option<Parts<'_>> {
    let rest = address.strip_prefix("postgres://").or_else(|| address.strip_prefix("postgresql://"))?;
    let (who, place) = rest.rsplit_once('@')?;
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (host_and_port, name) = place.split_once('/')?;
    let (host, port) = host_and_port.rsplit_once(':').unwrap_or((host_and_port, "5432"));
    let name = name.split('?').next().unwrap_or(name);
    let plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    let fine =
        plain(user) && plain(host) && plain(port) && plain(name) && !password.contains(char::is_whitespace);
    fine.then_some(Parts { user, password, host, port, name })
}

/// Where everybody expects reports (RFC 2142). They lead to the help desk, where that is elsewhere.
const ROLES: [&str; 2] = ["postmaster", "abuse"];

/// Fills in a template.
fn filled(template: &str, marks: &BTreeMap<&str, String>) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or("a template has a mark without an end")?;
        let value = marks.get(name).ok_or_else(|| format!("nothing fills in {{{{{name}}}}}"))?;
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// Where things are and who owns them.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where the configuration is written.
    pub config: PathBuf,
    /// Where the servers keep their queue, sockets and logs.
    pub state: PathBuf,
}

struct Written {
    path: String,
    reader: Reader,
    text: String,
}

fn files(settings: &Settings, key: &SecretKey, places: &Places) -> Result<Vec<Written>, String> {
    let reached = reached(settings)?;
    let schema = reached.schema;
    let own_helpdesk = settings.helpdesk_email.ends_with(&format!("@{}", settings.mail_domain));
    // Where they lead, and that they are taken: whether they are somebody's need not be asked.
    let [role_addresses, role_recipients] = if own_helpdesk {
        Default::default()
    } else {
        let each = |becomes: &str| {
            let roles = ROLES.map(|role| format!("{{ {role}@{} = {becomes} }}", settings.mail_domain));
            format!("inline:{{ {} }}", roles.join(", "))
        };
        [each(&settings.helpdesk_email), format!("check_recipient_access {}, ", each("OK"))]
    };
    let mut marks: BTreeMap<&str, String> = [
        ("domain", settings.mail_domain.clone()),
        ("server_name", settings.mail_server_name.clone()),
        ("config", places.config.display().to_string()),
        ("state", places.state.display().to_string()),
        ("sql_driver", reached.driver.to_owned()),
        ("connect", reached.connect),
        ("schema", schema.to_owned()),
        ("role_addresses", role_addresses),
        ("role_recipients", role_recipients),
        ("message_limit_bytes", (u64::from(settings.message_limit_mib) << 20).to_string()),
        ("guard", postfix_inet(settings.mail_guard_listen)),
        ("certificate", settings.mail_certificate.clone()),
        ("certificate_key", settings.mail_certificate_key.clone()),
        ("smtp_port", settings.smtp_port.to_string()),
        ("submission_port", settings.submission_port.to_string()),
        ("submission_starttls_port", settings.submission_starttls_port.to_string()),
        ("imap_port", settings.imap_port.to_string()),
        ("mail_user", settings.mail_user.clone()),
        ("storage", settings.mail_storage.trim_end_matches('/').to_owned()),
        ("doveadm_host", settings.doveadm_address.ip().to_string()),
        ("doveadm_port", settings.doveadm_address.port().to_string()),
        ("doveadm_password", shared_secret(key, "doveadm").reveal().clone()),
        ("report_key", report_key(key).reveal().clone()),
        ("report_nonce", shared_secret(key, "report nonce").reveal()[..32].to_owned()),
        ("selector", settings.dkim_selector.clone()),
    ]
    .into();
    marks.insert("listen", settings.mail_listen.clone());
    let table = |table: LookupTable| match &reached.map_head {
        Some(_) => format!("proxy:pgsql:{}/postfix/{}.cf", places.config.display(), table.name()),
        None => format!("socketmap:inet:{}:{}", postfix_inet(settings.mail_lookups_listen), table.name()),
    };
    marks.insert("recipients", table(LookupTable::Recipients));
    marks.insert("refusals", table(LookupTable::Refusals));
    marks.insert("senders", table(LookupTable::Senders));
    marks.insert("unfilled", table(LookupTable::Unfilled));
    marks.insert("secure_domains", table(LookupTable::SecureDomains));
    let mut dovecot_marks = marks.clone();
    let dovecot_listen = match settings.mail_listen.as_str() {
        "all" => "*, ::".to_owned(),
        some => some.to_owned(),
    };
    dovecot_marks.insert("listen", dovecot_listen);
    let reports = match settings.mail_reports_listen {
        None => "# Carepost takes no reports of sign-ins (mail_reports_listen is empty).".to_owned(),
        Some(listen) => {
            marks.insert("reports", listen.to_string());
            filled(include_str!("templates/reports.conf"), &marks)?.trim_end().to_owned()
        }
    };
    dovecot_marks.insert("reports", reports);
    let file = |path: &str, reader, text: String| Written { path: path.to_owned(), reader, text };
    let mut files = vec![
        file("postfix/main.cf", Reader::Anyone, filled(include_str!("templates/main.cf"), &marks)?),
        file("postfix/master.cf", Reader::Anyone, filled(include_str!("templates/master.cf"), &marks)?),
        file(
            "postfix/submission-headers",
            Reader::Anyone,
            include_str!("templates/submission-headers").to_owned(),
        ),
        file(
            "dovecot/dovecot.conf",
            Reader::Dovecot,
            filled(include_str!("templates/dovecot.conf"), &dovecot_marks)?,
        ),
        file(
            "dovecot/sql.conf.ext",
            Reader::Dovecot,
            filled(include_str!("templates/sql.conf.ext"), &marks)?,
        ),
        file(
            "dovecot/shared.conf.ext",
            Reader::Dovecot,
            filled(include_str!("templates/shared.conf.ext"), &marks)?,
        ),
        file("dovecot/sent.sieve", Reader::Anyone, include_str!("templates/sent.sieve").to_owned()),
        file("opendkim.conf", Reader::Anyone, filled(include_str!("templates/opendkim.conf"), &marks)?),
    ];
    if let Some(head) = &reached.map_head {
        for table in LookupTable::ALL {
            let path = format!("postfix/{}.cf", table.name());
            files.push(file(
                &path,
                Reader::Postfix,
                format!(
                    "{head}query = {}\n",
                    table.query(schema, secure_domain_tls(settings), &settings.mail_domain)
                ),
            ));
        }
    }
    Ok(files)
}

fn postfix_inet(address: std::net::SocketAddr) -> String {
    match address {
        std::net::SocketAddr::V4(address) => address.to_string(),
        std::net::SocketAddr::V6(address) => format!("[{}]:{}", address.ip(), address.port()),
    }
}

/// The number of a system user or group, as the system's own files have it.
fn system_id(file: &str, name: &str) -> Option<(u32, u32)> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    let fields: Vec<&str> = line.split(':').collect();
    let first = fields.get(2)?.parse().ok()?;
    Some((first, fields.get(3).and_then(|text| text.parse().ok()).unwrap_or(first)))
}

fn group(name: &str) -> Option<u32> {
    system_id("/etc/group", name).map(|(id, _)| id)
}

fn user(name: &str) -> Option<(u32, u32)> {
    system_id("/etc/passwd", name)
}

/// Whether this program may give files to others.
pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn make_folder(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    if let (Some((user, group)), true) = (owner, is_root()) {
        chown(path, Some(user), Some(group)).map_err(failed)?;
    }
    Ok(())
}

fn write_file(path: &Path, reader: Reader, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let (mode, for_group) = reader.mode_and_group();
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    if let (Some(name), true) = (for_group, is_root()) {
        let group = group(name)
            .ok_or_else(|| format!("there is no system group {name}: is the package installed?"))?;
        chown(&beside, Some(0), Some(group)).map_err(failed)?;
    }
    std::fs::rename(&beside, path).map_err(failed)
}

/// Writes everything: the configuration, the folders the servers need, the signing key where there is
/// none. As root it also gives each file to its reader; otherwise that is left to whoever installs.
///
/// # Errors
/// In words: a setting that is missing, a file that cannot be written.
pub fn write(settings: &Settings, key: &SecretKey, places: &Places) -> Result<(), String> {
    let files = files(settings, key, places)?;
    for folder in ["", "postfix", "dovecot"] {
        make_folder(&places.config.join(folder), 0o755, None)?;
    }
    for file in files {
        write_file(&places.config.join(&file.path), file.reader, &file.text)?;
    }
    let main = places.config.join("postfix/main.cf");
    if let Ok(local) = std::fs::read_to_string(places.config.join("postfix/local.cf")) {
        let text = std::fs::read_to_string(&main).map_err(|error| error.to_string())?;
        write_file(&main, Reader::Anyone, &format!("{text}\n# From local.cf.\n{local}"))?;
    }
    let state = &places.state;
    for folder in ["", "postfix", "dovecot", "dovecot-state", "dovecot-log"] {
        make_folder(&state.join(folder), 0o755, None)?;
    }
    make_folder(&state.join("postfix/queue"), 0o755, None)?;
    make_folder(&state.join("postfix/data"), 0o755, user("postfix"))?;
    let signer = user("opendkim").map(|(user, _)| (user, group("postfix").unwrap_or(user)));
    make_folder(&state.join("dkim"), 0o750, signer)?;
    let owner = user(&settings.mail_user);
    if owner.is_none() && is_root() {
        return Err(format!("mail_user: there is no system user {}", settings.mail_user));
    }
    for folder in ["", "accounts", "shared"] {
        make_folder(&Path::new(&settings.mail_storage).join(folder), 0o770, owner)?;
    }
    let key_file = state.join("dkim").join(format!("{}.private", settings.dkim_selector));
    let (_, made) = dns::signing_key(&key_file)?;
    if let Some(text) = made {
        write_file(&key_file, Reader::Opendkim, text.reveal())?;
        if let (Some((user, group)), true) = (user("opendkim"), is_root()) {
            chown(&key_file, Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
    }
    // Postfix and Dovecot read the projection as members of Postfix's group, and nobody else does.
    if let (Address::Sqlite(path), Some(group), true) =
        (projection_address(settings), group("postfix"), is_root())
    {
        for path in [path.parent().map(Path::to_path_buf), Some(path)].into_iter().flatten() {
            if path.exists() {
                chown(&path, None, Some(group)).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        if let Some(folder) = projection_folder(settings).filter(|folder| folder.exists()) {
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o2750))
                .map_err(|error| format!("{}: {error}", folder.display()))?;
        }
    }
    Ok(())
}

fn projection_folder(settings: &Settings) -> Option<PathBuf> {
    match projection_address(settings) {
        Address::Sqlite(path) => path.parent().map(Path::to_path_buf),
        Address::Postgres(_) => None,
    }
}

/// Everything the domain must publish, as lines of a zone file.
pub fn dns_lines(settings: &Settings, places: &Places) -> Result<String, String> {
    let file = places.state.join("dkim").join(format!("{}.private", settings.dkim_selector));
    if !file.exists() {
        return Err(format!(
            "there is no signing key at {} yet: run `carepost mail-config --out …` first",
            file.display()
        ));
    }
    let (key, _) = dns::signing_key(&file)?;
    Ok(dns::zone_lines(&dns::records(settings, &key)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn settings(database: &str) -> Settings {
        let texts =
            [("database", database), ("mail_database", "postgres://carepost_mail:pw@10.0.0.1:5433/care")];
        let texts = texts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Settings::from_texts(&texts, &BTreeMap::new()).expect("settings")
    }

    fn text_of(database: &str, path: &str) -> String {
        let places = Places { config: "/etc/carepost/mail".into(), state: "/var/lib/carepost/mail".into() };
        let files = files(&settings(database), &Secret::new([7; 32]), &places).expect("files");
        files.into_iter().find(|file| file.path == path).expect(path).text
    }

    #[test]
    fn every_mark_is_filled_in_for_both_databases() {
        for database in ["sqlite:/var/lib/carepost/carepost.db", "postgres://care@10.0.0.1/care"] {
            let places =
                Places { config: "/etc/carepost/mail".into(), state: "/var/lib/carepost/mail".into() };
            for file in files(&settings(database), &Secret::new([7; 32]), &places).expect("files") {
                assert!(!file.text.contains("{{"), "{}: {}", file.path, file.text);
                assert!(!file.text.contains("}}"), "{}", file.path);
            }
        }
    }

    #[test]
    fn the_servers_reach_the_database_they_are_meant_to() {
        let main = text_of("sqlite:/var/lib/carepost/carepost.db", "postfix/main.cf");
        assert!(main.contains("virtual_mailbox_maps = socketmap:inet:127.0.0.1:8483:recipients\n"), "{main}");
        let sql = text_of("sqlite:/var/lib/carepost/carepost.db", "dovecot/sql.conf.ext");
        assert!(sql.contains("connect = /var/lib/carepost/mail/mail.db\n"), "{sql}");
        let recipients = text_of("postgres://care@10.0.0.1/care", "postfix/recipients.cf");
        assert_eq!(
            recipients,
            "hosts = 10.0.0.1:5433\nuser = carepost_mail\npassword = pw\ndbname = care\nquery = SELECT address FROM mail.recipients WHERE name = lower('%s') UNION ALL SELECT 'perhaps' FROM mail.unfilled WHERE lower('%d') = 'carepost.example' AND NOT EXISTS (SELECT 1 FROM mail.users WHERE name = lower('%s'))\n"
        );
        let sql = text_of("postgres://care@10.0.0.1/care", "dovecot/sql.conf.ext");
        assert!(
            sql.contains("connect = host=10.0.0.1 port=5433 dbname=care user=carepost_mail password=pw\n"),
            "{sql}"
        );
    }

    #[test]
    fn an_address_of_the_database_is_taken_apart_or_refused() {
        for bad in ["sqlite:x", "postgres://host/name", "postgres://u:p w@host/name", "postgres://u@host"] {
            assert!(parts(bad).is_none(), "{bad}");
        }
        assert_eq!(
            parts("postgresql://u@h/n?sslmode=require").map(|parts| (parts.port, parts.name)),
            Some(("5432", "n"))
        );
    }

    #[test]
    fn a_template_with_an_unknown_mark_is_refused() {
        let marks = [("a", "1".to_owned())].into();
        assert_eq!(filled("x{{a}}y", &marks), Ok("x1y".to_owned()));
        assert!(filled("{{b}}", &marks).is_err());
        assert!(filled("{{a", &marks).is_err());
    }
}
