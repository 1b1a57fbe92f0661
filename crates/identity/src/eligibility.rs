//! The settings of a connection that decide which persons can be affiliates, and which values are sent.

use crate::audiences::Watched;
use crate::graph::TraitValue;
use crate::{Map, Text};

/// The merged traits of a person, by key.
pub type Traits<'g> = Map<&'g str, &'g TraitValue>;

/// The rules of a connection's settings. Trait keys are those of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether a create requires a usable part of a postal address.
    pub require_address: bool,
    /// The last name of a person whose name is one word; `None`: such a person waits.
    pub one_word_last_name: Option<String>,
    /// The custom field, as `custom:` with Refersion's id of it, by trait key (`trait:plan`).
    pub custom_fields: Map<String, Text>,
    /// The trait key that holds the PayPal address, if any.
    pub paypal_trait: Option<String>,
    /// Whether new affiliates are created ACTIVE (else PENDING).
    pub active: bool,
    /// Whether a delete also overwrites the affiliate's fields.
    pub scrub: bool,
    /// How long after a create without an answer its affiliate may still appear, in microseconds.
    pub late_creates: i64,
    /// Fields that are neither sent nor emptied for the time being, because Refersion refuses them for everybody.
    pub suspended: Vec<Text>,
    /// The audiences that are counted.
    pub audiences: Watched,
}

/// The prefix of a custom trait's key.
pub const CUSTOM: &str = "trait:";

/// Why a text is not sent as an address: the word with which the reason begins.
pub const NOT_AN_ADDRESS: &str = "not_an_address";

/// The payout field: the address that is paid. It accepts only an email address.
pub const PAYPAL: &str = "paypal_email";

/// The country: a code of a closed list.
const COUNTRY: &str = "country";

/// Fields that cannot be emptied: by Refersion's documentation a country is a code of a closed list and `paypal_email` a
/// valid address, so an empty text is refused. Source: Refersion REST v2, `/affiliate/edit`.
pub const NEVER_EMPTY: [&str; 2] = [COUNTRY, PAYPAL];

/// The text fields of an affiliate apart from its email, by Refersion's names.
pub const TEXT_FIELDS: [&str; 11] = [
    "first_name",
    "last_name",
    "company",
    "address1",
    "address2",
    "city",
    "state",
    "zip",
    COUNTRY,
    "phone",
    PAYPAL,
];

/// The longest text that is taken for an address, in bytes. Source: RFC 5321, 4.5.3.1.3, less the brackets.
const LONGEST_ADDRESS: usize = 254;

/// The parts of a postal address of which one must be usable if an address is required. `address2` alone is not enough.
const ADDRESS_PARTS: [&str; 5] = ["address1", "city", "state", "zip", "country"];

impl Rules {
    /// The Refersion fields to which a trait key is sent: its own name, or `paypal_email` and `custom:ID` if the settings name
    /// the trait. None if nothing maps it.
    pub fn fields_of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let is_custom = key.starts_with(CUSTOM);
        let own = (!is_custom).then_some(key);
        let paypal = (is_custom && self.paypal_trait.as_deref() == Some(key)).then_some(PAYPAL);
        let custom = if is_custom { self.custom_fields.get(key) } else { None };
        own.into_iter().chain(paypal).chain(custom.map(Text::as_str))
    }

    /// Whether a field is suspended.
    #[must_use]
    pub fn is_suspended(&self, field: &str) -> bool {
        self.suspended.iter().any(|suspended| suspended == field)
    }

    /// Whether a trait is mapped at all.
    #[must_use]
    pub fn is_mapped(&self, key: &str) -> bool {
        !key.starts_with(CUSTOM)
            || self.paypal_trait.as_deref() == Some(key)
            || self.custom_fields.contains_key(key)
    }

    /// The text of a trait for a field, or `None` if there is nothing to send: a one-word name without a rule, a PayPal address
    /// that is not an address, a country that was cleared.
    #[must_use]
    pub fn text_of<'a>(&'a self, field: &str, stated: &'a TraitValue) -> Option<&'a str> {
        let text = stated.value.as_deref().unwrap_or_default();
        match field {
            "last_name" if text.is_empty() => self.one_word_last_name.as_deref(),
            "first_name" | COUNTRY if text.is_empty() => None,
            PAYPAL if !is_address(text) => None,
            _ => Some(text),
        }
    }

    /// The fields that a create requires and these traits lack, by Refersion's names; `address` for any part of one.
    /// With `refusals`, a value that Refersion refused counts as lacking.
    #[must_use]
    pub fn lacking(&self, traits: &Traits<'_>, refusals: bool) -> Vec<&'static str> {
        let usable = |key: &str| {
            let stated = traits.get(key)?;
            if refusals && stated.refused.is_some() {
                return None;
            }
            self.text_of(key, stated).filter(|text| !text.is_empty())
        };
        let mut lacking: Vec<&'static str> =
            ["first_name", "last_name"].into_iter().filter(|name| usable(name).is_none()).collect();
        if self.require_address && ADDRESS_PARTS.iter().all(|part| usable(part).is_none()) {
            lacking.push("address");
        }
        lacking
    }
}

