use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text};

/// Says the state of something in one word.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Tag {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub colour: Option<TagColour>,
    /// `Some(false)` takes away the line round it.
    pub border: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// The colours a tag may have; a colour never says anything alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagColour {
    White,
    Grey,
    Green,
    AquaGreen,
    Blue,
    Purple,
    Pink,
    Red,
    Orange,
    Yellow,
    /// The official option is `false`.
    NoColour,
}

impl TagColour {
    fn name(self) -> &'static str {
        match self {
            TagColour::White => "white",
            TagColour::Grey => "grey",
            TagColour::Green => "green",
            TagColour::AquaGreen => "aqua-green",
            TagColour::Blue => "blue",
            TagColour::Purple => "purple",
            TagColour::Pink => "pink",
            TagColour::Red => "red",
            TagColour::Orange => "orange",
            TagColour::Yellow => "yellow",
            TagColour::NoColour => "no-colour",
        }
    }
}

component!(Tag);
from_text!(Tag);

impl Component for Tag {
    fn render(&self, out: &mut Markup) {
        out.open("strong")
            .classes(
                Classes::new("nhsuk-tag")
                    .unless_in(&self.classes, "nhsuk-tag--", self.colour.map(TagColour::name))
                    .when(self.border == Some(false), "nhsuk-tag--no-border")
                    .and(&self.classes),
            )
            .id(&self.id)
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close("strong");
    }
}
