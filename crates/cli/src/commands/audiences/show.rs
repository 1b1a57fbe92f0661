//! Audiences on a terminal.

use jiff::Timestamp;

use service::failure::Failure;
use service::operator::audiences::{AtSegment, LastVerify, List, Row};
use service::output::{Output, age, counted, cut, spare, whole};

/// Stands in a table for a number that does not exist.
const NONE: &str = "-";

/// All audiences as a table, with notes.
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
            "\nAn audience without a field is not sent, and its match rate is not known: `connections set NAME --custom-field \
             AUDIENCE=ID` gives it one.",
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
        ("affiliates", affiliates(row)),
        ("held", format!("{} whose membership Refersion has", counted(row.held, "member"))),
        ("delivered", format!("{}, members or former members", counted(row.delivered, "person"))),
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

/// The result of the last comparison with Refersion, for this audience.
fn verified(last: Option<&LastVerify>, now: Timestamp) -> String {
    let Some(last) = last else {
        return "never compared with Refersion: run `connections verify`".to_owned();
    };
    let part = if last.complete { "" } else { ", not all" };
    let repair = if last.repair && last.drifted > 0 { "; the differences were to be sent again" } else { "" };
    format!(
        "{} ago, {} compared{part}; {} in its field{repair}",
        age(last.at, now),
        counted(last.compared, "affiliate"),
        differ(last.drifted)
    )
}

/// How many differ, in words.
fn differ(count: u64) -> String {
    if count == 1 { "1 differs".to_owned() } else { format!("{count} differ") }
}

/// The members according to Segment, those that have arrived, and those that Refersion holds.
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
    let eta = eta.map(|it| format!("; {} remaining, with the members that have not arrived", duration(it)));
    let (received, held) = (row.members, row.held);
    format!(
        "{} at Segment{beside}, {received} received, {held} held by Refersion{}",
        counted(members, "member"),
        eta.unwrap_or_default()
    )
}

fn field(row: &Row) -> String {
    if row.mapped_to.is_empty() { "none".to_owned() } else { row.mapped_to.join(", ") }
}

fn members(row: &Row) -> String {
    let members = row.members;
    match row.match_rate {
        Some(rate) => format!("{members}, {} of them affiliates", percent(rate)),
        None if members > 0 && row.mapped_to.is_empty() => {
            format!(
                "{members}; how many of them are affiliates is not known, because the audience has no field"
            )
        }
        None => members.to_string(),
    }
}

/// Members that only Refersion's list shows as affiliates are not counted without a field, because no call about them is due.
fn affiliates(row: &Row) -> String {
    let at_least = if row.mapped_to.is_empty() { "at least " } else { "" };
    format!("{at_least}{}", row.affiliates)
}

fn waiting(row: &Row) -> String {
    let Some(progress) = row.progress else { return row.waiting.to_string() };
    let eta = match row.eta_seconds {
        Some(seconds) => {
            format!("{} remaining at the current rate, for the events that have arrived", duration(seconds))
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
