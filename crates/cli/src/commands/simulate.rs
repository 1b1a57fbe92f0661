//! `simulate`: a Refersion that runs here, with faults on demand.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use clap::Args;
use simulator::{
    Deliveries, DeliveriesError, Faults, FaultsError, Options, Shared, Simulator, WebhookTarget,
};
use tokio::net::TcpListener;

use service::Context;
use service::config::Secret;
use service::failure::{Exit, Failure};
use service::shutdown;

const EXAMPLES: &str = "\
Examples:
  refersion-destination simulate --listen 127.0.0.1:4010
  refersion-destination simulate --listen 127.0.0.1:4010 --account pub_1.sec_1 --custom-field 1234=Plan
  refersion-destination simulate --listen 127.0.0.1:4010 --account pub_1.sec_1 --affiliates 230
  refersion-destination simulate --listen 127.0.0.1:4010 --seed 7 --faults latency=20ms..200ms,429=1%,500=1%
  refersion-destination simulate --listen 127.0.0.1:4010 --faults drop-after=0.5%,down=30s@60s,limit=50..200
  refersion-destination simulate --listen [::1]:4010 --webhook p=http://127.0.0.1:8080/refersion/1 --webhook-secret p=s

It serves Refersion's REST API below /v2. Point a connection at it with --refersion-url http://127.0.0.1:4010.
Change the faults while it runs, and show its state:
  curl --data latency=1s,500=5% http://127.0.0.1:4010/_simulator/faults
  curl http://127.0.0.1:4010/_simulator/state
  curl http://127.0.0.1:4010/_simulator/calls
  curl --data '{\"account\":\"pub_1\",\"email\":\"a@x.io\",\"status\":\"DENIED\"}' http://127.0.0.1:4010/_simulator/staff

With --affiliates 230 each account has affiliate1@example.org (first name Ann, last name Example1) to
affiliate230@example.org before the first call. Of ten, the ninth is PENDING and the tenth DISABLED; the others are
ACTIVE. No webhook is posted about them until they change.

Webhooks are posted when an affiliate is added or changes. How they are delivered is a list with commas between:
  delay=0ms..5s            time between change and webhook; with a range, webhooks can overtake each other
  twice=5%                 a webhook is sent twice
  lost=5%                  a webhook is never sent
  retries=3:10s            a webhook without a 2xx answer is sent again, at most 3 times, 10 s later each time

Faults are a list with commas between; probabilities are drawn for each call:
  latency=20ms..200ms      how long every answer takes; also latency=50ms
  slow=1%:12s              an answer that takes longer; the call is carried out in time
  drop-before=0.5%         the connection closes without an answer; the call was not carried out
  html=0.5%                a page of the gateway (502, 503, 504) instead of JSON; not carried out
  403=1%                   the gateway's {\"message\":\"Forbidden\"}; not carried out
  503=1%                   maintenance; not carried out
  429-after=1%:2s          too many calls, with Retry-After; not carried out
  429=1%                   too many calls, without Retry-After; not carried out
  500=1%, 502=1%, 504=1%   an error of server or gateway; half of these calls were carried out
  drop-after=0.5%          the connection closes without an answer; the call was carried out
  late=1%:12s              a create is carried out that much later; the connection closes without an answer
  garbage=1%               status 200 with a cut or empty body, or a page; the call was carried out
  partial=1%               valid items of a batch are reported as not changed; some are changed anyway
  down=30s@60s             everything is down for 30 s, 60 s after the faults were set; may be repeated
  limit=50..200            a hidden limit of calls a second, which moves within the range; beyond it 429
  credentials=bad          every key is refused; credentials=good ends it
  account=pub_1            all of these for the account with this public key only
  operation=affiliate/new  all of these for this operation only";

/// Maximum of `--affiliates`, for each account: they are all in memory.
const MAX_AFFILIATES: i64 = 1_000_000;

/// The arguments of `simulate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The address to listen on; port 0 selects a free port, and the first line of the output names it
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Seed of codes, ids and faults: the same seed and the same calls give the same answers
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// An account that exists; may be repeated. Without any, each well-formed pair of keys opens its account at first use
    #[arg(long = "account", value_name = "PUBLIC.SECRET", value_parser = account)]
    accounts: Vec<Account>,
    /// Number of affiliates that each account has already: affiliate1@example.org, affiliate2@example.org and so on
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=MAX_AFFILIATES))]
    affiliates: u32,
    /// A custom field that exists; may be repeated. Without any, every numeric id exists
    #[arg(long = "custom-field", value_name = "ID=LABEL", value_parser = custom_field)]
    custom_fields: Vec<(u64, String)>,
    /// Where an account posts webhooks about affiliates, an http URL; may be repeated, and needs --webhook-secret
    #[arg(long = "webhook", value_name = "PUBLIC=URL", value_parser = named)]
    webhooks: Vec<(String, String)>,
    /// The Webhook Signing Secret of an account; may be repeated
    #[arg(long = "webhook-secret", value_name = "PUBLIC=SECRET", value_parser = named_secret)]
    webhook_secrets: Vec<(String, Secret)>,
    /// How webhooks are delivered [default: at once, each once, without retries]
    #[arg(long, value_name = "SPEC", value_parser = deliveries)]
    deliveries: Option<Deliveries>,
    /// Faults that are injected from the start
    #[arg(long, value_name = "SPEC", value_parser = faults)]
    faults: Option<Faults>,
}

