//! Finds the changes from the state that was seen before to the current one. Pure.

use ledger::NewNotification;
use serde_json::json;

use super::look::{Letters, Look, Replay, Shop};
use super::seen::{Notified, Seen, Sync};
use super::{Thresholds, notification};

/// Factor between the sizes of a group at which operators are notified of it.
const STEP: u64 = 10;

/// The notifications that are due. Updates `seen`.
pub(super) fn notice(seen: &mut Seen, look: &Look, thresholds: &Thresholds) -> Vec<NewNotification> {
    let mut new = Vec::new();
    seen.paused.retain(|id, _| look.connections.contains_key(id));
    seen.syncs.retain(|id, _| look.connections.contains_key(id));
    for (id, shop) in &look.connections {
        new.extend(pause(seen, look, *id, shop));
        new.extend(sync(seen, look, (*id, shop), thresholds.sync_events));
    }
    new.extend(replays(seen, look));
    if let Some(groups) = &look.groups {
        seen.groups.retain(|key, _| groups.contains_key(key));
        for (key, letters) in groups {
            new.extend(growth(seen, look, (key, letters), thresholds.dead_letters));
        }
    }
    seen.number += new.len() as u64;
    new
}

/// A pause that began or ended.
fn pause(seen: &mut Seen, look: &Look, id: i64, shop: &Shop) -> Option<NewNotification> {
    match (&shop.paused, seen.paused.get(&id).copied()) {
        (Some((reason, since)), before) if before != Some(*since) => {
            seen.paused.insert(id, *since);
            let data = json!({ "connection": shop.name, "reason": reason, "since": since });
            let fact = format!("paused:{id}:{}", since.as_microsecond());
            Some(notification("connection.paused", fact, Some(id), (look.at, &data)))
        }
        (None, Some(since)) => {
            seen.paused.remove(&id);
            let data = json!({ "connection": shop.name, "paused_since": since });
            let fact = format!("resumed:{id}:{}", since.as_microsecond());
            Some(notification("connection.resumed", fact, Some(id), (look.at, &data)))
        }
        _ => None,
    }
}

/// A group that has reached the threshold, or ten, a hundred, … times the threshold. It counts as new once it has shrunk to
/// half of the threshold.
fn growth(
    seen: &mut Seen,
    look: &Look,
    (key, letters): (&String, &Letters),
    threshold: u64,
) -> Option<NewNotification> {
    let before = seen.groups.get(key).map_or(0, |notified| notified.level);
    let level = level(letters.open, threshold);
    if letters.open <= threshold / 2 {
        seen.groups.remove(key);
    }
    if level <= before {
        return None;
    }
    seen.groups.insert(key.clone(), Notified { level });
    let shop = look.connections.get(&letters.connection)?;
    let data = json!({
        "connection": shop.name, "group": key, "class": letters.class, "http_status": letters.http_status,
        "field": letters.field, "open": letters.open, "people": letters.people,
    });
    let fact = format!("dead_letters:{key}:{level}:{}", seen.number);
    Some(notification("dead_letters.growing", fact, Some(letters.connection), (look.at, &data)))
}

fn level(open: u64, threshold: u64) -> u32 {
    let mut level = 0;
    let mut limit = threshold.max(1);
    while open >= limit {
        level += 1;
        limit = limit.saturating_mul(STEP);
        if limit == u64::MAX {
            break;
        }
    }
    level
}

/// Plans of replays that have ended since the last look. Plans that ended before the first look are not reported.
fn replays(seen: &mut Seen, look: &Look) -> Vec<NewNotification> {
    let ended = look.replays.iter().map(|replay| (replay.plan, replay.ended_at)).collect();
    let Some(known) = seen.replays.replace(ended) else { return Vec::new() };
    let new = look.replays.iter().rev().filter(|it| !known.contains(&(it.plan, it.ended_at)));
    new.map(|replay| replay_done(look, replay)).collect()
}

fn replay_done(look: &Look, replay: &Replay) -> NewNotification {
    let data = json!({
        "plan": replay.plan, "ended": replay.ended_at, "stopped": replay.is_stopped,
        "delivered": replay.delivered, "failed": replay.failed, "skipped": replay.skipped,
        "kept": replay.kept, "left_out": replay.left_out, "not_sent": replay.not_sent,
    });
    let fact = format!("replay:{}:{}", replay.plan, replay.ended_at.as_microsecond());
    notification("replay.done", fact, None, (look.at, &data))
}

/// A finished backlog: no event of the bulk lane waits in the queue, and no event of the connection is pending.
fn sync(seen: &mut Seen, look: &Look, (id, shop): (i64, &Shop), threshold: u64) -> Option<NewNotification> {
    let waits = shop.pending > 0 || look.bulk > 0;
    if waits {
        seen.syncs.entry(id).or_insert(Sync { began: look.at, ended_before: shop.ended });
        return None;
    }
    let Sync { began, ended_before } = seen.syncs.remove(&id)?;
    let events = shop.ended.saturating_sub(ended_before);
    if events < threshold {
        return None;
    }
    let data = json!({ "connection": shop.name, "events": events, "began": began, "ended": look.at });
    let fact = format!("sync:{id}:{}", began.as_microsecond());
    Some(notification("sync.done", fact, Some(id), (look.at, &data)))
}
