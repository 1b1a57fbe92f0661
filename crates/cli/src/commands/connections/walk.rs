//! Waits for a walk through Refersion's affiliates, and shows its progress: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use connections::Connection;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::adoption::Adoption;
use service::operator::workers::Workers;

/// How often the ledger is asked for the progress of the walk.
const LOOK: Duration = Duration::from_millis(500);
/// Interval of lines where there is no terminal.
const LINE: Duration = Duration::from_secs(5);
const BAR: &str = "{wide_bar} {msg}";

/// The place of progress, on standard error.
enum Place {
    Terminal(ProgressBar),
    Lines(Option<Instant>),
    /// A script gets the result alone.
    Nowhere,
}

impl Place {
    fn new(for_a_script: bool) -> Self {
        match (for_a_script, std::io::stderr().is_terminal()) {
            (true, _) => Self::Nowhere,
            (false, true) => {
                let style =
                    ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
                Self::Terminal(ProgressBar::new(1).with_style(style))
            }
            (false, false) => Self::Lines(None),
        }
    }

    fn show(&mut self, adoption: &Adoption) {
        match self {
            Self::Terminal(bar) => {
                bar.set_length(adoption.total.unwrap_or(adoption.affiliates).max(1));
                bar.set_position(adoption.affiliates);
                bar.set_message(adoption.in_words());
            }
            Self::Lines(shown) if shown.is_none_or(|shown| shown.elapsed() >= LINE) => {
                *shown = Some(Instant::now());
                // A line that cannot be written does not stop the walk.
                drop(writeln!(std::io::stderr(), "{}", adoption.in_words()));
            }
            Self::Lines(_) | Self::Nowhere => {}
        }
    }

    fn end(&self) {
        if let Self::Terminal(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Waits until a worker has ended the walk that was requested at `asked_at`, unless `no_wait` is set. Stopping the command does not stop
/// the walk.
pub(super) async fn wait_for_walk(
    engines: &Engines,
    connection: &Connection,
    asked_at: Timestamp,
    no_wait: bool,
    context: &mut Context,
) -> Result<Adoption, Failure> {
    let mut place = Place::new(context.output.is_json());
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    loop {
        let workers = Workers::read(engines, &context.loaded.config).await?;
        let connection = service::operator::directory::by_name(engines, &connection.name).await?;
        let adoption = Adoption::read(engines, &connection, &workers).await?;
        let finished = engines.ledger.directory(connection.id).await?.finished;
        let is_over = finished.is_some_and(|finished| finished.walk.request.asked_at >= asked_at);
        if is_over || no_wait {
            place.end();
            return Ok(adoption);
        }
        place.show(&adoption);
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = interrupt.recv() => {
                place.end();
                return Err(not_waited_for(&connection));
            }
        }
    }
}

fn not_waited_for(connection: &Connection) -> Failure {
    let name = &connection.name;
    Failure {
        exit: Exit::Failed,
        code: "interrupted",
        message: "this command ended, and the walk continues in the background".to_owned(),
        hint: format!(
            "`connections show {name}` shows its progress; a walk cannot be cancelled, but `connections pause {name}` stops all calls, \
             those of the walk too"
        ),
    }
}
