//! `profiles confirm-payout`: an operator confirms that a payout field which was held back is right.

use connections::ConnectionName;
use identity::Digest;
use identity::payout::Confirmed;
use ledger::LedgerError;
use serde::Serialize;
use worker::rules::rules;

use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::directory::by_name;
use service::operator::{Subject, audit};

/// Upper limit of repetitions after a worker changed the same persons meanwhile.
const CONFLICTS: usize = 20;

/// The changes of a confirmation. Payees are the digests that `profiles show` shows.
#[derive(Debug, Serialize)]
struct Row {
    connection: String,
    affiliate_id: u64,
    from: Option<Digest>,
    to: Digest,
    confirmed: bool,
}

/// Confirms the payout field that is held back from the person of `subject`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, nothing is held back, `--yes` is missing, or the ledger cannot be written.
pub(super) async fn run(
    subject: &Subject,
    name: &ConnectionName,
    yes: bool,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let confirmed = confirm(&engines, subject, name, yes).await?;
    let row = Row {
        connection: name.to_string(),
        affiliate_id: confirmed.affiliate,
        from: confirmed.from,
        to: confirmed.to,
        confirmed: true,
    };
    if context.output.is_json() {
        context.output.json(&row)?;
    } else {
        context.output.line(&format!("confirmed: {}", change(&confirmed)))?;
    }
    Ok(Exit::Done)
}

async fn confirm(
    engines: &Engines,
    subject: &Subject,
    name: &ConnectionName,
    yes: bool,
) -> Result<Confirmed, Failure> {
    let connection = by_name(engines, name).await?;
    let digests = subject.digests(engines, connection.id);
    let rules = rules(&connection.settings);
    for _ in 0..CONFLICTS {
        let graphs = engines.ledger.gather(connection.id, &digests, &[]).await?.graphs;
        let mut found = graphs.into_iter().filter_map(|read| {
            worker::payout::confirmation(connection.id, read, &rules, &digests, engines.now())
        });
        let (mut changes, confirmed) = found.next().ok_or_else(nothing_held)?;
        if !yes {
            return Err(not_confirmed(&confirmed));
        }
        changes.audit.iter_mut().for_each(|line| line.actor = audit::cli());
        match engines.ledger.record(changes).await {
            Ok(()) => return Ok(confirmed),
            Err(LedgerError::Conflict) => tokio::task::yield_now().await,
            Err(other) => return Err(other.into()),
        }
    }
    let message = "workers keep changing the data of this person";
    Err(Failure::refused("conflict", message, "try again in a moment"))
}

fn nothing_held() -> Failure {
    let message = "no payout field is held back from the affiliate of this person";
    Failure::refused(
        "nothing_held_back",
        message,
        "`profiles show` shows the affiliates and the fields that are held back",
    )
}

fn not_confirmed(confirmed: &Confirmed) -> Failure {
    Failure::usage(
        "not_confirmed",
        format!("not done: {}", change(confirmed)),
        "if that is right, pass --yes",
    )
}

fn change(confirmed: &Confirmed) -> String {
    let from = confirmed.from.map_or_else(|| "nobody".to_owned(), |from| from.to_string());
    format!(
        "the payout field of affiliate {} now follows {}, and no longer {from}",
        confirmed.affiliate, confirmed.to
    )
}
