//! The progress of the walk through a connection's affiliates in one line, for people.

use super::Adoption;
use crate::output::counted;

impl Adoption {
    /// One line for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let waits = self.waits_for.as_ref().map_or_else(String::new, |why| format!("; it waits: {why}"));
        match self.state {
            "none" => "never walked through: run `connections adopt`".to_owned(),
            "asked" if self.ended_at.is_some() => format!("{}; a walk is requested{waits}", self.last_walk()),
            "asked" => format!("a walk is requested{waits}"),
            "walking" => format!("{}{waits}{}", self.under_way(), self.beside_it()),
            _ => self.last_walk(),
        }
    }

    /// The walk under way.
    fn under_way(&self) -> String {
        let left = self.eta_seconds.map(|seconds| format!(", {} left", in_minutes(seconds)));
        let (pass, calls) = (self.pass.unwrap_or(1), counted(self.calls, "call"));
        format!("{}, pass {pass}, {calls}{}", self.known(), left.unwrap_or_default())
    }

    /// The walks before and after the one under way.
    fn beside_it(&self) -> String {
        let before = self.complete_since.map(|since| {
            format!("; until it ends, the directory of an earlier walk counts, complete since {since:.0}")
        });
        let after =
            if self.another_requested { "; another walk is requested, and begins after it" } else { "" };
        format!("{}{after}", before.unwrap_or_default())
    }

    /// The last walk that ended.
    fn last_walk(&self) -> String {
        let known = self.known();
        let were = was_or_were(self.affiliates);
        if let Some(failure) = &self.failure {
            return format!(
                "{known} {were} found; the walk ended because a page failed again and again ({failure}): when that is corrected, run \
                 `connections adopt`"
            );
        }
        match (self.missing, self.complete_since) {
            (Some(missing), _) => format!(
                "{known} {were} found, at least {missing} {} not: the account changed during every pass; the next walk tries again",
                was_or_were(missing)
            ),
            (None, _) if self.state == "partial" => {
                format!("{known} {were} found; the limit of calls ended the walk")
            }
            (None, Some(since)) => {
                format!("{}, complete since {since:.0}", counted(self.affiliates, "affiliate"))
            }
            (None, None) => format!("{known} {were} found"),
        }
    }

    /// The affiliates that were found, of how many.
    fn known(&self) -> String {
        match self.total {
            Some(total) => format!("{} of {}", self.affiliates, counted(total, "affiliate")),
            None => counted(self.affiliates, "affiliate"),
        }
    }
}

fn was_or_were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn in_minutes(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ledger::{DirectoryState, FinishedWalk, Walk, WalkRequest};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    fn request() -> WalkRequest {
        WalkRequest { asked_at: at(-90), verify: false, repair: false, max_calls: None }
    }

    fn walk(total: Option<u64>) -> Walk {
        Walk { page: 4, seen: 300, calls: 3, total, ..Walk::begin(request(), at(-60)) }
    }

    /// A directory that is complete, with 310 affiliates.
    fn complete() -> DirectoryState {
        let walk = Walk { seen: 310, total: Some(310), ..walk(None) };
        let finished = Some(FinishedWalk::of(walk, at(0), true, None));
        DirectoryState { finished, complete_since: Some(at(-60)), ..DirectoryState::default() }
    }

    #[test]
    fn the_time_that_is_left_counts_both_passes_from_the_first_page_on() {
        let state = DirectoryState { walk: Some(walk(Some(10_000))), ..DirectoryState::default() };
        let shown = Adoption::of(&state, 5.0);
        assert_eq!(shown.eta_seconds, Some((202 - 3) / 5 + 1));
        assert_eq!(shown.in_words(), "300 of 10000 affiliates, pass 1, 3 calls, 40 s left");
        let silent =
            DirectoryState { walk: Some(Walk { calls: 1, ..walk(None) }), ..DirectoryState::default() };
        assert_eq!(Adoption::of(&silent, 5.0).in_words(), "300 affiliates, pass 1, 1 call");
    }

    #[test]
    fn a_walk_ended_by_its_limit_does_not_count_as_complete() {
        let finished = FinishedWalk::of(walk(Some(10_000)), at(0), false, None);
        let state = DirectoryState { finished: Some(finished), ..DirectoryState::default() };
        let words = Adoption::of(&state, 5.0).in_words();
        assert_eq!(words, "300 of 10000 affiliates were found; the limit of calls ended the walk");
        let finished =
            FinishedWalk { missing: Some(10), ..FinishedWalk::of(walk(Some(310)), at(0), false, None) };
        let state = DirectoryState { finished: Some(finished), ..DirectoryState::default() };
        let shown = Adoption::of(&state, 5.0);
        assert_eq!((shown.state, shown.missing), ("partial", Some(10)));
        assert!(shown.in_words().starts_with("300 of 310 affiliates were found, at least 10 were not"));
    }

    #[test]
    fn a_walk_ended_by_a_failure_names_it() {
        let failed = Walk { failure: Some("request (HTTP 400)".to_owned()), ..walk(Some(10_000)) };
        let finished = FinishedWalk::of(failed.clone(), at(0), false, None);
        let state = DirectoryState { finished: Some(finished), ..DirectoryState::default() };
        let words = Adoption::of(&state, 5.0).in_words();
        assert!(words.contains("failed again and again (request (HTTP 400))"), "{words}");
        let spent = Walk { request: WalkRequest { max_calls: Some(3), ..request() }, ..failed };
        let finished = Some(FinishedWalk::of(spent, at(0), false, None));
        let state = DirectoryState { finished, ..DirectoryState::default() };
        assert_eq!(Adoption::of(&state, 5.0).failure, None);
    }

    #[test]
    fn the_directory_of_the_last_walk_is_shown_while_another_is_requested_or_under_way() {
        let ended = Adoption::of(&complete(), 5.0).in_words();
        assert_eq!(ended, "310 affiliates, complete since 2026-05-28T20:25:40Z");
        let asked = DirectoryState { requested: Some(request()), ..complete() };
        let asked = Adoption::of(&asked, 5.0);
        assert_eq!((asked.state, asked.in_words()), ("asked", format!("{ended}; a walk is requested")));
        let walking = DirectoryState { walk: Some(walk(Some(310))), ..complete() };
        let words = Adoption::of(&walking, 5.0).in_words();
        assert!(words.ends_with("of an earlier walk counts, complete since 2026-05-28T20:25:40Z"), "{words}");
        let twice = DirectoryState { requested: Some(request()), ..walking };
        let twice = Adoption::of(&twice, 5.0);
        assert!(twice.another_requested && twice.in_words().ends_with("is requested, and begins after it"));
    }
}
