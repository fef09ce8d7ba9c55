use serde::Deserialize;

use super::heading::Heading;
use super::html::{Attributes, Classes, Component, Content, Html, Markup, component, from_text};
use super::icon::IconName;
use super::summary_list::Actions;

/// Holds together what belongs together, under a heading of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Card {
    pub id: String,
    pub heading: Heading,
    /// What is in the card, where the caller does not write it.
    pub description: Option<CardDescription>,
    pub actions: Actions,
    pub image: Option<CardImage>,
    /// Makes the heading a link.
    pub href: String,
    /// Makes the whole card follow its link.
    pub clickable: bool,
    pub variant: Option<CardVariant>,
    pub classes: String,
    pub attributes: Attributes,
}

/// What is in a card.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CardDescription {
    pub text: String,
    pub html: Option<Html>,
    pub classes: String,
    pub attributes: Attributes,
}

/// A picture at the top of a card.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CardImage {
    pub src: String,
    pub alt: String,
    pub html: Option<Html>,
}

/// The looks a card may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardVariant {
    Feature,
    Primary,
    Secondary,
    Warning,
    /// The three care cards say how soon somebody needs help.
    NonUrgent,
    Urgent,
    Emergency,
}

impl CardVariant {
    fn name(self) -> &'static str {
        match self {
            CardVariant::Feature => "feature",
            CardVariant::Primary => "primary",
            CardVariant::Secondary => "secondary",
            CardVariant::Warning => "warning",
            CardVariant::NonUrgent => "non-urgent",
            CardVariant::Urgent => "urgent",
            CardVariant::Emergency => "emergency",
        }
    }

    /// What is read out before the heading of a care card.
    fn care(self) -> Option<&'static str> {
        match self {
            CardVariant::NonUrgent => Some("Non-urgent advice"),
            CardVariant::Urgent => Some("Urgent advice"),
            CardVariant::Emergency => Some("Immediate action required"),
            CardVariant::Feature | CardVariant::Primary | CardVariant::Secondary | CardVariant::Warning => {
                None
            }
        }
    }
}

component!(Card);
from_text!(CardDescription);

impl Component for Card {
    fn render(&self, out: &mut Markup) {
        let description = self.description.clone().unwrap_or_default();
        let mut inner = Markup::default();
        if description.html.is_some() {
            inner.component(&Content { html: description.html.clone(), ..Content::default() });
        } else if !description.text.is_empty() {
            inner.open("p").class("nhsuk-card__description");
            inner.text(&description.text).close("p");
        }
        self.render_around(out, &inner.finish());
    }
}

impl Card {
    /// Writes the card round something else, for example a table.
    pub fn around(&self, inner: &Html) -> Html {
        let mut out = Markup::default();
        self.render_around(&mut out, inner);
        out.finish()
    }

    pub(super) fn render_around(&self, out: &mut Markup, inner: &Html) {
        let care = self.variant.and_then(CardVariant::care).filter(|_| !self.heading.is_empty());
        let modifier = match (self.variant, care) {
            (Some(variant), Some(_)) => format!("nhsuk-card--care nhsuk-card--care--{}", variant.name()),
            (Some(variant), None) if variant.care().is_none() => format!("nhsuk-card--{}", variant.name()),
            (Some(_) | None, None) | (None, Some(_)) => String::new(),
        };
        out.open("div")
            .classes(
                Classes::new("nhsuk-card")
                    .when(self.clickable, "nhsuk-card--clickable")
                    .and(&modifier)
                    .and(&self.classes),
            )
            .id(&self.id)
            .attributes(&self.attributes);
        match &self.image {
            Some(CardImage { html: Some(html), .. }) => {
                out.html(html);
            }
            Some(image) => {
                out.open("img")
                    .class("nhsuk-card__img")
                    .attribute("src", &image.src)
                    .attribute("alt", &image.alt);
            }
            None => {}
        }
        let heading_on_top = care.is_some() || !self.actions.items.is_empty();
        if heading_on_top {
            out.open("div").class("nhsuk-card__heading-container");
            self.render_heading(out, care);
            self.render_actions(out);
            out.close("div");
        }
        let description = self.description.clone().unwrap_or_default();
        out.open("div")
            .classes(Classes::new("nhsuk-card__content").and(&description.classes))
            .attributes(&description.attributes);
        if !heading_on_top {
            self.render_heading(out, None);
        }
        out.html(inner);
        if self.variant == Some(CardVariant::Primary) || self.classes.contains("nhsuk-card--primary") {
            out.component(&IconName::ChevronRightCircle);
        }
        out.close("div").close("div");
    }

    fn render_heading(&self, out: &mut Markup, care: Option<&str>) {
        let heading = &self.heading;
        if !heading.text.is_empty() {
            let size = heading.size.map(super::size::Size::name);
            let class = Classes::new("nhsuk-card__heading").modifier("nhsuk-heading-", size);
            let is_link = !self.href.is_empty() && self.variant != Some(CardVariant::Feature);
            let spoken = match care {
                Some(care) if heading.visually_hidden_text.is_empty() => care,
                Some(_) | None => &heading.visually_hidden_text,
            };
            heading.render_around(out, &heading.element_or(2), class, |out| {
                if is_link {
                    out.open("a").class("nhsuk-card__link").attribute("href", &self.href);
                    out.text(&heading.text).close("a");
                } else if !spoken.is_empty() {
                    out.open("span").attribute("role", "text");
                    out.visually_hidden(&format!("{spoken}: "));
                    out.text(&heading.text).close("span");
                } else {
                    out.text(&heading.text);
                }
            });
        }
        // What the caller writes is an element already: the heading, or what follows it.
        if let Some(html) = &heading.html {
            out.html(html);
        }
        if care.is_some() {
            out.open("span").class("nhsuk-card--care__arrow").attribute("aria-hidden", "true");
            out.close("span");
        }
    }

    fn render_actions(&self, out: &mut Markup) {
        let classes = Classes::new("nhsuk-card__actions").and(&self.actions.classes);
        match self.actions.items.as_slice() {
            [] => {}
            [only] => {
                out.open("div").classes(classes);
                only.render(out, Some(&self.heading));
                out.close("div");
            }
            several => {
                out.open("ul").classes(classes);
                for action in several {
                    out.open("li").class("nhsuk-card__action");
                    action.render(out, Some(&self.heading));
                    out.close("li");
                }
                out.close("ul");
            }
        }
    }
}
