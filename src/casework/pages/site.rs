//! The page of a site that has joined: its shared mailbox, its people, and what can be done for them.

use super::history::{actor_in_words, capitalised};
use super::site_loaded::{LOOKED, Loaded, few_owners, load};
use super::site_person::Doing;
use super::{FROZEN, SITES, fact, html_fact, layout, named_table, tag, wrapped};
use crate::app::App;
use crate::casework::store;
use crate::clock::{Span, Timestamp};
use crate::database::page::Seek;
use crate::directory::freeze::Frozen;
use crate::directory::{self, Account, Management, SharedMailbox, SharedMailboxState, Site, SiteMove};
use crate::outbox::transitions::Transition;
use crate::sign_in::CaseWorker;
use crate::web::components::{
    Heading, Html, NotificationBanner, Pagination, SummaryList, Table, TableCell, TableHeader, Tag,
    TagColour, WarningCallout,
};
use crate::web::done::{self, Done, done};
use crate::web::form::query;
use crate::web::page::show_with;
use crate::web::paging;
use crate::web::{Answer, Interrupt, Layout, Visit};
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};

#[derive(askama::Template)]
#[template(path = "casework/pages/site.html")]
pub struct SitePage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    pub path: String,
    pub ods_code: String,
    pub facts: SummaryList,
    pub mailbox: SummaryList,
    pub few_owners: Option<WarningCallout>,
    pub people: Table,
    pub history: Table,
    pub pagination: Option<Pagination>,
    /// What is frozen here: words, and where it is.
    pub frozen: Vec<(String, String)>,
    pub can_freeze: bool,
    /// Where the registration is that it came from.
    pub case: String,
}

done! {
    /// What was done with a site; what was done with one of its people is `Doing`.
    SiteDone {
        AccessGiven "given": "The person can use the shared mailbox. We have told them by email.",
        AddressAdded "address": "Mail to the address now arrives in this shared mailbox.",
        Frozen "frozen": "The site is frozen. Its people are told by email. Two case workers together can lift the freeze.",
    }
}

fn facts(site: &Site) -> SummaryList {
    let looked_after = match site.management {
        Management::Nas => "The central team",
        Management::Organisation => "The organisation itself",
    };
    let rows = vec![
        fact("CQC location ID", site.cqc_location_id.clone()),
        fact("Where", format!("{}, {}", site.town, site.postcode)),
        fact("Accounts looked after by", looked_after),
        fact("Joined", site.joined_at.in_words()),
    ];
    SummaryList { rows, ..Default::default() }
}

fn mailbox_facts(
    mailbox: &SharedMailbox,
    aliases: &[String],
    unread: Option<(i64, Timestamp)>,
) -> SummaryList {
    let colour = match mailbox.state {
        SharedMailboxState::Pending | SharedMailboxState::Purged => TagColour::Grey,
        SharedMailboxState::Active => TagColour::Green,
        SharedMailboxState::Closing => TagColour::Yellow,
        SharedMailboxState::Deleted => TagColour::Red,
    };
    let mut rows = vec![
        fact("Address", mailbox.address.clone()),
        html_fact("State", Html::of(&tag(mailbox.state.in_words(), colour))),
        fact("Further addresses", if aliases.is_empty() { "None".to_owned() } else { aliases.join(", ") }),
    ];
    if let Some((unread, at)) = unread {
        let messages =
            if unread == 1 { "1 message has".to_owned() } else { format!("{unread} messages have") };
        rows.push(fact(
            "Unread mail",
            format!("{messages} waited too long to be read, counted on {}", at.in_words()),
        ));
    }
    for row in &mut rows {
        row.value.classes = "app-wrap".to_owned();
    }
    SummaryList { rows, ..Default::default() }
}

/// Who somebody is, as the first cell of their row.
#[derive(askama::Template)]
#[template(
    source = r#"{{ name }}<br><span class="app-evidence">{{ role }}<br>{{ address }}</span>"#,
    ext = "html"
)]
struct Who {
    name: String,
    role: String,
    address: String,
}
impl askama::filters::HtmlSafe for Who {}

#[derive(askama::Template)]
#[template(
    source = r#"{{ tag }}{% for line in lines %}<br><span class="app-evidence">{{ line }}</span>{% endfor %}"#,
    ext = "html"
)]
struct Standing {
    tag: Tag,
    lines: Vec<String>,
}
impl askama::filters::HtmlSafe for Standing {}

