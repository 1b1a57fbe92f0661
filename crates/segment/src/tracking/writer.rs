//! Writes a JSON object from values that are JSON already.

/// An object that is being written.
pub(super) struct Writer(String);

impl Writer {
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Appends a member. `value` is JSON.
    pub(super) fn member(&mut self, key: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&text(key));
        self.0.push(':');
        self.0.push_str(value);
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A text as JSON.
pub(super) fn text(text: &str) -> String {
    // A text is always written: only maps and own types can fail.
    serde_json::to_string(text).unwrap_or_default()
}
