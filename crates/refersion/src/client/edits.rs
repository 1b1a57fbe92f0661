//! The body of `/affiliate/edit`, serialized directly from the edits: a call has up to 50.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Edit;

/// The whole body.
#[derive(serde::Serialize)]
pub(super) struct Body<'e> {
    affiliates: Vec<Item<'e>>,
}

impl<'e> Body<'e> {
    pub(super) fn of(edits: &'e [Edit]) -> Self {
        Self { affiliates: edits.iter().map(Item).collect() }
    }
}

/// One element of `affiliates`.
struct Item<'e>(&'e Edit);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Edit { id, fields, custom_fields } = self.0;
        let mut item = serializer.serialize_map(None)?;
        item.serialize_entry("id", id)?;
        for (field, value) in fields {
            item.serialize_entry(field.name(), value)?;
        }
        if !custom_fields.is_empty() {
            let custom: Vec<Custom<'_>> =
                custom_fields.iter().map(|(field, value)| Custom(*field, value)).collect();
            item.serialize_entry("custom_fields", &custom)?;
        }
        item.end()
    }
}

/// One custom field: an object with a single key, the numeric id of the field.
struct Custom<'e>(u64, &'e str);

impl Serialize for Custom<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut field = serializer.serialize_map(Some(1))?;
        field.serialize_entry(&self.0, self.1)?;
        field.end()
    }
}
