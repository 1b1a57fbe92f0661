//! `check`: whether everything that the program needs is there and in order, and how to correct the rest.

mod attention;
mod connections;
mod ledger;
mod policies;
mod queue;
mod room;
mod work;
mod writing;

use std::time::Duration;

use serde::Serialize;

use service::Context;
use service::clock;
use service::config::{Config, Loaded, Origin};
use service::engines::master_key::{self, Found};
use service::engines::{EngineError, files};
use service::failure::{Exit, Failure, with_causes};
use service::output::Output;

/// Time limit for the check of one file for damage.
const LOOK_WITHIN: Duration = Duration::from_secs(600);

/// The examples in the help.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination check
  refersion-destination check --config production.toml
  refersion-destination check --json

It checks configuration, master key, queue, ledger and connections as a starting process finds them. The exit code is 1
if something has to be corrected. It prints the proxy through which Refersion is reached, if there is one. It creates
nothing: on RabbitMQ it declares the exchange and the queues again only if all of them exist. To test write access, it
writes a temporary file into the folders that `serve` uses, and a row into queue and ledger. Open dead letters and
undelivered notifications are shown, and do not change the exit code.
`connections check NAME` asks Refersion whether the keys of a connection work.";

/// Advice for a missing file.
const NO_FILE: &str = "run this in the folder of `serve`, or set queue.url and ledger.url to the right file; the first `serve` creates it";

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It is in order.
    Ok,
    /// It works, and there is a note about it.
    Note,
    /// It has to be corrected.
    Bad,
}

/// One thing that was checked.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    name: String,
    verdict: Verdict,
    /// The finding in words; nothing secret.
    found: String,
    /// The remedy.
    #[serde(rename = "mend")]
    hint: Option<String>,
}

impl Finding {
    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Ok, found: found.into(), hint: None }
    }

    fn note(name: impl Into<String>, found: impl Into<String>, hint: impl Into<String>) -> Self {
        let (found, hint) = (found.into(), Some(hint.into()));
        Self { name: name.into(), verdict: Verdict::Note, found, hint }
    }

    fn bad(name: impl Into<String>, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::note(name, found, hint) }
    }

    fn failed(name: impl Into<String>, error: &EngineError) -> Self {
        Self::bad(name, with_causes(error), error.hint())
    }
}

/// Checks everything, and shows the findings.
///
/// # Errors
///
/// [`Failure`] if the output cannot be written. Problems are shown, and end with [`Exit::Failed`].
pub async fn run(context: &mut Context) -> Result<Exit, Failure> {
    let findings = look(&context.loaded).await;
    let is_well = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "ok": is_well, "checks": findings }))?;
    } else {
        show(&findings, &mut context.output)?;
    }
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}

async fn look(loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let mut findings = vec![configuration(loaded)];
    let key = key(config);
    let has_key = key.verdict == Verdict::Ok;
    findings.push(key);
    // A missing key was just reported.
    if let Some(trouble) = files::trouble(config).filter(|_| has_key) {
        findings.push(Finding::bad("files", trouble.to_string(), trouble.hint()));
    }
    findings.extend(writing::look(config));
    let clock = clock::system();
    findings.push(queue::look(&config.queue, &clock).await);
    findings.extend(policies::look(&config.queue).await);
    let (ledger, is_open) = ledger::look(&config.ledger, &clock).await;
    findings.extend(ledger);
    findings.extend(room::look(config, is_open).await);
    if has_key && is_open {
        findings.extend(connections::look(config).await);
        findings.extend(work::look(config).await);
    }
    findings
}

fn configuration(loaded: &Loaded) -> Finding {
    let shown = loaded.settings.shown();
    let from = |wanted: fn(&Origin) -> bool| {
        shown.iter().filter(|setting| wanted(&loaded.settings.origin(&setting.key))).count()
    };
    let file = from(|origin| matches!(origin, Origin::File { .. }));
    let environment = from(|origin| matches!(origin, Origin::Variable(_)));
    let found =
        format!("{file} settings from a file, {environment} from the environment, the others by default");
    Finding::ok("configuration", found)
}

/// Creates no key: that is for a start, or for `secrets create`.
fn key(config: &Config) -> Finding {
    const NAME: &str = "master key";
    let place = match (&config.secrets.key, config.key_file()) {
        (Some(_), _) => "from the settings".to_owned(),
        (None, Some(path)) => format!("in {}", path.display()),
        (None, None) => String::new(),
    };
    match master_key::read(config) {
        Ok(Found::Key(_)) => Finding::ok(NAME, place),
        Ok(Found::ToBeMade(_)) => {
            Finding::note(NAME, format!("not created yet; it will be {place}"), "the first start creates it")
        }
        Err(error) => Finding::failed(NAME, &error),
    }
}

fn show(findings: &[Finding], output: &mut Output) -> Result<(), Failure> {
    let row = |finding: &Finding| {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Bad => "BAD",
        };
        vec![finding.name.clone(), verdict.to_owned(), finding.found.clone()]
    };
    output.table(&["WHAT", "", "FOUND"], &findings.iter().map(row).collect::<Vec<_>>())?;
    for finding in findings {
        if let Some(hint) = &finding.hint {
            output.line(&format!("\n{}: {hint}", finding.name))?;
        }
    }
    output.line(&format!("\n{}", conclusion(findings)))
}

/// The last line, which agrees with those above it.
fn conclusion(findings: &[Finding]) -> &'static str {
    let has = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    if has(Verdict::Bad) {
        "correct the lines marked BAD"
    } else if has(Verdict::Note) {
        "nothing is BAD; read the notes"
    } else {
        "everything is as it should be"
    }
}

#[cfg(test)]
mod tests;
