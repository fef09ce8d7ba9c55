//! "Your account is active."

use super::new_link;
use crate::app::App;
use crate::directory::{self, Access, State as AccountState, store::SiteOfAccount};
use crate::sign_in::Activating;
use crate::web::components::{Heading, Panel};
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
    fn panel(&self) -> Panel {
        Panel {
            heading: Heading { text: "Your account is active".to_owned(), ..Default::default() },
            text: format!("Your address is {}", self.address),
            ..Default::default()
        }
    }
}

/// GET /activate/done
pub async fn page(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let mut reads = &app.database;
    let account = directory::store::find_account(&mut reads, &activating.account).await?;
    let Some(account) = account.filter(|account| account.state == AccountState::Active) else {
        return go_to(new_link::PATH);
    };
    let sites = directory::store::list_sites_of_account(&mut reads, &account.id).await?;
    let template = DonePage {
        layout: visit.layout("Your account is active"),
        address: account.address,
        is_owner: sites.iter().any(|site| site.access == Access::Owner),
        sites,
    };
    show(&template, &Problems::none())
}
