//! The events that are sent through the stack, and the checks of their results.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::stack::Stack;
use crate::{http, report};

/// The two example events of <https://segment.com/docs/connections/destinations/catalog/refersion/>.
const IDENTIFY: &str = include_str!("../../../../demo/src/events/identify.json");
const DELETE: &str = include_str!("../../../../demo/src/events/delete.json");
/// The address that both of them name.
const EMAIL: &str = "peter@example.com";

/// The key of the connection.
const KEY: &str = "pub_compose.sec_compose";
/// The variable that `bench send` takes it from.
const KEY_VARIABLE: &str = "REFERSION_DESTINATION_API_KEY";
/// The custom field that takes the trait `plan`.
const FIELD: &str = "101";
/// Calls a second: each member takes one to be created, and a fiftieth for the custom field.
const RATE: &str = "400";

/// Members of the audience.
const MEMBERS: u64 = 10_000;

/// How long one event may take.
const ONE_WITHIN: Duration = Duration::from_secs(60);
/// How long the sync may take; at the rate it needs half a minute.
const ALL_WITHIN: Duration = Duration::from_secs(600);
/// How often a condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Runs all steps.
pub(crate) fn run(stack: &Stack) -> anyhow::Result<()> {
    connect(stack)?;
    examples(stack)?;
    sync(stack)
}

fn connect(stack: &Stack) -> anyhow::Result<()> {
    let field = format!("plan={FIELD}");
    let add = ["connections", "add", "--name", "compose", "--api-key-stdin", "--quiet"];
    let url = ["--refersion-url", "http://simulator:4010", "--insecure"];
    let settings = ["--rate", RATE, "--custom-field", &field];
    stack
        .program(&[&add[..], &url, &settings].concat(), &[], KEY)
        .context("the connection cannot be added")?;
    Ok(())
}

/// The first makes an affiliate, the second disables it.
fn examples(stack: &Stack) -> anyhow::Result<()> {
    let endpoint = stack.address("ingest", "8080")?;
    for (event, ends, status) in [(IDENTIFY, "created", "PENDING"), (DELETE, "deleted", "DISABLED")] {
        let basic = BASE64_STANDARD.encode(format!("{KEY}:"));
        let (answer, body) = http::post(&endpoint, "/segment", &basic, event)?;
        anyhow::ensure!(answer == 202, "the ingest endpoint answered {answer}: {body}");
        let message: Value = serde_json::from_str(event)?;
        let message = message["messageId"].as_str().context("an example has a message id")?;
        until(ONE_WITHIN, &format!("{message} has not ended as {ends}"), || {
            let found = stack.json(&["events", "find", message])?;
            Ok(found[0]["state"] == ends)
        })?;
        let affiliates = affiliates(stack)?;
        let found: Vec<_> = affiliates.iter().map(|it| (&it["email"], &it["status"])).collect();
        anyhow::ensure!(found == [(&json!(EMAIL), &json!(status))], "after {message} there is {found:?}");
        report(&format!("{message}: {ends}; the affiliate is {status}"));
    }
    Ok(())
}

/// Every member becomes an affiliate with its custom field.
fn sync(stack: &Stack) -> anyhow::Result<()> {
    let began = Instant::now();
    let members = MEMBERS.to_string();
    stack.program(&["bench", "send", "--members", &members], &[(KEY_VARIABLE, KEY)], "")?;
    report(&format!("{MEMBERS} members accepted after {:.1} s", began.elapsed().as_secs_f64()));
    let expected =
        BTreeMap::from([("created".to_owned(), json!(MEMBERS + 1)), ("deleted".to_owned(), json!(1))]);
    until(ALL_WITHIN, "the sync has not ended", || {
        let status = stack.json(&["status"])?;
        let outcomes: BTreeMap<String, Value> = serde_json::from_value(status["outcomes"].clone())?;
        let rest = ["pending", "dirty", "dead_letters"].map(|name| status[name].as_u64());
        Ok(outcomes == expected && rest == [Some(0); 3])
    })?;
    report(&format!("all of them sent after {:.1} s", began.elapsed().as_secs_f64()));
    let affiliates = affiliates(stack)?;
    let with_field = affiliates.iter().filter(|it| it["custom_fields"][FIELD] == "round-1").count();
    anyhow::ensure!(affiliates.len() as u64 == MEMBERS + 1, "there are {} affiliates", affiliates.len());
    anyhow::ensure!(with_field as u64 == MEMBERS, "{with_field} affiliates have the custom field");
    one_of_them(stack, &affiliates)
}

/// The affiliate that an operator sees for a member is the one that Refersion holds.
fn one_of_them(stack: &Stack, affiliates: &[Value]) -> anyhow::Result<()> {
    let email = format!("member-{:07}@example.com", MEMBERS / 2);
    let found = stack.json(&["events", "find", &email])?;
    let affiliate = affiliates.iter().find(|it| it["email"] == email.as_str());
    let affiliate = affiliate.with_context(|| format!("Refersion has no {email}"))?;
    let events = found.as_array().map(Vec::len);
    anyhow::ensure!(events == Some(1), "{email} has {events:?} events");
    anyhow::ensure!(found[0]["state"] == "created", "the event of {email} ended as {}", found[0]["state"]);
    let shown = &found[0]["affiliate_id"];
    anyhow::ensure!(
        *shown == affiliate["id"],
        "{email} is affiliate {}, and shown as {shown}",
        affiliate["id"]
    );
    Ok(())
}

fn affiliates(stack: &Stack) -> anyhow::Result<Vec<Value>> {
    let page = http::get(&stack.address("simulator", "4010")?, "/_simulator/state")?;
    let mut state: Value = serde_json::from_str(&page)?;
    Ok(serde_json::from_value(state["accounts"][0]["affiliates"].take())?)
}

/// Waits for a condition, for `at_most`.
fn until(
    at_most: Duration,
    otherwise: &str,
    mut is_so: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    while !is_so()? {
        anyhow::ensure!(began.elapsed() < at_most, "{otherwise} after {at_most:?}");
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}
