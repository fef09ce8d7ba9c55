//! `carepost demo`: the service on this machine alone, with sample registers, letters on a page, and
//! mail servers where they are installed.

use super::outside::mail_engine;
use super::process::start_logging;
use super::serve::{audit_keeper, listen_on, serve_app};
use super::tables::{self, words};
use super::{Ended, add_case_worker};
use crate::app::{App, Outside, contact_key};
use crate::clock::Clock;
use crate::database::Address;
use crate::letter::Transport;
use crate::mail::postfix_dovecot::servers::{self, OwnLines, Ports, Started};
use crate::register::samples;
use crate::settings::{SecretKey, Settings, service_key};
use crate::sign_in;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The demo's case worker: known to everybody, which is why the demo refuses any address but
/// loopback.
const DEMO_EMAIL: &str = "case.worker@carepost.example";
const DEMO_PASSWORD: &str = "teapot lantern gravel";
const DEMO_SECOND_EMAIL: &str = "second.worker@carepost.example";

/// What a folder of the demo's mail is known by. It is locked while a demo uses the folder.
const MAIL_MARKER: &str = "mail-of-a-carepost-demo";
/// What is locked in the folder of the demo's database while a demo uses it.
const LOCK: &str = "demo.lock";

#[derive(clap::Args)]
pub struct Demo {
    /// Where pages are served: an address of this machine alone
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the demo keeps its database
    #[arg(long, value_name = "FOLDER", default_value = "carepost-data/demo")]
    folder: PathBuf,
    /// Where Postfix and Dovecot keep the demo's mail; nothing there needs to be
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/carepost-demo")]
    mail_folder: PathBuf,
    /// What is added to the usual ports of the mail servers: 10000 gives 10025 and 10465 (SMTP), 10587
    /// (SMTP with STARTTLS), 10993 (IMAP), and 18480 to 18483 for what they say to one another
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(Ports::BASE_MAX))
    )]
    mail_port_base: u16,
    /// Start no mail servers: everything works but reading and sending mail
    #[arg(long, conflicts_with_all = ["mail_folder", "mail_port_base"])]
    without_mail: bool,
}

/// The demo's mail servers; they stop, and their folder is free again, when this is dropped.
struct MailServers {
    _servers: Started,
    _lock: File,
}

impl Demo {
    pub async fn run(self, mut settings: Settings) -> Ended {
        let listen = self.listen;
        if !listen.ip().is_loopback() {
            return Err(format!("The demo is for this machine alone: {listen} is not a loopback address."));
        }
        start_logging(&settings);
        // Nothing is touched that another demo may be using.
        let listener = listen_on(listen).await.map_err(|why| format!("{why}. Choose another --listen."))?;
        let listen = listener.local_addr().map_err(|error| error.to_string())?;
        let _lock = lock(&self.folder, LOCK, "--folder")?;
        settings.database = Address::Sqlite(self.folder.join("carepost.db"));
        settings.secret_file = None;
        settings.audit_folder = Some(self.folder.join("audit"));
        settings.audit_key_file = None;
        settings.smtp_server = None;
        settings.text_gateway = None;
        settings.cqc_live = false;
        settings.ods_live = false;
        settings.tls_in_front = false;
        settings.public_address = format!("http://{listen}");
        let is_new = !self.folder.join("carepost.db").exists();
        let (database, _) = tables::open_and_migrate(&settings).await?;
        let key = service_key(&settings)?;
        let clock = Clock::system();
        let mail = self.start_mail(&mut settings, &key, is_new).await?;
        samples::load(&database, &clock, &contact_key(&key)).await.map_err(|refusal| refusal.to_string())?;
        for (email, name) in [(DEMO_EMAIL, "Casey Worker"), (DEMO_SECOND_EMAIL, "Sam Second")] {
            if sign_in::store::find_case_worker(&database, email).await.map_err(words)?.is_none() {
                add_case_worker::add(&database, &clock, email, name, DEMO_PASSWORD).await?;
            }
        }
        let say = what_to_try(listen, &settings, &mail);
        let outside = Outside {
            live: Vec::new(),
            mail: mail_engine(&settings, &database, &key, &clock).await?,
            letters: Transport::Kept,
            demo: true,
        };
        let keeper = audit_keeper(&database, &settings, &clock, None).await?;
        let app = App::new(database, settings, clock, key, outside).keeping(keeper);
        let served = serve_app(app, listener, &say).await;
        drop(mail);
        served
    }