/// A pair of keys. `Debug` shows only the public one: a user may try a real pair.
#[derive(Clone)]
struct Account {
    public: String,
    secret: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Runs the simulator until a signal ends it.
///
/// # Errors
///
/// [`Failure`] if the address cannot be listened on.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let webhooks = targets(&arguments)?;
    let Arguments { listen, seed, accounts, affiliates, custom_fields, faults, deliveries, .. } = arguments;
    let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, &error))?;
    let address = listener.local_addr().map_err(|error| cannot_listen(listen, &error))?;
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;

    let simulator = Shared::new(Simulator::new(Options {
        seed,
        accounts: accounts.into_iter().map(|account| (account.public, account.secret)).collect(),
        affiliates,
        custom_fields: custom_fields.into_iter().collect(),
        webhooks,
        deliveries: deliveries.unwrap_or_default(),
        ..Options::default()
    }));
    if let Some(faults) = faults {
        simulator.with(|simulator, now| simulator.set_faults(now, faults));
    }

    announce(address, seed, context)?;
    simulator::serve(listener, simulator, stop.cancelled()).await;
    Ok(Exit::Done)
}

/// The address to which each account posts webhooks, with the secret that signs them.
fn targets(arguments: &Arguments) -> Result<BTreeMap<String, WebhookTarget>, Failure> {
    let secrets: BTreeMap<&String, &Secret> =
        arguments.webhook_secrets.iter().map(|(account, secret)| (account, secret)).collect();
    let target = |(account, url): &(String, String)| {
        let Some(secret) = secrets.get(account) else {
            let message = format!("`--webhook {account}=...` has no signing secret");
            return Err(Failure::usage("webhook", message, "give --webhook-secret PUBLIC=SECRET as well"));
        };
        Ok((account.clone(), WebhookTarget { url: url.clone(), secret: secret.reveal().to_owned() }))
    };
    arguments.webhooks.iter().map(target).collect()
}

fn announce(address: SocketAddr, seed: u64, context: &mut Context) -> Result<(), Failure> {
    let url = format!("http://{address}");
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "listening": url, "seed": seed }))
    } else {
        context.output.line(&format!("a simulated Refersion listens on {url} (seed {seed}); Ctrl-C ends it"))
    }
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let mut failure =
        Failure::failed("listen", error, "choose another --listen, or end the process that listens there");
    failure.message = format!("cannot listen on {address}: {}", failure.message);
    failure
}

fn account(text: &str) -> Result<Account, &'static str> {
    const WANTED: &str = "an account is a public and a secret key with a dot between";
    let (public, secret) = text.split_once('.').ok_or(WANTED)?;
    if public.is_empty() || secret.is_empty() || text.contains(char::is_whitespace) {
        return Err(WANTED);
    }
    Ok(Account { public: public.to_owned(), secret: secret.to_owned() })
}

fn custom_field(text: &str) -> Result<(u64, String), &'static str> {
    const WANTED: &str = "a custom field is its numeric id and its label with = between, like 1234=Plan";
    let (id, label) = text.split_once('=').ok_or(WANTED)?;
    let id = id.parse().map_err(|_| WANTED)?;
    if label.is_empty() { Err(WANTED) } else { Ok((id, label.to_owned())) }
}

fn named(text: &str) -> Result<(String, String), &'static str> {
    const WANTED: &str = "write the public key of the account, then = and the value, like pub_1=http://127.0.0.1:8080/refersion/1";
    let (account, value) = text.split_once('=').ok_or(WANTED)?;
    if account.is_empty() || value.is_empty() {
        Err(WANTED)
    } else {
        Ok((account.to_owned(), value.to_owned()))
    }
}

fn named_secret(text: &str) -> Result<(String, Secret), &'static str> {
    let (account, secret) = text.split_once('=').ok_or("write it like pub_1=SECRET")?;
    Ok((account.to_owned(), Secret::new(secret)))
}

fn deliveries(text: &str) -> Result<Deliveries, DeliveriesError> {
    Deliveries::parse(text)
}

fn faults(text: &str) -> Result<Faults, FaultsError> {
    Faults::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_fault() {
        let unknown = Faults::parse("nonsense=1%").unwrap_err().to_string();
        let (_, names) = unknown.split_once("the known ones are ").unwrap();
        for name in names.split(", ") {
            assert!(EXAMPLES.contains(&format!("{name}=")), "{name} is not in the help");
        }
    }
}
