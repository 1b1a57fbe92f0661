//! Validation of values. One 422 lists all errors of a request.

use super::countries::is_country;
use super::email;
use super::json::{Json, Object};
use crate::affiliate::Field;
use crate::answer::Answer;
use crate::options::Switches;

/// Maximum length of any text, in characters. Assumed: Refersion documents the error `Value exceed the char limit`,
/// but no limit.
const MAX_CHARACTERS: usize = 255;

/// The errors in the values of one request.
#[derive(Debug, Default)]
pub(super) struct ValidationErrors(Vec<String>);

impl ValidationErrors {
    pub(super) fn add(&mut self, error: impl Into<String>) {
        self.0.push(error.into());
    }

    pub(super) fn not_allowed(&mut self, value: &str, field: &str) {
        self.add(format!("{value} is not a allowed value for field {field}"));
    }

    pub(super) fn not_allowed_json(&mut self, value: &Json<'_>, field: &str) {
        self.not_allowed(&value.to_string(), field);
    }

    /// The text under `name`; `None` if it is missing or invalid. Adds an error if it is invalid.
    pub(super) fn text<'a>(&mut self, object: &'a Object<'_>, name: &str) -> Option<&'a str> {
        self.short_text(object.get(name)?, name)
    }

    /// The value as a text within the limit of characters.
    pub(super) fn short_text<'a>(&mut self, value: &'a Json<'_>, name: &str) -> Option<&'a str> {
        let Json::Text(text) = value else {
            self.not_allowed_json(value, name);
            return None;
        };
        // A text has at most as many characters as bytes, so most need no count.
        if text.len() > MAX_CHARACTERS && text.chars().count() > MAX_CHARACTERS {
            // The documented text names no field: the client has to find it.
            self.add("Value exceed the char limit");
            return None;
        }
        Some(text)
    }

    /// Checks the value of one field. The rules are the same in `new` and `edit`.
    pub(super) fn check(&mut self, field: Field, value: &str, switches: &Switches) {
        match field {
            Field::FirstName if value.trim().is_empty() => self.add("The First Name field is required."),
            Field::LastName if value.trim().is_empty() => self.add("The Last Name field is required."),
            Field::Email if value.trim().is_empty() => self.add("The Email field is required."),
            Field::Email if !email::is_valid(value) => self.not_allowed(value, field.name()),
            Field::PaypalEmail | Field::Country if value.is_empty() && switches.empty_values_clear => {}
            Field::PaypalEmail if !email::is_valid(value) => self.not_allowed(value, field.name()),
            Field::Country if !is_country(value) => self.not_allowed(value, field.name()),
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
