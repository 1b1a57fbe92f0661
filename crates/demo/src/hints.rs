//! Commands to try after the demo.

use super::environment::{API_KEY, CONNECTION, Environment, KEY, LEDGER, QUEUE};
use service::failure::Failure;
use service::output::Output;

/// Prints commands that do not need the demo's files.
pub(super) fn suggest(output: &mut Output, seed: u64) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(());
    }
    for line in [
        "\nWhat to try next".to_owned(),
        format!("  cargo run --release -- demo --seed {seed}            the same people and faults again"),
        "  cargo run --release -- demo --members 2000 --keep  a small one that keeps running, for the commands below"
            .to_owned(),
        "  cargo run --release -- serve                       the real service, with files under data/".to_owned(),
        "  cargo run --release -- --help                      every command, with examples".to_owned(),
    ] {
        output.line(&line)?;
    }
    Ok(())
}

/// Prints the environment that points other commands at a demo that keeps running.
pub(super) fn show_how_to_look(output: &mut Output, environment: &Environment) -> Result<(), Failure> {
    let variables = variables(environment);
    if output.is_json() {
        let variables: serde_json::Map<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        return output.json(&serde_json::json!({ "environment": variables }));
    }
    output.line("\nThe demo runs until Ctrl-C. In another terminal:")?;
    for (name, value) in &variables {
        output.line(&format!("export {name}={value}"))?;
    }
    let (_, address) = ingest_listen(environment);
    for line in [
        "\nThen, for example:".to_owned(),
        "  cargo run --release -- status".to_owned(),
        "  cargo run --release -- events find peter@example.com".to_owned(),
        "  cargo run --release -- dead-letters list".to_owned(),
        format!("  cargo run --release -- connections set {CONNECTION} --custom-field favoriteColor=103"),
        format!(
            "  curl -u {API_KEY}: http://{address}/segment -H 'content-type: application/json' -d '{EXAMPLE}'"
        ),
        format!("  curl http://{}/_simulator/calls", environment.refersion),
        format!("  curl --data latency=1s,500=5% http://{}/_simulator/faults", environment.refersion),
        format!(
            "\nThe files stay in {} when it ends; remove them when you are done.",
            environment.folder().display()
        ),
    ] {
        output.line(&line)?;
    }
    Ok(())
}

const EXAMPLE: &str =
    r#"{"type":"identify","userId":"me","traits":{"name":"My Self","email":"me@example.com","city":"Here"}}"#;

fn ingest_listen(environment: &Environment) -> (&'static str, String) {
    let address = environment.stack.ingest_address().map_or_else(String::new, |address| address.to_string());
    ("REFERSION_DESTINATION__INGEST__LISTEN", address)
}

fn variables(environment: &Environment) -> Vec<(&'static str, String)> {
    let place = |name: &str| environment.folder().join(name).display().to_string();
    vec![
        ("REFERSION_DESTINATION__QUEUE__URL", format!("sqlite://{}", place(QUEUE))),
        ("REFERSION_DESTINATION__LEDGER__URL", format!("sqlite://{}", place(LEDGER))),
        ("REFERSION_DESTINATION__SECRETS__KEY_FILE", place(KEY)),
        ingest_listen(environment),
        ("REFERSION_DESTINATION__HEALTH__LISTEN", environment.stack.health_address().to_string()),
    ]
}
