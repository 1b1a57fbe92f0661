//! Output into memory, for tests of the output of commands.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Output;
use crate::failure::Failure;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures the output as JSON or, at this width, as text.
///
/// # Errors
///
/// The failure of `show`.
pub fn captured(
    json: bool,
    width: Option<usize>,
    show: impl FnOnce(&mut Output) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let page = Page::default();
    show(&mut Output::to(Box::new(page.clone()), json).with_width(width))?;
    Ok(String::from_utf8_lossy(&page.0.lock()).into_owned())
}
