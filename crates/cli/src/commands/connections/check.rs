//! `connections check`: asks Refersion whether the keys work, and describes the problem otherwise.

use connections::{Connection, ConnectionName};
use refersion::Class;

use service::Context;
use service::config::Proxy;
use service::failure::{Exit, Failure};
use service::operator::directory::by_name;
use service::operator::verification::Verifier;

pub(super) async fn run(name: &ConnectionName, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let sealed = engines.connections.credentials(connection.id).await?;
    let key = engines.vault.open_key(&sealed).map_err(|error| {
        Failure::failed("api_key", &error, "enter the key again with `connections rotate-key`")
    })?;
    let proxy = &context.loaded.config.refersion.proxy;
    let verifier = Verifier::new(proxy)
        .map_err(|error| Failure::failed("tls", &error, "install the system's certificates"))?;
    let checked = verifier.check(&connection.settings.refersion_url, &key).await;
    checked.map_err(|failure| in_words(&failure, &connection, proxy))?;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "connection": name, "ok": true }))?;
    } else {
        context.output.line(&format!("the keys of {name} work"))?;
    }
    Ok(Exit::Done)
}

fn in_words(failure: &refersion::Failure, connection: &Connection, proxy: &Proxy) -> Failure {
    let (name, url) = (&connection.name, &connection.settings.refersion_url);
    let status = failure.http_status.map(|status| format!(" ({status})")).unwrap_or_default();
    match failure.class {
        Class::Credentials => Failure::refused(
            "credentials",
            format!("Refersion refuses the keys of {name}{status}"),
            format!("copy both keys again and enter them with `connections rotate-key {name}`"),
        ),
        Class::Throttled => Failure::refused(
            "throttled",
            format!("Refersion asks to wait{status}, so the keys could not be checked"),
            "try again in a minute",
        ),
        Class::Unavailable | Class::NoAnswer => Failure::refused(
            "unavailable",
            format!("Refersion does not answer at {url}{status}: {}", failure.message),
            format!(
                "try again later; if it persists, check the connection's refersion_url and your network: Refersion is \
                 reached {}",
                proxy.in_words(url)
            ),
        ),
        _ => Failure::refused(
            "unexpected_answer",
            format!("{url} does not answer as Refersion does{status}: {}", failure.message),
            format!("check the address: `connections set {name} --refersion-url URL`, without /v2"),
        ),
    }
}
