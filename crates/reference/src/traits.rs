//! The traits of one identify under Refersion's names, normalized before events are compared.
//!
//! A key is Refersion's field name, or `trait:` and the folded key. `None` as a value clears the trait.

use std::collections::{BTreeMap, BTreeSet};

use crate::Settings;
use crate::addresses::places;
use crate::json::Node;
use crate::sources::sources;
use crate::text::value;

/// The traits of one event or of one person.
pub(crate) type Traits = BTreeMap<String, Option<String>>;

/// Maximum length of a custom trait in characters; no field of Refersion accepts a longer text.
const MAX_CUSTOM_CHARS: usize = 255;

/// Maximum length of a standard trait in characters; longer texts are not names, phone numbers or parts of an address.
const MAX_STANDARD_CHARS: usize = 1_000;

/// Refersion's name of a part of an address, with its folded keys inside an address and outside.
pub(crate) type Part = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Every part of an address.
pub(crate) const ADDRESS_PARTS: [Part; 6] = [
    (
        "address1",
        &["street", "address1", "addressline1", "line1", "street1", "streetaddress"],
        &["street", "address1", "addressline1"],
    ),
    ("address2", &["street2", "address2", "addressline2", "line2"], &["street2", "address2", "addressline2"]),
    ("city", &["city", "town", "locality"], &["city"]),
    (
        "state",
        &["state", "province", "region", "stateprovince", "statecode", "provincecode", "county"],
        &["state"],
    ),
    ("zip", &["postalcode", "zip", "zipcode", "postcode"], &["postalcode", "zip", "zipcode", "postcode"]),
    ("country", &["countrycode", "country", "countryname"], &["country"]),
];

/// Folded keys of objects or lists of objects that are addresses, in order of precedence.
pub(crate) const ADDRESSES: [&str; 7] =
    ["address", "defaultaddress", "addresses", "billingaddress", "billing", "shippingaddress", "shipping"];

/// All statements in one identify.
pub(crate) fn stated(event: &Node, settings: &Settings) -> Traits {
    let mut stated = Traits::new();
    names(event, settings, &mut stated);
    for (field, read) in [("company", company as fn(&Node) -> _), ("phone", phone)] {
        let mapped = first_value(mapped(event, settings, field).into_iter().filter_map(text));
        if let Some(value) = mapped.or_else(|| sources(event).into_iter().find_map(read)) {
            state(&mut stated, field, value);
        }
    }
    places(event, settings, &mut stated);
    customs(event, settings, &mut stated);
    stated
}

/// The values of the trait that the settings map to a field.
pub(crate) fn mapped<'n>(event: &'n Node, settings: &Settings, field: &str) -> Vec<&'n Node> {
    let path = settings.mapping.get(field);
    path.map_or_else(Vec::new, |path| sources(event).into_iter().flat_map(|it| it.follow(path)).collect())
}

/// The first of several statements that has a value; without one, whether there is any.
pub(crate) fn first_value(statements: impl IntoIterator<Item = Option<String>>) -> Option<Option<String>> {
    let statements: Vec<_> = statements.into_iter().collect();
    let value = statements.iter().find(|statement| statement.is_some()).cloned();
    value.or(if statements.is_empty() { None } else { Some(None) })
}

/// Records the value of a standard field, unless it is too long for one.
pub(crate) fn state(stated: &mut Traits, field: &str, value: Option<String>) {
    if value.as_ref().is_none_or(|value| value.chars().count() <= MAX_STANDARD_CHARS) {
        stated.insert(field.into(), value);
    }
}

fn names(event: &Node, settings: &Settings, stated: &mut Traits) {
    let values_of = |field: &str, key: &str| {
        let mut nodes = mapped(event, settings, field);
        nodes.extend(sources(event).into_iter().flat_map(|source| source.all(key)));
        let texts = nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(value(text)),
            _ => None,
        });
        let text = texts.into_iter().find(|text| !text.is_empty());
        let blank =
            |node: &&Node| **node == Node::Null || matches!(node, Node::Text(text) if text.trim().is_empty());
        (text, nodes.iter().any(blank))
    };
    let (name, _) = values_of("name", "name");
    let split = name.as_deref().map(|name| name.split_once(char::is_whitespace).unwrap_or((name, "")));
    let (first, _) = values_of("first_name", "firstname");
    let first = first.or(split.map(|(first, _)| first.to_owned()));
    let (last, last_is_blank) = values_of("last_name", "lastname");
    let one_word = (last_is_blank && first.is_some()).then(String::new);
    let last = last.or(split.map(|(_, rest)| rest.trim().to_owned())).or(one_word);
    for (field, value) in [("first_name", first), ("last_name", last)] {
        if value.is_some() {
            state(stated, field, value);
        }
    }
}

