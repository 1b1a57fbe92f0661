//! The seeds, and the faults that have to be found.

use super::planted_bug::PlantedBug;
use super::scenario::Scenario;
use super::{SimulationResult, run_scenario, simulate};

/// Number of seeds of an ordinary run.
const SEEDS: u64 = 2_000;

fn describe(seed: u64, result: &SimulationResult) -> String {
    let wrong = result.wrong.join("\n  ");
    format!(
        "seed {seed} ({} events, {} calls, {:?}):\n  {wrong}\nreplay it with SIMULATION_SEED={seed} cargo test -p worker --test it one_seed",
        result.events,
        result.sent.len(),
        result.lasted,
    )
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs every second seed, beginning with `parity`, so that two threads share the work.
fn seeds(parity: u64) {
    let first = number("SIMULATION_FIRST").unwrap_or(0);
    let last = first + number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let enough = number("SIMULATION_EVENTS").map(|events| events / 2);
    let (mut seeds, mut events, mut failures) = (0, 0, Vec::new());
    for seed in (first + parity..).step_by(2) {
        if enough.map_or(seed >= last, |enough| events >= enough) {
            break;
        }
        let result = simulate(seed, PlantedBug::Nothing);
        (seeds, events) = (seeds + 1, events + result.events as u64);
        if !result.wrong.is_empty() {
            failures.push(describe(seed, &result));
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
    let result = simulate(seed, PlantedBug::Nothing);
    assert!(result.wrong.is_empty(), "{}\n{}", result.trace, describe(seed, &result));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..10 {
        let (one, other) = (simulate(seed, PlantedBug::Nothing), simulate(seed, PlantedBug::Nothing));
        assert_eq!((one.sent, one.lasted), (other.sent, other.lasted), "seed {seed}");
    }
}

/// Whether a planted fault is found within this many seeds of any scenario.
fn is_found(planted_bug: PlantedBug, within: u64) -> bool {
    (0..within).any(|seed| !simulate(seed, planted_bug).wrong.is_empty())
}

/// Whether a planted fault is found, as what it is, within this many seeds of the scenario made for it.
fn is_found_by(scenario: Scenario, planted_bug: PlantedBug, within: u64, message: &str) -> bool {
    (0..within).any(|seed| {
        run_scenario(scenario, seed, planted_bug).wrong.iter().any(|wrong| wrong.contains(message))
    })
}

#[test]
fn a_fault_in_the_fold_is_found() {
    assert!(is_found(PlantedBug::FirstWriterWins, 50));
}

#[test]
fn open_calls_that_are_not_settled_are_found() {
    assert!(is_found(PlantedBug::OpenCallsForgotten, 2_000));
}

#[test]
fn results_recorded_without_a_fence_are_found() {
    assert!(is_found_by(
        Scenario::Takeover,
        PlantedBug::NoFence,
        30,
        "under a lease that another holder had taken"
    ));
}

#[test]
fn live_events_that_wait_behind_bulk_are_found() {
    assert!(is_found_by(Scenario::LiveDuringSync, PlantedBug::BulkFirst, 5, "bulk calls, and"));
}

#[test]
fn bulk_that_starves_is_found() {
    assert!(is_found_by(Scenario::LiveDuringSync, PlantedBug::BulkStarves, 5, "while live ones waited"));
}

#[test]
fn connections_that_wait_for_a_paused_one_are_found() {
    assert!(is_found_by(
        Scenario::Neighbours,
        PlantedBug::AllWaitForOne,
        20,
        "a neighbour in trouble holds up"
    ));
}

#[test]
fn batches_that_are_not_filled_are_found() {
    assert!(is_found_by(Scenario::NoFaults, PlantedBug::OneByOne, 5, "the least are"));
}

#[test]
fn calls_that_send_known_values_are_found() {
    assert!(is_found_by(Scenario::NoFaults, PlantedBug::SentAgain, 5, "the least are"));
    assert!(is_found_by(Scenario::NoFaults, PlantedBug::SentAgain, 10, "sent what was there already"));
}

#[test]
fn a_payout_that_was_held_back_and_is_sent_is_found() {
    let message = "which its payee never stated";
    assert!(is_found_by(Scenario::Payouts, PlantedBug::PayoutFollowsHolder, 20, message));
}

/// Each scenario by itself, so that a failure names it.
#[test]
fn the_promises_hold_in_every_scenario() {
    for scenario in [
        Scenario::Takeover,
        Scenario::LiveDuringSync,
        Scenario::Neighbours,
        Scenario::NoFaults,
        Scenario::LateSettings,
        Scenario::Tablets,
        Scenario::Payouts,
        Scenario::Placeholders,
    ] {
        for seed in 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS) / 500 {
            let result = run_scenario(scenario, seed, PlantedBug::Nothing);
            assert!(result.wrong.is_empty(), "{scenario:?}: {}", describe(seed, &result));
        }
    }
}
