//! The suite that every engine of the ledger must pass, one promise in each function.
//!
//! An engine's tests hand a function that makes a fresh, empty engine to [`contract_tests`](crate::contract_tests),
//! which writes one test for each promise. Only this suite says what an engine has to do beyond the port's words.

pub mod accounts;
pub mod arrivals;
pub mod audiences;
pub mod claims;
pub mod close;
pub mod directory;
pub mod ends;
pub mod events;
pub mod graphs;
pub mod groups;
pub mod hints;
pub mod interruptions;
pub mod keys;
pub mod leases;
pub mod left_out;
pub mod letters;
pub mod material;
pub mod monitoring;
pub mod notifications;
pub mod operators;
pub mod plans;
pub mod repairs;
pub mod replaced;
pub mod replays;
pub mod retention;
pub mod segment_answers;
pub mod selection;
pub mod shared_secrets;
pub mod storage;
pub mod work;
pub mod write_keys;

pub(crate) use crate::Engine;

/// Writes a test for each promise. `$fresh` is an async function without arguments that gives an empty engine, and what
/// has to live as long as it. The crate that uses it needs `tokio` with its macros.
#[macro_export]
macro_rules! contract_tests {
    ($fresh:path) => {
        $crate::contract_tests! { @each $fresh;
            accounts: [
                a_connection_is_found_by_name_id_and_key, a_store_is_empty_while_it_has_no_connection, names_and_keys_are_unique,
                settings_change_only_from_the_version_that_was_seen, the_stronger_reason_for_a_pause_holds,
                a_pause_for_what_is_no_longer_in_force_changes_nothing,
                what_refersion_asked_for_ends_with_an_operators_resume, a_numeric_id_is_known_with_its_code,
                a_removed_connection_leaves_nothing, a_learned_rate_is_remembered
            ]
            arrivals: [
                streams_are_as_they_were_reported_last, what_was_noted_has_arrived,
                what_is_missing_is_kept_until_it_is_confirmed, streams_that_nobody_reports_are_forgotten
            ]
            claims: [claimed_graphs_are_written_by_the_holder_alone, a_claim_ends_by_itself]
            close: [
                a_discarded_letter_can_be_restored_while_it_is_kept, what_cannot_be_replayed_cannot_be_restored,
                acts_are_audited, a_letter_names_the_event_that_resolved_it
            ]
            directory: [
                a_walk_goes_on_where_it_was, a_complete_walk_lists_everybody, hints_are_kept_beside_a_walk,
                drift_is_that_of_the_last_comparison, drift_is_bounded, a_directory_belongs_to_its_connection,
                a_request_that_came_meanwhile_stays, a_name_may_hold_any_character
            ]
            segment_answers: [an_answer_of_segment_is_kept_for_a_while]
            ends: [
                an_event_may_end_as_it_begins, many_events_end_together,
                the_end_that_an_event_began_with_is_replaced,
                a_dead_event_is_replayed_from_the_end_it_began_with, an_event_may_end_twice_as_it_begins,
                an_event_that_was_there_ends_all_the_same, what_ended_as_it_began_expires_by_its_newest_end
            ]
            events: [
                an_event_is_pending_until_it_ends, recording_twice_changes_nothing,
                events_that_are_taken_for_new_have_to_be_new,
                many_events_that_are_taken_for_new_have_to_be_new,
                an_outcome_is_final_unless_dead_or_remembered, a_payload_is_kept_while_it_may_be_needed,
                attempts_are_told_in_order, events_are_found_newest_first, half_a_digest_finds_nothing,
                erased_events_keep_no_words,
                ends_of_unknown_events_are_passed_over
            ]
            audiences: [
                an_audience_is_met_once, new_audiences_come_after_those_that_were_read, audiences_have_a_limit,
                graphs_are_counted_again_for_a_new_audience, a_graph_is_counted_as_it_is_written,
                counts_of_audiences_equal_a_scan, rejections_of_an_audience_have_reasons,
                audiences_go_with_their_connection
            ]
            graphs: [
                a_graph_is_found_once_by_all_its_digests, equal_digests_of_two_connections_are_apart,
                a_graph_that_moved_is_not_overwritten, a_digest_belongs_to_one_graph,
                merged_graphs_hand_over_their_digests, a_graph_that_is_taken_apart_hands_over_its_digests,
                a_conflict_leaves_nothing_behind,
                another_connections_graph_is_out_of_reach, many_graphs_are_written_together,
                large_graphs_are_read_as_far_as_there_is_room
            ]
            groups: [
                dead_letters_are_grouped_by_cause, a_group_has_a_note, what_is_up_to_date_is_not_classified_again,
                counts_equal_a_scan
            ]
            hints: [
                custom_fields_are_named_and_bounded, drift_of_one_affiliate_is_replaced,
                a_webhook_secret_is_kept_until_it_is_replaced
            ]
            keys: [
                a_replaced_key_opens_the_door_for_a_week, a_key_that_opens_no_door_is_free,
                another_master_key_is_refused, rotation_keeps_every_key_readable
            ]
            leases: [
                a_lease_has_one_holder, a_new_holder_gets_a_greater_token, a_lease_given_back_is_free_at_once,
                an_old_token_writes_nothing, calls_without_an_answer_are_left_to_the_next_holder,
                a_lease_that_ends_too_far_ahead_has_ended
            ]
            letters: [
                dead_letters_are_listed_newest_first, dead_letters_are_filtered, dying_again_renews_the_letter,
                a_letter_moves_only_from_the_state_that_was_seen, erased_letters_are_discarded,
                orphaned_dead_letters_go_with_the_person_they_name
            ]
            monitoring: [
                processes_are_shown_as_they_reported_last, processes_are_forgotten_after_a_week,
                a_lease_that_runs_is_seen, writing_can_be_proved, the_audit_is_read_newest_first,
                dead_letters_are_counted_whatever_the_limit, the_oldest_pending_event_is_known
            ]
            left_out: [
                events_of_connections_are_counted_apart, unmapped_traits_are_counted,
                unmapped_traits_have_a_limit, held_back_payouts_are_counted,
                names_beyond_the_limit_are_counted_under_one_word, values_that_cannot_go_are_counted_by_field,
                what_is_left_out_is_counted_by_name,
                deletes_that_match_nobody_are_counted_beside_any_number_of_names, repeats_of_a_letter_are_counted,
                a_letter_is_discarded_with_the_end_of_its_event
            ]
            notifications: [
                one_process_watches, a_fact_is_delivered_once, notifications_go_with_their_connection
            ]
            plans: [
                a_dead_letter_is_reserved_by_one_plan, items_are_added_with_what_was_seen_of_them,
                items_are_counted_by_what_became_of_them,
                items_show_how_their_letters_stand, a_plan_has_one_runner, acts_on_plans_are_audited,
                old_plans_are_dropped, items_go_with_their_connection
            ]
            interruptions: [an_interrupted_call_is_counted_when_it_is_sent_again,
                an_interrupted_call_does_not_count_after_the_results]
            repairs: [
                a_repair_is_stored_beside_the_original, of_two_operators_one_gets_a_conflict, only_open_letters_are_repaired,
                a_repaired_payload_goes_with_the_original, a_delete_covers_whom_a_repair_names,
                a_replay_that_waits_keeps_no_payload, repairs_are_audited, a_class_may_expire_earlier
            ]
            operators: [
                an_operator_is_known_by_its_token_until_it_is_revoked, the_audit_is_read_by_what_its_lines_say,
                a_request_with_a_key_is_carried_out_once, expired_keys_go_without_a_new_one, an_act_that_was_never_finished_may_be_asked_for_again,
                an_act_whose_claim_is_renewed_stays_under_way
            ]
            replays: [
                a_page_is_marked_reserved_and_audited_at_once, only_what_is_free_and_can_be_replayed_is_marked,
                a_plan_that_is_not_being_made_takes_no_items, plans_with_items_under_way_are_found_among_any_number,
                plans_are_read_by_pages_and_by_their_ends,
                a_plan_expires_later_with_each_page_and_when_it_is_ready
            ]
            replaced: [it_is_known_until_when_replaced_keys_are_valid]
            retention: [
                old_ends_expire_and_pending_events_never, a_dead_letter_keeps_its_event,
                a_letter_that_expires_takes_its_payload_along, one_run_drops_a_bounded_number, each_kind_goes_by_itself,
                open_letters_that_expire_are_audited,
                how_far_sweeps_have_come_is_remembered
            ]
            selection: [every_condition_narrows, pages_meet_every_dead_letter_once]
            shared_secrets: [
                a_shared_secret_is_kept_until_it_is_removed, a_replaced_shared_secret_is_valid_for_a_week,
                shared_secrets_go_with_their_connection, rotation_keeps_every_shared_secret_readable
            ]
            storage: [
                what_is_kept_is_measured, dead_letters_are_measured_by_connection, shares_tell_who_holds_most
            ]
            work: [
                due_graphs_come_oldest_first_within_limits, the_next_due_time_is_the_earliest_of_all,
                graphs_are_walked_in_order, a_walk_starts_again_for_newer_settings,
                what_is_due_too_far_ahead_is_due_now
            ]
            write_keys: [a_connection_is_found_by_its_write_key, a_replaced_write_key_is_valid_for_a_week]
        }
    };
    (@each $fresh:path; $($module:ident: [$($promise:ident),* $(,)?])*) => {
        $(mod $module {
            //! The promises of this name in the contract.

            $(#[tokio::test]
            async fn $promise() {
                let (engine, _alive) = $fresh().await;
                $crate::contract::$module::$promise(&engine).await;
            })*
        })*
    };
}
