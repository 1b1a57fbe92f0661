//! The seeds, and the faults that have to be found.

use super::plant::Plant;
use super::plot::Plot;
use super::{Played, play, play_plot};

/// Seeds that an ordinary run plays.
const SEEDS: u64 = 2_000;

fn told(seed: u64, played: &Played) -> String {
    let wrong = played.wrong.join("\n  ");
    format!(
        "seed {seed} ({} events, {} calls, {:?}):\n  {wrong}\nreplay it with SIMULATION_SEED={seed} cargo test -p worker --test it one_seed",
        played.events,
        played.sent.len(),
        played.lasted,
    )
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Plays every second seed, beginning with `parity`, so that two threads share the work.
fn seeds(parity: u64) {
    let first = number("SIMULATION_FIRST").unwrap_or(0);
    let last = first + number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let enough = number("SIMULATION_EVENTS").map(|events| events / 2);
    let (mut seeds, mut events, mut failures) = (0, 0, Vec::new());
    for seed in (first + parity..).step_by(2) {
        if enough.map_or(seed >= last, |enough| events >= enough) {
            break;
        }
        let played = play(seed, Plant::Nothing);
        (seeds, events) = (seeds + 1, events + played.events as u64);
        if !played.wrong.is_empty() {
            failures.push(told(seed, &played));
        }
    }
    eprintln!("{seeds} seeds from {} on, {events} events, {} failures", first + parity, failures.len());
    let shown = failures.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {seeds} seeds failed\n{shown}", failures.len());
}

#[test]
fn the_promises_hold_for_even_seeds() {
    seeds(0);
}

#[test]
fn the_promises_hold_for_odd_seeds() {
    seeds(1);
}

#[test]
fn one_seed() {
    let seed = number("SIMULATION_SEED").unwrap_or(0);
    let played = play(seed, Plant::Nothing);
    assert!(played.wrong.is_empty(), "{}\n{}", played.tale, told(seed, &played));
}

#[test]
fn the_same_seed_is_the_same_story() {
    for seed in 0..10 {
        let (one, other) = (play(seed, Plant::Nothing), play(seed, Plant::Nothing));
        assert_eq!((one.sent, one.lasted), (other.sent, other.lasted), "seed {seed}");
    }
}

/// Whether a planted fault is found within this many seeds of any plot.
fn is_found(plant: Plant, within: u64) -> bool {
    (0..within).any(|seed| !play(seed, plant).wrong.is_empty())
}

/// Whether a planted fault is found, as what it is, within this many seeds of the plot made for it.
fn is_found_by(plot: Plot, plant: Plant, within: u64, as_what: &str) -> bool {
    (0..within).any(|seed| play_plot(plot, seed, plant).wrong.iter().any(|wrong| wrong.contains(as_what)))
}

#[test]
fn a_fault_in_the_fold_is_found() {
    assert!(is_found(Plant::FirstWriterWins, 50));
}

#[test]
fn open_calls_that_are_not_settled_are_found() {
    assert!(is_found(Plant::OpenCallsForgotten, 2_000));
}

#[test]
fn results_recorded_without_a_fence_are_found() {
    assert!(is_found_by(Plot::Takeover, Plant::NoFence, 30, "under a lease that another holder had taken"));
}

#[test]
fn live_events_that_wait_behind_bulk_are_found() {
    assert!(is_found_by(Plot::Crowd, Plant::BulkFirst, 5, "bulk calls, and"));
}

#[test]
fn bulk_that_starves_is_found() {
    assert!(is_found_by(Plot::Crowd, Plant::BulkStarves, 5, "while live ones waited"));
}

#[test]
fn connections_that_wait_for_a_paused_one_are_found() {
    assert!(is_found_by(Plot::Neighbours, Plant::AllWaitForOne, 20, "a neighbour in trouble holds up"));
}

#[test]
fn batches_that_are_not_filled_are_found() {
    assert!(is_found_by(Plot::Quiet, Plant::OneByOne, 5, "the least are"));
}

#[test]
fn calls_that_tell_what_is_known_are_found() {
    assert!(is_found_by(Plot::Quiet, Plant::ToldAgain, 5, "the least are"));
    assert!(is_found_by(Plot::Quiet, Plant::ToldAgain, 10, "told what was there already"));
}

#[test]
fn a_payout_that_was_held_back_and_is_sent_is_found() {
    let as_what = "which its payee never stated";
    assert!(is_found_by(Plot::Payouts, Plant::PayoutFollowsHolder, 20, as_what));
}

/// Each plot by itself, so that a failure of one says its name.
#[test]
fn the_promises_hold_in_every_plot() {
    for plot in [
        Plot::Takeover,
        Plot::Crowd,
        Plot::Neighbours,
        Plot::Quiet,
        Plot::LateSettings,
        Plot::Tablets,
        Plot::Payouts,
        Plot::Placeholders,
    ] {
        for seed in 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS) / 500 {
            let played = play_plot(plot, seed, Plant::Nothing);
            assert!(played.wrong.is_empty(), "{plot:?}: {}", told(seed, &played));
        }
    }
}
