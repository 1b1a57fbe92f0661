//! `send`: publishes the events of a file into the queue.
//!
//! A thread reads the file (`source`, `window`, `reading`, `reader`), and this task publishes the events (`publishing`), so
//! that both go on at the same time. The progress is written after each batch (`marker`): a run that was interrupted, even by a
//! kill, continues from there. Events that were sent after the last written progress are sent again as the same events.

mod envelopes;
mod marker;
mod progress;
mod publishing;
mod reader;
mod reading;
mod report;
mod room;
mod source;
mod window;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use connections::{Connection, ConnectionName};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use envelopes::Envelopes;
use marker::Marker;
use progress::Progress;
use publishing::Publisher;
use reading::Reading;
use report::Report;
use service::Context;
use service::arrivals::report_own;
use service::config::Config;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::audit;
use service::operator::connections::about;
use service::operator::directory::by_name;
use service::shutdown;
use source::Input;

const EXAMPLES: &str = "\
Examples:
  refersion-destination send --connection shop events.ndjson
  refersion-destination send --connection shop --audience first_time_shopper first_time_shopper.csv
  refersion-destination send --connection shop --trait lifetime_value --time 2026-11-01T00:00:00Z ltv.csv
  zcat events.ndjson.gz | refersion-destination send --connection shop -

A file has an identify or a delete as JSON on each line, or it is a CSV export of an audience or of a trait from Segment
Engage. Bad lines are left out and reported on standard error; the exit code is then 3. Sending a file again changes
nothing, but its deletes are applied again. An interrupted run resumes where it stopped when you start it again.
`events find` shows the outcomes of the events.";

/// The arguments of `send`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The connection that the events are for
    #[arg(long, value_name = "NAME")]
    connection: ConnectionName,
    /// The trait that is true for every row of an audience export
    #[arg(long, value_name = "TRAIT", conflicts_with = "trait_name", value_parser = trait_name)]
    audience: Option<String>,
    /// The trait of the column `value` of a trait export
    #[arg(long = "trait", id = "trait_name", value_name = "TRAIT", value_parser = trait_name)]
    trait_name: Option<String>,
    /// The time of events that have none, like 2026-11-01T12:00:00Z [default: the file's modification time; now for `-`]
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<Timestamp>,
    /// The file, or `-` for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

/// A name without any letter or digit could not be distinguished from others.
fn trait_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let has_name = segment::fold_key(name).chars().any(char::is_alphanumeric);
    has_name
        .then(|| name.to_owned())
        .ok_or_else(|| "a trait name needs a letter or a digit, like first_time_shopper".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "write it as RFC 3339 does, with an offset or Z: 2026-11-01T12:00:00Z".to_owned())
}

/// Publishes a file.
///
/// # Errors
///
/// [`Failure`] if the file or the installation cannot be used.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let input = Input::of(&arguments)?;
    let engines = context.engines().await?;
    let connection = by_name(&engines, &arguments.connection).await?;
    let marker = Marker::of(&context.loaded.config, connection.id, &input);
    let sending = Sending { engines: &engines, connection: &connection, stop, began: Instant::now() };
    let sent = sending.send(input, marker, context).await;
    report_own(&engines).await;
    audit::ended(&engines, about(&engines, &audit::cli(), "file_sent", &connection), sent).await
}

/// One run.
struct Sending<'a> {
    engines: &'a Engines,
    connection: &'a Connection,
    stop: CancellationToken,
    began: Instant,
}

impl Sending<'_> {
    async fn send(
        &self,
        input: Input,
        mut marker: Option<Marker>,
        context: &mut Context,
    ) -> Result<Exit, Failure> {
        let saved = marker.as_ref().and_then(Marker::read);
        let started_at = self.engines.now();
        let envelopes = Envelopes::of(self.connection.id, input.options.time, started_at, saved.as_ref());
        let (name, length) = (input.name.clone(), input.length);
        let (mut reading, resumed) = Reading::begin(input, saved, envelopes).await?;
        let mut report = Report::resumed(resumed.as_ref());
        let mut progress = Progress::new(context.output.is_json(), length);
        if let Some(resumed) = &resumed {
            progress.notice(&format!("resuming at line {}, where the last run stopped", resumed.line))?;
        }
        let sent = self
            .send_all(&mut reading, &mut report, &mut progress, marker.as_mut(), &context.loaded.config)
            .await;
        if let Some(marker) = &mut marker {
            if matches!(sent, Ok(true)) { marker.remove() } else { marker.write_now() }
        }
        progress.end();
        report.finish(sent?, self.began.elapsed());
        report.print(Path::new(&name), marker.is_some(), &mut context.output)
    }

    /// Returns true if all was sent, and false if the run was stopped before.
    async fn send_all(
        &self,
        reading: &mut Reading,
        report: &mut Report,
        progress: &mut Progress,
        mut marker: Option<&mut Marker>,
        config: &Config,
    ) -> Result<bool, Failure> {
        let mut publisher = Publisher::new(self.engines, self.connection, config, &self.stop);
        while let Some(batch) = reading.next(&self.stop).await? {
            for (line, reason) in &batch.bad {
                progress.show_bad_line(*line, *reason)?;
            }
            if !publisher.publish(&batch.envelopes, progress).await? {
                return Ok(false);
            }
            report.count(&batch);
            if let Some(marker) = &mut marker {
                marker.write(report.saved(&batch));
            }
            progress.show(report);
        }
        Ok(reading.is_finished())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_cannot_be_read_is_answered_with_an_example() {
        assert!(time("2026-11-01T12:00:00Z").is_ok() && time("2026-11-01T12:00:00+01:00").is_ok());
        for text in ["yesterday", "", "2026-11-01", "1730462400"] {
            let error = time(text).unwrap_err();
            assert!(error.contains("RFC 3339") && error.contains("2026-11-01T12:00:00Z"), "{text}: {error}");
        }
    }
}
