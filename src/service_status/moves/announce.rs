//! Makes an announcement.

use super::show_at_once;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::id::Once;
use crate::service_status::{Announcement, AnnouncementText, Component, store};
use crate::sign_in::authority::{Permit, deed};

/// What is to be announced.
#[derive(Clone, Debug)]
pub struct Announce {
    pub text: AnnouncementText,
    /// Whether it starts now, whenever that is, and not at a set moment.
    pub starts_now: bool,
    /// The token of the form it was typed into.
    pub form: String,
}

impl Announce {
    /// What makes sending its form twice one announcement.
    fn once(&self) -> Once {
        let AnnouncementText { kind, component, title, words, on_every_page, starts_at, ends_at } =
            &self.text;
        let moment = |at: &crate::clock::Timestamp| at.as_milliseconds().to_string();
        Once::of(&[
            "announcement",
            &self.form,
            kind.stored(),
            component.map_or("", Component::stored),
            title,
            words,
            if *on_every_page { "on every page" } else { "" },
            &if self.starts_now { String::new() } else { moment(starts_at) },
            &ends_at.as_ref().map_or_else(String::new, moment),
        ])
    }
}

/// Makes an announcement with its entry, once for each form and words.
///
/// # Errors
/// A fault; nothing else is in the way of an announcement.
pub async fn announce(app: &App, permit: Permit<deed::TellStatus>, order: Announce) -> Result<(), Error> {
    let now = app.clock.now();
    let once = order.once();
    let change = Announcement::make(order.text, permit.actor(), now);
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::add_announcement(tx, now, &change, &once).await
        }))
        .await?;
    show_at_once(app).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Span, Timestamp};
    use crate::service_status::AnnouncementKind;

    #[test]
    fn announcing_twice_is_one_only_where_form_and_words_are_the_same() {
        let at = Timestamp::from_milliseconds(1_000_000);
        let order = Announce {
            text: AnnouncementText {
                kind: AnnouncementKind::News,
                component: None,
                title: "New pages".to_owned(),
                words: "Look.".to_owned(),
                on_every_page: false,
                starts_at: at,
                ends_at: None,
            },
            starts_now: true,
            form: "form".to_owned(),
        };
        let with = |change: &dyn Fn(&mut Announce)| {
            let mut other = order.clone();
            change(&mut other);
            other.once()
        };
        assert_eq!(
            with(&|other| other.text.starts_at = at.plus(Span::seconds(1))),
            order.once(),
            "a second click"
        );
        for other in [
            with(&|other| other.form = "another".to_owned()),
            with(&|other| other.text.title = "More new pages".to_owned()),
            with(&|other| other.text.ends_at = Some(at.plus(Span::hours(1)))),
            with(&|other| other.starts_now = false),
        ] {
            assert_ne!(other, order.once());
        }
    }
}
