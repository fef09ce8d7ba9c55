use serde::Deserialize;

use super::back_link::{LinkElement, Reverse};
use super::button::ButtonType;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, or};
use super::icon::IconName;

/// Leads to the first step of something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ActionLink {
    pub id: String,
    /// A link where there is an `href`, a button otherwise, unless something is said here.
    pub element: Option<LinkElement>,
    pub text: String,
    pub html: Option<Html>,
    pub href: String,
    pub r#type: Option<ButtonType>,
    pub open_in_new_window: bool,
    pub variant: Option<Reverse>,
    pub classes: String,
    pub attributes: Attributes,
}

component!(ActionLink);

impl Component for ActionLink {
    fn render(&self, out: &mut Markup) {
        let element = LinkElement::for_link(self.element, &self.href, self.r#type);
        let tag = out
            .open(element.name())
            .classes(
                Classes::new("nhsuk-action-link")
                    .when(self.variant.is_some(), "nhsuk-action-link--reverse")
                    .and(&self.classes),
            )
            .id(&self.id);
        match element {
            LinkElement::A => tag
                .attribute("href", or(&self.href, "#"))
                .optional("target", if self.open_in_new_window { "_blank" } else { "" }),
            LinkElement::Button => tag.attribute("type", self.r#type.unwrap_or_default().name()),
        }
        .attributes(&self.attributes);
        out.component(&IconName::ArrowRightCircle);
        out.open("span").class("nhsuk-action-link__text");
        out.component(&TextOrHtml(&self.text, &self.html)).close("span").close(element.name());
    }
}
