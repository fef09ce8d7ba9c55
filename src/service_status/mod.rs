//! The service status: what works, what does not, what is planned, and the messages on top of every
//! page.
//!
//! Of each component there is what the central team says and what the service's own check found;
//! people see the worse of the two, so that a check never hides what the team has set. Both keep
//! their history. Announcements are written by the central team: trouble, planned work, news.
//!
//! The central team's deeds are in [`moves`]; what the service finds of itself is in [`verify`].
//!
//! What is deliberately not here: anything about a person or a site. Who set what stands in the audit
//! trail.

pub mod moves;
pub mod pages;
pub mod store;
pub mod verify;

use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::id::new_id;
use crate::outbox::Change;
use crate::settings::Settings;
use crate::web::notices::Notice;
use crate::web::xml::escaped;
use std::fmt::Write;

/// Where people read it.
pub const PATH: &str = "/service-status";

/// How long what is over stays on the page.
pub const HISTORY: Span = Span::days(90);

/// A part of the service that can be out of order by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    Pages,
    Mail,
    Letters,
    Accounts,
    Checks,
}

impl Component {
    pub const ALL: [Component; 5] =
        [Component::Pages, Component::Mail, Component::Letters, Component::Accounts, Component::Checks];

    pub fn stored(self) -> &'static str {
        match self {
            Component::Pages => "Pages",
            Component::Mail => "Mail",
            Component::Letters => "Letters",
            Component::Accounts => "Accounts",
            Component::Checks => "Checks",
        }
    }

    pub fn slug(self) -> &'static str {
        match self {
            Component::Pages => "pages",
            Component::Mail => "mail",
            Component::Letters => "letters",
            Component::Accounts => "accounts",
            Component::Checks => "checks",
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Component::Pages => "Registering, signing in and these pages",
            Component::Mail => "Sending and receiving secure email",
            Component::Letters => "Emails and text messages with codes and links",
            Component::Accounts => "Setting up accounts and shared mailboxes",
            Component::Checks => "Checking registrations against the registers",
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.stored() == stored)
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.slug() == slug)
    }
}

/// How well a component works; the later, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Working,
    Problems,
    NotWorking,
}

impl Health {
    pub const ALL: [Health; 3] = [Health::Working, Health::Problems, Health::NotWorking];

    pub fn stored(self) -> &'static str {
        match self {
            Health::Working => "Working",
            Health::Problems => "Problems",
            Health::NotWorking => "NotWorking",
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.stored() == stored)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Health::Working => "Works",
            Health::Problems => "Some problems",
            Health::NotWorking => "Does not work",
        }
    }
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Team,
    Check,
}

impl Source {
    pub fn stored(self) -> &'static str {
        match self {
            Source::Team => "Team",
            Source::Check => "Check",
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        [Source::Team, Source::Check].into_iter().find(|source| source.stored() == stored)
    }
}

/// What one source says of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub component: Component,
    pub source: Source,
    pub health: Health,
    /// For everybody to read; may be empty.
    pub words: String,
    pub since: Timestamp,
}

impl Said {
    /// What counts where nothing was ever said.
    pub fn nothing(component: Component, source: Source) -> Self {
        Said {
            component,
            source,
            health: Health::Working,
            words: String::new(),
            since: Timestamp::from_milliseconds(0),
        }
    }

    /// What the central team says now.
    pub fn by_team(
        component: Component,
        health: Health,
        words: String,
        by: Actor,
        at: Timestamp,
    ) -> Change<Self> {
        let entry = Entry::new(by, "service status set", component.stored()).because(health.in_words());
        Change::new(Said { component, source: Source::Team, health, words, since: at }, entry)
    }

    /// What the service's own check found.
    pub fn by_check(found: ComponentFinding, at: Timestamp) -> Change<Self> {
        let entry = Entry::new(Actor::Service, "service status found", found.component.stored())
            .because(found.health.in_words());
        let words = found.words.to_owned();
        Change::new(
            Said {
                component: found.component,
                source: Source::Check,
                health: found.health,
                words,
                since: at,
            },
            entry,
        )
    }
}

/// What a check found of a component, in words that name nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentFinding {
    pub component: Component,
    pub health: Health,
    pub words: &'static str,
}

impl ComponentFinding {
    pub fn working(component: Component) -> Self {
        ComponentFinding { component, health: Health::Working, words: "" }
    }
}

/// A component as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub component: Component,
    pub team: Said,
    pub check: Said,
    /// Whether trouble with it is announced now.
    pub trouble: bool,
}

