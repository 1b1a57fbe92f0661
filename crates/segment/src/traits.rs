//! Brings the traits of one event to one meaning each, before anything else looks at them.
//!
//! Spellings, a `name` in one piece and odd shapes of addresses end here, so that an old `firstName` and a newer `name`
//! speak about the same trait when events are compared.

mod address;
mod company;
mod custom;
mod name;
mod phone;

use std::collections::BTreeMap;

use crate::event::{Ignored, Trait, Traits, WhyIgnored};
use crate::fields::{Fields, fold_key};
use crate::node::Node;
use crate::text::Told;

/// The longest value of a standard trait, in characters. Refersion publishes no limits and refuses far shorter values
/// itself; what is longer than this is no name, phone or address.
const MAX_STANDARD_CHARS: usize = 1_000;

/// Whether a trait of this name, in any spelling, is custom: the standard ones have affiliate fields of their own.
#[must_use]
pub fn is_custom(name: &str) -> bool {
    !custom::SPOKEN_FOR.contains(&fold_key(name).as_str())
}

/// What the `traits` of one event say.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) traits: Traits,
    pub(crate) spellings: BTreeMap<String, String>,
    pub(crate) ignored: Vec<Ignored>,
}

pub(crate) fn read(traits: Option<&Node<'_>>) -> Said {
    let fields = Fields::of(traits);
    let mut said = Said::default();
    for key in fields.repeated() {
        said.ignore(key, WhyIgnored::Repeated);
    }
    name::read(&fields, &mut said);
    company::read(&fields, &mut said);
    phone::read(&fields, &mut said);
    address::read(&fields, &mut said);
    custom::read(&fields, &mut said);
    said
}

impl Said {
    /// Notes what a trait is said to be. A custom one has been measured before, by a limit of its own.
    fn tell(&mut self, about: Trait, told: Told) {
        let too_long = told.as_deref().is_some_and(|text| text.chars().nth(MAX_STANDARD_CHARS).is_some());
        match about.standard_key() {
            Some(key) if too_long => self.ignore(key, WhyIgnored::TooLong),
            _ => drop(self.traits.insert(about, told)),
        }
    }

    fn ignore(&mut self, key: &str, why: WhyIgnored) {
        self.ignored.push(Ignored { key: key.to_owned(), why });
    }

    /// Notes that a value has no text to give.
    fn ignore_node(&mut self, key: &str, node: &Node<'_>) {
        let nested = matches!(node, Node::List(_) | Node::Object(_));
        self.ignore(key, if nested { WhyIgnored::Nested } else { WhyIgnored::NotText });
    }
}

#[cfg(test)]
mod tests;
