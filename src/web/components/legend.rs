use serde::Deserialize;

use super::caption::{Caption, CaptionPlacement};
use super::heading::Heading;
use super::size::Size;
use super::html::{Attributes, Classes, Component, Html, Markup, component, from_text};
use super::label::{Wording, wording};

/// Names a group of fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Legend {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub visually_hidden_text: String,
    pub caption: Option<Caption>,
    pub size: Option<Size>,
    /// Puts the words in a heading of this kind; its words come before those of the legend.
    pub heading: Option<Heading>,
    /// Puts the words in the page's `h1`.
    pub is_page_heading: bool,
    pub classes: String,
    pub attributes: Attributes,
}

component!(Legend);
from_text!(Legend);

impl Component for Legend {
    fn render(&self, out: &mut Markup) {
        let own = Heading {
            text: self.text.clone(),
            html: self.html.clone(),
            visually_hidden_text: self.visually_hidden_text.clone(),
            caption: self.caption.clone(),
            size: self.size,
            ..Heading::default()
        };
        let Wording { mut words, wrapper } = wording(own, &self.heading, self.is_page_heading);
        if words.is_empty() {
            return;
        }
        let mut after = None;
        if let Some(mut caption) = words.caption.take() {
            caption.size = caption.size.or(words.size);
            match caption.placement {
                // Nothing may stand in a fieldset before its legend.
                Some(CaptionPlacement::Before) => caption.placement = Some(CaptionPlacement::Start),
                Some(CaptionPlacement::Start | CaptionPlacement::End | CaptionPlacement::After) | None => {}
            }
            if caption.placement == Some(CaptionPlacement::After) {
                after = Some(caption);
            } else {
                words.caption = Some(caption);
            }
        }
        let size = words.size.and_then(Size::one_of_four);
        let class =
            Classes::new("nhsuk-fieldset__legend").unless_in(&self.classes, "nhsuk-fieldset__legend--", size);
        match wrapper {
            Some(wrapper) => {
                out.open("legend")
                    .classes(class.and(&self.classes))
                    .id(&self.id)
                    .attributes(&self.attributes);
                let element = wrapper.element_or(1);
                let heading = Heading { id: wrapper.id, attributes: wrapper.attributes, ..words };
                heading.render_as(out, &element, Classes::new("nhsuk-fieldset__heading"));
                out.close("legend");
            }
            None => {
                let legend = Heading {
                    id: self.id.clone(),
                    classes: self.classes.clone(),
                    attributes: self.attributes.clone(),
                    ..words
                };
                legend.render_as(out, "legend", class);
            }
        }
        if let Some(caption) = after.filter(|caption| !caption.is_empty()) {
            out.component(&caption);
        }
    }
}
