use serde::Deserialize;

use super::button::ButtonType;
use super::card::Card;
use super::heading::Heading;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};

/// Shows what was answered, each with a link to change it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SummaryList {
    pub id: String,
    pub rows: Vec<SummaryListRow>,
    /// The rows, written by the caller.
    pub html: Option<Html>,
    /// Puts the list in a card.
    pub card: Option<Card>,
    /// `Some(false)` takes away the lines between rows.
    pub border: Option<bool>,
    /// `Some(false)` takes away the line under the last row.
    pub last_row_border: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One question and its answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SummaryListRow {
    pub id: String,
    pub key: SummaryListText,
    pub value: SummaryListText,
    pub actions: Actions,
    /// `Some(false)` takes away the line under the row.
    pub border: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// The words of a question or an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SummaryListText {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    /// A width of the design system, for example `one-half`.
    pub width: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// What can be done with a row or a card.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Actions {
    pub id: String,
    pub items: Vec<Action>,
    /// A width of the design system, for example `one-quarter`.
    pub width: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// One thing that can be done, for example "Change".
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Action {
    pub id: String,
    pub href: String,
    pub text: String,
    pub html: Option<Html>,
    /// What it is done to, for people who hear the links alone.
    pub visually_hidden_text: String,
    pub name: String,
    pub value: String,
    pub r#type: Option<ButtonType>,
    pub classes: String,
    pub attributes: Attributes,
}

component!(SummaryList);
from_text!(SummaryListText);

impl From<Vec<Action>> for Actions {
    fn from(items: Vec<Action>) -> Self {
        Self { items, ..Self::default() }
    }
}

impl Action {
    /// Writes a link or a button; the heading of the card it belongs to is read out after its words.
    pub(super) fn render(&self, out: &mut Markup, card_heading: Option<&Heading>) {
        let is_link = !self.href.is_empty() && self.r#type.is_none();
        let element = if is_link { "a" } else { "button" };
        let tag = out.open(element).classes(Classes::new("nhsuk-link").and(&self.classes)).id(&self.id);
        if is_link {
            tag.attribute("href", &self.href)
        } else {
            tag.optional("name", &self.name)
                .attribute("type", self.r#type.unwrap_or_default().name())
                .optional("value", &self.value)
        }
        .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html));
        let card_heading = card_heading.filter(|heading| !heading.is_empty());
        if !self.visually_hidden_text.is_empty() || card_heading.is_some() {
            out.open("span").class("nhsuk-u-visually-hidden");
            if !self.visually_hidden_text.is_empty() {
                out.text(" ").text(&self.visually_hidden_text);
            }
            if let Some(heading) = card_heading {
                out.text(" (").component(&TextOrHtml(&heading.text, &heading.html)).text(")");
            }
            out.close("span");
        }
        out.close(element);
    }
}

impl SummaryListText {
    fn render(&self, out: &mut Markup, element: &str, class: &str) {
        out.open(element)
            .classes(Classes::new(class).modifier("nhsuk-u-width-", width(&self.width)).and(&self.classes))
            .id(&self.id)
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close(element);
    }
}

fn width(width: &str) -> Option<&str> {
    Some(width).filter(|width| !width.is_empty())
}

impl SummaryListRow {
    fn render(&self, out: &mut Markup, list: &SummaryList, is_last: bool) {
        let any_actions = list.rows.iter().any(|row| !row.actions.items.is_empty());
        let line_taken_by_list = (is_last && list.last_row_border == Some(false))
            || list.classes.contains("nhsuk-summary-list--no-border")
            || list.classes.contains("nhsuk-summary-list--no-last-row-border");
        out.open("div")
            .classes(
                Classes::new("nhsuk-summary-list__row")
                    .when(any_actions && self.actions.items.is_empty(), "nhsuk-summary-list__row--no-actions")
                    .when(
                        self.border == Some(false) && !line_taken_by_list,
                        "nhsuk-summary-list__row--no-border",
                    )
                    .and(&self.classes),
            )
            .id(&self.id)
            .attributes(&self.attributes);
        self.key.render(out, "dt", "nhsuk-summary-list__key");
        self.value.render(out, "dd", "nhsuk-summary-list__value");
        if !self.actions.items.is_empty() {
            self.render_actions(out, list.card.as_ref().map(|card| &card.heading));
        }
        out.close("div");
    }

    fn render_actions(&self, out: &mut Markup, card_heading: Option<&Heading>) {
        let actions = &self.actions;
        out.open("dd")
            .classes(
                Classes::new("nhsuk-summary-list__actions")
                    .modifier("nhsuk-u-width-", width(&actions.width))
                    .and(&actions.classes),
            )
            .id(&actions.id)
            .attributes(&actions.attributes);
        match actions.items.as_slice() {
            [only] => only.render(out, card_heading),
            several => {
                out.open("ul").class("nhsuk-summary-list__actions-list");
                for action in several {
                    out.open("li").class("nhsuk-summary-list__actions-list-item");
                    action.render(out, card_heading);
                    out.close("li");
                }
                out.close("ul");
            }
        }
        out.close("dd");
    }
}

impl Component for SummaryList {
    fn render(&self, out: &mut Markup) {
        let mut list = Markup::default();
        let no_border = self.border == Some(false);
        list.open("dl")
            .classes(
                Classes::new("nhsuk-summary-list")
                    .when(no_border, "nhsuk-summary-list--no-border")
                    .when(
                        !no_border && self.last_row_border == Some(false),
                        "nhsuk-summary-list--no-last-row-border",
                    )
                    .and(&self.classes),
            )
            .id(&self.id)
            .attributes(&self.attributes);
        match &self.html {
            Some(html) => {
                list.html(html);
            }
            None => {
                for (index, row) in self.rows.iter().enumerate() {
                    row.render(&mut list, self, index + 1 == self.rows.len());
                }
            }
        }
        list.close("dl");
        match &self.card {
            Some(card) => card.render_around(out, &list.finish()),
            None => {
                out.html(&list.finish());
            }
        }
    }
}
