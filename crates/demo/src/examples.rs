//! The two example events of Segment's page on Refersion, sent one after the other, without faults.
//!
//! Source: <https://segment.com/docs/connections/destinations/catalog/refersion/>.

use std::time::{Duration, Instant};

use ledger::State;
use serde_json::Value;
use worker::translate::{MESSAGE, Translator};

use super::environment::{Environment, PUBLIC_KEY};
use super::progress::Progress;
use super::scenario::Call;
use super::sender::{Sender, Sent};
use service::failure::{Exit, Failure};

const IDENTIFY: &str = include_str!("events/identify.json");
const DELETE: &str = include_str!("events/delete.json");
/// The address that both of them name.
const EMAIL: &str = "peter@example.com";

/// Limit of the time from acceptance to outcome.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often their outcomes are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Sends both, and prints the affiliate's state after each.
pub(super) async fn run(
    environment: &Environment,
    sender: &Sender,
    progress: &mut Progress,
) -> Result<Sent, Failure> {
    progress.print("Segment's two example events:");
    let mut sent = Sent::default();
    for (text, ends) in [(IDENTIFY, State::Created), (DELETE, State::Deleted)] {
        let call = example(text)?;
        let message = call.message_id.clone().unwrap_or_default();
        sent.add(sender.send(vec![call]).await.map_err(not_sent)?);
        let took = until(environment, &message, ends).await?;
        progress.print(&format!(
            "  {message}: {} after {} ms; {}",
            ends.word(),
            took.as_millis(),
            affiliate(environment)
        ));
    }
    Ok(sent)
}

pub(super) fn not_sent(error: anyhow::Error) -> Failure {
    Failure::failed("ingest", error.as_ref(), "report this as a bug")
}

fn example(text: &str) -> Result<Call, Failure> {
    let event: Value = serde_json::from_str(text)
        .map_err(|error| Failure::failed("example", &error, "report this as a bug"))?;
    Ok(Call::of(&event))
}

/// Waits until the event has this outcome.
async fn until(environment: &Environment, message: &str, ends: State) -> Result<Duration, Failure> {
    let engines = environment.stack.engines();
    let translator = Translator { vault: &engines.vault, connection: environment.connection.id };
    let digest = translator.digest(MESSAGE, message);
    let began = Instant::now();
    while began.elapsed() < TIMEOUT {
        let found = engines.ledger.find_events(&[digest], 1).await?;
        if found.first().is_some_and(|event| event.state == ends) {
            return Ok(began.elapsed());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Err(Failure {
        exit: Exit::Failed,
        code: "example",
        message: format!("the example event {message} did not end as {} within {TIMEOUT:?}", ends.word()),
        hint: "run the demo again with REFERSION_DESTINATION__LOG__LEVEL=debug, and report what you see"
            .to_owned(),
    })
}

fn affiliate(environment: &Environment) -> String {
    let found = environment.simulator.with(|simulator, _| simulator.find_by_email(PUBLIC_KEY, EMAIL));
    found.map_or_else(
        || "Refersion has no affiliate".to_owned(),
        |it| {
            format!(
                "affiliate {} is {:?}: {} {}, {}, country {}",
                it.code, it.status, it.first_name, it.last_name, it.city, it.country
            )
        },
    )
}
