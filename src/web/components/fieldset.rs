use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, component};
use super::legend::Legend;

/// Holds fields that answer one question together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Fieldset {
    pub id: String,
    pub legend: Option<Legend>,
    pub html: Option<Html>,
    /// Ids of the elements that describe the group, separated by spaces.
    pub described_by: String,
    pub role: String,
    pub classes: String,
    pub attributes: Attributes,
}

component!(Fieldset);

impl Component for Fieldset {
    fn render(&self, out: &mut Markup) {
        out.open("fieldset")
            .classes(Classes::new("nhsuk-fieldset").and(&self.classes))
            .id(&self.id)
            .optional("role", &self.role)
            .optional("aria-describedby", &self.described_by)
            .attributes(&self.attributes);
        if let Some(legend) = &self.legend {
            out.component(legend);
        }
        if let Some(html) = &self.html {
            out.html(html);
        }
        out.close("fieldset");
    }
}
