//! Payout fields that are held back: noted when a hold begins or ends, and confirmed by an operator.

use std::time::Duration;

use connections::ConnectionId;
use identity::Digest;
use identity::eligibility::Rules;
use identity::payout::{Confirmed, confirm};
use jiff::Timestamp;
use ledger::{Audit, Changes, GraphRow, Save};
use tracing::{info, warn};

use crate::settle::{settle_save, unsettled};

/// Notes that a payout field is now held back, or no longer: in the graph, the count, the audit and the log.
pub(crate) fn note_holds(changes: &mut Changes, save: &mut Save, holds: &[(usize, bool)], now: Timestamp) {
    for (place, is_held) in holds {
        let affiliate = &mut save.graph.affiliates[*place];
        affiliate.held_since = is_held.then_some(now.into());
        changes.held_back += if *is_held { 1 } else { -1 };
        let (Some(id), connection) = (affiliate.id, changes.connection) else { continue };
        if *is_held {
            warn!(
                connection_id = connection,
                affiliate_id = id,
                "the payout field is held back: somebody other than its payee states it; see `profiles show`"
            );
        } else {
            info!(connection_id = connection, affiliate_id = id, "the payout field is no longer held back");
        }
        let action = if *is_held { "payout_held" } else { "payout_hold_ended" };
        changes.audit.push(line("worker", action, id, now));
    }
}

/// The changes of an operator's confirmation of a payout field that is held back: to be recorded, and for the operator to read.
/// `None` if nothing is held back from the person of any of `identifiers`.
#[must_use]
pub fn confirmation(
    connection: ConnectionId,
    read: GraphRow,
    rules: &Rules,
    identifiers: &[Digest],
    now: Timestamp,
) -> Option<(Changes, Confirmed)> {
    let mut save = unsettled(read);
    let confirmed = identifiers.iter().find_map(|it| confirm(&mut save.graph, rules, *it))?;
    let mut changes = Changes { connection, ..Changes::default() };
    changes.audit.push(line("operator", "payout_confirmed", confirmed.affiliate, now));
    settle_save(&mut changes, &mut save, rules, now, Duration::ZERO);
    changes.saves.push(save);
    Some((changes, confirmed))
}

fn line(actor: &str, action: &str, affiliate: u64, at: Timestamp) -> Audit {
    Audit {
        at,
        actor: actor.to_owned(),
        action: action.to_owned(),
        subject: format!("affiliate {affiliate}"),
    }
}
