//! Translates Segment's traits to Refersion's fields, within one event and before anything is folded.
//!
//! An old `firstName` must never win over a newer `first_name` or `name`, so spellings, names and address parts are converted
//! to one form here; `docs/traits.md` describes the result.

use std::collections::BTreeMap;

use connections::{ConnectionId, Vault};
use identity::eligibility::{CUSTOM, NOT_AN_ADDRESS, is_address};
use identity::fold::{AddressClass, Deletion, Name, Statement};
use identity::graph::Lane;
use identity::stamp::Stamp;
use identity::{Map, Text};
use refersion::{country, state};
use segment::{AddressOrigin, Body, Event, Identify, Outline, Trait};
use uuid::Uuid;

/// The digest kind of a userId. Each kind has its own word, so that equal texts of different kinds differ.
pub const USER: &str = "user";
/// The digest kind of an address.
pub const ADDRESS: &str = "address";
/// The digest kind of an anonymousId.
pub const ANONYMOUS: &str = "anonymous";
/// The digest kind of a message id.
pub const MESSAGE: &str = "message";

/// The longest name of an identifier that is kept whole, in characters: every address is shorter.
const LONGEST_NAME: usize = 255;

/// The request of an event.
#[derive(Clone, Debug)]
pub enum Action {
    /// Fold its traits.
    Identify(Box<Statement>),
    /// Erase and disable these.
    Delete(Box<Deletion>),
    /// Skip it: it is not for us, or names nobody. The reason is a fixed word.
    Skip(&'static str),
}

/// The destination is switched off in the event.
const SWITCHED_OFF: &str = "integrations_say_no";
/// Every identifier of the event is one that names nobody.
const BLOCKED: &str = "blocked_identifier";

/// Translates events of one connection.
pub struct Translator<'a> {
    /// Digests and seals.
    pub vault: &'a Vault,
    /// The connection.
    pub connection: ConnectionId,
}

impl Translator<'_> {
    /// The digest of an identifier or message id.
    #[must_use]
    pub fn digest(&self, kind: &str, text: &str) -> identity::Digest {
        identity::Digest(self.vault.digest(kind, self.connection, text))
    }

    /// The digest of an address as Refersion shows it; `None` if it is empty.
    pub(crate) fn address_digest(&self, email: &str) -> Option<identity::Digest> {
        let email = email.trim().to_lowercase();
        (!email.is_empty()).then(|| self.digest(ADDRESS, &email))
    }

    /// An identifier as the fold takes it.
    fn name(&self, kind: &str, text: &str) -> Name {
        let digest = self.digest(kind, text);
        let (vault, text) = (self.vault.clone(), shortened(text));
        Name::new(digest, move || seal(&vault, digest, &text))
    }

    /// An address as the fold takes it. An invalid address is still an identifier.
    fn address_name(&self, text: &str) -> Name {
        let refused = (!is_address(text)).then(|| format!("{NOT_AN_ADDRESS}: it was not sent"));
        let mut name = self.name(ADDRESS, text);
        name.refused = refused;
        name
    }

    /// Translates one event. `revision` grows when an operator repairs it.
    #[must_use]
    pub fn translate(&self, id: Uuid, revision: u32, lane: Lane, event: &Event) -> Action {
        match &event.body {
            Body::Identify(identify) if identify.skip => Action::Skip(SWITCHED_OFF),
            Body::Identify(it) if it.user.is_none() && it.address.is_none() && it.anonymous.is_none() => {
                Action::Skip(BLOCKED)
            }
            Body::Identify(identify) => Action::Identify(Box::new(Statement {
                event: id,
                stamp: Stamp {
                    time: identify.time.into(),
                    received: identify.at_segment.map(Into::into),
                    key: event.message_key.as_str().into(),
                    revision,
                },
                lane,
                user: identify.user.as_deref().map(|user| self.name(USER, user)),
                address: self.address(identify),
                anonymous: identify.anonymous.as_deref().map(|anonymous| self.name(ANONYMOUS, anonymous)),
                traits: meaning(&identify.traits),
                unusable: None,
            })),
            Body::Delete(it) if it.user.is_none() && it.addresses.is_empty() && it.anonymous.is_none() => {
                Action::Skip(BLOCKED)
            }
            Body::Delete(delete) => Action::Delete(Box::new(Deletion {
                event: id,
                stamp: Stamp {
                    time: delete.time.into(),
                    received: None,
                    key: event.message_key.as_str().into(),
                    revision,
                },
                user: delete.user.as_deref().map(|user| self.name(USER, user)),
                addresses: delete.addresses.iter().map(|address| self.address_name(address)).collect(),
                anonymous: delete.anonymous.as_deref().map(|anonymous| self.name(ANONYMOUS, anonymous)),
                unusable: None,
            })),
        }
    }

    fn address(&self, identify: &Identify) -> Option<(Name, AddressClass)> {
        let stated = identify.address.as_ref()?;
        let class = match (stated.origin, identify.engage) {
            (AddressOrigin::UserIdShape, _) => AddressClass::Shape,
            (AddressOrigin::Stated, true) => AddressClass::Engage,
            (AddressOrigin::Stated, false) => AddressClass::Ordinary,
        };
        Some((self.address_name(&stated.address), class))
    }

    /// The digests that an operator finds the event by.
    #[must_use]
    pub fn found_by(&self, event: &Event) -> Vec<identity::Digest> {
        self.found_by_action(event, &self.translate(Uuid::nil(), 0, Lane::Live, event))
    }

    /// The same, for an event that was translated already.
    pub(crate) fn found_by_action(&self, event: &Event, action: &Action) -> Vec<identity::Digest> {
        let message = event.message_id.iter().map(|id| self.digest(MESSAGE, id));
        message.chain(self.names_in(event, action)).collect()
    }

    /// The digests of the identifiers that an event names, also of one that asks for nothing.
    #[must_use]
    pub fn names(&self, event: &Event) -> Vec<identity::Digest> {
        self.names_in(event, &self.translate(Uuid::nil(), 0, Lane::Live, event))
    }

    fn names_in(&self, event: &Event, action: &Action) -> Vec<identity::Digest> {
        match (action, &event.body) {
            (Action::Identify(statement), _) => statement.digests(),
            (Action::Delete(deletion), _) => deletion.digests(),
            (Action::Skip(_), Body::Identify(it)) => {
                let user = it.user.iter().map(|id| self.digest(USER, id));
                let address = it.address.iter().map(|stated| self.digest(ADDRESS, &stated.address));
                let anonymous = it.anonymous.iter().map(|id| self.digest(ANONYMOUS, id));
                user.chain(address).chain(anonymous).collect()
            }
            (Action::Skip(_), Body::Delete(_)) => Vec::new(),
        }
    }

    /// The digests of an event that was refused, by which an operator finds it and a delete covers it.
    pub(crate) fn found_by_outline(&self, outline: &Outline) -> Vec<identity::Digest> {
        let message = outline.message_id.iter().map(|id| self.digest(MESSAGE, id));
        let user = outline.user.iter().map(|id| self.digest(USER, id));
        let addresses = outline.addresses.iter().map(|address| self.digest(ADDRESS, address));
        let anonymous = outline.anonymous.iter().map(|id| self.digest(ANONYMOUS, id));
        message.chain(user).chain(addresses).chain(anonymous).collect()
    }
}

