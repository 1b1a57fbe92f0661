//! The routes of the API by subject. A route's `security` names the role that it needs.

mod answers;
mod audiences;
mod audit;
mod connections;
mod events;
mod letter_acts;
mod letter_answers;
mod letter_detail;
mod letters;
mod operators;
mod patches;
mod persons;
mod plan_acts;
mod plan_answers;
mod plan_report;
mod plans;
mod profile_answer;
mod repair_answers;
mod repairs;
mod system;
mod walks;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route, with its description.
pub(super) fn all() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(system::get_me))
        .routes(routes!(system::get_status))
        .routes(routes!(connections::list_connections))
        .routes(routes!(connections::get_connection))
        .routes(routes!(connections::pause_connection))
        .routes(routes!(connections::resume_connection))
        .routes(routes!(walks::get_adoption))
        .routes(routes!(walks::adopt_affiliates))
        .routes(routes!(walks::get_verification))
        .routes(routes!(walks::verify_affiliates))
        .routes(routes!(audiences::list_audiences))
        .routes(routes!(audiences::get_audience))
        .routes(routes!(events::search_events))
        .routes(routes!(events::get_event))
        .routes(routes!(persons::search_profiles))
        .routes(routes!(persons::why))
        .routes(routes!(letters::list_dead_letters))
        .routes(routes!(letters::count_dead_letters))
        .routes(routes!(letters::group_dead_letters))
        .routes(routes!(letter_detail::get_dead_letter))
        .routes(routes!(letter_acts::note_group))
        .routes(routes!(letter_acts::replay_dead_letters))
        .routes(routes!(letter_acts::discard_dead_letters))
        .routes(routes!(letter_acts::restore_dead_letters))
        .routes(routes!(repairs::list_revisions, repairs::edit_dead_letter))
        .routes(routes!(patches::patch_dead_letters))
        .routes(routes!(patches::preview_patch))
        .routes(routes!(plans::list_plans, plans::make_plan))
        .routes(routes!(plans::get_plan))
        .routes(routes!(plans::list_plan_items))
        .routes(routes!(plan_report::report_plan))
        .routes(routes!(plan_acts::run_plan))
        .routes(routes!(plan_acts::pause_plan))
        .routes(routes!(plan_acts::resume_plan))
        .routes(routes!(plan_acts::cancel_plan))
        .routes(routes!(audit::list_audit))
        .routes(routes!(operators::list_operators, operators::add_operator))
        .routes(routes!(operators::revoke_operator))
}
