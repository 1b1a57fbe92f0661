//! Reads the rows of a damaged file page by page, without SQLite and without the trees above the pages.
//!
//! A page that holds rows is found wherever it lies, also when nothing leads to it any more. What is in pages that are
//! damaged is left out. Source of the format: <https://sqlite.org/fileformat2.html>.

mod cell;
mod pages;

use std::io;
use std::path::Path;

pub use cell::Value;
use cell::cells;
use pages::Pages;

/// A row that was found. Nothing says of which table it is, except its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its rowid.
    pub id: i64,
    /// Its columns. An `INTEGER PRIMARY KEY` is null here, and stands in `id`.
    pub values: Vec<Value>,
    /// Whether all of it could be read. If not, its last value ends early.
    pub is_whole: bool,
}

/// The size of pages if nothing says another one: SQLite's own default.
pub(crate) const DEFAULT_SIZE: usize = 4096;

/// The sizes that pages of SQLite can have.
pub(crate) fn is_page_size(bytes: usize) -> bool {
    bytes.is_power_of_two() && (512..=65536).contains(&bytes)
}

/// Hands out every row of every intact page of the file at `path`. A newer page in its write-ahead log replaces the one in
/// the file. Rows of more than `longest` bytes are taken for damage.
///
/// # Errors
/// When the file cannot be read, and those of `each`, which end the walk.
pub fn rows<E: From<io::Error>>(
    path: &Path,
    longest: usize,
    mut each: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let pages = Pages::open(path)?;
    for number in 1..=pages.count() {
        // A page that the disk does not give is damaged too.
        let Ok(page) = pages.read(number) else { continue };
        for row in cells(&pages, number, &page, longest) {
            each(row)?;
        }
    }
    Ok(())
}
