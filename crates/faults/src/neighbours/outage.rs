//! The program is started with a queue, a ledger or a key that are not its own, and then with its own again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use service::engines::Engines;
use tokio::time::Instant;

use super::disturb::Strike;
use super::files;
use super::honest::Honest;
use super::rows::Missing;
use super::system::{B, System, setting};
use crate::accounts::configuration;
use crate::dice::Dice;
use crate::messages::Message;
use crate::row_engines::RowEngines;
use crate::segment_side::Client;

/// How long the endpoint is asked.
const ASKED_FOR: Duration = Duration::from_secs(6);
/// Pause between two requests.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long B may take for its events, while everything is there.
const WITHIN: Duration = Duration::from_secs(60);
/// How many pages of the ledger in a hundred are overwritten.
const DAMAGED: u64 = 50;
/// A master key that is not the one of any row. 32 bytes in base64.
const OTHER_KEY: &str = "YW5vdGhlciBpbnN0YWxsYXRpb24ncyBtYXN0ZXIga2U=";
/// The folder for files that are set aside.
const ASIDE: &str = "aside";

/// Replaces or removes something, asks the endpoint, and puts it back.
pub(super) async fn missing(
    system: &mut System,
    honest: &Honest,
    what: Missing,
    dice: &Dice,
) -> anyhow::Result<Strike> {
    stop(system, honest).await?;
    let aside = system.folder.path().join(ASIDE);
    let taken = take_away(system, what, &aside).await?;
    let mut strike = ask(system, dice).await?;
    if what == Missing::Connections {
        require_a_503(&mut strike);
    }
    for file in taken {
        files::put_back(&file, &aside)?;
    }
    system.overrides.clear();
    go_on(system, honest).await?;
    Ok(strike.into())
}

/// Damages the ledger's file, asks the endpoint, and restores the file.
pub(super) async fn damaged_ledger(
    system: &mut System,
    honest: &Honest,
    dice: &mut Dice,
) -> anyhow::Result<Strike> {
    stop(system, honest).await?;
    let (file, aside) = (system.folder.path().join("ledger.db"), system.folder.path().join(ASIDE));
    files::checkpoint(&file)?;
    files::copy(&file, &aside)?;
    let damaged = files::damage(&file, dice, |_| true, DAMAGED)?;
    let mut answers = ask(system, dice).await?;
    require_a_503(&mut answers);
    files::put_back(&file, &aside)?;
    go_on(system, honest).await?;
    let mut strike = Strike::from(answers);
    strike.struck = damaged;
    Ok(strike)
}

async fn stop(system: &mut System, honest: &Honest) -> anyhow::Result<()> {
    system.while_supervising(honest.pause(WITHIN)).await??;
    system.wait_for_rest(WITHIN).await?;
    system.end_all().await;
    Ok(())
}

async fn go_on(system: &mut System, honest: &Honest) -> anyhow::Result<()> {
    system.start_all().await?;
    honest.resume();
    Ok(())
}

/// Returns the files that were set aside.
async fn take_away(system: &mut System, what: Missing, aside: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let file = |name: &str| system.folder.path().join(name);
    let taken = match (what, &system.row_engines) {
        (Missing::Connections | Missing::OwnLedger, RowEngines::Files) => file("ledger.db"),
        (Missing::Key, _) => file("master.key"),
        (Missing::Queue, _) => file("queue.db"),
        (Missing::Connections | Missing::OwnLedger, RowEngines::Servers(servers)) => {
            let (name, url) = setting("LEDGER__URL", servers.another_database().await?.as_str());
            system.overrides.insert(name, url);
            if what == Missing::OwnLedger {
                found_another_installation(system).await?;
            }
            return Ok(Vec::new());
        }
    };
    files::set_aside(&taken, aside)?;
    if what == Missing::OwnLedger {
        found_another_installation(system).await?;
    }
    Ok(vec![taken])
}

/// Opens the ledger under another master key, which makes it the ledger of another installation.
async fn found_another_installation(system: &System) -> anyhow::Result<()> {
    let mut variables = system.row_engines.direct_variables(system.folder.path());
    variables.extend(system.overrides.clone());
    variables.retain(|(name, _)| !name.ends_with("SECRETS__KEY"));
    variables.push(setting("SECRETS__KEY", OTHER_KEY));
    Engines::open_or_create(&configuration(variables)?).await?;
    Ok(())
}

/// The statuses that the endpoint answered, and how often.
#[derive(Default)]
struct Answers {
    statuses: BTreeMap<u16, u64>,
    breaches: Vec<String>,
}

/// Starts the program, posts events of B for a while, and ends the program. It need not run meanwhile: a process that refuses
/// to start answers nothing, and Segment tries again.
async fn ask(system: &mut System, dice: &Dice) -> anyhow::Result<Answers> {
    let ended = system.ended.len();
    system.start_without_waiting()?;
    let log = std::sync::Arc::default();
    let mut client = Client::new(&system.endpoints(), dice.named("asks"), &log);
    let mut answers = Answers::default();
    let end = Instant::now() + ASKED_FOR;
    while Instant::now() < end {
        if let Some(status) = client.status(&question()).await {
            *answers.statuses.entry(status.as_u16()).or_default() += 1;
        }
        system.pass(BETWEEN).await?;
    }
    system.end_all().await;
    system.ended.truncate(ended);
    let wrong = answers.statuses.iter().filter(|(status, _)| **status != 503);
    answers.breaches = wrong.map(|(status, times)| format!("answered {times} times {status}")).collect();
    Ok(answers)
}

fn require_a_503(answers: &mut Answers) {
    if !answers.statuses.contains_key(&503) {
        answers.breaches.push(format!("never answered 503 in {ASKED_FOR:?}"));
    }
}

fn question() -> Message {
    let json = json!({
        "type": "identify",
        "messageId": "b-question",
        "userId": "b-question",
        "traits": { "email": "question@honest.test", "name": "Bea Wu" },
    });
    Message { account: B, id: "b-question".to_owned(), json: json.to_string() }
}

impl From<Answers> for Strike {
    fn from(answers: Answers) -> Self {
        Self { struck: answers.statuses.values().sum::<u64>().max(1), breaches: answers.breaches }
    }
}
