//! The suite that every engine of the ledger must pass, one promise in each function.
//!
//! An engine's tests pass a function that creates an empty engine to [`contract_tests`](crate::contract_tests), which writes one test for
//! each promise. This suite is the only specification of an engine apart from the comments of the port.

pub mod accounts;
pub mod arrivals;
pub mod audiences;
pub mod claims;
pub mod close;
pub mod directory;
pub mod ends;
pub mod events;
pub mod fixtures;
pub mod graphs;
pub mod groups;
pub mod hints;
pub mod interruptions;
pub mod keys;
pub mod leases;
pub mod left_out;
pub mod letters;
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

/// Writes a test for each promise. `$fresh` is an async function without arguments that returns an empty engine, and a
/// value that has to live as long as the engine. The crate that uses it needs `tokio` with its macros.
#[macro_export]
macro_rules! contract_tests {
    ($fresh:path) => {
        $crate::contract_tests! { @each $fresh;
            accounts: [
                a_connection_is_found_by_name_id_and_key, a_store_is_empty_while_it_has_no_connection, names_and_keys_are_unique,
                settings_change_only_from_the_version_that_was_seen, the_stronger_reason_for_a_pause_is_kept,
                a_pause_for_outdated_settings_changes_nothing,
                a_requested_wait_ends_when_an_operator_resumes, codes_are_found_by_numeric_id,
                a_removed_connection_leaves_nothing, a_learned_rate_is_stored
            ]
            arrivals: [
                streams_are_stored_as_last_reported, noted_numbers_have_arrived,
                missing_events_are_kept_until_they_are_confirmed, streams_without_reports_are_deleted
            ]
            claims: [claimed_graphs_are_written_only_by_the_holder, a_claim_ends_by_itself]
            close: [
                a_discarded_dead_letter_can_be_restored_while_it_is_kept, dead_letters_without_a_payload_cannot_be_restored,
                acts_are_audited, a_dead_letter_names_the_event_that_resolved_it
            ]
            directory: [
                a_walk_continues_after_a_crash, a_complete_walk_lists_every_affiliate, data_of_webhooks_is_merged_with_a_walk,
                a_comparison_replaces_earlier_drift, drift_is_bounded, a_directory_belongs_to_its_connection,
                a_request_made_before_the_walk_begins_is_kept, a_name_may_hold_any_character,
                a_wrong_clock_does_not_change_a_walk, the_first_row_of_a_code_counts
            ]
            segment_answers: [an_answer_of_segment_is_cached]
            ends: [
                an_event_may_end_when_it_is_recorded, many_events_end_together,
                a_later_outcome_replaces_the_first_one,
                a_replay_reopens_an_event_that_was_recorded_as_dead, an_event_may_end_twice_when_it_is_recorded,
                an_event_that_was_recorded_before_ends_with_its_new_outcome, an_event_expires_by_its_newest_outcome
            ]
            events: [
                an_event_is_pending_until_it_ends, recording_twice_changes_nothing,
                events_assumed_to_be_new_have_to_be_new,
                many_events_assumed_to_be_new_have_to_be_new,
                an_outcome_is_final_unless_dead_or_remembered, a_payload_is_kept_while_it_may_be_needed,
                attempts_are_listed_in_order, events_are_found_newest_first, half_a_digest_finds_nothing,
                erased_events_keep_no_personal_data,
                outcomes_of_unknown_events_are_ignored
            ]
            audiences: [
                an_audience_is_added_once, new_audiences_are_listed_after_those_read_before, audiences_have_a_limit,
                graphs_are_counted_again_for_a_new_audience, a_graph_is_counted_as_it_is_written,
                counts_of_audiences_equal_a_scan, rejections_of_an_audience_have_reasons,
                audiences_are_removed_with_their_connection
            ]
            graphs: [
                a_graph_is_found_once_by_all_its_digests, equal_digests_of_two_connections_are_separate,
                a_graph_that_has_changed_is_not_overwritten, a_digest_belongs_to_one_graph,
                merged_graphs_hand_over_their_digests, a_split_graph_hands_over_its_digests,
                a_conflict_leaves_nothing_behind,
                a_graph_of_another_connection_cannot_be_written, many_graphs_are_written_together,
                large_graphs_are_read_up_to_a_size_limit
            ]
            groups: [
                dead_letters_are_grouped_by_cause, a_group_has_a_note, classified_dead_letters_are_not_classified_again,
                counts_equal_a_scan
            ]
            hints: [
                custom_fields_are_named_and_bounded, drift_of_one_affiliate_is_replaced,
                a_webhook_secret_is_kept_until_it_is_replaced
            ]
            keys: [
                a_replaced_key_is_valid_for_a_week, an_expired_or_removed_key_is_free,
                another_master_key_is_refused, rotation_keeps_every_key_readable
            ]
            leases: [
                a_lease_has_one_holder, a_new_holder_gets_a_greater_token, a_lease_given_back_is_free_at_once,
                an_old_token_writes_nothing, calls_without_an_answer_are_left_to_the_next_holder,
                a_lease_with_an_end_too_far_ahead_counts_as_ended
            ]
            letters: [
                dead_letters_are_listed_newest_first, dead_letters_are_filtered, a_repeated_death_renews_the_dead_letter,
                a_dead_letter_changes_only_from_the_expected_state, erased_dead_letters_are_discarded,
                orphaned_dead_letters_are_erased_with_the_person_they_name
            ]
            monitoring: [
                processes_are_shown_as_last_reported, processes_are_deleted_after_a_week_of_silence,
                a_running_lease_is_shown, writing_is_verified, the_audit_is_read_newest_first,
                dead_letters_are_counted_beyond_the_limit_of_a_list, the_oldest_pending_event_is_known
            ]
            left_out: [
                events_of_connections_are_counted_separately, unmapped_traits_are_counted,
                unmapped_traits_have_a_limit, held_back_payouts_are_counted,
                names_beyond_the_limit_are_counted_together, values_that_cannot_be_removed_are_counted_by_field,
                left_out_values_and_identifiers_are_counted_by_name,
                unmatched_deletes_are_counted_with_any_number_of_names, repeats_of_a_dead_letter_are_counted,
                a_dead_letter_is_discarded_when_its_event_ends_undelivered
            ]
            notifications: [
                one_process_at_a_time_adds_notifications, a_notification_is_added_once_and_delivered,
                notifications_are_removed_with_their_connection
            ]
            plans: [
                a_dead_letter_is_reserved_by_one_plan, items_are_stored_as_the_caller_made_them,
                items_are_counted_by_their_results,
                items_show_the_state_of_their_dead_letters, a_plan_has_one_runner, acts_on_plans_are_audited,
                a_dead_letter_that_is_left_out_is_free, old_plans_are_dropped, small_old_plans_are_dropped_together, items_are_removed_with_their_connection
            ]
            interruptions: [an_interrupted_call_is_counted_when_it_is_sent_again,
                an_interrupted_call_does_not_count_after_the_results]
            repairs: [
                a_repair_is_stored_beside_the_original, repaired_dead_letters_are_selected,
                an_event_is_found_by_what_a_repair_names, the_second_of_two_operators_gets_a_conflict, only_open_dead_letters_are_repaired,
                a_repaired_payload_is_deleted_with_the_original, a_delete_covers_persons_named_by_a_repair,
                a_replay_that_waits_keeps_no_payload, repairs_are_audited, a_class_may_expire_earlier
            ]
            operators: [
                an_operator_is_known_by_its_token_until_it_is_revoked, the_audit_can_be_filtered,
                a_request_with_a_key_is_carried_out_once, expired_keys_are_deleted_by_housekeeping,
                an_unfinished_act_may_be_requested_again,
                an_act_whose_claim_is_renewed_stays_under_way
            ]
            replays: [
                a_page_is_marked_reserved_and_audited_together, only_free_dead_letters_that_can_be_replayed_are_marked,
                a_plan_that_is_not_being_made_takes_no_items, plans_with_items_under_way_are_found_among_many_plans,
                plans_are_read_by_pages_and_by_their_ends,
                a_plan_expires_later_with_each_page_and_when_it_is_ready
            ]
            replaced: [the_expiry_of_replaced_keys_is_returned]
            retention: [
                old_outcomes_expire_and_pending_events_do_not, a_dead_letter_keeps_its_event,
                an_expired_dead_letter_loses_its_payload, one_run_drops_a_bounded_number, each_kind_expires_separately,
                open_dead_letters_that_expire_are_audited,
                the_progress_of_sweeps_is_stored
            ]
            selection: [every_condition_narrows, pages_contain_every_dead_letter_once]
            shared_secrets: [
                a_shared_secret_is_kept_until_it_is_removed, a_replaced_shared_secret_is_valid_for_a_week,
                shared_secrets_are_removed_with_their_connection, rotation_keeps_every_shared_secret_readable
            ]
            storage: [
                stored_events_are_measured, dead_letters_are_measured_by_connection, shares_show_the_largest_connection
            ]
            work: [
                due_graphs_come_oldest_first_within_limits, the_next_due_time_is_the_earliest_of_all,
                graphs_are_walked_in_order, a_walk_starts_again_for_newer_settings,
                work_due_too_far_ahead_is_due_now
            ]
            write_keys: [a_connection_is_found_by_its_write_key, a_replaced_write_key_is_valid_for_a_week]
        }
    };
    (@each $fresh:path; $($module:ident: [$($promise:ident),* $(,)?])*) => {
        $(mod $module {
            //! The promises of the contract's module with this name.

            $(#[tokio::test]
            async fn $promise() {
                let (engine, _alive) = $fresh().await;
                $crate::contract::$module::$promise(&engine).await;
            })*
        })*
    };
}
