use serde::Deserialize;

use super::button::ButtonType;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, or};

/// Leads to the page before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct BackLink {
    pub id: String,
    /// A link where there is an `href`, a button otherwise, unless something is said here.
    pub element: Option<LinkElement>,
    pub visually_hidden_text: String,
    /// "Back" where nothing is said.
    pub text: String,
    pub html: Option<Html>,
    pub href: String,
    pub r#type: Option<ButtonType>,
    pub variant: Option<Reverse>,
    pub classes: String,
    pub attributes: Attributes,
}

/// For dark backgrounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reverse {
    Reverse,
}

/// The HTML element a link is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkElement {
    A,
    Button,
}

impl LinkElement {
    pub(super) fn name(self) -> &'static str {
        match self {
            LinkElement::A => "a",
            LinkElement::Button => "button",
        }
    }

    /// A link where there is somewhere to go, a button where something is to be done.
    pub(super) fn for_link(chosen: Option<Self>, href: &str, button_type: Option<ButtonType>) -> Self {
        chosen.unwrap_or(if !href.is_empty() && button_type.is_none() {
            LinkElement::A
        } else {
            LinkElement::Button
        })
    }
}

component!(BackLink);

impl Component for BackLink {
    fn render(&self, out: &mut Markup) {
        let element = LinkElement::for_link(self.element, &self.href, self.r#type);
        let tag = out
            .open(element.name())
            .classes(
                Classes::new("nhsuk-back-link")
                    .when(self.variant.is_some(), "nhsuk-back-link--reverse")
                    .and(&self.classes),
            )
            .id(&self.id);
        match element {
            LinkElement::A => tag.attribute("href", or(&self.href, "#")),
            LinkElement::Button => tag.attribute("type", self.r#type.unwrap_or_default().name()),
        }
        .attributes(&self.attributes);
        if !self.visually_hidden_text.is_empty() {
            out.visually_hidden(&format!("{} ", self.visually_hidden_text));
        }
        out.component(&TextOrHtml(or(&self.text, "Back"), &self.html)).close(element.name());
    }
}
