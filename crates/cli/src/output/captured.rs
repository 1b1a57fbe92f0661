//! What a test shows, as text.

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

/// What is shown in this form and width.
pub(crate) fn captured(
    json: bool,
    width: Option<usize>,
    show: impl FnOnce(&mut Output) -> Result<(), Failure>,
) -> String {
    let page = Page::default();
    show(&mut Output::to(Box::new(page.clone()), json).with_width(width)).unwrap();
    String::from_utf8(page.0.lock().clone()).unwrap()
}
