use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::form_group::{FormGroup, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Content, Markup, component};
use super::label::Label;
use super::textarea::Textarea;

/// A field for several lines of text that says how much room is left.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CharacterCount {
    /// The name where nothing is said.
    pub id: String,
    pub name: String,
    pub rows: Option<u32>,
    pub value: String,
    pub maxlength: Option<u32>,
    /// Counts words; comes before `maxlength`. The newer way is `maxlength` with `count_type`.
    pub maxwords: Option<u32>,
    /// How much must be used, in percent, before the count is shown.
    pub threshold: Option<u32>,
    pub count_type: Option<CountType>,
    pub spellcheck: Option<bool>,
    pub disabled: bool,
    pub label: Label,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub form_group: FormGroup,
    pub classes: String,
    pub autocomplete: String,
    pub attributes: Attributes,
    pub count_message: CountMessage,
    /// What is said without scripts; `%{count}` stands for the limit.
    pub textarea_description_text: String,
    /// What the script says, by plural form (`one`, `other`); `%{count}` stands for the number.
    pub characters_under_limit_text: Attributes,
    pub characters_at_limit_text: String,
    pub characters_over_limit_text: Attributes,
    pub words_under_limit_text: Attributes,
    pub words_at_limit_text: String,
    pub words_over_limit_text: Attributes,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountType {
    /// Letters as people see them, an accent or a face counting as one.
    Characters,
    /// UTF-16 code units, as JavaScript counts.
    Length,
    Words,
}

/// Options of the line that says how much room is left.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CountMessage {
    pub classes: String,
}

component!(CharacterCount);

impl CharacterCount {
    fn form_group_attributes(&self, limit: Option<u32>, count_type: Option<CountType>) -> Attributes {
        let mut attributes = vec![("data-module".to_owned(), "nhsuk-character-count".to_owned())];
        let numbers = [
            ("data-maxlength", self.maxlength),
            ("data-maxwords", self.maxwords),
            ("data-threshold", self.threshold),
        ];
        for (name, number) in numbers {
            attributes.extend(number.map(|number| (name.to_owned(), number.to_string())));
        }
        if let Some(count_type) = count_type {
            let name = match count_type {
                CountType::Characters => "characters",
                CountType::Length => "length",
                CountType::Words => "words",
            };
            attributes.push(("data-count-type".to_owned(), name.to_owned()));
        }
        let other = Attributes::from([("other", self.textarea_description_text.as_str())]);
        let one = |text: &str| Attributes::from([("", text)]);
        let messages = [
            ("textarea-description", if limit.is_none() { other } else { Attributes::default() }),
            ("characters-under-limit", self.characters_under_limit_text.clone()),
            ("characters-at-limit", one(&self.characters_at_limit_text)),
            ("characters-over-limit", self.characters_over_limit_text.clone()),
            ("words-under-limit", self.words_under_limit_text.clone()),
            ("words-at-limit", one(&self.words_at_limit_text)),
            ("words-over-limit", self.words_over_limit_text.clone()),
        ];
        for (key, texts) in messages {
            for (plural, text) in texts.0.into_iter().filter(|(_, text)| !text.is_empty()) {
                let dot = if plural.is_empty() { "" } else { "." };
                attributes.push((format!("data-i18n.{key}{dot}{plural}"), text));
            }
        }
        attributes.extend(self.form_group.attributes.0.iter().cloned());
        Attributes(attributes)
    }
}

impl Component for CharacterCount {
    fn render(&self, out: &mut Markup) {
        let id = id_or_name(&self.id, &self.name);
        let limit = self.maxwords.or(self.maxlength);
        let count_type = self.count_type.or(self.maxwords.map(|_| CountType::Words));
        let text = match (self.textarea_description_text.as_str(), count_type) {
            ("", Some(CountType::Words)) => "You can enter up to %{count} words",
            ("", Some(CountType::Characters | CountType::Length) | None) => {
                "You can enter up to %{count} characters"
            }
            (own, _) => own,
        };
        let message = Hint {
            text: limit.map(|limit| text.replace("%{count}", &limit.to_string())).unwrap_or_default(),
            id: format!("{id}-info"),
            classes: Classes::new("nhsuk-character-count__message")
                .and(&self.count_message.classes)
                .into_string(),
            attributes: match limit {
                Some(_) => Attributes::default(),
                None => Attributes::from([("hidden", "")]),
            },
            ..Hint::default()
        };
        let mut after = Markup::default();
        after.component(&message);
        if let Some(more) = &self.form_group.after_input {
            after.component(more);
        }
        out.component(&Textarea {
            id: id.to_owned(),
            name: self.name.clone(),
            described_by: format!("{id}-info"),
            rows: self.rows,
            spellcheck: self.spellcheck,
            value: self.value.clone(),
            form_group: FormGroup {
                classes: Classes::new(&self.form_group.classes).and("nhsuk-character-count").into_string(),
                attributes: self.form_group_attributes(limit, count_type),
                before_input: self.form_group.before_input.clone(),
                after_input: Some(Content::html(after.finish())),
            },
            classes: Classes::new("nhsuk-js-character-count").and(&self.classes).into_string(),
            label: self.label.clone(),
            hint: self.hint.clone(),
            error_message: self.error_message.clone(),
            disabled: self.disabled,
            autocomplete: self.autocomplete.clone(),
            attributes: self.attributes.clone(),
        });
    }
}