fn company(source: &Node) -> Option<Option<String>> {
    let names = ["name", "companyname"];
    let whole = source.all("company").into_iter().flat_map(|company| match company {
        Node::Object(_) => names.iter().flat_map(|name| company.all(name)).collect(),
        other => vec![other],
    });
    let dotted = ["company.name", "company.companyname"].into_iter().flat_map(|key| source.all(key));
    let texts = whole.chain(dotted).filter(|node| !matches!(node, Node::Number(_)));
    first_value(texts.filter_map(text))
}

fn phone(source: &Node) -> Option<Option<String>> {
    let phones = source.all("phones").into_iter().filter_map(|phones| match phones {
        Node::List(phones) => match phones.first()? {
            object @ Node::Object(_) => {
                let values = ["value", "number"].into_iter().flat_map(|key| object.all(key));
                first_value(values.filter_map(text))
            }
            other => text(other),
        },
        _ => None,
    });
    first_value(source.all("phone").into_iter().filter_map(text).chain(phones))
}

fn customs(event: &Node, settings: &Settings, stated: &mut Traits) {
    for (nth, source) in
        [&["traits"][..], &["traits", "traits"], &["context", "traits"], &["properties"]].iter().enumerate()
    {
        let Some(source) = object_at(event, source) else { continue };
        let keys: BTreeSet<String> = source.members().iter().map(|(key, _)| key.folded.clone()).collect();
        for key in keys {
            let name = format!("trait:{key}");
            let identifier = nth > 0 && ["userid", "anonymousid"].contains(&key.as_str());
            let is_source = key == "traits" && source.at("traits").is_object();
            let is_mapped = settings.mapping.values().any(|path| *path == key);
            if identifier || is_source || is_mapped || is_standard(&key) || stated.contains_key(&name) {
                continue;
            }
            if let Some(value) = custom(&source.all(&key)) {
                stated.insert(name, value);
            }
        }
    }
}

fn object_at<'n>(event: &'n Node, path: &[&str]) -> Option<&'n Node> {
    let nodes =
        path.iter().fold(vec![event], |nodes, key| nodes.into_iter().flat_map(|it| it.all(key)).collect());
    nodes.into_iter().find(|node| node.is_object())
}

/// The first of several values that is a text, else an empty one, else null.
fn custom(values: &[&Node]) -> Option<Option<String>> {
    let statements = values.iter().filter_map(|value| match value {
        Node::Null => Some(None),
        Node::Bool(flag) => Some(Some(flag.to_string())),
        Node::Number(text) => Some(Some(text.clone())),
        Node::Text(text) => Some(Some(crate::text::value(text))),
        Node::List(_) | Node::Object(_) => None,
    });
    let short =
        |value: &Option<String>| value.as_ref().is_none_or(|it| it.chars().count() <= MAX_CUSTOM_CHARS);
    let statements: Vec<_> = statements.filter(short).collect();
    let full = statements.iter().find(|value| value.as_ref().is_some_and(|text| !text.is_empty()));
    full.or_else(|| statements.iter().find(|value| value.is_some())).or(statements.first()).cloned()
}

/// Whether a folded key belongs to a standard field, and therefore is no custom trait.
fn is_standard(key: &str) -> bool {
    let others = [
        "email",
        "name",
        "firstname",
        "lastname",
        "company",
        "company.name",
        "company.companyname",
        "phone",
        "phones",
    ];
    let inside = ADDRESS_PARTS.iter().flat_map(|(_, inside, _)| *inside);
    let flat = ADDRESS_PARTS.iter().flat_map(|(_, _, flat)| *flat);
    others.contains(&key)
        || ADDRESSES.contains(&key)
        || flat.into_iter().any(|flat| *flat == key)
        || inside.into_iter().any(|part| prefixed(key, part))
}

/// Whether a key names an address and this part of it, as `address.city` and `billing_city` do.
pub(crate) fn prefixed(key: &str, part: &str) -> bool {
    let rests = ["address", "defaultaddress", "billingaddress", "billing"]
        .iter()
        .filter_map(|it| key.strip_prefix(it));
    rests.map(|rest| rest.strip_prefix('.').unwrap_or(rest)).any(|rest| rest == part)
}

/// The statement about a text field. Outer `None`: no statement. Inner `None`: cleared.
pub(crate) fn text(node: &Node) -> Option<Option<String>> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(Some(value(text)).filter(|text| !text.is_empty())),
        Node::Number(text) => Some(Some(text.clone())),
        Node::Bool(_) | Node::List(_) | Node::Object(_) => None,
    }
}
