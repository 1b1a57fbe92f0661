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
    fn tell(&mut self, about: Trait, told: Told) {
        self.traits.insert(about, told);
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
