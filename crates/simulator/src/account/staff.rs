//! Changes by the merchant's staff in Refersion's dashboard, without a call of the API.

use std::time::Duration;

use super::{Account, Config};
use crate::affiliate::{Field, Status};
use crate::call::Edit;
use crate::webhooks::Topic;

/// Something that the merchant's staff change about an affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaffChange {
    /// A field by its name in `/affiliate/edit`, and its new text.
    Field(String, String),
    /// A custom field by its numeric id, and its new value.
    CustomField(u64, String),
    /// Any status, PENDING as well.
    Status(Status),
}

impl Account {
    /// Changes an affiliate; `false` if there is none with this id, the field is unknown, or another affiliate has the address.
    /// A value that is there already is no change, and counts as done.
    pub(crate) fn staff_changes(
        &mut self,
        id: u64,
        change: StaffChange,
        config: &Config,
        now: Duration,
    ) -> bool {
        let edit = match change {
            StaffChange::Status(status) => return self.staff_sets_status(id, status),
            StaffChange::CustomField(field, value) => {
                Edit { id, custom_fields: vec![(Some(field), value)], ..Edit::default() }
            }
            StaffChange::Field(name, text) => {
                let Some(field) = Field::named(&name) else { return false };
                Edit { id, texts: vec![(field, text)], ..Edit::default() }
            }
        };
        self.apply_edit(edit, config, now).is_some()
    }

    fn staff_sets_status(&mut self, id: u64, status: Status) -> bool {
        let Some(affiliate) = self.affiliates.get_mut(&id) else { return false };
        if std::mem::replace(&mut affiliate.status, status) != status {
            self.note(Topic::StatusChange, id);
        }
        true
    }
}
