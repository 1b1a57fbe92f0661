//! Promises about answers of Segment's Public API.

use super::Engine;
use super::fixtures::at;
use crate::SegmentAnswer;

/// An answer is kept until it is replaced, and is deleted a day after its expiry.
pub async fn an_answer_of_segment_is_cached(engine: &impl Engine) {
    let answer = |text: &str, asked| {
        let (asked_at, until) = (at(asked), at(asked + 60));
        SegmentAnswer { answer: text.to_owned(), asked_at, until }
    };
    let read = async |number: u8| engine.segment_answer(&[number; 16]).await.expect("read");
    assert_eq!(read(1).await, None);
    for (number, text, asked) in [(1, "one", 0), (1, "two", 10), (2, "three", 20)] {
        engine.keep_segment_answer(&[number; 16], &answer(text, asked)).await.expect("kept");
    }
    assert_eq!((read(1).await, read(2).await), (Some(answer("two", 10)), Some(answer("three", 20))));
    let later = 10 + 60 + 86_400 + 5;
    engine.keep_segment_answer(&[3; 16], &answer("four", later)).await.expect("kept");
    assert_eq!((read(1).await, read(2).await), (None, Some(answer("three", 20))));
}
