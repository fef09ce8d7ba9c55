//! Marks in articles: `{{people_max}}` stands for the setting of that name.
//!
//! With two further words, as in `{{review_months|month|months}}`, the number is followed by the one
//! that fits it.

use crate::directory::app_password::APP_PASSWORDS_MAX;
use crate::registration::checks::dspt_threshold;
use crate::settings::Settings;
use crate::sign_in::{password, recovery};
use std::collections::BTreeMap;

/// The settings that articles may show. Nothing that opens something is among them.
pub const SETTINGS: [&str; 44] = [
    "account_quota_gib",
    "activation_days",
    "activation_hours",
    "activation_wait_hours",
    "call_back_working_days",
    "central_team",
    "code_minutes",
    "code_tries_max",
    "complaint_working_days",
    "decision_hours",
    "deleted_mail_days",
    "draft_days",
    "dspt_year_end",
    "enquiry_hours",
    "feedback_email",
    "helpdesk_email",
    "helpdesk_hours",
    "helpdesk_telephone",
    "imap_port",
    "inactive_days",
    "leaver_days",
    "mail_domain",
    "mail_server_name",
    "members_max",
    "own_team",
    "own_team_reach",
    "owners_max",
    "people_max",
    "people_min",
    "public_address",
    "registrant_idle_minutes",
    "restore_days",
    "review_months",
    "service_name",
    "session_hours_max",
    "shared_mailbox_idle_months",
    "shared_mailbox_quota_gib",
    "shared_mailbox_restore_days",
    "submission_port",
    "town_letters_max",
    "unread_alarm_days",
    "unused_days",
    "evidence_hours_max",
    "recent_owner_days",
];

/// What marks stand for.
pub struct Marks(BTreeMap<&'static str, String>);

impl Marks {
    pub fn of(settings: &Settings) -> Self {
        let mut values: BTreeMap<&'static str, String> = settings
            .lines()
            .into_iter()
            .filter(|line| SETTINGS.contains(&line.name))
            .map(|line| (line.name, line.value))
            .collect();
        values.insert("dspt_level", dspt_threshold(settings).to_string());
        // Files grow by a third on their way (base64, RFC 2045, section 6.8).
        values.insert("attachment_mib", (u32::from(settings.message_limit_mib) * 3 / 4).to_string());
        // To the nearest month.
        let months = (u32::from(settings.disabled_days_max) * 12 + 182) / 365;
        values.insert("disabled_months_max", months.to_string());
        values.insert("password_letters_min", password::LENGTH_MIN.to_string());
        values.insert("recovery_codes", recovery::CODES.to_string());
        values.insert("app_passwords_max", APP_PASSWORDS_MAX.to_string());
        Marks(values)
    }

    /// The same marks and one more.
    pub fn with(&self, name: &'static str, value: String) -> Self {
        let mut values = self.0.clone();
        values.insert(name, value);
        Marks(values)
    }

    /// One line of Markdown with its marks filled in. What a setting says is text: it cannot become
    /// markup. An email address becomes a link, except in code.
    ///
    /// # Errors
    /// What is wrong with the marks of the line.
    pub fn fill(&self, line: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(start) = rest.find("{{") {
            let (before, from) = rest.split_at(start);
            filled.push_str(before);
            let Some((inside, after)) = from[2..].split_once("}}") else {
                return Err("a mark begins with {{ and does not end".to_owned());
            };
            let mut parts = inside.split('|').map(str::trim);
            let name = parts.next().unwrap_or("");
            let Some(value) = self.0.get(name) else {
                return Err(format!("there is no mark {{{{{name}}}}}"));
            };
            let in_code = filled.matches('`').count() % 2 == 1;
            if in_code {
                filled.push_str(value);
            } else if name.ends_with("_email") {
                filled.push_str(&format!("<{value}>"));
            } else {
                filled.push_str(&plain(value));
            }
            match (parts.next(), parts.next(), parts.next()) {
                (None, None, None) => {}
                (Some(one), Some(many), None) => {
                    filled.push(' ');
                    filled.push_str(if value == "1" { one } else { many });
                }
                _ => return Err(format!("{{{{{inside}}}}} must have two words after the name, or none")),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// Text that Markdown reads as text.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks::of(&Settings::defaults().expect("the defaults are right"))
    }

    #[test]
    fn every_name_is_that_of_a_setting() {
        let marks = marks();
        for name in SETTINGS {
            assert!(marks.0.contains_key(name), "{name} is not a setting");
        }
        assert!(!marks.0.contains_key("smtp_password") && !marks.0.contains_key("database"));
    }

    #[test]
    fn marks_are_filled_in() {
        let check = |line: &str, expect: Result<&str, &str>| {
            assert_eq!(marks().fill(line), expect.map(str::to_owned).map_err(str::to_owned), "{line}");
        };
        check("No marks.", Ok("No marks."));
        check("{{people_min}} to {{ people_max }} people", Ok("2 to 10 people"));
        check("A {{dspt_level}} DSPT", Ok("A Approaching Standards DSPT"));
        check("`care.vm195@{{mail_domain}}`", Ok("`care.vm195@carepost.example`"));
        check("at {{mail_domain}}", Ok("at carepost\\.example"));
        check("Write to {{feedback_email}}.", Ok("Write to <feedback@carepost.example>."));
        check("{{complaint_working_days|day|days}}", Ok("1 day"));
        check("{{restore_days|day|days}}", Ok("30 days"));
        check("{{disabled_months_max}} months, {{attachment_mib}} MiB", Ok("18 months, 26 MiB"));
        check(
            "{{restore_days|day}}",
            Err("{{restore_days|day}} must have two words after the name, or none"),
        );
        check("{{smtp_password}}", Err("there is no mark {{smtp_password}}"));
        check("{{people_max", Err("a mark begins with {{ and does not end"));
    }

    #[test]
    fn a_setting_cannot_become_markup() {
        let mut settings = Settings::defaults().expect("the defaults are right");
        settings.service_name = "<b>*x*</b> [a](b)".to_owned();
        let filled = Marks::of(&settings).fill("{{service_name}}").expect("filled");
        assert_eq!(filled, "\\<b\\>\\*x\\*\\<\\/b\\> \\[a\\]\\(b\\)");
    }
}
