//! The files of queue and ledger: set aside, put back, copied, damaged.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::dice::Dice;

/// The suffixes of the files that SQLite keeps for a database.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];
/// The size of a page, in bytes, as SQLite has it by default.
pub(super) const PAGE: usize = 4096;

/// Moves a file, and the files that SQLite keeps beside it, into a folder of its own.
pub(super) fn set_aside(file: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (here, there) in pairs(file, folder)? {
        if here.exists() {
            fs::rename(here, there)?;
        }
    }
    Ok(())
}

/// Copies a file, and the files that SQLite keeps beside it, into a folder of its own.
pub(super) fn copy(file: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (here, there) in pairs(file, folder)? {
        if here.exists() {
            fs::copy(here, there)?;
        }
    }
    Ok(())
}

/// Removes a file that is in the way, and puts back the one that was set aside or copied.
pub(super) fn put_back(file: &Path, folder: &Path) -> anyhow::Result<()> {
    for (here, there) in pairs(file, folder)? {
        if here.exists() {
            fs::remove_file(&here)?;
        }
        if there.exists() {
            fs::copy(there, here)?;
        }
    }
    Ok(())
}

fn pairs(file: &Path, folder: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let name = file.file_name().and_then(|name| name.to_str()).context("a file has a name")?;
    let pair = |end: &str| {
        let name = format!("{name}{end}");
        (file.with_file_name(&name), folder.join(name))
    };
    Ok(BESIDE.map(pair).into())
}

/// Moves the content of the write-ahead log into the file itself. No process may use it.
pub(super) fn checkpoint(file: &Path) -> anyhow::Result<()> {
    Ok(rusqlite::Connection::open(file)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Overwrites the pages that `is_wanted` selects with noise. The first page, which has the header of the file, stays. Returns the
/// number of damaged pages.
pub(super) fn damage(
    file: &Path,
    dice: &mut Dice,
    is_wanted: impl Fn(&[u8]) -> bool,
    percent: u64,
) -> anyhow::Result<u64> {
    let mut bytes = fs::read(file)?;
    let mut damaged = 0;
    for page in bytes.chunks_exact_mut(PAGE).skip(1) {
        if is_wanted(page) && dice.percent(percent) {
            page.fill_with(|| u8::try_from(dice.between(0, 255)).unwrap_or_default());
            damaged += 1;
        }
    }
    fs::write(file, bytes)?;
    Ok(damaged)
}

/// Whether a page holds this text.
pub(super) fn holds(page: &[u8], text: &str) -> bool {
    page.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Whether a page belongs to an index. Source: <https://www.sqlite.org/fileformat2.html#b_tree_pages>.
pub(super) fn is_index(page: &[u8]) -> bool {
    matches!(page.first(), Some(0x02 | 0x0a))
}
