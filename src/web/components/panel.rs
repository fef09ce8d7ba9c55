use serde::Deserialize;

use super::heading::Heading;
use super::size::Size;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component};

/// Says in large letters that something is done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Panel {
    pub id: String,
    pub heading: Heading,
    pub text: String,
    pub html: Option<Html>,
    pub variant: Option<PanelVariant>,
    pub classes: String,
    pub attributes: Attributes,
}

/// A panel that stops people before they go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PanelVariant {
    Interruption,
}

component!(Panel);

impl Component for Panel {
    fn render(&self, out: &mut Markup) {
        out.open("div")
            .classes(
                Classes::new("nhsuk-panel")
                    .when(self.variant.is_some(), "nhsuk-panel--interruption")
                    .and(&self.classes),
            )
            .id(&self.id)
            .attributes(&self.attributes);
        let size = match self.heading.size {
            Some(size @ (Size::M | Size::L | Size::Xl)) => Some(size.name()),
            Some(Size::Xxs | Size::Xs | Size::S | Size::Xxl) | None => None,
        };
        let class = Classes::new("nhsuk-panel__heading").unless_in(
            &self.heading.classes,
            "nhsuk-panel__heading--",
            size,
        );
        self.heading.render_as(out, &self.heading.element_or(1), class);
        let body = TextOrHtml(&self.text, &self.html);
        if !body.is_empty() {
            out.open("div").class("nhsuk-panel__body");
            out.component(&body).close("div");
        }
        out.close("div");
    }
}
