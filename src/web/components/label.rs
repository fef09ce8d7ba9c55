use serde::Deserialize;

use super::caption::{Caption, CaptionPlacement};
use super::heading::Heading;
use super::size::Size;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};

/// Names one field of a form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Label {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub visually_hidden_text: String,
    pub caption: Option<Caption>,
    /// The id of the field; the field's own id where nothing is said.
    pub r#for: String,
    pub size: Option<Size>,
    /// Wraps the label in a heading of this kind; its words come before those of the label.
    pub heading: Option<Heading>,
    /// Wraps the label in the page's `h1`.
    pub is_page_heading: bool,
    pub classes: String,
    pub attributes: Attributes,
}

component!(Label);
from_text!(Label);

/// What a label or a legend is made of once the options of its heading are laid over its own.
pub(super) struct Wording {
    /// The words, their caption and their size.
    pub words: Heading,
    /// The heading round them, where there is one.
    pub wrapper: Option<Heading>,
}

/// Lays the options of a heading over those of a label or legend.
pub(super) fn wording(words: Heading, heading: &Option<Heading>, is_page_heading: bool) -> Wording {
    if heading.is_none() && !is_page_heading {
        return Wording { words, wrapper: None };
    }
    let wrapper = heading.clone().unwrap_or_default();
    let said = TextOrHtml(&wrapper.text, &wrapper.html).is_empty();
    let words = Heading {
        text: if said { words.text } else { wrapper.text.clone() },
        html: if said { words.html } else { wrapper.html.clone() },
        visually_hidden_text: if wrapper.visually_hidden_text.is_empty() {
            words.visually_hidden_text
        } else {
            wrapper.visually_hidden_text.clone()
        },
        caption: wrapper.caption.clone().or(words.caption),
        size: wrapper.size.or(words.size),
        ..words
    };
    Wording { words, wrapper: Some(wrapper) }
}

impl Component for Label {
    fn render(&self, out: &mut Markup) {
        let mut attributes = Attributes::default();
        if !self.r#for.is_empty() {
            attributes.0.push(("for".to_owned(), self.r#for.clone()));
        }
        attributes.0.extend(self.attributes.0.iter().cloned());
        let own = Heading {
            id: self.id.clone(),
            text: self.text.clone(),
            html: self.html.clone(),
            visually_hidden_text: self.visually_hidden_text.clone(),
            caption: self.caption.clone(),
            size: self.size,
            classes: self.classes.clone(),
            attributes,
            ..Heading::default()
        };
        let Wording { mut words, wrapper } = wording(own, &self.heading, self.is_page_heading);
        if words.is_empty() {
            return;
        }
        // A caption beside the label stands outside the heading round it.
        let beside = match words.caption.as_ref().and_then(|caption| caption.placement) {
            Some(CaptionPlacement::Before | CaptionPlacement::After) => words.caption.take(),
            Some(CaptionPlacement::Start | CaptionPlacement::End) | None => None,
        }
        .map(|caption| Caption { size: caption.size.or(words.size), ..caption });

        if let Some(caption) = beside.as_ref().filter(|one| one.placement == Some(CaptionPlacement::Before)) {
            out.component(caption);
        }
        if let Some(wrapper) = &wrapper {
            out.open(&wrapper.element_or(1))
                .class("nhsuk-label-wrapper")
                .id(&wrapper.id)
                .attributes(&wrapper.attributes);
        }
        let size = words.size.and_then(Size::one_of_four);
        words.render_as(
            out,
            "label",
            Classes::new("nhsuk-label").unless_in(&words.classes, "nhsuk-label--", size),
        );
        if let Some(wrapper) = &wrapper {
            out.close(&wrapper.element_or(1));
        }
        if let Some(caption) = beside.as_ref().filter(|one| one.placement == Some(CaptionPlacement::After)) {
            out.component(caption);
        }
    }
}

impl Label {
    /// Ties the label to a field, unless it names another itself.
    pub(super) fn for_field(mut self, id: &str) -> Self {
        if self.r#for.is_empty() {
            id.clone_into(&mut self.r#for);
        }
        self
    }
}
