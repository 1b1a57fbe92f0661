//! `connections check`: asks Refersion whether the keys work, and says in words what is wrong.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connections::{Connection, ConnectionName};
use refersion::{Class, Client, Closed, Credentials, Gate, HttpTransport, Signal};

use crate::commands::Context;
use crate::config::Proxy;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::directory::by_name;

/// One call of an operator's goes out at once, whatever the pace of the worker.
struct AlwaysOpen;

#[async_trait]
impl Gate for AlwaysOpen {
    async fn admit(&self) -> Result<(), Closed> {
        Ok(())
    }

    fn report(&self, _: Signal, _: Duration) {}
}

pub(super) async fn run(name: &ConnectionName, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let proxy = &context.loaded.config.refersion.proxy;
    let client = client(&engines, &connection, proxy).await?;
    client.check().await.map_err(|failure| in_words(&failure, &connection, proxy))?;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "connection": name, "ok": true }))?;
    } else {
        context.output.line(&format!("the keys of {name} work"))?;
    }
    Ok(Exit::Done)
}

async fn client(engines: &Engines, connection: &Connection, proxy: &Proxy) -> Result<Client, Failure> {
    let sealed = engines.connections.credentials(connection.id).await?;
    let key = engines.vault.open_key(&sealed).map_err(|error| {
        Failure::failed("api_key", &error, "enter the key again with `connections rotate-key`")
    })?;
    let transport = HttpTransport::new(proxy.proxies())
        .map_err(|error| Failure::failed("tls", &error, "install the system's certificates"))?;
    let credentials = Credentials::new(key.public(), key.secret());
    let url = connection.settings.refersion_url.clone();
    Ok(Client::new(Arc::new(transport), url, credentials, Arc::new(AlwaysOpen)))
}

fn in_words(failure: &refersion::Failure, connection: &Connection, proxy: &Proxy) -> Failure {
    let (name, url) = (&connection.name, &connection.settings.refersion_url);
    let status = failure.http_status.map(|status| format!(" ({status})")).unwrap_or_default();
    match failure.class {
        Class::Credentials => Failure::refused(
            "credentials",
            format!("Refersion refuses the keys of {name}{status}"),
            format!("copy both keys once more and give them with `connections rotate-key {name}`"),
        ),
        Class::Throttled => Failure::refused(
            "throttled",
            format!("Refersion asks to wait{status}, which says nothing about the keys"),
            "try again in a minute",
        ),
        Class::Unavailable | Class::NoAnswer => Failure::refused(
            "unavailable",
            format!("Refersion does not answer at {url}{status}: {}", failure.message),
            format!(
                "try again later; if it stays so, look at the connection's refersion_url and at your network: Refersion is \
                 reached {}",
                proxy.in_words(url)
            ),
        ),
        _ => Failure::refused(
            "unexpected_answer",
            format!("{url} does not answer as Refersion does{status}: {}", failure.message),
            format!("look at the address: `connections set {name} --refersion-url URL`, without /v2"),
        ),
    }
}
