//! Compares the counts of audiences with a scan of all graphs.

use std::collections::BTreeMap;
use std::sync::Arc;

use connections::Registry as _;
use identity::Map;
use identity::audiences::{Counted, count};
use identity::eligibility::{CUSTOM, Rules};
use identity::plan::Analysis;
use ledger::{Audiences as _, Schedule as _};
use worker::rules::rules;

use super::harness::{Account, Harness};

/// Checks that counts equal a scan, graph by graph and in sum, once the system is idle.
pub(crate) async fn counted(harness: &Harness, account: &Account) -> Vec<String> {
    let mut wrong = Vec::new();
    let all = harness.ledger.audience_counts(Some(account.id)).await.expect("a ledger");
    if let Some(position) = harness.ledger.counting(account.id).await.expect("a ledger").position {
        wrong.push(format!("the walk for audiences of {} has stopped at graph {position}", account.id));
    }
    let connections = harness.ledger.list().await.expect("a ledger");
    let Some(connection) = connections.into_iter().find(|it| it.id == account.id) else { return wrong };
    let key = |key: &str| format!("{CUSTOM}{key}").into();
    let watched: Map<_, _> = all.iter().map(|it| (key(&it.audience.named.key), it.audience.id)).collect();
    let rules = Rules { audiences: Arc::new(watched), ..rules(&connection.settings) };
    let mut sum = Counted::default();
    for read in harness.ledger.walk(account.id, 0, 10_000).await.expect("a ledger") {
        let scanned = count(&Analysis::of(&read.graph, &rules));
        if scanned != read.counted {
            wrong
                .push(format!("graph {} counts {scanned:?}, and is counted {:?}", read.row.id, read.counted));
        }
        sum.add_all(&read.counted);
    }
    let kept: BTreeMap<u64, [u64; 7]> = all
        .iter()
        .map(|it| {
            let figures = [it.members, it.left, it.affiliates, it.held, it.delivered, it.waiting, it.refused];
            (it.audience.id, figures)
        })
        .collect();
    for (audience, figures) in kept {
        let scanned = sum.of(audience).figures().map(u64::from);
        if scanned != figures {
            wrong.push(format!("audience {audience} is counted {figures:?}, and graphs have {scanned:?}"));
        }
    }
    wrong
}