/// Whether a text can be an email address. False only where Refersion is certain to refuse it: no one `@` between a local
/// part and a domain of at least two labels, or a blank, a control character or a separator of lists anywhere.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let no_address_has = |c: char| c.is_whitespace() || c.is_control() || "()<>,;".contains(c);
    let Some((local, domain)) = text.split_once('@') else { return false };
    let labels = domain.split('.').count();
    let is_domain = labels > 1 && !domain.contains('@') && domain.split('.').all(|label| !label.is_empty());
    !local.is_empty() && is_domain && text.len() <= LONGEST_ADDRESS && !text.chars().any(no_address_has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::{Moment, Stamp};

    fn rules() -> Rules {
        Rules {
            require_address: true,
            one_word_last_name: Some("-".to_owned()),
            custom_fields: Map::from_iter([("trait:pay".to_owned(), "custom:7".into())]),
            paypal_trait: Some("trait:pay".to_owned()),
            active: true,
            scrub: false,
            late_creates: 0,
            suspended: Vec::new(),
            audiences: Watched::default(),
        }
    }

    fn stated(value: &str) -> TraitValue {
        let stamp = Stamp { time: Moment(0), received: None, key: "m".into(), revision: 0 };
        TraitValue::new(Some(value.into()), stamp)
    }

    #[test]
    fn a_trait_for_paypal_and_a_custom_field_goes_to_both() {
        let rules = rules();
        let of = |key| rules.fields_of(key).collect::<Vec<_>>();
        assert_eq!(of("trait:pay"), ["paypal_email", "custom:7"]);
        assert_eq!(of("trait:other"), Vec::<&str>::new());
        assert_eq!(of("phone"), ["phone"]);
        let mapped = ["trait:pay", "trait:other", "phone"].map(|key| rules.is_mapped(key));
        assert_eq!(mapped, [true, false, true]);
    }

    #[test]
    fn only_an_address_is_sent_as_a_paypal_address() {
        for text in ["a@b.c", "a+b@c-d.co.uk", "a..b@c.d", "é@ö.ü"] {
            assert_eq!(rules().text_of("paypal_email", &stated(text)), Some(text));
        }
        for text in [
            "",
            "a",
            "@b.c",
            "a@.c",
            "a@b.",
            "a@b",
            "a b@c.d",
            "a@b.c\u{7}d",
            "a@b@c.d",
            "a@@b.cd",
            "a@b.c,d@e.f",
            "a@b.c;d@e.f",
            "a@b..c",
            "<a@b.c>",
        ] {
            assert_eq!(rules().text_of("paypal_email", &stated(text)), None, "{text}");
            assert_eq!(rules().text_of("custom:7", &stated(text)), Some(text));
        }
        assert_eq!(rules().text_of("paypal_email", &stated(&format!("{}@b.c", "a".repeat(251)))), None);
    }

    #[test]
    fn a_create_needs_both_names_and_a_part_of_an_address_that_a_letter_could_reach() {
        let (first, last, city, nothing) = (stated("Ann"), stated(""), stated("Rome"), stated(""));
        let lacking =
            |traits: &[(&'static str, &TraitValue)]| rules().lacking(&traits.iter().copied().collect(), true);
        assert_eq!(lacking(&[]), ["first_name", "last_name", "address"]);
        assert_eq!(lacking(&[("first_name", &first), ("last_name", &last)]), ["address"]);
        let named = [("first_name", &first), ("last_name", &last)];
        assert_eq!(lacking(&[&named[..], &[("address2", &city), ("city", &nothing)]].concat()), ["address"]);
        assert!(lacking(&[&named[..], &[("city", &city)]].concat()).is_empty());
        let refused = TraitValue { refused: Some("no such name".to_owned()), ..first.clone() };
        assert_eq!(
            lacking(&[("first_name", &refused), ("last_name", &last), ("city", &city)]),
            ["first_name"]
        );
    }

    #[test]
    fn a_one_word_name_waits_without_a_placeholder() {
        let rules = Rules { one_word_last_name: None, require_address: false, ..rules() };
        let (first, last) = (stated("Ann"), stated(""));
        assert_eq!(
            rules.lacking(&[("first_name", &first), ("last_name", &last)].into_iter().collect(), true),
            ["last_name"]
        );
    }
}
