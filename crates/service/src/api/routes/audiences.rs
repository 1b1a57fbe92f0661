//! Audiences: their members, and how far they are delivered. Numbers only, no person.

use axum::Json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::extract::{Params, Part};
use crate::api::guard::Call;
use crate::api::mask;
use crate::api::problem::Problem;
use crate::operator::audiences::{self, AtSegment, Rejected, Row};
use crate::operator::directory::Directory;

/// Which audiences.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct AudiencesParams {
    /// Only those of this connection.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    connection: Option<String>,
}

/// Which of several audiences of the same name, and what is asked of Segment.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct AudienceParams {
    /// The connection; needed if several have an audience of this name.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    connection: Option<String>,
    /// Ask Segment's Public API for its own size of the audience; needs `segment.public_api_token`.
    #[serde(default)]
    segment: bool,
}

/// Audiences of the connections that the operator may see.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct AudienceList {
    /// How many there are.
    count: usize,
    /// All of them.
    audiences: Vec<AudienceAnswer>,
    /// Connections with more audiences than are kept: the others are not counted.
    beyond_the_limit: Vec<String>,
    /// Maximum number of audiences that are kept for one connection.
    limit: usize,
}

/// An audience or computed trait.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct AudienceAnswer {
    /// The name of its connection.
    connection: String,
    /// Its key, as events write it.
    audience: String,
    /// Segment's class of it; null if it was recognised by its one boolean trait.
    class: Option<String>,
    /// Engage's space.
    space_id: Option<String>,
    /// Segment's id of it.
    segment_id: Option<String>,
    /// The fields of Refersion that it is sent to.
    mapped_to: Vec<String>,
    /// Members.
    members: u64,
    /// Former members.
    left: u64,
    /// Members that are affiliates.
    affiliates: u64,
    /// Affiliates per member; null without members, and unknown (null) while the audience is mapped to no field.
    match_rate: Option<f64>,
    /// Members whose membership Refersion has.
    held: u64,
    /// Persons, members or former members, whose affiliate has the value that was stated last.
    delivered: u64,
    /// Persons, members or former members, whose affiliate does not have that value yet.
    waiting: u64,
    /// Persons whose membership Refersion has refused.
    refused: u64,
    /// Open dead letters by cause; null in a list.
    rejected: Option<Vec<RejectedAnswer>>,
    /// Delivered persons as a share of delivered and waiting persons; null while nothing waits.
    progress: Option<f64>,
    /// Seconds until the events that have arrived are delivered, at the current rate; null while nothing waits, and while paused.
    eta_seconds: Option<u64>,
    /// When its first event arrived.
    first_seen: Timestamp,
    /// When its count changed last.
    last_change: Option<Timestamp>,
    /// Whether older persons are being counted: until that has finished, the numbers are too low.
    counting: bool,
    /// The audience according to Segment; null unless Segment was asked.
    segment: Option<SegmentAnswer>,
}

/// Open dead letters of an audience with one cause.
#[derive(Serialize, ToSchema)]
struct RejectedAnswer {
    /// The class of the failure.
    class: String,
    /// The field that was refused.
    field: Option<String>,
    /// The cause; for viewers without quoted words and words with digits or an `@`.
    cause: String,
    /// The number.
    dead_letters: u64,
}

/// An audience according to Segment.
#[derive(Serialize, ToSchema)]
struct SegmentAnswer {
    /// Its members at Segment.
    members: Option<u64>,
    /// The state of its computation, as Segment names it.
    status: Option<String>,
    /// Whether Segment computes it.
    enabled: Option<bool>,
    /// Members that Segment has and that have not arrived.
    not_arrived: Option<u64>,
    /// Seconds until the waiting persons and the members that have not arrived are delivered.
    eta_seconds: Option<u64>,
    /// The reason why these values are not known.
    error: Option<String>,
}

/// List audiences with their members and their delivery.
#[utoipa::path(get, path = "/api/v1/audiences", tag = "audiences", params(AudiencesParams),
    responses((status = 200, body = AudienceList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn list_audiences(
    call: Call,
    Params(params): Params<AudiencesParams>,
) -> Result<Json<AudienceList>, Problem> {
    let one = one_of(&call, params.connection.as_deref())?;
    let directory = one.as_ref().unwrap_or(&call.directory);
    let list = audiences::list(&call.engines, &call.config, directory).await?;
    Ok(Json(AudienceList {
        count: list.audiences.len(),
        audiences: list.audiences.into_iter().map(|row| answer(row, call.is_masked())).collect(),
        beyond_the_limit: list.beyond_the_limit,
        limit: ledger::audiences::MAX_AUDIENCES,
    }))
}

/// Show one audience: its numbers, its progress, and the causes of rejections.
#[utoipa::path(get, path = "/api/v1/audiences/{name}", tag = "audiences",
    params(("name" = String, Path, description = "Its key, in any spelling"), AudienceParams),
    responses((status = 200, body = AudienceAnswer)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_audience(
    call: Call,
    Part(name): Part<String>,
    Params(params): Params<AudienceParams>,
) -> Result<Json<AudienceAnswer>, Problem> {
    let one = one_of(&call, params.connection.as_deref())?;
    let directory = one.as_ref().unwrap_or(&call.directory);
    let (connection, counts) = audiences::find(&call.engines, directory, &name).await?;
    let row = audiences::one(&call.engines, &call.config, (&connection, counts), params.segment).await?;
    Ok(Json(answer(row, call.is_masked())))
}

/// The connection of this name alone, if one is named.
fn one_of(call: &Call, name: Option<&str>) -> Result<Option<Directory>, Problem> {
    Ok(name.map(|name| call.directory.only(name)).transpose()?)
}

fn answer(row: Row, is_masked: bool) -> AudienceAnswer {
    let rejected = |it: Rejected| RejectedAnswer {
        class: it.class,
        field: it.field,
        cause: if is_masked { mask::text(&it.cause) } else { it.cause },
        dead_letters: it.dead_letters,
    };
    AudienceAnswer {
        connection: row.connection,
        audience: row.audience,
        class: row.class,
        space_id: row.space_id,
        segment_id: row.segment_id,
        mapped_to: row.mapped_to,
        members: row.members,
        left: row.left,
        affiliates: row.affiliates,
        match_rate: row.match_rate,
        held: row.held,
        delivered: row.delivered,
        waiting: row.waiting,
        refused: row.refused,
        rejected: row.rejected.map(|all| all.into_iter().map(rejected).collect()),
        progress: row.progress,
        eta_seconds: row.eta_seconds,
        first_seen: row.first_seen,
        last_change: row.last_change,
        counting: row.counting,
        segment: row.segment.map(at_segment),
    }
}

fn at_segment(it: AtSegment) -> SegmentAnswer {
    SegmentAnswer {
        members: it.members,
        status: it.status,
        enabled: it.enabled,
        not_arrived: it.not_arrived,
        eta_seconds: it.eta_seconds,
        error: it.error,
    }
}
