//! The objects and keys under which shops and payment providers keep postal addresses.

use smol_str::SmolStr;

use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;

/// Folded keys of objects with an address, in order of precedence: Segment's, then Shopify's, WooCommerce's and others'.
/// Each may be a list of such objects.
pub(crate) const HOLDERS: [&str; 7] =
    ["address", "defaultaddress", "addresses", "billingaddress", "billing", "shippingaddress", "shipping"];

/// The prefixes of keys that name an object and a part of it at once: `address.city`, `billing_city`.
const PREFIXES: [&str; 4] = ["address", "billing", "billingaddress", "defaultaddress"];

/// One part of an address.
pub(super) struct Part {
    pub(super) name: Trait,
    /// The name by which a connection maps a trait to it.
    pub(super) field: &'static str,
    /// Its folded keys in an address, in order of precedence: those of Segment's spec, then those of Refersion, Shopify,
    /// Stripe and WooCommerce.
    pub(super) inner: &'static [&'static str],
    /// Its folded keys among other traits, where some names are ambiguous.
    pub(super) flat: &'static [&'static str],
}

/// All parts.
pub(super) const PARTS: [Part; 6] = [
    Part {
        name: Trait::Street,
        field: "address1",
        inner: &["street", "address1", "addressline1", "line1", "street1", "streetaddress"],
        flat: &["street", "address1", "addressline1"],
    },
    Part {
        name: Trait::Street2,
        field: "address2",
        inner: &["street2", "address2", "addressline2", "line2"],
        flat: &["street2", "address2", "addressline2"],
    },
    Part { name: Trait::City, field: "city", inner: &["city", "town", "locality"], flat: &["city"] },
    Part {
        name: Trait::State,
        field: "state",
        inner: &["state", "province", "region", "stateprovince", "statecode", "provincecode", "county"],
        flat: &["state"],
    },
    Part {
        name: Trait::PostalCode,
        field: "zip",
        inner: &["postalcode", "zip", "zipcode", "postcode"],
        flat: &["postalcode", "zip", "zipcode", "postcode"],
    },
    Part {
        name: Trait::Country,
        field: "country",
        inner: &["countrycode", "country", "countryname"],
        flat: &["country"],
    },
];

/// Whether a folded key holds an address or a part of one.
pub(super) fn is_part_of_an_address(key: &str) -> bool {
    HOLDERS.contains(&key)
        || PARTS.iter().any(|part| part.flat.contains(&key))
        || behind_prefixes(key).any(|rest| PARTS.iter().any(|part| part.inner.contains(&rest)))
}

/// The rest of a key after each prefix that it has: `billing_address_1` has two.
fn behind_prefixes(key: &str) -> impl Iterator<Item = &str> {
    let rests = PREFIXES.iter().filter_map(move |prefix| key.strip_prefix(prefix));
    rests.map(|rest| rest.strip_prefix('.').unwrap_or(rest))
}

/// The address in one source.
pub(super) struct Place<'n> {
    /// The members of the first object with a part that has a value; without one, of the first object.
    pub(super) inner: Fields<'n>,
    /// The address as a single text.
    pub(super) text: Option<&'n Node<'n>>,
    /// Keys with a prefix: the part's key, and the value.
    pub(super) prefixed: Vec<(SmolStr, &'n Node<'n>)>,
}

impl<'n> Place<'n> {
    pub(super) fn of(source: &Fields<'n>) -> Self {
        let holders = HOLDERS.into_iter().flat_map(|holder| source.all(holder)).filter_map(object_in);
        let objects: Vec<Fields<'n>> = holders.map(|object| Fields::of(Some(object))).collect();
        let best = objects.iter().position(has_value).unwrap_or(0);
        let prefixed = source.groups().flat_map(|(key, group)| {
            let rests = behind_prefixes(key).filter(|rest| !rest.is_empty()).map(SmolStr::new);
            rests.flat_map(move |rest| group.iter().map(move |(_, field)| (rest.clone(), field.node)))
        });
        Self {
            inner: objects.into_iter().nth(best).unwrap_or_default(),
            text: source.all("address").find(|node| matches!(node, Node::Text(_))),
            prefixed: prefixed.collect(),
        }
    }

    /// The values of a part under its keys inside the address, with the keys.
    pub(super) fn values<'s>(
        &'s self,
        part: &'s Part,
    ) -> impl Iterator<Item = (&'static str, &'n Node<'n>)> + use<'s, 'n> {
        let inner = part.inner.iter().flat_map(|key| self.inner.all(key).map(|node| (*key, node)));
        let prefixed = part.inner.iter().flat_map(|key| {
            let same = self.prefixed.iter().filter(move |(rest, _)| rest == key);
            same.map(|(_, node)| (*key, *node))
        });
        inner.chain(prefixed)
    }
}

fn has_value(fields: &Fields<'_>) -> bool {
    let keys = PARTS.iter().flat_map(|part| part.inner);
    keys.into_iter().any(|key| fields.all(key).any(|node| !node.is_blank()))
}

/// The object itself; of a list the object that is marked as the default, else the first.
fn object_in<'n>(node: &'n Node<'n>) -> Option<&'n Node<'n>> {
    let Node::List(items) = node else { return Some(node).filter(|node| matches!(node, Node::Object(_))) };
    let objects = || items.iter().filter(|item| matches!(item, Node::Object(_)));
    let is_default =
        |item: &&Node<'_>| Fields::of(Some(item)).all("default").any(|node| matches!(node, Node::Bool(true)));
    objects().find(is_default).or_else(|| objects().next())
}
