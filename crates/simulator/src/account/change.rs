//! `/affiliate/edit` and `/affiliate/status_change`: batches that answer 200 even where some items were not done.

use serde::Serialize;

use super::withhold::Fate;
use super::{Account, World};
use crate::affiliate::{Affiliate, Field, Status};
use crate::answer::Answer;
use crate::call::{Edit, StatusChange};
use crate::dice::Dice;

/// Which items were done. Refersion gives no reason for the others.
#[derive(Debug, Default, Serialize)]
struct Done {
    ids_changed: Vec<u64>,
    ids_not_changed: Vec<u64>,
}

impl Done {
    fn note(&mut self, id: u64, changed: bool) {
        if changed { self.ids_changed.push(id) } else { self.ids_not_changed.push(id) }
    }
}

impl Account {
    /// Items are done one after the other, so an address that one item leaves is free for the next.
    pub(super) fn edit(&mut self, edits: Vec<Edit>, world: &World, partial: Option<&mut Dice>) -> Answer {
        let ids: Vec<u64> = edits.iter().map(|edit| edit.id).collect();
        self.note_repetitions(&ids);
        let mut done = Done::default();
        for (edit, fate) in edits.into_iter().zip(self.withheld.draw(&ids, partial)) {
            let id = edit.id;
            let applied = fate != Fate::Withheld { applied: false } && self.edit_one(edit, world);
            done.note(id, applied && fate == Fate::Fair);
        }
        Answer::ok(&done)
    }

    /// True if the item holds now, whether or not it held before.
    fn edit_one(&mut self, edit: Edit, world: &World) -> bool {
        if !edit.custom_fields.iter().all(|(id, _)| id.is_some_and(|id| world.has_custom_field(id))) {
            return false;
        }
        let Some(affiliate) = self.affiliates.get_mut(&edit.id) else { return false };
        if let Some((_, email)) = edit.texts.iter().find(|(field, _)| *field == Field::Email) {
            if self.emails.holder(email).is_some_and(|holder| holder != edit.id) {
                return false;
            }
            self.emails.release(affiliate.texts.get(Field::Email));
            self.emails.hold(email, edit.id);
        }
        if apply(affiliate, edit) {
            self.effects.edited += 1;
        } else {
            self.effects.edited_in_vain += 1;
        }
        true
    }

    pub(super) fn change_status(
        &mut self,
        change: &StatusChange,
        world: &World,
        partial: Option<&mut Dice>,
    ) -> Answer {
        self.note_repetitions(&change.ids);
        let mut done = Done::default();
        for (&id, fate) in change.ids.iter().zip(self.withheld.draw(&change.ids, partial)) {
            let applied =
                fate != Fate::Withheld { applied: false } && self.change_one_status(id, change.status, world);
            done.note(id, applied && fate == Fate::Fair);
        }
        Answer::ok(&done)
    }

    fn change_one_status(&mut self, id: u64, status: Status, world: &World) -> bool {
        let Some(affiliate) = self.affiliates.get_mut(&id) else { return false };
        let before = std::mem::replace(&mut affiliate.status, status);
        if before == status {
            self.effects.status_changed_in_vain += 1;
            return !world.switches.same_status_not_changed;
        }
        self.effects.status_changed += 1;
        // Approving an affiliate in the dashboard sends the welcome mail; we assume the same of the API.
        self.effects.welcome_mails += u64::from(before == Status::Pending && status == Status::Active);
        true
    }

    /// Refersion says nothing about two items for one affiliate; a careful client never sends them.
    fn note_repetitions(&mut self, ids: &[u64]) {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        self.effects.repeated_in_one_batch +=
            sorted.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    }
}

/// True if this changed anything.
fn apply(affiliate: &mut Affiliate, edit: Edit) -> bool {
    let mut changed = false;
    for (field, text) in edit.texts {
        changed |= affiliate.texts.set(field, &text);
    }
    if let Some(offer) = edit.offer {
        changed |= std::mem::replace(&mut affiliate.offer, offer) != offer;
    }
    for (id, value) in edit.custom_fields {
        changed |= id.is_some_and(|id| affiliate.set_custom_field(id, &value));
    }
    changed
}
