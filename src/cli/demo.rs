//! `carepost demo`: the service on this machine alone, with sample registers, letters on a page, and
//! mail servers where they are installed.

use super::outside::mail_engine;
use super::process::start_logging;
use super::serve::{listen_on, serve_app};
use super::tables::{self, words};
use super::{Ended, add_case_worker};
use crate::app::{App, Outside, contact_key};
use crate::clock::Clock;
use crate::database::Address;
use crate::letter::Transport;
use crate::mail::postfix_dovecot::servers::{self, OwnLines, Servers};
use crate::register::samples;
use crate::settings::{SecretKey, Settings, service_key};
use crate::sign_in;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The demo's case worker: known to everybody, which is why the demo refuses any address but
/// loopback.
const DEMO_EMAIL: &str = "case.worker@carepost.example";
const DEMO_PASSWORD: &str = "teapot lantern gravel";
const DEMO_SECOND_EMAIL: &str = "second.worker@carepost.example";

#[derive(clap::Args)]
pub struct Demo {
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the demo keeps its database
    #[arg(long, value_name = "FOLDER", default_value = "carepost-data/demo")]
    folder: PathBuf,
    /// Where Postfix and Dovecot keep the demo's mail; nothing there needs to be
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/carepost-demo")]
    mail_folder: PathBuf,
}

impl Demo {
    pub async fn run(self, mut settings: Settings) -> Ended {
        let Demo { listen, folder, mail_folder } = self;
        if !listen.ip().is_loopback() {
            return Err(format!("The demo is for this machine alone: {listen} is not a loopback address."));
        }
        start_logging(&settings);
        settings.database = Address::Sqlite(folder.join("carepost.db"));
        settings.secret_file = None;
        settings.smtp_server = None;
        settings.text_gateway = None;
        settings.cqc_live = false;
        settings.ods_live = false;
        settings.tls_in_front = false;
        settings.public_address = format!("http://{listen}");
        let is_new = !folder.join("carepost.db").exists();
        let (database, _) = tables::open_and_migrate(&settings).await?;
        let key = service_key(&settings)?;
        let clock = Clock::system();
        let mail = demo_mail(&mut settings, &key, &mail_folder, is_new).await?;
        samples::load(&database, &clock, &contact_key(&key)).await.map_err(|refusal| refusal.to_string())?;
        let mut say = Vec::new();
        for (email, name) in [(DEMO_EMAIL, "Casey Worker"), (DEMO_SECOND_EMAIL, "Sam Second")] {
            if sign_in::store::find_case_worker(&database, email).await.map_err(words)?.is_none() {
                add_case_worker::add(&database, &clock, email, name, DEMO_PASSWORD).await?;
            }
        }
        say.push(format!(
            "  Register a care home:  http://{listen}/register   (try “Home Instead”, or read samples/README.md)"
        ));
        say.push(format!("  Read the letters:      http://{listen}/demo/letters"));
        say.push(format!("  Case work:             http://{listen}/casework   {DEMO_EMAIL}, password “{DEMO_PASSWORD}”; the code is on http://{listen}/demo/codes"));
        say.push(format!("  A second case worker:  {DEMO_SECOND_EMAIL}, same password"));
        say.push(match &mail {
            Ok(_) => format!(
                "  Mail programs:         make an app password on http://{listen}/my-account; IMAP localhost:{}, SMTP localhost:{} (both TLS, a certificate of our own)",
                settings.imap_port, settings.submission_port
            ),
            Err(why) => format!("  Mail:                  no mail is moved, because {why} (docs/guides/mail-postfix-dovecot.md)"),
        });
        let outside = Outside {
            live: Vec::new(),
            mail: mail_engine(&settings, &database, &key, &clock).await?,
            letters: Transport::Kept,
            demo: true,
        };
        let listener = listen_on(listen).await?;
        let app = App::new(database, settings, clock, key, outside);
        let served = serve_app(app, listener, &say).await;
        drop(mail);
        served
    }
}

/// The demo's mail servers, on high ports of this machine; or why there are none, and the demo moves no
/// mail.
async fn demo_mail(
    settings: &mut Settings,
    key: &SecretKey,
    folder: &Path,
    is_new: bool,
) -> Result<Result<Servers, String>, String> {
    if let Some(why) = servers::missing() {
        settings.mail_engine = "embedded".to_owned();
        return Ok(Err(why));
    }
    let marker = folder.join("mail-of-a-carepost-demo");
    if is_new && marker.exists() {
        // The mail of an earlier demo belongs to nobody any more.
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    std::fs::write(&marker, "").map_err(|error| format!("{}: {error}", marker.display()))?;
    // Mail goes round in the demo and nowhere else.
    let own =
        OwnLines { postfix: "default_transport = error:5.4.1 the demo sends nothing out\n", dovecot: "" };
    let started = servers::start_below(folder, settings, key, servers::Ports::DEMO, own).await?;
    Ok(Ok(started.servers))
}
