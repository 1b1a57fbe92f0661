//! Audiences on a terminal.

use jiff::Timestamp;

use service::failure::Failure;
use service::operator::audiences::{AtSegment, LastVerify, List, Row};
use service::output::{Output, age, cut, spare, whole};

/// What a table says of a number that does not exist.
const NONE: &str = "-";

/// All audiences as a table, and what to know beside it.
pub(super) fn list(list: &List, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    if list.audiences.is_empty() {
        return output.line("No event of an audience has arrived yet.");
    }
    let head = [
        cut("AUDIENCE"),
        cut("CONNECTION"),
        cut("FIELD"),
        whole("MEMBERS"),
        spare("LEFT"),
        spare("MATCH"),
        whole("HELD"),
        whole("WAITING"),
        spare("REFUSED"),
        spare("CHANGED"),
    ];
    let cells = |row: &Row| {
        vec![
            row.audience.clone(),
            row.connection.clone(),
            field(row),
            row.members.to_string(),
            row.left.to_string(),
            row.match_rate.map_or(NONE.to_owned(), percent),
            row.held.to_string(),
            row.waiting.to_string(),
            row.refused.to_string(),
            row.last_change.map_or(NONE.to_owned(), |at| age(at, now)),
        ]
    };
    output.table(&head, &list.audiences.iter().map(cells).collect::<Vec<_>>())?;
    if list.audiences.iter().any(|row| row.counting) {
        output.line("\nCounting is under way: numbers are too low until it has finished.")?;
    }
    if list.audiences.iter().any(|row| row.mapped_to.is_empty()) {
        output.line(
            "\nAn audience without a field is not sent: `connections set NAME --custom-field AUDIENCE=ID` gives it one.",
        )?;
    }
    for connection in &list.beyond_the_limit {
        let limit = list.limit;
        output
            .line(&format!("\n{connection} has more than {limit} audiences: the others are not counted."))?;
    }
    output.line("")
}

/// One audience, line by line.
pub(super) fn one(row: &Row, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let class = row.class.as_deref().unwrap_or("recognised by its one boolean trait");
    let mut lines = vec![
        ("connection", row.connection.clone()),
        ("class", class.to_owned()),
        ("field", field(row)),
        ("members", members(row)),
        ("left", row.left.to_string()),
        ("affiliates", row.affiliates.to_string()),
        ("held", format!("{} members whose membership Refersion has", row.held)),
        ("delivered", format!("{} persons, in or out", row.delivered)),
        ("waiting", waiting(row)),
        ("refused", row.refused.to_string()),
        ("last change", row.last_change.map_or("never".to_owned(), |at| format!("{} ago", age(at, now)))),
    ];
    lines.extend(row.verified.as_ref().map(|last| ("verified", verified(last.as_ref(), now))));
    if row.counting {
        let why = if row.rate.is_none() { ", and waits for the paused connection" } else { "" };
        lines.push(("counting", format!("under way{why}: numbers are too low until it has finished")));
    }
    if let Some(segment) = &row.segment {
        lines.insert(3, ("segment", three_numbers(row, segment, now)));
    }
    output.line(&row.audience)?;
    for (name, value) in lines {
        output.line(&format!("  {name:<12}{value}"))?;
    }
    let rejected = row.rejected.as_deref().unwrap_or_default();
    if !rejected.is_empty() {
        output.line("\nRejected, as open dead letters")?;
        for it in rejected {
            let field = it.field.as_ref().map(|field| format!(" ({field})")).unwrap_or_default();
            output.line(&format!("  {:>8}  {}{field}: {}", it.dead_letters, it.class, it.cause))?;
        }
        output.line(&format!("\n`dead-letters list 'audience:\"{}\"'` lists them.", row.audience))?;
    }
    output.line("")
}

/// What the last comparison with Refersion has found of this audience.
fn verified(last: Option<&LastVerify>, now: Timestamp) -> String {
    let Some(last) = last else {
        return "never compared with Refersion: `connections verify` does it".to_owned();
    };
    let part = if last.complete { "" } else { ", not all" };
    let repair = if last.repair && last.drifted > 0 { "; what differs was to be sent again" } else { "" };
    format!(
        "{} ago, {} affiliates compared{part}; {} differ in its field{repair}",
        age(last.at, now),
        last.compared,
        last.drifted
    )
}

/// What Segment believes, what has arrived, and what Refersion holds.
fn three_numbers(row: &Row, segment: &AtSegment, now: Timestamp) -> String {
    let asked = segment.asked_at.map(|at| format!("{} ago", age(at, now)));
    let Some(members) = segment.members else {
        let why = segment.error.as_deref().unwrap_or("segment was not asked");
        return format!(
            "not known: {why}{}",
            asked.map(|asked| format!(" (asked {asked})")).unwrap_or_default()
        );
    };
    let beside: Vec<String> = segment.status.clone().into_iter().chain(asked).collect();
    let beside = if beside.is_empty() { String::new() } else { format!(" ({})", beside.join(", ")) };
    let eta = segment.eta_seconds.filter(|_| segment.not_arrived.is_some_and(|it| it > 0));
    let eta = eta.map(|it| format!("; {} to go with those that have not arrived", duration(it)));
    let (received, held) = (row.members, row.held);
    format!(
        "{members} members at Segment{beside}, {received} received, {held} held by Refersion{}",
        eta.unwrap_or_default()
    )
}

fn field(row: &Row) -> String {
    if row.mapped_to.is_empty() { "none".to_owned() } else { row.mapped_to.join(", ") }
}

fn members(row: &Row) -> String {
    let matched = row.match_rate.map(|rate| format!(", {} of them affiliates", percent(rate)));
    format!("{}{}", row.members, matched.unwrap_or_default())
}

fn waiting(row: &Row) -> String {
    let Some(progress) = row.progress else { return row.waiting.to_string() };
    let eta = match row.eta_seconds {
        Some(seconds) => {
            format!("{} to go at the rate of now, for what has arrived", duration(seconds))
        }
        None => "the connection is paused".to_owned(),
    };
    let creates = match row.waiting_for_create {
        0 => String::new(),
        creates => format!(", up to {creates} of them to be created one by one"),
    };
    format!("{}{creates} ({} done; {eta})", row.waiting, percent(progress))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
