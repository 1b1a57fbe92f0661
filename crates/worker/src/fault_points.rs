//! Named points in absorb and reconcile at which a fault test ends the process, as a power cut would.
//!
//! With the feature `fault-points`, `arm` chooses a point, and after how many passes it ends the process. Without the feature, in
//! every ordinary build, `fault_point!` and `fault_point_within!` generate no code.

/// Ends the process here if a fault test chose this point.
#[cfg(feature = "fault-points")]
macro_rules! fault_point {
    ($name:literal) => {
        $crate::fault_points::pass($name)
    };
}

#[cfg(not(feature = "fault-points"))]
macro_rules! fault_point {
    ($name:literal) => {};
}

/// Ends the process while this future is under way if a fault test chose this point.
#[cfg(feature = "fault-points")]
macro_rules! fault_point_within {
    ($name:literal, $future:expr) => {
        $crate::fault_points::pass_within($name, $future)
    };
}

#[cfg(not(feature = "fault-points"))]
macro_rules! fault_point_within {
    ($name:literal, $future:expr) => {
        $future
    };
}

#[cfg(feature = "fault-points")]
pub use armed::{NAMES, Unknown, arm, pass, pass_within};

#[cfg(feature = "fault-points")]
mod armed {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use parking_lot::Mutex;

    /// Every point, in the order in which an event passes them: absorb, then reconcile; then the fast path.
    pub const NAMES: [&str; 18] = [
        "absorb.taken",
        "absorb.folded",
        "absorb.recorded",
        "absorb.noted",
        "absorb.acknowledged",
        "reconcile.leased",
        "reconcile.settled",
        "reconcile.taken",
        "reconcile.planned",
        "reconcile.written_down",
        "reconcile.sent",
        "reconcile.answered",
        "reconcile.recorded",
        "reconcile.paused",
        "carry.written_down",
        "carry.sent",
        "carry.answered",
        "carry.recorded",
    ];

    /// Time after its start at which a call is certainly sent, and not answered yet if answers take longer than this.
    const OUT_AFTER: Duration = Duration::from_millis(20);

    static ARMED: Mutex<Vec<(&'static str, AtomicU32)>> = Mutex::new(Vec::new());

    /// There is no such point.
    #[derive(Debug, thiserror::Error)]
    #[error("there is no fault point `{0}`: the points are {names}", names = NAMES.join(", "))]
    pub struct Unknown(String);

    /// Lets the process end at the `passage`-th time (from 1) that it passes the point `name`.
    ///
    /// # Errors
    ///
    /// [`Unknown`] if no point has that name.
    pub fn arm(name: &str, passage: u32) -> Result<(), Unknown> {
        let Some(point) = NAMES.into_iter().find(|known| *known == name) else {
            return Err(Unknown(name.to_owned()));
        };
        let mut armed = ARMED.lock();
        armed.push((point, AtomicU32::new(passage)));
        Ok(())
    }

    /// Passes a point. A process that ends here runs no destructor and writes nothing more.
    pub fn pass(name: &'static str) {
        let armed = ARMED.lock();
        let struck =
            |(point, left): &(&str, AtomicU32)| *point == name && left.fetch_sub(1, Ordering::Relaxed) == 1;
        if armed.iter().any(struck) {
            std::process::abort();
        }
    }

    /// Passes a point while `work` is under way.
    pub async fn pass_within<F: Future>(name: &'static str, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => done,
            () = tokio::time::sleep(OUT_AFTER) => {
                pass(name);
                work.await
            }
        }
    }
}
