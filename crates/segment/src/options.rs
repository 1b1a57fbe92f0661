//! The options for reading the events of a connection: the identifiers that do not count, and the traits that are standard
//! fields.

use std::collections::BTreeMap;

use crate::Blocked;
use crate::fields::fold_key;

/// The options for reading events. The default blocks nothing and maps nothing: the ingest endpoint, which knows no
/// connection's settings, uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Identifiers that name nobody.
    pub blocked: Blocked,
    /// Traits that are read as standard ones, whatever their names.
    pub mapping: Mapping,
}

/// Traits whose names in a customer's source differ from Segment's spec, by the standard field that takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<&'static str, Path>);

/// A path of folded keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    keys: Vec<String>,
    /// The same as one key, with dots between.
    whole: String,
}

impl Path {
    fn of(text: &str) -> Self {
        let keys: Vec<String> = text.split('.').map(fold_key).collect();
        Self { whole: keys.join("."), keys }
    }
}

/// The names of the fields that a trait can be mapped to: Refersion's, except `name`, which is split. Each has the folded
/// spellings that are accepted, its own first.
const FIELDS: [(&str, &[&str]); 12] = [
    ("email", &["email"]),
    ("name", &["name"]),
    ("first_name", &["firstname"]),
    ("last_name", &["lastname"]),
    ("company", &["company"]),
    ("phone", &["phone"]),
    ("address1", &["address1", "street"]),
    ("address2", &["address2", "street2"]),
    ("city", &["city"]),
    ("state", &["state"]),
    ("zip", &["zip", "zipcode", "postalcode", "postcode"]),
    ("country", &["country"]),
];

/// The standard field of a name, in any spelling of Refersion or Segment; `None` if there is no such field.
#[must_use]
pub fn standard_field(name: &str) -> Option<&'static str> {
    let folded = fold_key(name);
    FIELDS.iter().find(|(_, names)| names.contains(&folded.as_str())).map(|(field, _)| *field)
}

/// Every name that [`standard_field`] returns.
pub fn standard_fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(field, _)| *field)
}

impl Mapping {
    /// A mapping of standard fields to paths of traits. A path names a trait, or a part of one with dots between:
    /// `users.first_name`, `phones.0.number`. A field that does not exist is left out.
    pub fn of<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let known = pairs.into_iter().filter_map(|(field, path)| Some((standard_field(field)?, path)));
        Self(known.map(|(field, path)| (field, Path::of(path))).collect())
    }

    /// The path that is mapped to a field, by folded keys.
    pub(crate) fn path(&self, field: &str) -> Option<&[String]> {
        self.0.get(field).map(|path| path.keys.as_slice())
    }

    /// Whether a trait with this folded key, which may contain dots, is mapped to a standard field.
    pub(crate) fn takes(&self, folded: &str) -> bool {
        self.0.values().any(|path| path.whole == folded)
    }

    /// Whether a part of the trait with this folded key is mapped.
    pub(crate) fn leads_into(&self, folded: &str) -> bool {
        let inside = |path: &Path| path.whole.strip_prefix(folded).is_some_and(|rest| rest.starts_with('.'));
        self.0.values().any(inside)
    }
}
