//! Reads the rows of a damaged file page by page, without SQLite and without the B-trees above the pages.
//!
//! Every page with rows is found, even if no B-tree refers to it any more. Rows in damaged pages are left out. Source
//! of the format: <https://sqlite.org/fileformat2.html>.

mod cell;
mod pages;

use std::io;
use std::path::Path;

pub use cell::Value;
use cell::cells;
use pages::Pages;

/// A row that was found. Only its shape shows which table it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its rowid.
    pub id: i64,
    /// Its columns. An `INTEGER PRIMARY KEY` is null here; its value is in `id`.
    pub values: Vec<Value>,
    /// Whether all of it could be read. If not, its last value ends early.
    pub is_whole: bool,
}

/// The page size if it is not known: SQLite's default.
pub(crate) const DEFAULT_SIZE: usize = 4096;

/// Whether SQLite allows this page size.
pub(crate) fn is_page_size(bytes: usize) -> bool {
    bytes.is_power_of_two() && (512..=65536).contains(&bytes)
}

/// Passes every row of every intact page of the file at `path` to `each`. A newer page in its write-ahead log replaces the one in the file.
/// Rows of more than `longest` bytes are treated as damage.
///
/// # Errors
/// When the file cannot be read. Errors of `each` end the iteration.
pub fn rows<E: From<io::Error>>(
    path: &Path,
    longest: usize,
    mut each: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let pages = Pages::open(path)?;
    for number in 1..=pages.count() {
        // A page that cannot be read from the disk is damaged, too.
        let Ok(page) = pages.read(number) else { continue };
        for row in cells(&pages, number, &page, longest) {
            each(row)?;
        }
    }
    Ok(())
}
