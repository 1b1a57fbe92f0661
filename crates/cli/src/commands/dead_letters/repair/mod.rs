//! `dead-letters edit` and `patch`: the events of dead letters are changed, and the original stays.

mod ask;
mod differences;
mod editor;
mod many;
mod one;

use std::path::{Path, PathBuf};

use clap::Args;
use repair::Patch;

use service::failure::Failure;

pub(super) use differences::show as show_changes;
pub(super) use many::{run as patch, show_samples, try_patch};
pub(super) use one::run as edit;

/// The most bytes of a file with a patch.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// How one dead letter is edited.
#[derive(Debug, Args)]
pub(super) struct One {
    /// Its id
    id: i64,
    /// Apply this JSON Patch (RFC 6902) instead of opening $EDITOR, which needs a terminal; - is standard input
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Only if this is the newest revision; 0 is the original
    #[arg(long, value_name = "N")]
    if_revision: Option<u32>,
    /// Store the changes without asking; required without a terminal
    #[arg(long)]
    yes: bool,
}

/// How many dead letters are patched.
#[derive(Debug, Args)]
pub(super) struct Many {
    /// A JSON Patch (RFC 6902); - is standard input
    #[arg(long, value_name = "FILE")]
    patch: PathBuf,
    /// Store the changes without asking; required without a terminal
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Show the effect of the patch, and store nothing
    #[arg(long)]
    dry_run: bool,
}

impl Many {
    /// Whether nothing is stored.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

/// Reads a patch from a file.
pub(super) fn read_patch(path: &Path) -> Result<Patch, Failure> {
    use std::io::Read as _;
    let hint =
        "give a file with a JSON Patch, as [{\"op\":\"replace\",\"path\":\"/traits/email\",\"value\":\"…\"}]";
    let failed = |error: &std::io::Error| {
        let message = format!("the patch {} cannot be read: {error}", path.display());
        Failure::usage("patch", message, hint)
    };
    let mut text = String::new();
    let source: Box<dyn std::io::Read> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(|error| failed(&error))?),
    };
    source.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Patch::parse(&text).map_err(|error| Failure::usage("patch", error.to_string(), hint))
}