impl Standing {
    /// The worse of what the team says and what the check found; with trouble announced, it does not
    /// simply work.
    pub fn health(&self) -> Health {
        let announced = if self.trouble { Health::Problems } else { Health::Working };
        self.team.health.max(self.check.health).max(announced)
    }

    /// What is said of it: the team's words first; those of the check where they add something.
    pub fn words(&self) -> Vec<&str> {
        [&self.team, &self.check]
            .into_iter()
            .filter(|said| said.health != Health::Working || said.source == Source::Team)
            .map(|said| said.words.as_str())
            .filter(|words| !words.is_empty())
            .collect()
    }

    /// Since when it is as it is, where it does not simply work.
    pub fn since(&self) -> Option<Timestamp> {
        let health = self.health();
        [&self.team, &self.check]
            .into_iter()
            .filter(|said| said.health == health && health != Health::Working)
            .map(|said| said.since)
            .min()
    }
}

/// What an announcement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnouncementKind {
    Trouble,
    PlannedWork,
    News,
}

impl AnnouncementKind {
    pub const ALL: [AnnouncementKind; 3] =
        [AnnouncementKind::Trouble, AnnouncementKind::PlannedWork, AnnouncementKind::News];

    pub fn stored(self) -> &'static str {
        match self {
            AnnouncementKind::Trouble => "Trouble",
            AnnouncementKind::PlannedWork => "PlannedWork",
            AnnouncementKind::News => "News",
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.stored() == stored)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            AnnouncementKind::Trouble => "Something is wrong",
            AnnouncementKind::PlannedWork => "Planned work",
            AnnouncementKind::News => "News",
        }
    }
}

/// Where an announcement is in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Coming,
    Now,
    Over,
}

/// What the central team tells everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub id: String,
    pub version: i64,
    pub told: AnnouncementText,
    pub made_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What an announcement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementText {
    pub kind: AnnouncementKind,
    pub component: Option<Component>,
    pub title: String,
    pub words: String,
    /// Whether it stands on top of every page while it lasts.
    pub on_every_page: bool,
    pub starts_at: Timestamp,
    pub ends_at: Option<Timestamp>,
}

impl Announcement {
    pub fn make(told: AnnouncementText, by: Actor, at: Timestamp) -> Change<Self> {
        let announcement = Announcement { id: new_id(at), version: 1, told, made_at: at, changed_at: at };
        let entry =
            Entry::new(by, "announcement made", &announcement.id).because(announcement.told.title.clone());
        Change::new(announcement, entry)
    }

    pub fn change(self, told: AnnouncementText, by: Actor, at: Timestamp) -> Change<Self> {
        let entry = Entry::new(by, "announcement changed", &self.id).because(told.title.clone());
        Change::new(Announcement { told, changed_at: at, ..self }, entry)
    }

    /// Ends it now; nothing where it is over. What had not begun is over before anybody saw it.
    pub fn end(self, by: Actor, at: Timestamp) -> Option<Change<Self>> {
        if self.phase(at) == Phase::Over {
            return None;
        }
        let entry = Entry::new(by, "announcement ended", &self.id).because(self.told.title.clone());
        let told =
            AnnouncementText { starts_at: self.told.starts_at.min(at), ends_at: Some(at), ..self.told };
        Some(Change::new(Announcement { told, changed_at: at, ..self }, entry))
    }

    pub fn phase(&self, now: Timestamp) -> Phase {
        if self.told.ends_at.is_some_and(|ends_at| ends_at <= now) {
            Phase::Over
        } else if now < self.told.starts_at {
            Phase::Coming
        } else {
            Phase::Now
        }
    }

    /// "2 March 2026, 9am to 10am", or from one day to another, or from when on.
    pub fn when(&self) -> String {
        let from = self.told.starts_at;
        match self.told.ends_at {
            Some(until) if until.day() == from.day() => {
                format!("{}, {} to {}", from.day(), from.time_in_words(), until.time_in_words())
            }
            Some(until) => format!("{} to {}", from.in_words(), until.in_words()),
            None => format!("from {}", from.in_words()),
        }
    }
}

/// Everything that is known of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    pub standings: Vec<Standing>,
    /// The newest first.
    pub announcements: Vec<Announcement>,
}

