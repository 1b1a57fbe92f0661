//! The program itself, which ends at the points that a fault test names. Nothing else differs from the binary that is shipped.

#![expect(clippy::disallowed_methods, reason = "a program reads its arguments and environment")]

use std::process::ExitCode;

use refersion_destination::program;
use worker::fault_points::arm;

/// Points at which to end, with the passage at which each strikes: `absorb.taken:1,reconcile.sent:3`.
const POINTS: &str = "REFERSION_DESTINATION_FAULT_POINT";

fn main() -> ExitCode {
    if let Ok(points) = std::env::var(POINTS) {
        for point in points.split(',') {
            let (name, passage) = point.split_once(':').unwrap_or((point, "1"));
            let passage = passage.parse().expect("the passage at a fault point is a number");
            arm(name, passage).expect("a fault test names points that exist");
        }
    }
    program::run(std::env::args_os().collect(), std::env::vars_os().collect())
}