#[derive(askama::Template)]
#[template(
    source = r#"{% for (href, words) in links %}<a class="app-doing" href="{{ href }}">{{ words }}<span class="nhsuk-u-visually-hidden">: {{ name }}</span></a>{% endfor %}"#,
    ext = "html"
)]
struct Links {
    links: Vec<(String, &'static str)>,
    name: String,
}
impl askama::filters::HtmlSafe for Links {}

/// Where an account is, for case workers, with how long it has been and can be so.
pub(super) fn standing(account: &Account, most: Span, now: Timestamp) -> Html {
    let facts = account.state.facts();
    let mut lines = Vec::new();
    if let Some(until) = account.disabled_until(most) {
        lines.push(format!("Since {}", account.state_since.day()));
        lines.push(match until < now {
            true => format!("Too long: could be disabled until {}", until.day()),
            false => format!("Until {} at most", until.day()),
        });
    }
    Html::of(&Standing { tag: tag(facts.words, facts.colour), lines })
}

fn people_table(loaded: &Loaded, accounts: &[Account], most: Span, now: Timestamp) -> Table {
    let rows = loaded
        .people
        .iter()
        .map(|person| {
            let account = accounts.iter().find(|account| account.id == person.account_id);
            let state = account.map(|account| account.state);
            let name = format!("{} {}", person.first_name, person.last_name);
            let who = Who { name: name.clone(), role: person.role.clone(), address: person.address.clone() };
            let links = Links {
                links: Doing::of(state, person.access)
                    .into_iter()
                    .map(|doing| {
                        let href = format!("{}/people/{}/{}", loaded.path(), person.account_id, doing.slug());
                        (href, doing.link())
                    })
                    .collect(),
                name,
            };
            let place = person.slot.map_or_else(|| "Other site".to_owned(), |slot| slot.to_string());
            let used = person.last_used_at.map_or_else(|| "Not yet".to_owned(), |at| at.day().to_string());
            vec![
                TableCell { html: Some(Html::of(&who)), ..Default::default() },
                place.into(),
                person.access.in_words().into(),
                TableCell { html: account.map(|account| standing(account, most, now)), ..Default::default() },
                used.into(),
                TableCell { html: Some(Html::of(&links)), ..Default::default() },
            ]
        })
        .collect();
    named_table(
        "People who can use the shared mailbox",
        ["Name", "Place", "Access", "Account", "Last used", "What you can do"],
        rows,
    )
}

/// What happened, with the people in it by name.
async fn history(
    app: &App,
    loaded: &Loaded,
    seek: &Seek<Timestamp>,
) -> Result<(Table, Option<Pagination>), Interrupt> {
    let (site, mailbox) = (&loaded.site.id, &loaded.mailbox.id);
    let page = store::site_history(&app.database, site, mailbox, LOOKED, seek).await?;
    let pagination =
        paging::links(&loaded.path(), &page, "Pages of the history", ["Newer entries", "Older entries"]);
    let workers = crate::console::store::list_names(&app.database).await?;
    let mut rows = Vec::new();
    for entry in page.rows {
        // What an entry about the shared mailbox names is whose access it was, or an address.
        let id = if entry.subject == loaded.mailbox.id { &entry.detail } else { &entry.subject };
        let about = match directory::store::find_account(&app.database, id).await? {
            Some(account) => account.full_name(),
            None if id.contains('@') => id.clone(),
            None => String::new(),
        };
        let why = entry.text.clone();
        rows.push(vec![
            TableCell::from(entry.at.in_words()),
            capitalised(&entry.action).into(),
            wrapped(&about),
            actor_in_words(&entry.actor, &workers).into(),
            wrapped(&capitalised(&why)),
        ]);
    }
    let table = Table {
        caption: Some(Heading {
            text: "What has happened to this site, newest first".to_owned(),
            classes: "nhsuk-u-visually-hidden".to_owned(),
            ..Default::default()
        }),
        head: ["When", "What", "About", "Who", "Why"].into_iter().map(TableHeader::from).collect(),
        rows,
        responsive: true,
        compact: true,
        ..Default::default()
    };
    Ok((table, pagination))
}

/// The freezes of a site and of the people who can use its shared mailbox.
async fn frozen_here(app: &App, loaded: &Loaded) -> Result<Vec<(String, String)>, Interrupt> {
    let site = Frozen::Site { ods_code: loaded.site.ods_code.clone() };
    let people = loaded.people.iter().map(|person| Frozen::Account { id: person.account_id.clone() });
    let mut found = Vec::new();
    for what in std::iter::once(site).chain(people) {
        if let Some(freeze) = directory::store::find_freeze_of(&app.database, &what).await? {
            found.push((freeze.name.clone(), format!("{FROZEN}/{}", freeze.id)));
        }
    }
    Ok(found)
}

/// GET /casework/sites/{id}
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let loaded = load(&app, &by, &id).await?;
    let mut accounts = Vec::new();
    for person in &loaded.people {
        accounts.extend(directory::store::find_account(&app.database, &person.account_id).await?);
    }
    let frozen = frozen_here(&app, &loaded).await?;
    let aliases = directory::store::list_aliases(&app.database, &loaded.mailbox.id).await?;
    let unread = directory::store::unread_alarm(&app.database, &loaded.mailbox.id).await?;
    let (history, pagination) = history(&app, &loaded, &paging::seek(&query(&uri))).await?;
    let most = Span::days(i64::from(app.settings.disabled_days_max));
    let template = SitePage {
        layout: layout(&visit, &by, &loaded.site.name, SITES).back_to(SITES),
        banner: done::banner::<SiteDone>(&uri).or_else(|| done::banner::<Doing>(&uri)),
        path: loaded.path(),
        ods_code: loaded.site.ods_code.clone(),
        facts: facts(&loaded.site),
        mailbox: mailbox_facts(&loaded.mailbox, &aliases, unread),
        few_owners: few_owners(&loaded.people),
        frozen,
        can_freeze: SiteMove::Freeze.leads(loaded.site.state).is_some(),
        people: people_table(&loaded, &accounts, most, app.clock.now()),
        history,
        pagination,
        case: loaded
            .site
            .origin
            .registration()
            .map_or_else(String::new, |id| format!("/casework/cases/{id}")),
    };
    show_with(StatusCode::OK, &template)
}