impl Board {
    /// Lays what was said beside the components; one nobody has spoken of works.
    pub fn of(said: &[Said], announcements: Vec<Announcement>, now: Timestamp) -> Self {
        let find = |component, source| {
            said.iter()
                .find(|said| said.component == component && said.source == source)
                .cloned()
                .unwrap_or_else(|| Said::nothing(component, source))
        };
        let is_trouble = |component| {
            announcements.iter().any(|announcement: &Announcement| {
                announcement.told.kind == AnnouncementKind::Trouble
                    && announcement.told.component == Some(component)
                    && announcement.phase(now) == Phase::Now
            })
        };
        let standings = Component::ALL.map(|component| Standing {
            trouble: is_trouble(component),
            component,
            team: find(component, Source::Team),
            check: find(component, Source::Check),
        });
        Board { standings: standings.into(), announcements }
    }

    /// The worst of all components.
    pub fn health(&self) -> Health {
        self.standings.iter().map(Standing::health).max().unwrap_or(Health::Working)
    }

    pub fn in_phase(&self, phase: Phase, now: Timestamp) -> impl Iterator<Item = &Announcement> {
        self.announcements.iter().filter(move |announcement| announcement.phase(now) == phase)
    }

    /// The messages on top of every page: announcements that are to stand there, with their times, and
    /// components that are out of order while nothing announced tells of them.
    pub fn notices(&self, now: Timestamp) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self
            .announcements
            .iter()
            .filter(|announcement| announcement.told.on_every_page && announcement.phase(now) != Phase::Over)
            .map(|announcement| Notice {
                title: announcement.told.title.clone(),
                words: announcement.told.words.clone(),
                href: PATH,
                from: announcement.told.starts_at,
                until: announcement.told.ends_at,
            })
            .collect();
        for standing in &self.standings {
            let is_told = self.in_phase(Phase::Now, now).any(|announcement| {
                announcement.told.on_every_page && announcement.told.component == Some(standing.component)
            });
            if let Some(since) = standing.since()
                && !is_told
            {
                notices.push(Notice {
                    title: format!(
                        "{}: {}",
                        standing.component.in_words(),
                        standing.health().in_words().to_lowercase()
                    ),
                    words: standing.words().join(" "),
                    href: PATH,
                    from: since,
                    until: None,
                });
            }
        }
        notices
    }

    /// The Atom feed (RFC 4287): announcements and what became of the components, the newest first.
    pub fn feed(&self, changes: &[(String, Said)], settings: &Settings, now: Timestamp) -> String {
        let home = escaped(&settings.public_address);
        let mut entries: Vec<(Timestamp, String, String, String)> = self
            .announcements
            .iter()
            .map(|announcement| {
                let told = &announcement.told;
                let title = match announcement.phase(now) {
                    Phase::Over => format!("Over: {}", told.title),
                    Phase::Coming | Phase::Now => format!("{}: {}", told.kind.in_words(), told.title),
                };
                let summary = format!("{} ({})", told.words, announcement.when());
                (announcement.changed_at, announcement.id.clone(), title, summary)
            })
            .collect();
        entries.extend(changes.iter().map(|(id, said)| {
            let title = format!("{}: {}", said.component.in_words(), said.health.in_words().to_lowercase());
            (said.since, id.clone(), title, said.words.clone())
        }));
        entries.sort_by(|one, other| (other.0, &other.1).cmp(&(one.0, &one.1)));
        let updated = entries.first().map_or(now, |entry| entry.0).rfc3339();
        let service = escaped(&settings.service_name);
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n\
             <title>{service}: service status</title>\n<id>{home}{PATH}</id>\n\
             <link rel=\"self\" href=\"{home}{PATH}/feed.xml\"/>\n<link href=\"{home}{PATH}\"/>\n\
             <updated>{updated}</updated>\n<author><name>{service}</name></author>\n"
        );
        for (at, id, title, summary) in entries {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "<entry><title>{}</title><id>urn:uuid:{id}</id><link href=\"{home}{PATH}\"/><updated>{}</updated><summary>{}</summary></entry>",
                escaped(&title),
                at.rfc3339(),
                escaped(&summary)
            );
        }
        text.push_str("</feed>\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_london(text).expect(text)
    }

    fn said(source: Source, health: Health, words: &str) -> Said {
        Said {
            component: Component::Mail,
            source,
            health,
            words: words.to_owned(),
            since: at("2026-11-23 08:00"),
        }
    }

    fn told(component: Option<Component>, starts: &str, ends: Option<&str>) -> AnnouncementText {
        AnnouncementText {
            kind: AnnouncementKind::PlannedWork,
            component,
            title: "Mail stops".to_owned(),
            words: "For an hour & a bit.".to_owned(),
            on_every_page: true,
            starts_at: at(starts),
            ends_at: ends.map(at),
        }
    }

    #[test]
    fn when_is_said_as_shortly_as_can_be() {
        let check = |starts: &str, ends: Option<&str>, expect: &str| {
            let told = told(None, starts, ends);
            let at = told.starts_at;
            let announcement =
                Announcement { id: String::new(), version: 1, told, made_at: at, changed_at: at };
            assert_eq!(announcement.when(), expect);
        };
        check("2026-11-29 07:00", Some("2026-11-29 08:30"), "29 November 2026, 7am to 8:30am");
        let over_night = "29 November 2026 at 10pm to 30 November 2026 at 1am";
        check("2026-11-29 22:00", Some("2026-11-30 01:00"), over_night);
        check("2026-11-29 22:00", None, "from 29 November 2026 at 10pm");
    }

    #[test]
    fn a_check_only_worsens_what_people_see() {
        for team in Health::ALL {
            for check in Health::ALL {
                let standing = Standing {
                    component: Component::Mail,
                    team: said(Source::Team, team, "Team."),
                    check: said(Source::Check, check, "Check."),
                    trouble: false,
                };
                let announced = Standing { trouble: true, ..standing.clone() };
                assert_eq!(announced.health(), standing.health().max(Health::Problems));
                assert!(standing.health() >= team && standing.health() >= check);
                assert!(standing.words().contains(&"Team."), "what the team says is never hidden");
                assert_eq!(standing.words().contains(&"Check."), check != Health::Working);
                assert_eq!(standing.since().is_none(), standing.health() == Health::Working);
            }
        }
    }

    #[test]
    fn what_is_out_of_order_stands_on_every_page_unless_it_is_announced_there() {
        let now = at("2026-11-23 09:00");
        let broken = [said(Source::Check, Health::NotWorking, "No answer.")];
        let titles = |board: &Board| board.notices(now).into_iter().map(|n| n.title).collect::<Vec<_>>();
        let quiet = Board::of(&[], Vec::new(), now);
        assert_eq!((titles(&quiet), quiet.health()), (Vec::new(), Health::Working));
        let board = Board::of(&broken, Vec::new(), now);
        assert_eq!(titles(&board), ["Sending and receiving secure email: does not work"]);
        let make = |told| Announcement::make(told, Actor::Service, now).state;
        let announced = make(told(Some(Component::Mail), "2026-11-23 08:30", None));
        assert_eq!(titles(&Board::of(&broken, vec![announced.clone()], now)), ["Mail stops"]);
        let elsewhere = make(told(Some(Component::Letters), "2026-11-23 08:30", None));
        assert_eq!(titles(&Board::of(&broken, vec![elsewhere], now)).len(), 2);
        let over = announced.end(Actor::Service, now).expect("ended").state;
        assert_eq!(titles(&Board::of(&[], vec![over], now)), Vec::<String>::new());
    }

    #[test]
    fn an_announcement_comes_lasts_and_is_over() {
        let made = Announcement::make(
            told(None, "2026-11-23 10:00", Some("2026-11-23 11:00")),
            Actor::Service,
            at("2026-11-23 09:00"),
        )
        .state;
        assert_eq!(made.phase(at("2026-11-23 09:59")), Phase::Coming);
        assert_eq!(made.phase(at("2026-11-23 10:00")), Phase::Now);
        assert_eq!(made.phase(at("2026-11-23 11:00")), Phase::Over);
        assert!(made.clone().end(Actor::Service, at("2026-11-23 11:00")).is_none());
        let early = made.end(Actor::Service, at("2026-11-23 09:30")).expect("ended").state;
        assert_eq!(early.phase(at("2026-11-23 10:30")), Phase::Over);
    }

    #[test]
    fn the_feed_tells_everything_the_newest_first_and_escapes_it() {
        let settings = Settings::defaults().expect("defaults");
        let made = Announcement::make(
            told(None, "2026-11-23 10:00", Some("2026-11-23 11:00")),
            Actor::Service,
            at("2026-11-23 09:00"),
        );
        let changes = vec![("c1".to_owned(), said(Source::Team, Health::Problems, "<slow>"))];
        let feed = Board::of(&[], vec![made.state], at("2026-11-23 12:00")).feed(
            &changes,
            &settings,
            at("2026-11-23 12:00"),
        );
        let first = feed.find("Over: Mail stops").expect("the announcement");
        let second = feed.find("&lt;slow&gt;").expect("the change");
        assert!(first < second && feed.contains("hour &amp; a bit") && !feed.contains("casey"), "{feed}");
        assert!(feed.contains("<updated>2026-11-23T09:00:00Z</updated>"), "{feed}");
    }
}
