//! Selectors of lines of the audit: `actor:ann action:dead_letters_discarded connection:shop at:>=2026-11-29`.

use std::fmt;

use connections::ConnectionId;
use jiff::Timestamp;

use super::lex::{Word, words, write_values};
use super::parse::{name, one, time, values};
use super::{Age, MAX_BYTES, MAX_VALUES, SelectorError, Term};
use crate::{AuditFilter, AuditResult};

/// The keys, each with an example.
const KEYS: &str = "actor:ann, action:operator_added, connection:shop, result:denied, at:>=2026-11-29, at:<2026-11-30, age:<2d";

/// A selector for lines of the audit; ages are converted to times. `Display` writes it in a form that [`AuditSelector::parse`] reads again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSelector {
    actors: Option<Vec<String>>,
    actions: Option<Vec<String>>,
    connections: Option<Vec<String>>,
    results: Option<Vec<AuditResult>>,
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl AuditSelector {
    /// Parses a selector. Ages are relative to `now`; of two times the narrower one counts.
    ///
    /// # Errors
    /// [`SelectorError`], which names the term and the possible values.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, SelectorError> {
        if text.len() > MAX_BYTES {
            return Err(SelectorError::new("", 1, format!("it is longer than {MAX_BYTES} bytes")));
        }
        let mut read = Self::default();
        for word in words(text)? {
            read.add(&word, now)?;
        }
        Ok(read)
    }

    /// The same selector, limited to lines of this connection.
    #[must_use]
    pub fn of_connection(self, name: String) -> Self {
        Self { connections: Some(vec![name]), ..self }
    }

    fn add(&mut self, word: &Word<'_>, now: Timestamp) -> Result<(), SelectorError> {
        let wrong = |why: String| SelectorError::new(word.text, word.place, why);
        if word.values.len() > MAX_VALUES {
            return Err(wrong(format!("a term has at most {MAX_VALUES} values")));
        }
        let is_twice = match word.key {
            Some("actor") => {
                self.actors.replace(values(word, name, "name the actor, as actor:ann")?).is_some()
            }
            Some("action") => self
                .actions
                .replace(values(word, name, "name the action, as action:operator_added")?)
                .is_some(),
            Some("connection") => self
                .connections
                .replace(values(word, name, "name the connection, as connection:shop")?)
                .is_some(),
            Some("result") => {
                let possible = "the results are done, failed and denied";
                self.results.replace(values(word, AuditResult::from_word, possible)?).is_some()
            }
            Some("at") => {
                let possible = "say at:>=2026-11-29 or at:<2026-11-29T12:00:00Z";
                self.bound(one(word, bound, possible)?);
                false
            }
            Some("age") => {
                let possible = "say age:<2d or age:>30m; the units are s, m, h, d, w";
                self.bound(one(word, |text| of_age(text, now), possible)?);
                false
            }
            _ => return Err(wrong(format!("a term of the audit is one of these: {KEYS}"))),
        };
        match is_twice {
            true => Err(wrong("its key is given twice: separate several values by commas".to_owned())),
            false => Ok(()),
        }
    }

    fn bound(&mut self, bound: Bound) {
        match bound {
            Bound::From(at) => self.from = self.from.max(Some(at)),
            Bound::Before(at) => self.before = Some(self.before.map_or(at, |before| before.min(at))),
        }
    }

    /// Converts the selector to a filter of the ledger. `id_of` finds a connection by its name.
    ///
    /// # Errors
    /// The errors of `id_of`.
    pub fn filter<E>(&self, id_of: impl Fn(&str) -> Result<ConnectionId, E>) -> Result<AuditFilter, E> {
        let ids = |names: &Vec<String>| names.iter().map(|name| id_of(name)).collect::<Result<Vec<_>, E>>();
        Ok(AuditFilter {
            actors: self.actors.clone(),
            actions: self.actions.clone(),
            connections: self.connections.as_ref().map(ids).transpose()?,
            results: self.results.clone(),
            from: self.from,
            before: self.before,
            after: None,
            limit: usize::MAX,
        })
    }
}

enum Bound {
    From(Timestamp),
    Before(Timestamp),
}

fn bound(text: &str) -> Option<Bound> {
    match text.strip_prefix(">=") {
        Some(at) => time(at).map(Bound::From),
        None => time(text.strip_prefix('<')?).map(Bound::Before),
    }
}

fn of_age(text: &str, now: Timestamp) -> Option<Bound> {
    match Age::read(text)?.freeze(now) {
        Term::DiedFrom(at) => Some(Bound::From(at)),
        Term::DiedBefore(at) => Some(Bound::Before(at)),
        _ => None,
    }
}

impl fmt::Display for AuditSelector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let lists = [("actor", &self.actors), ("action", &self.actions), ("connection", &self.connections)];
        for (key, list) in lists {
            let Some(list) = list else { continue };
            write!(out, "{separator}{key}:")?;
            write_values(out, list)?;
            separator = " ";
        }
        if let Some(results) = &self.results {
            write!(out, "{separator}result:")?;
            write_values(out, results)?;
            separator = " ";
        }
        for (sign, at) in [(">=", self.from), ("<", self.before)] {
            let Some(at) = at else { continue };
            write!(out, "{separator}at:{sign}{at}")?;
            separator = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    fn read(text: &str) -> Result<AuditSelector, SelectorError> {
        AuditSelector::parse(text, now())
    }

    #[test]
    fn a_selector_of_the_audit_is_read_and_repeated() {
        let selector =
            read("actor:ann,bob action:operator_added result:denied age:<2d at:<2026-11-29").unwrap();
        let repeated = "actor:ann,bob action:operator_added result:denied at:>=2026-11-27T12:00:00Z at:<2026-11-29T00:00:00Z";
        assert_eq!(selector.to_string(), repeated);
        let filter = selector.filter(|_| Ok::<_, ()>(1)).unwrap();
        assert_eq!(filter.results, Some(vec![AuditResult::Denied]));
        let shop = read("connection:shop").unwrap().filter(|name| Err::<i64, _>(name.to_owned()));
        assert_eq!(shop.unwrap_err(), "shop");
        for wrong in ["ann", "who:ann", "actor:", "result:maybe", "at:2026", "actor:a actor:b", "age:2d"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_repeated_selector_is_read_as_the_same(actor in "\\PC{1,12}", action in "[a-z_]{1,9}", days in 0u32..99) {
            let quoted = actor.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("actor:\"{quoted}\" action:{action} age:<{days}d");
            if let Ok(selector) = read(&text) {
                prop_assert_eq!(read(&selector.to_string()).unwrap(), selector);
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}") {
            drop(read(&text));
        }
    }
}
