//! The progress of sending a file, in a small file beside the data: an interrupted run continues from there.
//!
//! It is written when the events before it are in the queue, so it may be behind, and is never ahead. It holds a hash of the
//! part of the file that was sent: if the file has changed, it is sent from its beginning.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::reading::Kinds;
use super::source::Input;
use service::config::Config;
use service::engines::files::{ledger_file, queue_file};

/// The folder of markers, beside the SQLite files, or in `data` if there are none.
const FOLDER: &str = "sends";
/// How often it is written.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// The progress of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// The next line.
    pub(super) line: u64,
    /// SHA-256 of the bytes, in hexadecimal.
    pub(super) digest: String,
    /// When the run began.
    pub(super) started_at: Timestamp,
    /// Events that were sent.
    #[serde(flatten)]
    pub(super) kinds: Kinds,
    /// Bad lines that were named.
    pub(super) bad_lines: u64,
}

/// The marker of one file.
pub(super) struct Marker {
    path: PathBuf,
    /// The newest state, not written yet.
    next: Option<Saved>,
    written: Option<Instant>,
    has_failed: bool,
}

impl Marker {
    /// The marker of a file that is sent to a connection; `None` for a stream, which cannot be read again.
    pub(super) fn of(config: &Config, connection: i64, input: &Input) -> Option<Self> {
        let path = input.path.as_ref()?;
        let file = ledger_file(config).or_else(|| queue_file(config));
        let data = file.map_or(Path::new("data"), |file| file.parent().unwrap_or(Path::new("")));
        let options = &input.options;
        let of = (connection, path, options.time.to_string(), &options.audience, &options.trait_name);
        let digest = Sha256::digest(format!("{of:?}").as_bytes());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = data.join(FOLDER).join(name).with_extension("json");
        Some(Self { path, next: None, written: None, has_failed: false })
    }

    /// The progress of the last run, if it was interrupted. A marker that cannot be read counts as none.
    pub(super) fn read(&self) -> Option<Saved> {
        serde_json::from_slice(&fs::read(&self.path).ok()?).ok()
    }

    /// Notes the progress, and writes it now and then.
    pub(super) fn write(&mut self, saved: Saved) {
        self.next = Some(saved);
        if self.written.is_none_or(|at| at.elapsed() >= WRITE_EVERY) {
            self.write_now();
        }
    }

    /// Writes the noted progress. Without a marker a run can be repeated, but not resumed, so a failure is reported once.
    pub(super) fn write_now(&mut self) {
        let Some(saved) = self.next.take() else { return };
        self.written = Some(Instant::now());
        if let Err(error) = self.try_write(&saved)
            && !std::mem::replace(&mut self.has_failed, true)
        {
            let path = self.path.display();
            tracing::warn!(%path, %error, "progress cannot be saved: if this run is interrupted, the next one does not resume where it stopped");
        }
    }

    fn try_write(&self, saved: &Saved) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension("new");
        fs::write(&beside, serde_json::to_vec(saved)?)?;
        fs::rename(&beside, &self.path)
    }

    /// Removes it: all was sent.
    pub(super) fn remove(&mut self) {
        self.next = None;
        if self.written.is_none() && !self.path.exists() {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the marker of a file that was sent could not be removed");
        }
    }
}
