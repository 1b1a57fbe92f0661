//! The rules for values: all that are broken are told at once, in one 422.

use super::countries::is_country;
use super::email;
use super::json::{Json, Object};
use crate::affiliate::Field;
use crate::answer::Answer;
use crate::options::Switches;

/// The longest text in any field, in characters. Refersion says that there is a limit (`Value exceed the char
/// limit`), not which; this one is ours.
const MAX_CHARACTERS: usize = 255;

/// What is wrong with the values of one request.
#[derive(Debug, Default)]
pub(super) struct Complaints(Vec<String>);

impl Complaints {
    pub(super) fn say(&mut self, complaint: impl Into<String>) {
        self.0.push(complaint.into());
    }

    pub(super) fn not_allowed(&mut self, value: &str, field: &str) {
        self.say(format!("{value} is not a allowed value for field {field}"));
    }

    pub(super) fn not_allowed_json(&mut self, value: &Json<'_>, field: &str) {
        self.not_allowed(&value.to_string(), field);
    }

    /// The text under `name`; `None` if there is none, or none that passes, which is then complained about.
    pub(super) fn text<'a>(&mut self, object: &'a Object<'_>, name: &str) -> Option<&'a str> {
        self.short_text(object.get(name)?, name)
    }

    /// The value as a text within the character limit.
    pub(super) fn short_text<'a>(&mut self, value: &'a Json<'_>, name: &str) -> Option<&'a str> {
        let Json::Text(text) = value else {
            self.not_allowed_json(value, name);
            return None;
        };
        // The byte length bounds the number of characters, so that most texts need no count.
        if text.len() > MAX_CHARACTERS && text.chars().count() > MAX_CHARACTERS {
            // The published text names no field: a client has to find it by itself.
            self.say("Value exceed the char limit");
            return None;
        }
        Some(text)
    }

    /// The rules of the single field, which hold in `new` and `edit` alike.
    pub(super) fn check(&mut self, field: Field, value: &str, switches: &Switches) {
        match field {
            Field::FirstName if value.trim().is_empty() => self.say("The First Name field is required."),
            Field::LastName if value.trim().is_empty() => self.say("The Last Name field is required."),
            Field::Email if value.trim().is_empty() => self.say("The Email field is required."),
            Field::Email if !email::is_valid(value) => self.not_allowed(value, field.name()),
            Field::PaypalEmail if !value.is_empty() && !email::is_valid(value) => {
                self.not_allowed(value, field.name());
            }
            Field::Country if !value.is_empty() && !is_country(value) => {
                self.not_allowed(value, field.name())
            }
            Field::State if switches.short_states && !value.is_empty() && !is_short_state(value) => {
                self.not_allowed(value, field.name());
            }
            _ => {}
        }
    }

    pub(super) fn into_result(self) -> Result<(), Answer> {
        if self.0.is_empty() { Ok(()) } else { Err(Answer::refused(&self.0)) }
    }
}

fn is_short_state(value: &str) -> bool {
    (2..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphabetic())
}
