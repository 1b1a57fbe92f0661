//! `/affiliate/edit` and `/affiliate/status_change`: batches that answer 200 even if some items were not changed.

use std::time::Duration;

use serde::Serialize;

use super::partial::Treatment;
use super::{Account, Config};
use crate::affiliate::{Affiliate, Field, Status};
use crate::answer::Answer;
use crate::call::{Edit, StatusChange};
use crate::random::RandomSource;
use crate::webhooks::Topic;

/// The answer to a batch. Refersion gives no reason for items that were not changed.
#[derive(Debug, Default, Serialize)]
struct BatchResult {
    ids_changed: Vec<u64>,
    ids_not_changed: Vec<u64>,
}

impl BatchResult {
    fn record(&mut self, id: u64, changed: bool) {
        if changed { self.ids_changed.push(id) } else { self.ids_not_changed.push(id) }
    }
}

impl Account {
    /// Applies the items in order, so an address that one item gives up is free for the next.
    pub(super) fn edit(
        &mut self,
        edits: Vec<Edit>,
        (config, now): (&Config, Duration),
        partial: Option<&mut RandomSource>,
    ) -> Answer {
        let ids: Vec<u64> = edits.iter().map(|edit| edit.id).collect();
        self.count_repetitions(&ids);
        let mut result = BatchResult::default();
        for (edit, treatment) in edits.into_iter().zip(self.partial_failures.draw(&ids, partial)) {
            let id = edit.id;
            let applied = treatment != Treatment::ReportedUnchanged { applied: false }
                && self.edit_one(edit, config, now);
            result.record(id, applied && treatment == Treatment::Normal);
        }
        Answer::ok(&result)
    }

    /// Returns whether the affiliate is reported as changed: it has the wanted values now, even if it had them before.
    fn edit_one(&mut self, edit: Edit, config: &Config, now: Duration) -> bool {
        let Some(changes) = self.apply_edit(edit, config, now) else { return false };
        if changes {
            self.effects.edited += 1;
        } else {
            self.effects.edited_in_vain += 1;
        }
        changes || !config.switches.same_values_not_changed
    }

    /// Applies one edit. Returns whether it changed anything; `None` if it cannot be applied.
    pub(super) fn apply_edit(&mut self, edit: Edit, config: &Config, now: Duration) -> Option<bool> {
        if !edit.custom_fields.iter().all(|(id, _)| id.is_some_and(|id| config.has_custom_field(id))) {
            return None;
        }
        let id = edit.id;
        let affiliate = self.affiliates.get_mut(&id)?;
        if let Some((_, email)) = edit.texts.iter().find(|(field, _)| *field == Field::Email) {
            if self.emails.owner(email).is_some_and(|owner| owner != id) {
                return None;
            }
            if affiliate.texts.get(Field::Email) != email {
                affiliate.searchable_at = now + config.switches.search_lags;
            }
            self.emails.remove(affiliate.texts.get(Field::Email));
            self.emails.insert(email, id);
        }
        let changes = apply(affiliate, edit);
        if changes {
            affiliate.edited_at = Some(now);
            self.note(Topic::DetailsChange, id);
        }
        Some(changes)
    }

    pub(super) fn change_status(
        &mut self,
        change: &StatusChange,
        config: &Config,
        partial: Option<&mut RandomSource>,
    ) -> Answer {
        self.count_repetitions(&change.ids);
        let mut result = BatchResult::default();
        for (&id, treatment) in change.ids.iter().zip(self.partial_failures.draw(&change.ids, partial)) {
            let applied = treatment != Treatment::ReportedUnchanged { applied: false }
                && self.change_one_status(id, change.status, config);
            result.record(id, applied && treatment == Treatment::Normal);
        }
        Answer::ok(&result)
    }

    fn change_one_status(&mut self, id: u64, status: Status, config: &Config) -> bool {
        let Some(affiliate) = self.affiliates.get_mut(&id) else { return false };
        let before = std::mem::replace(&mut affiliate.status, status);
        if before == status {
            self.effects.status_changed_in_vain += 1;
            return !config.switches.same_status_not_changed;
        }
        self.effects.status_changed += 1;
        self.note(Topic::StatusChange, id);
        // Approving an affiliate in the dashboard sends the welcome mail. Assumed: so does the API.
        self.effects.welcome_mails += u64::from(before == Status::Pending && status == Status::Active);
        true
    }

    /// Refersion does not document two items for one affiliate; a careful client never sends them.
    fn count_repetitions(&mut self, ids: &[u64]) {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        self.effects.repeated_in_one_batch +=
            sorted.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    }
}

/// Applies an edit. Returns whether it changed anything.
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
