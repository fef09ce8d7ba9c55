//! "Your account": who I am, and the shared mailboxes I can open.

use super::just_done::JustDone;
use super::{layout, paths, security};
use crate::app::App;
use crate::directory::store::{PersonOfSite, SiteOfAccount};
use crate::directory::{self, Access};
use crate::sign_in::permits::SIGN_IN;
use crate::sign_in::{AccountHolder, store as sign_ins};
use crate::web::components::{
    Heading, InsetText, NotificationBanner, SummaryList, Table, TableCell, TableHeader,
};
use crate::web::done;
use crate::web::form::counted;
use crate::web::parts::{fact, wrapped};
use crate::web::{Answer, Layout, Problems, Visit, go_to, show};
use axum::extract::State as Shared;
use axum::http::Uri;

/// A shared mailbox as one of its people sees it.
pub struct Mailbox {
    pub site: String,
    pub address: String,
    pub you_are: &'static str,
    pub is_owner: bool,
    /// Who else can open it; nothing where nobody else can.
    pub others: Option<Table>,
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/overview.html")]
pub struct OverviewPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    /// What should be done soon about recovery codes.
    pub warning: Option<InsetText>,
    pub facts: SummaryList,
    pub mailboxes: Vec<Mailbox>,
    pub programs: String,
}

fn others(people: &[PersonOfSite], me: &str, site: &str) -> Option<Table> {
    let rows: Vec<Vec<TableCell>> = people
        .iter()
        .filter(|person| person.account_id != me)
        .map(|person| {
            vec![
                wrapped(&format!("{} {}", person.first_name, person.last_name)),
                person.access.in_words().into(),
                person.state.in_words().into(),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        caption: Some(Heading {
            text: format!("Who else can open the shared mailbox of {site}"),
            classes: "nhsuk-table__caption--s".to_owned(),
            ..Default::default()
        }),
        head: ["Name", "Access", "Account"].into_iter().map(TableHeader::from).collect(),
        rows,
        first_cell_is_header: true,
        responsive: true,
        compact: true,
        ..Default::default()
    })
}

fn mailbox(site: SiteOfAccount, people: &[PersonOfSite], me: &str) -> Mailbox {
    Mailbox {
        others: others(people, me, &site.name),
        you_are: match site.access {
            Access::Owner => {
                "You are an owner: you read and send mail, and speak for the site when somebody joins or leaves."
            }
            Access::Member => "You are a member: you read and send mail.",
        },
        is_owner: site.access == Access::Owner,
        site: format!("{}, {}", site.name, site.town),
        address: site.shared_mailbox,
    }
}

/// GET /my-account
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, uri: Uri) -> Answer {
    let Some(account) = directory::store::find_account(&app.database, &by.account).await? else {
        return go_to(SIGN_IN);
    };
    let mut mailboxes = Vec::new();
    for site in
        directory::store::list_sites_of_account(&crate::directory::Scope::All, &app.database, &by.account)
            .await?
    {
        let people =
            directory::store::list_people(&crate::directory::Scope::All, &app.database, &site.site_id)
                .await?;
        mailboxes.push(mailbox(site, &people, &by.account));
    }
    let codes = sign_ins::recovery_codes(&app.database, &by.account).await?;
    let programs = directory::store::list_app_passwords_in_force(&app.database, &by.account).await?;
    let warning = match (codes.made_at, codes.left) {
        (None, _) => {
            Some("You have no recovery codes. If you lose your phone you cannot sign in.".to_owned())
        }
        (Some(_), left) if left < security::FEW_CODES => {
            let left = usize::try_from(left).unwrap_or(0);
            Some(format!("You have {} left.", counted(left, "recovery code", "recovery codes")))
        }
        (Some(_), _) => None,
    };
    let since = account.activated_at.map_or_else(String::new, |at| format!(" since {}", at.day()));
    let rows = vec![
        fact("Name", account.full_name()),
        fact("Your address", account.address.clone()),
        fact("Account", format!("{}{since}", account.state.in_words())),
    ];
    let mut facts = SummaryList { rows, ..Default::default() };
    for row in &mut facts.rows {
        row.value.classes = "app-wrap".to_owned();
    }
    let template = OverviewPage {
        layout: layout(&visit, &by, "Your account", paths::OVERVIEW),
        banner: done::banner_among(&uri, &[JustDone::RecoveryCodesKept, JustDone::RecoveryCodeUsed]),
        warning: warning.map(|text| InsetText { text, ..Default::default() }),
        facts,
        mailboxes,
        programs: match programs.len() {
            0 => "You have not set up a mail program yet.".to_owned(),
            count => format!("You have set up {}.", counted(count, "mail program", "mail programs")),
        },
    };
    show(&template, &Problems::none())
}
