//! Settings and steps for mail programs, and Apple's profile that types them in.

use super::{layout, paths};
use crate::app::App;
use crate::directory;
use crate::my_account::mail_settings::{MailSettings, apple_profile};
use crate::sign_in::AccountHolder;
use crate::web::components::{Html, InsetText, SummaryList};
use crate::web::parts::fact;
use crate::web::{Answer, Layout, Problems, Visit, qr, show};
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

#[derive(askama::Template)]
#[template(path = "my_account/pages/mail_settings.html")]
pub struct MailSettingsPage {
    pub layout: Layout,
    pub address: String,
    pub settings: MailSettings,
    /// A demo without mail servers: there is nothing to connect to.
    pub moves_no_mail: Option<InsetText>,
    pub reading: SummaryList,
    pub sending: SummaryList,
    pub picture: Option<Html>,
    pub phone_page: String,
    pub shared_mailboxes: Vec<String>,
}

fn list(settings: &MailSettings, port: u16, address: &str) -> SummaryList {
    let mut rows = vec![
        fact("Server", settings.server.clone()),
        fact("Port", port.to_string()),
        fact("Security", "SSL/TLS"),
        fact("User name", address),
        fact("Password", "An app password"),
    ];
    for row in &mut rows {
        row.value.classes = "app-wrap".to_owned();
    }
    SummaryList { rows, ..Default::default() }
}

/// GET /my-account/mail-programs/settings
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    let settings = MailSettings::of(&app.settings);
    let phone_page = format!("{}{}", app.settings.public_address, paths::MAIL_SETTINGS);
    let sites =
        directory::store::list_sites_of_account(&crate::directory::Scope::All, &app.database, &by.account)
            .await?;
    let moves_no_mail = app.demo && app.settings.mail_engine == "embedded";
    let template = MailSettingsPage {
        layout: layout(&visit, &by, "Settings for mail programs", paths::MAIL_PROGRAMS)
            .back_to(paths::MAIL_PROGRAMS),
        reading: list(&settings, settings.imap_port, &by.address),
        sending: list(&settings, settings.submission_port, &by.address),
        picture: qr::picture(
            &phone_page,
            "QR code that opens this page on your phone. Its address stands below it.",
        ),
        phone_page,
        address: by.address,
        settings,
        moves_no_mail: moves_no_mail.then(|| InsetText {
            text: "This demo moves no mail: there is no mail server that a program could connect to."
                .to_owned(),
            ..Default::default()
        }),
        shared_mailboxes: sites.into_iter().map(|site| site.shared_mailbox).collect(),
    };
    show(&template, &Problems::none())
}

/// GET /my-account/mail-programs/apple.mobileconfig: everything but the password, which the phone
/// asks for.
pub async fn apple(Shared(app): Shared<App>, by: AccountHolder) -> Answer {
    let profile = apple_profile(&MailSettings::of(&app.settings), &by.account, &by.name, &by.address);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-apple-aspen-config")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"mail.mobileconfig\"")),
    ];
    Ok((headers, profile).into_response())
}
