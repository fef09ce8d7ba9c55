use serde::Deserialize;

use super::caption::{Caption, CaptionPlacement};
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};
use super::size::Size;

/// A heading, with the caption and the words for screen readers that may belong to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Heading {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub visually_hidden_text: String,
    pub caption: Option<Caption>,
    pub size: Option<Size>,
    /// 1 to 6; each component has its own where nothing is said.
    pub level: Option<u8>,
    /// An element in place of `h1` to `h6`, for words that only look like a heading.
    pub element: String,
    /// Makes the heading a link.
    pub href: String,
    pub classes: String,
    pub attributes: Attributes,
}

component!(Heading);
from_text!(Heading);

impl Component for Heading {
    fn render(&self, out: &mut Markup) {
        let class = match self.size {
            Some(size) if size != Size::Xxl && !self.classes.contains("nhsuk-heading-") => {
                format!("nhsuk-heading-{}", size.name())
            }
            Some(_) | None => "nhsuk-heading".to_owned(),
        };
        self.render_as(out, &self.element_or(1), Classes::new(&class));
    }
}

impl Heading {
    pub(super) fn is_empty(&self) -> bool {
        TextOrHtml(&self.text, &self.html).is_empty()
    }

    /// The element it is made of: `h1` to `h6`, unless something else is said.
    pub(super) fn element_or(&self, default_level: u8) -> String {
        if self.element.is_empty() {
            format!("h{}", self.level.unwrap_or(default_level))
        } else {
            self.element.clone()
        }
    }

    /// Writes the heading as the part of another component that looks like this.
    pub(super) fn render_as(&self, out: &mut Markup, element: &str, class: Classes) {
        self.render_around(out, element, class, |out| {
            if !self.href.is_empty() {
                out.open("a").class("nhsuk-link").attribute("href", &self.href);
            }
            out.component(&TextOrHtml(&self.text, &self.html));
            if !self.href.is_empty() {
                out.close("a");
            }
            if !self.visually_hidden_text.is_empty() {
                out.visually_hidden(&format!(" {}", self.visually_hidden_text));
            }
        });
    }

    /// Writes the heading and its caption round words that the caller writes.
    pub(super) fn render_around(
        &self,
        out: &mut Markup,
        element: &str,
        class: Classes,
        write_words: impl FnOnce(&mut Markup),
    ) {
        if self.is_empty() {
            return;
        }
        let caption = self
            .caption
            .clone()
            .filter(|caption| !caption.is_empty())
            .map(|caption| Caption { size: caption.size.or(self.size), ..caption });
        let caption_at = |wanted: CaptionPlacement| {
            caption.as_ref().filter(|caption| caption.placement.unwrap_or(CaptionPlacement::Start) == wanted)
        };

        if let Some(caption) = caption_at(CaptionPlacement::Before) {
            out.component(caption);
        }
        out.open(element).classes(class.and(&self.classes)).id(&self.id).attributes(&self.attributes);
        if let Some(caption) = caption_at(CaptionPlacement::Start) {
            out.component(caption).text(" ");
        }
        write_words(out);
        if let Some(caption) = caption_at(CaptionPlacement::End) {
            out.text(" ").component(caption);
        }
        out.close(element);
        if let Some(caption) = caption_at(CaptionPlacement::After) {
            out.component(caption);
        }
    }
}
