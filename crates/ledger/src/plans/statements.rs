//! Statements about plans that are the same in both engines.

/// A statement that reads plans.
macro_rules! plans {
    ($which:literal) => {
        concat!(
            "SELECT id, state, created_at, expires_at, frame, options, progress, repeated_calls FROM plans ",
            $which
        )
    };
}
pub(crate) use plans;

/// Running plans, and other ones that still have items under way; newest first.
pub(crate) const AT_WORK: &str = plans!(
    "WHERE state <> 'planning' AND id IN (
        SELECT id FROM plans WHERE state = 'running'
        UNION SELECT plan FROM plan_counts WHERE state IN ('releasing', 'released') AND count > 0)
    ORDER BY id DESC"
);