/// A long userId or anonymousId, shortened for operators to read. Its digest, which counts, is that of the whole text.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Seals an identifier's name, bound to its digest.
#[must_use]
pub fn seal(vault: &Vault, digest: identity::Digest, text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(vault.seal(text.as_bytes(), &digest.0))
}

/// Opens an identifier's name; `None` if it is damaged or was sealed under another master key.
#[must_use]
pub fn open(vault: &Vault, digest: identity::Digest, sealed: &str) -> Option<String> {
    use base64::Engine as _;
    let sealed = base64::engine::general_purpose::STANDARD_NO_PAD.decode(sealed).ok()?;
    String::from_utf8(vault.open(&sealed, &digest.0).ok()?).ok()
}

/// Segment's traits under Refersion's names and in its forms.
#[must_use]
pub fn meaning(stated: &BTreeMap<Trait, Option<String>>) -> Map<Text, Option<Text>> {
    let stated_country = stated.get(&Trait::Country).and_then(|text| text.as_deref());
    let code = stated_country.and_then(country::code);
    let in_the_us = stated_country.is_none() || code == Some("US");
    let text = |value: &Option<String>| value.as_deref().map(Text::from);
    let mut traits = Map::new();
    for (key, value) in stated {
        let (name, value) = match key {
            Trait::FirstName => ("first_name", text(value)),
            Trait::LastName => ("last_name", text(value)),
            Trait::Company => ("company", text(value)),
            Trait::Phone => ("phone", text(value)),
            Trait::Street => ("address1", text(value)),
            Trait::Street2 => ("address2", text(value)),
            Trait::City => ("city", text(value)),
            Trait::State => ("state", value.as_deref().map(|text| state_text(text, in_the_us))),
            Trait::PostalCode => ("zip", text(value)),
            Trait::Country => match (value, code.filter(|code| country::accepted(code))) {
                (None, _) => ("country", None),
                (Some(_), Some(code)) => ("country", Some(code.into())),
                // A country that Refersion does not accept is treated as not stated.
                (Some(_), None) => continue,
            },
            Trait::Custom(key) => {
                traits.insert(Text::from_iter([CUSTOM, key.as_str()]), text(value));
                continue;
            }
        };
        traits.insert(Text::new_static(name), value);
    }
    traits
}

/// Why the country that is stated is not sent; `None` if it is, or if none is stated.
pub(crate) fn unusable_country(traits: &BTreeMap<Trait, Option<String>>) -> Option<&'static str> {
    let stated = traits.get(&Trait::Country)?.as_deref()?;
    match country::code(stated) {
        None => Some("unknown_country"),
        Some(code) => (!country::accepted(code)).then_some("country_not_accepted"),
    }
}

fn state_text(text: &str, in_the_us: bool) -> Text {
    let code = if in_the_us { state::us_code(text) } else { None };
    code.unwrap_or(text).into()
}
