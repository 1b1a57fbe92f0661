//! `check`: whether everything that the program needs is there and as it should be, and how to correct what is not.

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

/// How long it looks through one file for damage.
const LOOK_WITHIN: Duration = Duration::from_secs(600);

/// What the help shows.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination check
  refersion-destination check --config production.toml
  refersion-destination check --json

It looks at the configuration, the master key, queue, ledger and connections as a process that starts would find them,
and ends with 1 if something has to be corrected. It names the proxy through which Refersion is reached, if there is
one. It creates nothing: on RabbitMQ it declares the exchange and the queues again only if all are there. To see whether
it can write where `serve` will, it writes a file without a name there, and a row into queue and ledger.
`connections check NAME` asks Refersion whether the keys of a connection work.";

/// What to do where a file is not there.
const NO_FILE: &str = "run this in the folder of `serve`, or name the right file in queue.url and ledger.url; the first `serve` creates it";

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and there is something to know.
    Note,
    /// It has to be corrected.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    name: String,
    verdict: Verdict,
    /// What is there, in words; nothing secret.
    found: String,
    /// What to do about it.
    mend: Option<String>,
}

impl Finding {
    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: Verdict::Ok, found: found.into(), mend: None }
    }

    fn note(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        let (found, mend) = (found.into(), Some(mend.into()));
        Self { name: name.into(), verdict: Verdict::Note, found, mend }
    }

    fn bad(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::note(name, found, mend) }
    }

    fn failed(name: impl Into<String>, error: &EngineError) -> Self {
        Self::bad(name, with_causes(error), error.hint())
    }
}

/// Looks at everything, and shows what was found.
///
/// # Errors
///
/// [`Failure`] if the output cannot be written. What is wrong is shown, and ends with [`Exit::Failed`].
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

/// Makes none: that is for a start, or for `secrets create`.
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
            Finding::note(NAME, format!("not there yet, to be {place}"), "the first start creates it")
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
        if let Some(mend) = &finding.mend {
            output.line(&format!("\n{}: {mend}", finding.name))?;
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
