use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::fieldset::Fieldset;
use super::form_group::{Described, FormGroup};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Markup, component, or};
use super::input::{Affix, Input, InputWidth};
use super::label::Label;
use super::radios::Group;

/// Asks for a date that people know, as day, month and year.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DateInput {
    pub id: String,
    /// Makes the names of the fields `prefix[day]` and so on.
    pub name_prefix: String,
    /// The fields, where they are not day, month and year.
    pub items: Vec<DateInputItem>,
    /// `None` leaves the field out.
    pub day: Option<DateInputItem>,
    pub month: Option<DateInputItem>,
    pub year: Option<DateInputItem>,
    /// What was answered, by the names of the fields.
    pub values: Attributes,
    pub fieldset: Option<Fieldset>,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub form_group: FormGroup,
    pub disabled: bool,
    pub classes: String,
    pub attributes: Attributes,
}

/// One field of a date.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DateInputItem {
    pub id: String,
    pub name: String,
    pub label: Label,
    pub value: String,
    /// Two characters, or four for a year, where nothing is said.
    pub width: Option<InputWidth>,
    /// Whether this field is wrong; where no field says so, all are wrong together.
    pub error: Option<bool>,
    pub disabled: Option<bool>,
    /// `numeric` where nothing is said.
    pub inputmode: String,
    pub r#type: String,
    pub prefix: Option<Affix>,
    pub suffix: Option<Affix>,
    pub described_by: String,
    pub autocomplete: String,
    pub autocapitalize: String,
    pub pattern: String,
    pub spellcheck: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

impl Default for DateInput {
    fn default() -> Self {
        Self {
            id: String::new(),
            name_prefix: String::new(),
            items: Vec::new(),
            day: Some(DateInputItem::default()),
            month: Some(DateInputItem::default()),
            year: Some(DateInputItem::default()),
            values: Attributes::default(),
            fieldset: None,
            hint: None,
            error_message: None,
            form_group: FormGroup::default(),
            disabled: false,
            classes: String::new(),
            attributes: Attributes::default(),
        }
    }
}

component!(DateInput);

const ERROR_CLASS: &str = "nhsuk-input--error";

impl DateInputItem {
    fn is_wrong(&self) -> bool {
        self.error == Some(true) || self.classes.contains(ERROR_CLASS)
    }
}

impl DateInput {
    /// The fields in order, each with its name.
    fn fields(&self) -> Vec<DateInputItem> {
        if !self.items.is_empty() {
            return self.items.clone();
        }
        [("day", &self.day), ("month", &self.month), ("year", &self.year)]
            .into_iter()
            .filter_map(|(name, item)| {
                let item = item.clone()?;
                Some(DateInputItem {
                    name: or(&item.name, name).to_owned(),
                    width: item.width.or((name == "year").then_some(InputWidth::Four)),
                    ..item
                })
            })
            .collect()
    }

    fn render_field(&self, out: &mut Markup, item: DateInputItem, any_is_wrong: bool) {
        let answered = self.values.0.iter().find(|(name, _)| *name == item.name);
        let all_are_wrong = self.error_message.is_some() && !any_is_wrong && item.error != Some(false);
        let is_wrong = !item.classes.contains(ERROR_CLASS) && (item.is_wrong() || all_are_wrong);
        let width = if item.name == "year" { InputWidth::Four } else { InputWidth::Two };
        let mut letters = item.name.chars();
        let capitalised = letters
            .next()
            .map(|first| format!("{}{}", first.to_uppercase(), letters.as_str()))
            .unwrap_or_default();
        out.open("div").class("nhsuk-date-input__item");
        out.component(&Input {
            label: Label {
                text: or(&item.label.text, &capitalised).to_owned(),
                classes: Classes::new("nhsuk-date-input__label").and(&item.label.classes).into_string(),
                ..item.label
            },
            error_message: is_wrong.then(ErrorMessage::default),
            id: or(&item.id, &format!("{}-{}", self.id, item.name)).to_owned(),
            name: if self.name_prefix.is_empty() {
                item.name.clone()
            } else {
                format!("{}[{}]", self.name_prefix, item.name)
            },
            value: or(&item.value, answered.map_or("", |(_, value)| value)).to_owned(),
            r#type: item.r#type,
            prefix: item.prefix,
            suffix: item.suffix,
            width: item.width.or(Some(width)),
            inputmode: or(&item.inputmode, "numeric").to_owned(),
            spellcheck: item.spellcheck,
            autocomplete: item.autocomplete,
            autocapitalize: item.autocapitalize,
            pattern: item.pattern,
            disabled: item.disabled.unwrap_or(self.disabled),
            described_by: item.described_by,
            classes: Classes::new("nhsuk-date-input__input").and(&item.classes).into_string(),
            attributes: item.attributes,
            ..Input::default()
        });
        out.close("div");
    }
}

impl Component for DateInput {
    fn render(&self, out: &mut Markup) {
        let also_by = self.fieldset.as_ref().map_or("", |fieldset| fieldset.described_by.as_str());
        let described = Described::new(&self.id, also_by, &self.hint, &self.error_message);
        let fields = self.fields();
        let any_is_wrong = fields.iter().any(DateInputItem::is_wrong);
        // Some screen readers describe a fieldset of text fields only when it has this role.
        let fieldset = self
            .fieldset
            .clone()
            .map(|fieldset| Fieldset { role: or(&fieldset.role, "group").to_owned(), ..fieldset });
        let group = Group {
            module: "",
            id: &self.id,
            classes: Classes::new("nhsuk-date-input").and(&self.classes),
            attributes: &self.attributes,
            fieldset: &fieldset,
            form_group: &self.form_group,
            described: &described,
            is_wrong: self.error_message.is_some() || any_is_wrong,
        };
        group.render(out, |out| {
            for field in fields {
                self.render_field(out, field, any_is_wrong);
            }
        });
    }
}
