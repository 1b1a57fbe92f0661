//! Holds back lines that repeat: each 503 and each retry twice a second must not fill a disk.
//!
//! At most [`SAME_TEXT`] lines with the same text, and at most [`SAME_PLACE`] lines of one place in the code, are written
//! in [`WINDOW`]. A line then says how many were held back. Lines for debugging are all written.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines with the same text in one window.
const SAME_TEXT: u32 = 5;
/// Lines of one place in the code in one window.
const SAME_PLACE: u32 = 50;
/// How long a window lasts, from its first line.
const WINDOW: Duration = Duration::from_secs(10);
/// Texts that are remembered; beyond them only places are.
const TEXTS: usize = 1024;

/// The source of lines of this module and of the sink. They are not held back: that would be logged in turn.
const OWN_LINES: &str = "service::logs::";

/// The recent lines. A clone shares them.
#[derive(Clone, Default)]
pub(super) struct Repeats(Arc<Shared>);

#[derive(Default)]
struct Shared {
    windows: Mutex<HashMap<Key, Window>>,
    held: AtomicU64,
}

/// A place in the code, and the digest of a text; `None` stands for all texts of the place.
type Key = (Place, Option<u64>);

/// File and line.
type Place = (Option<&'static str>, Option<u32>);

struct Window {
    began: Instant,
    lines: u32,
    held: u64,
    message: String,
}

impl Repeats {
    /// Lines held back since the start.
    pub(super) fn held(&self) -> u64 {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Whether a line may be written at `now`; one that may not is counted.
    fn admits(&self, place: Place, text: &Text, now: Instant) -> bool {
        let mut windows = self.lock();
        let digest = text.digest.finish();
        let same_text = (place, Some(digest));
        let is_remembered = windows.len() < TEXTS || windows.contains_key(&same_text);
        let admitted = (!is_remembered || count(&mut windows, same_text, SAME_TEXT, text, now))
            && count(&mut windows, (place, None), SAME_PLACE, text, now);
        if !admitted {
            self.0.held.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Logs the repetitions of windows that have ended.
    pub(super) fn report_ended(&self) {
        for (message, held) in self.ended(Instant::now()) {
            tracing::warn!(repeated = held, "… repeated {held} times: {message}");
        }
    }

    /// Forgets windows that have ended at `now`. Returns those that held lines back: message and number.
    fn ended(&self, now: Instant) -> Vec<(String, u64)> {
        let has_ended = |window: &Window| now.saturating_duration_since(window.began) >= WINDOW;
        let ended = self.lock().extract_if(|_, window| has_ended(window)).collect::<Vec<_>>();
        let held = ended.into_iter().filter(|(_, window)| window.held > 0);
        held.map(|(_, window)| (window.message, window.held)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.0.windows.lock()
    }
}

/// Counts a line in its window. Returns whether it is one of the first `most`.
fn count(windows: &mut HashMap<Key, Window>, key: Key, most: u32, text: &Text, now: Instant) -> bool {
    let begin = || Window { began: now, lines: 0, held: 0, message: text.message.clone() };
    let window = windows.entry(key).or_insert_with(begin);
    if window.lines < most {
        window.lines += 1;
        return true;
    }
    window.held += 1;
    false
}

/// The part of the subscriber that asks [`Repeats`].
pub(super) struct HoldRepeats {
    repeats: Repeats,
}

impl HoldRepeats {
    pub(super) fn new(repeats: Repeats) -> Self {
        Self { repeats }
    }
}

impl<S: Subscriber> Layer<S> for HoldRepeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || metadata.target().starts_with(OWN_LINES) {
            return true;
        }
        let mut text = Text::default();
        event.record(&mut text);
        self.repeats.admits((metadata.file(), metadata.line()), &text, Instant::now())
    }
}

/// The text of a line: its message, and a digest of everything in it.
#[derive(Default)]
struct Text {
    message: String,
    digest: DefaultHasher,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut shown = String::new();
        if write!(shown, "{value:?}").is_err() {
            // A value whose formatting fails has no text.
            shown.clear();
        }
        (field.name(), &shown).hash(&mut self.digest);
        if field.name() == "message" {
            self.message = shown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> Text {
        let mut text = Text { message: words.to_owned(), ..Text::default() };
        words.hash(&mut text.digest);
        text
    }

    fn place() -> Place {
        (Some("a file"), Some(1))
    }

    #[test]
    fn the_first_lines_of_a_text_are_written_and_the_others_counted_once() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        let written = (0..100).filter(|_| repeats.admits(place(), &text("away"), now)).count();
        assert_eq!(written, 5);
        assert!(repeats.admits(place(), &text("something else"), now));
        assert_eq!(repeats.ended(now), []);
        assert_eq!(repeats.ended(now + WINDOW), [("away".to_owned(), 95)]);
        assert!(repeats.admits(place(), &text("away"), now + WINDOW));
        assert_eq!(repeats.held(), 95);
    }

    #[test]
    fn texts_that_differ_each_time_have_a_limit_too() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        let written =
            (0..5000).filter(|number| repeats.admits(place(), &text(&number.to_string()), now)).count();
        assert_eq!(written, 50);
        assert!(repeats.lock().len() <= TEXTS + 1, "what is remembered has a limit");
    }
}
