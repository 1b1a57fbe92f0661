//! The trace of a simulation, for the analysis of a failure.

use std::fmt::Write as _;

use ledger::Schedule as _;

use super::check::rows;
use super::harness::Harness;
use super::script::Accepted;

/// Events with their outcomes, identifiers by digest, graphs, calls, and what Refersion holds.
pub(crate) async fn of(harness: &Harness, accepted: &[Accepted]) -> String {
    let mut trace = String::new();
    let outcomes =
        "SELECT lower(hex(e.event_id)), group_concat(o.state || '/' || coalesce(o.reason, ''), ' ')
        FROM events e LEFT JOIN outcomes o ON o.event = e.id GROUP BY e.id";
    let ends: std::collections::BTreeMap<String, String> = rows(&harness.memories[1], outcomes)
        .await
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    for event in accepted {
        let id = event.id.simple().to_string();
        let end = ends.get(&id).map_or("?", String::as_str);
        let (account, at, json) = (event.account, event.received_at, &event.sent.json);
        line(&mut trace, format_args!("{account} {id} {at} [{end}] {json}"));
    }
    for account in &harness.accounts {
        for (kind, names) in [
            (worker::translate::USER, &account.story.users),
            (worker::translate::ADDRESS, &account.story.addresses),
            (worker::translate::ANONYMOUS, &account.story.anonymous),
        ] {
            for name in names {
                let digest = identity::Digest(harness.vault.digest(kind, account.id, name));
                line(&mut trace, format_args!("{digest} {kind} {name}"));
            }
        }
        line(&mut trace, format_args!("{:?}", account.settings));
        for row in harness.ledger.walk(account.id, 0, 10_000).await.expect("a ledger") {
            let graph = serde_json::to_string(&row.graph).expect("a graph is JSON");
            line(&mut trace, format_args!("graph {} {graph}", row.row.id));
        }
    }
    for sent in harness.refersion.sent.lock().iter() {
        line(&mut trace, format_args!("{:?} worker {} {} {}", sent.at, sent.by, sent.public_key, sent.path));
    }
    let state = harness.refersion.core.lock().state();
    for affiliate in state.accounts.iter().flat_map(|account| &account.affiliates) {
        line(&mut trace, format_args!("{affiliate:?}"));
    }
    trace
}

fn line(trace: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(trace, "{line}").expect("text can be written to");
}
