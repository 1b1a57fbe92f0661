//! `connections adopt`: learns which affiliates the account has already.

use connections::ConnectionName;
use ledger::WalkRequest;

use super::walk::request_and_wait;
use service::Context;
use service::failure::{Exit, Failure};
use service::operator::directory::by_name;

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination connections adopt shop
  refersion-destination connections adopt shop --no-wait
  refersion-destination connections adopt shop --no-wait --json

The worker walks through the account's affiliates while nothing else is due, 100 a call and at least twice, and keeps a
digest of each address with the affiliate code. From then on, people who are no affiliates and lack what a create needs
cost no call. It goes on after a restart, and whether this command waits or not.";

pub(super) async fn run(
    name: &ConnectionName,
    no_wait: bool,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let request = WalkRequest { asked_at: engines.now(), verify: false, repair: false, max_calls: None };
    let adoption = request_and_wait(&engines, &connection, request, no_wait, context).await?;
    if context.output.is_json() {
        context.output.json(&adoption)?;
    } else {
        context.output.line(&format!("{name}: {}", adoption.in_words()))?;
    }
    Ok(Exit::Done)
}
