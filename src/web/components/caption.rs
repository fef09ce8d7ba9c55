use serde::Deserialize;

use super::size::Size;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text, or};

/// A line beside a heading that says what it belongs to, for example the section of a form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Caption {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub size: Option<Size>,
    /// Where it stands when it is part of a heading; at its start where nothing is said.
    pub placement: Option<CaptionPlacement>,
    /// The HTML element, `span` where nothing is said.
    pub element: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// Where a caption stands: inside its heading (start, end) or beside it (before, after).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionPlacement {
    Before,
    Start,
    End,
    After,
}

component!(Caption);
from_text!(Caption);

impl Caption {
    pub(super) fn is_empty(&self) -> bool {
        TextOrHtml(&self.text, &self.html).is_empty()
    }
}

impl Component for Caption {
    fn render(&self, out: &mut Markup) {
        let size = match self.size {
            Some(size @ (Size::M | Size::L | Size::Xl | Size::Xxl)) => {
                format!("nhsuk-caption-{}", size.name())
            }
            Some(Size::Xxs | Size::Xs | Size::S) | None => "nhsuk-caption".to_owned(),
        };
        let below = matches!(self.placement, Some(CaptionPlacement::After | CaptionPlacement::End));
        let element = or(&self.element, "span");
        out.open(element)
            .classes(Classes::new(&size).when(below, "nhsuk-caption--bottom").and(&self.classes))
            .id(&self.id)
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close(element);
    }
}