    /// Starts the demo's mail servers on ports of this machine alone. Where they are not wanted or cannot be
    /// started, the inner error says why no mail moves, as the end of a sentence.
    async fn start_mail(
        &self,
        settings: &mut Settings,
        key: &SecretKey,
        is_new: bool,
    ) -> Result<Result<MailServers, String>, String> {
        let why_not =
            if self.without_mail { Some("--without-mail says so".to_owned()) } else { servers::missing() };
        if let Some(why) = why_not {
            settings.mail_engine = "embedded".to_owned();
            return Ok(Err(why));
        }
        let folder = std::path::absolute(&self.mail_folder).map_err(|error| error.to_string())?;
        let is_ours = folder.join(MAIL_MARKER).exists();
        let lock = lock(&folder, MAIL_MARKER, "--mail-folder")?;
        servers::stop_left_over(&folder)?;
        let ports = Ports::above(self.mail_port_base);
        if let Some(port) = ports.first_in_use() {
            return Err(format!(
                "Another program uses port {port} of this machine, which is for the demo's mail servers. Choose another --mail-port-base, or start with --without-mail."
            ));
        }
        if is_new && is_ours {
            // The mail of an earlier demo belongs to nobody any more.
            clear(&folder)?;
        }
        // Mail goes round in the demo and nowhere else.
        let own =
            OwnLines { postfix: "default_transport = error:5.4.1 the demo sends nothing out\n", dovecot: "" };
        let started = servers::start_below(&folder, settings, key, ports, own).await?;
        Ok(Ok(MailServers { _servers: started, _lock: lock }))
    }
}

/// Locks a file in a folder, both of which are made where they are missing. The lock ends with this
/// process at the latest.
fn lock(folder: &Path, name: &str, option: &str) -> Result<File, String> {
    let path = folder.join(name);
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            format!("Another demo uses the folder {}. Choose another {option}.", folder.display())
        }
        TryLockError::Error(error) => failed(error),
    })?;
    Ok(file)
}

/// Removes everything in a folder of the demo's mail but its marker.
fn clear(folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() == MAIL_MARKER {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            std::fs::remove_dir_all(entry.path()).map_err(failed)?;
        } else {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// What the demo prints once it serves.
fn what_to_try(listen: SocketAddr, settings: &Settings, mail: &Result<MailServers, String>) -> Vec<String> {
    let mail = match mail {
        Ok(_) => format!(
            "make an app password on http://{listen}/my-account; IMAP {server}:{imap}, SMTP {server}:{smtp}, both with TLS and a certificate of the demo's own (README.md says how to send the first email)",
            server = settings.mail_server_name,
            imap = settings.imap_port,
            smtp = settings.submission_port,
        ),
        Err(why) => format!("no mail moves, because {why}"),
    };
    vec![
        format!(
            "  Register a care home:  http://{listen}/register   (try “Home Instead”, or read samples/README.md)"
        ),
        format!("  Read the letters:      http://{listen}/demo/letters"),
        format!(
            "  Case work:             http://{listen}/casework   {DEMO_EMAIL}, password “{DEMO_PASSWORD}”; the code is on http://{listen}/demo/codes"
        ),
        format!("  A second case worker:  {DEMO_SECOND_EMAIL}, same password"),
        format!("  Mail programs:         {mail}"),
    ]
}
