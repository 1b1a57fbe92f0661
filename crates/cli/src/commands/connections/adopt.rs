//! `connections adopt`: learns which affiliates the account has already.

use connections::ConnectionName;
use ledger::WalkRequest;

use super::walk::wait_for_walk;
use service::Context;
use service::failure::{Exit, Failure};
use service::operator::adoption::{open_walk, request_walk_for};
use service::operator::audit;
use service::operator::directory::by_name;

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination connections adopt shop
  refersion-destination connections adopt shop --no-wait
  refersion-destination connections adopt shop --no-wait --json

While no other call is due, the worker reads the account's list of affiliates, 100 a call and at least twice, and keeps
a digest of each address with the affiliate code. After that, people who are not affiliates and lack data for a create
cost no call. The walk continues after a restart, and also if this command does not wait. While a walk is requested or
under way, no further one is requested: the command follows that one.";

/// Affiliates that are added during a walk may be on a page that was read already.
const FOLLOWED: &str = "a walk is requested or under way already, and no further one is requested; affiliates that were added \
                        after it began may be missing: run this command again when it has ended";

pub(super) async fn run(
    name: &ConnectionName,
    no_wait: bool,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let asked_at = match open_walk(&engines, connection.id).await? {
        Some(open) => {
            if !context.output.is_json() {
                context.output.line(FOLLOWED)?;
            }
            open.asked_at
        }
        None => {
            let asked_at = engines.now();
            let request = WalkRequest { asked_at, verify: false, repair: false, max_calls: None };
            request_walk_for(&engines, &audit::cli(), &connection, request, None).await?;
            asked_at
        }
    };
    let adoption = wait_for_walk(&engines, &connection, asked_at, no_wait, context).await?;
    if context.output.is_json() {
        context.output.json(&adoption)?;
    } else {
        context.output.line(&format!("{name}: {}", adoption.in_words()))?;
    }
    Ok(Exit::Done)
}
