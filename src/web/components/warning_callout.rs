use serde::Deserialize;

use super::card::{Card, CardDescription, CardVariant};
use super::heading::Heading;
use super::html::{Attributes, Component, Html, Markup, component, or};
use super::summary_list::Actions;

/// Warns of something that people must know before they go on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct WarningCallout {
    pub id: String,
    pub heading: Heading,
    /// What screen readers hear first; "Important" where nothing is said.
    pub visually_hidden_text: String,
    pub text: String,
    pub html: Option<Html>,
    pub actions: Actions,
    pub classes: String,
    pub attributes: Attributes,
}

component!(WarningCallout);

impl Component for WarningCallout {
    fn render(&self, out: &mut Markup) {
        let heading = self.heading.clone();
        // A heading that says so itself is not said to be important twice.
        let says_so = heading.text.is_empty() || heading.text.to_lowercase().contains("important");
        let spoken = or(&heading.visually_hidden_text, or(&self.visually_hidden_text, "Important"));
        out.component(&Card {
            id: self.id.clone(),
            heading: Heading {
                visually_hidden_text: if says_so { String::new() } else { spoken.to_owned() },
                level: heading.level.or(Some(3)),
                ..heading
            },
            description: Some(CardDescription {
                text: self.text.clone(),
                html: self.html.clone(),
                ..CardDescription::default()
            }),
            actions: self.actions.clone(),
            classes: self.classes.clone(),
            attributes: self.attributes.clone(),
            variant: Some(CardVariant::Warning),
            ..Card::default()
        });
    }
}
