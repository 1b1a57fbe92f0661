//! The number of files that this process, and those that it starts, may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for 2,000 connections on both sides, and the files of everything else.
const OPEN_FILES: u64 = 6_000;

/// Raises the limit as far as a row with many connections needs it.
pub(super) fn allow_many_files() -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= OPEN_FILES) {
        return Ok(());
    }
    anyhow::ensure!(
        maximum.is_none_or(|maximum| maximum >= OPEN_FILES),
        "a process may open {maximum:?} files; raise the hard limit to {OPEN_FILES} (`ulimit -Hn`)"
    );
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(OPEN_FILES), maximum })?)
}
