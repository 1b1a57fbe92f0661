//! Lists of plans, and of the items that a plan has left out.

use ledger::plans::{ItemFilter, ItemState, PlanItem};
use ledger::{Plan, PlanFilter, PlanId};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::plans::{self, ItemRow, walk};
use service::output::{age, cut, spare, whole};

/// Lists plans, newest first.
pub(super) async fn list(engines: &Engines, limit: usize, context: &mut Context) -> Result<Exit, Failure> {
    let now = engines.now();
    let plans = engines.plans.plans(&PlanFilter { limit, ..PlanFilter::default() }, now).await?;
    let is_all = plans.len() < limit;
    if context.output.is_json() {
        context.output.json(&plans)?;
        return Ok(Exit::Done);
    }
    let row = |plan: &Plan| {
        let all: u64 = plan.frame.connections.values().sum();
        let tally = plan.tally();
        vec![
            plan.id.to_string(),
            plan.state.word().to_owned(),
            age(plan.created_at, now),
            all.to_string(),
            tally.delivered.to_string(),
            tally.failed.to_string(),
            (plan.count(ItemState::Planned) + plan.under_way()).to_string(),
            plan.frame.selector.clone(),
        ]
    };
    let head = [
        whole("PLAN"),
        whole("STATE"),
        spare("AGE"),
        whole("LETTERS"),
        whole("DELIVERED"),
        whole("FAILED"),
        whole("TO SEND"),
        cut("SELECTOR"),
    ];
    context.output.table(&head, &plans.iter().map(row).collect::<Vec<_>>())?;
    if !is_all {
        context.output.line(&format!("the newest {limit} plans; for older ones: --limit N"))?;
    }
    Ok(Exit::Done)
}

/// Lists the items that a plan has left out, or skipped.
pub(super) async fn skipped(
    engines: &Engines,
    (id, reason): (PlanId, Option<String>),
    limit: usize,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let plan = plans::plan(engines, id).await?;
    reason.as_deref().map_or(Ok(()), |reason| plans::check_reason(&plan, reason))?;
    let directory = Directory::read(engines, None).await?;
    let (mut rows, is_json) = (Vec::new(), context.output.is_json());
    let mut all = 0;
    for state in [ItemState::LeftOut, ItemState::Skipped] {
        let filter =
            ItemFilter { plan: id, state: Some(state), reason: reason.clone(), ..ItemFilter::default() };
        walk(engines, filter, |item: &PlanItem| {
            all += 1;
            if is_json || rows.len() < limit {
                rows.push(ItemRow::of(item, &directory));
            }
            Ok(())
        })
        .await?;
    }
    if is_json {
        context.output.json(&rows)?;
        return Ok(Exit::Done);
    }
    let row = |row: &ItemRow| {
        vec![row.id.to_string(), row.connection.clone(), row.event_id.to_string(), row.reason.clone()]
    };
    let head = [whole("ID"), whole("CONNECTION"), spare("EVENT"), cut("REASON")];
    context.output.table(&head, &rows.iter().map(row).collect::<Vec<_>>())?;
    context.output.total(rows.len(), all, &format!("dead letters skipped by plan {}", plan.id))?;
    Ok(Exit::Done)
}
