//! The names of acts in the audit: the same whether an act was done, failed or was denied, over the API and at the command line.

/// The name of the act that a route carries out, by the name of its operation. A route that changes nothing is called as its operation.
pub(super) fn action(operation: &str) -> &str {
    match operation {
        "pause_connection" => "connection_paused",
        "resume_connection" => "connection_resumed",
        "adopt_affiliates" => "adoption_asked_for",
        "verify_affiliates" => "verification_asked_for",
        "edit_dead_letter" | "patch_dead_letters" => "dead_letters_repaired",
        "note_group" => "group_noted",
        "replay_dead_letters" => "dead_letters_replayed",
        "discard_dead_letters" => "dead_letters_discarded",
        "restore_dead_letters" => "dead_letters_restored",
        "add_operator" => "operator_added",
        "revoke_operator" => "operator_revoked",
        "make_plan" => "plan_made",
        "run_plan" => "plan_run",
        "pause_plan" => "plan_paused",
        "resume_plan" => "plan_resumed",
        "cancel_plan" => "plan_cancelled",
        other => other,
    }
}
