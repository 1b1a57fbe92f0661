//! Parses words into terms, with a message for each invalid one.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::lex::{Word, words};
use super::words::{CLASSES, example, keys, mender, menders, repaired, state, states};
use super::{Age, MAX_BYTES, MAX_TERMS, MAX_VALUES, Selector, SelectorError, Term};
use crate::groups::is_group_key;

/// The form of a group's key.
const GROUPS: &str = "a group is g and 12 hexadecimal digits, as `dead-letters groups` shows it";

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// [`SelectorError`], which names the term, its place, and the possible values. A selector has at most
    /// [`MAX_BYTES`] bytes and [`MAX_TERMS`] terms, and a term at most [`MAX_VALUES`] values.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.len() > MAX_BYTES {
            return Err(SelectorError::new("", 1, format!("it is longer than {MAX_BYTES} bytes")));
        }
        let mut terms = Vec::new();
        for word in words(text)? {
            let place = word.place;
            add(&mut terms, term(&word)?, place)?;
        }
        Ok(Self { terms })
    }

    /// Parses a selector from the arguments of a command. A shell removes quotes: if an argument cannot be parsed as it is but begins with
    /// a key, the rest is taken as one value of that key. A value that begins with a quote still has its quotes.
    ///
    /// # Errors
    /// As [`Selector::parse`].
    pub fn of_arguments(arguments: &[String]) -> Result<Self, SelectorError> {
        let mut all = Self::default();
        let mut ids = Vec::new();
        for argument in arguments {
            let read = Self::parse(argument).or_else(|error| Self::of_unquoted(argument).ok_or(error))?;
            for term in read.terms {
                match term {
                    Term::Id(some) => ids.extend(some),
                    other => all.and(other)?,
                }
            }
        }
        if !ids.is_empty() {
            all.terms.insert(0, Term::Id(ids));
        }
        Ok(all)
    }

    fn of_unquoted(argument: &str) -> Option<Self> {
        let (key, value) = argument.split_once(':').filter(|(_, value)| !value.starts_with('"'))?;
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        Self::parse(&format!("{key}:\"{quoted}\"")).ok()
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Self::parse(text)
    }
}

/// Adds a term, unless there is one with its key. Times may have a lower and an upper bound.
pub(super) fn add(terms: &mut Vec<Term>, term: Term, place: usize) -> Result<(), SelectorError> {
    let wrong = |why: String| Err(SelectorError::new(&term.to_string(), place, why));
    if terms.len() >= MAX_TERMS {
        return wrong(format!("a selector has at most {MAX_TERMS} terms"));
    }
    let key = term.key();
    let is_bound = matches!(term, Term::Age(_) | Term::DiedFrom(_) | Term::DiedBefore(_));
    if !is_bound && terms.iter().any(|other| other.key() == key) {
        return wrong(format!("`{key}` is given twice: write several values as {key}:A,B"));
    }
    terms.push(term);
    Ok(())
}

fn term(word: &Word<'_>) -> Result<Term, SelectorError> {
    let wrong = |why: String| SelectorError::new(word.text, word.place, why);
    if word.values.len() > MAX_VALUES {
        return Err(wrong(format!("a term has at most {MAX_VALUES} values")));
    }
    let Some(key) = word.key else {
        let is_id = |value: &String| !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit());
        return match word.values.iter().all(is_id) {
            true => Ok(Term::Id(values(word, |value| value.parse().ok(), "ids are whole numbers")?)),
            false => Err(wrong(format!(
                "a term is a key, a colon and a value, as class:refused; the keys are {}; text with spaces goes in quotes",
                keys()
            ))),
        };
    };
    match key {
        "id" => values(word, |value| value.parse().ok(), "ids are whole numbers").map(Term::Id),
        "state" => values(word, state, &format!("the states are {}", states())).map(Term::State),
        "class" => values(word, class, &format!("the classes are {}", CLASSES.join(", "))).map(Term::Class),
        "status" => values(word, status, "a status is a number from 100 to 599").map(Term::Status),
        "field" => values(word, name, "name the field, as field:email").map(Term::Field),
        "audience" => values(word, name, "name the audience, as audience:vip").map(Term::Audience),
        "connection" => values(word, name, "name the connection, as connection:shop").map(Term::Connection),
        "group" => values(word, group, GROUPS).map(Term::Group),
        "mend" => values(word, mender, &format!("mend takes one of {}", menders())).map(Term::Mend),
        "repaired" => one(word, repaired, "it is repaired:yes or repaired:no").map(Term::Repaired),
        "text" => one(word, name, "state the text, as text:\"taken by another\"").map(Term::Text),
        "age" => one(word, Age::read, "say age:<2d or age:>30m; the units are s, m, h, d, w").map(Term::Age),
        "died" => one(word, died, "say died:>=2026-11-29 or died:<2026-11-29T12:00:00Z"),
        _ => Err(wrong(format!("there is no key `{key}`; the keys are {}", keys()))),
    }
}

/// All values of a word; empty ones are errors.
pub(super) fn values<V>(
    word: &Word<'_>,
    read: impl Fn(&str) -> Option<V>,
    possible: &str,
) -> Result<Vec<V>, SelectorError> {
    let wrong = |value: &String| {
        let what = if value.is_empty() {
            "a value is missing".to_owned()
        } else {
            format!("`{value}` is not valid")
        };
        SelectorError::new(word.text, word.place, format!("{what}: {possible}"))
    };
    word.values.iter().map(|value| read(value).ok_or_else(|| wrong(value))).collect()
}

/// The only value of a word.
pub(super) fn one<V>(
    word: &Word<'_>,
    read: impl Fn(&str) -> Option<V>,
    possible: &str,
) -> Result<V, SelectorError> {
    let mut all = values(word, read, possible)?;
    match (all.pop(), all.is_empty()) {
        (Some(value), true) => Ok(value),
        _ => {
            let key = word.key.unwrap_or_default();
            let why =
                format!("`{key}` takes one value, as {}; a value with a comma goes in quotes", example(key));
            Err(SelectorError::new(word.text, word.place, why))
        }
    }
}

fn class(word: &str) -> Option<String> {
    CLASSES.contains(&word).then(|| word.to_owned())
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (100..600).contains(status))
}

fn group(text: &str) -> Option<String> {
    is_group_key(text).then(|| text.to_owned())
}

pub(super) fn name(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn died(text: &str) -> Option<Term> {
    if let Some(at) = text.strip_prefix(">=") {
        return time(at).map(Term::DiedFrom);
    }
    time(text.strip_prefix('<')?).map(Term::DiedBefore)
}

/// A date with a time, or a date alone, which means midnight in UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let day: Date = text.parse().ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}
