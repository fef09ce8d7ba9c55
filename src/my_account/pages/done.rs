//! "Your account is active." What is left is to set up the authenticator app, at once.

use super::paths;
use crate::app::App;
use crate::directory::{self, Access, AccountState, store::SiteOfAccount};
use crate::sign_in::SettingUpApp;
use crate::sign_in::permits::SIGN_IN;
use crate::web::components::{Button, Heading, Panel};
use crate::web::{Answer, Layout, Problems, Visit, go_to, show};
use axum::extract::State;

#[derive(askama::Template)]
#[template(path = "my_account/pages/done.html")]
pub struct DonePage {
    pub layout: Layout,
    pub address: String,
    pub sites: Vec<SiteOfAccount>,
    pub is_owner: bool,
}

impl DonePage {
    fn set_up(&self) -> Button {
        Button { text: "Set up the app".to_owned(), href: paths::SET_UP_APP.to_owned(), ..Default::default() }
    }

    fn panel(&self) -> Panel {
        Panel {
            heading: Heading { text: "Your account is active".to_owned(), ..Default::default() },
            text: format!("Your address is {}", self.address),
            ..Default::default()
        }
    }
}

/// GET /activate/done
pub async fn page(State(app): State<App>, visit: Visit, setting_up: SettingUpApp) -> Answer {
    let account = directory::store::find_account(&app.database, &setting_up.account).await?;
    let Some(account) = account.filter(|account| account.state == AccountState::Active) else {
        return go_to(SIGN_IN);
    };
    let sites =
        directory::store::list_sites_of_account(&crate::directory::Scope::All, &app.database, &account.id)
            .await?;
    let template = DonePage {
        layout: visit.layout("Your account is active"),
        address: account.address,
        is_owner: sites.iter().any(|site| site.access == Access::Owner),
        sites,
    };
    show(&template, &Problems::none())
}
