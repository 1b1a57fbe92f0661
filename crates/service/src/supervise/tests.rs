//! The promises of the supervisor, on paused time.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;

use super::*;

fn supervisor() -> (Supervisor, Pulses, CancellationToken) {
    let (pulses, stop) = (Pulses::new(Duration::from_secs(15)), CancellationToken::new());
    (Supervisor::new(pulses.clone(), stop.clone()), pulses, stop)
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_ends_fails_or_panics_is_started_again() {
    let (mut supervisor, pulses, stop) = supervisor();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (runs, until) = (Arc::new(AtomicU32::new(0)), stop.clone());
    supervisor.start("absorb", Freshness::Beats, move |pulse| {
        let (run, sender, until) = (runs.fetch_add(1, Ordering::SeqCst), sender.clone(), until.clone());
        async move {
            match run {
                0 => return Ok(()),
                1 => anyhow::bail!("no ledger"),
                2 => panic!("planted"),
                _ => pulse.beat(),
            }
            sender.send(run).unwrap();
            until.cancelled().await;
            Ok(())
        }
    });
    assert_eq!(receiver.recv().await, Some(3));
    assert!(pulses.troubles().is_empty());
    assert_eq!(pulses.states()[0].restarts, 3);
    stop.cancel();
    assert!(supervisor.drain(Duration::from_secs(20)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failed_loop_is_reported_without_the_text_of_its_error() {
    let (mut supervisor, pulses, _stop) = supervisor();
    supervisor.start("absorb", Freshness::Beats, |_| async { anyhow::bail!("ann@example.com") });
    tokio::time::sleep(FIRST_PAUSE / 2).await;
    let troubles = pulses.troubles();
    assert_eq!(troubles[0].name, "absorb");
    assert_eq!(troubles[0].why, "failed, to be started again");
}

#[tokio::test(start_paused = true)]
async fn pauses_between_restarts_grow_up_to_a_limit() {
    let (mut supervisor, pulses, _stop) = supervisor();
    supervisor.start("absorb", Freshness::Beats, |_| async { anyhow::bail!("down") });
    tokio::time::sleep(Duration::from_secs(600)).await;
    // Pauses of 0.5, 1, 2, 4, 8, 16 s and then 30 s each.
    assert_eq!(pulses.states()[0].restarts, 6 + 18);
}

#[tokio::test(start_paused = true)]
async fn loops_that_outlast_the_deadline_are_aborted_and_named() {
    let (mut supervisor, pulses, stop) = supervisor();
    let until = stop.clone();
    supervisor.start("door", Freshness::WhileRunning, move |_| {
        let until = until.clone();
        async move {
            until.cancelled().await;
            Ok(())
        }
    });
    supervisor.start("stuck", Freshness::WhileRunning, |_| std::future::pending());
    stop.cancel();
    let began = Instant::now();
    assert_eq!(supervisor.drain(Duration::from_secs(20)).await, ["stuck"]);
    assert_eq!(began.elapsed(), Duration::from_secs(20));
    assert!(!pulses.troubles().is_empty(), "a process that ends is not ready");
}
