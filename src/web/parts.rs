//! Small parts of pages that case workers and account holders both see.

use super::components::{
    ErrorMessage, Heading, Html, NotificationBanner, NotificationBannerVariant, SummaryListRow,
    SummaryListText, TableCell, Tag, TagColour,
};
use super::form::Form;

/// "Done" in a banner.
pub fn success(words: &str) -> NotificationBanner {
    NotificationBanner {
        text: words.to_owned(),
        variant: Some(NotificationBannerVariant::Success),
        ..Default::default()
    }
}

/// What was not done, and why, in a banner that is read out at once.
pub fn not_done(heading: &str, words: &str) -> NotificationBanner {
    NotificationBanner {
        heading: Heading { text: heading.to_owned(), ..Default::default() },
        text: words.to_owned(),
        role: "alert".to_owned(),
        ..Default::default()
    }
}

/// What is wrong with a field, for components that a form does not make by itself.
pub fn error(form: &Form, name: &str) -> Option<ErrorMessage> {
    form.problems.of(name).map(Into::into)
}

/// One line of a list of facts.
pub fn fact(key: &str, value: impl Into<String>) -> SummaryListRow {
    SummaryListRow { key: key.into(), value: value.into().into(), ..Default::default() }
}

/// One line of a list of facts whose value is a part of its own.
pub fn html_fact(key: &str, html: Html) -> SummaryListRow {
    SummaryListRow {
        key: key.into(),
        value: SummaryListText { html: Some(html), ..Default::default() },
        ..Default::default()
    }
}

/// A tag with its colour.
pub fn tag(text: &str, colour: TagColour) -> Tag {
    Tag { text: text.to_owned(), colour: Some(colour), ..Default::default() }
}

/// A text with its own line breaks, however long its words are.
#[derive(askama::Template)]
#[template(source = r#"<span class="app-preline app-wrap">{{ text }}</span>"#, ext = "html")]
pub struct Preline<'a> {
    pub text: &'a str,
}
impl askama::filters::HtmlSafe for Preline<'_> {}

/// A cell of a table whose words may be longer than a narrow screen.
pub fn wrapped(text: &str) -> TableCell {
    TableCell { html: Some(Html::of(&Preline { text })), ..Default::default() }
}
