use serde::Deserialize;

use super::card::{Card, CardDescription, CardVariant};
use super::heading::Heading;
use super::html::{Attributes, Component, Content, Markup, component, or};
use super::icon::IconName;

/// Says what to do, or what not to do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DoDontList {
    pub id: String,
    pub heading: Heading,
    pub icon: DoDontIcon,
    pub items: Vec<Content>,
    /// What each item begins with; "do not" beside a cross where nothing is said.
    pub prefix_text: String,
    pub hide_prefix: bool,
    pub classes: String,
    pub attributes: Attributes,
}

/// A tick for what to do, a cross for what not to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DoDontIcon {
    #[default]
    Tick,
    Cross,
}

component!(DoDontList);

impl Component for DoDontList {
    fn render(&self, out: &mut Markup) {
        let (name, icon, prefix) = match self.icon {
            DoDontIcon::Tick => ("tick", IconName::Tick, ""),
            DoDontIcon::Cross => ("cross", IconName::Cross, "do not"),
        };
        let prefix = or(&self.prefix_text, prefix);
        let mut list = Markup::default();
        list.open("ul").class(&format!("nhsuk-list nhsuk-list--{name}")).attribute("role", "list");
        for item in &self.items {
            list.open("li");
            list.component(&icon);
            if !self.hide_prefix && !prefix.is_empty() {
                list.text(prefix).text(" ");
            }
            list.component(item).close("li");
        }
        list.close("ul");
        out.component(&Card {
            id: self.id.clone(),
            heading: Heading { level: self.heading.level.or(Some(3)), ..self.heading.clone() },
            description: Some(CardDescription { html: Some(list.finish()), ..CardDescription::default() }),
            classes: self.classes.clone(),
            attributes: self.attributes.clone(),
            variant: Some(CardVariant::Feature),
            ..Card::default()
        });
    }
}
