//! Converts a row of an export into the events that Engage would send.
//!
//! The first userId, email address and anonymousId become one event with the whole statement of the row: an export has one row for each
//! profile. For each further identifier, Engage makes a separate call that contains only the audience or the trait
//! (<https://segment.com/docs/engage/using-engage-data/>), and so does this module. If the profile has a userId or an email address, its
//! further anonymousIds are left out: they would repeat the same statement.

use serde_json::value::RawValue;

use crate::LATEST;
use crate::event::{Event, Kind, LineId};
use crate::external_ids;
use crate::identifiers::Identifiers;
use crate::layout::{Column, Layout, Stated};
use crate::reason::Reason;

/// The statement of a row, ready to be written.
struct Statement<'a> {
    /// `audience` or `trait`.
    class: &'static str,
    /// The name of the trait.
    key: &'a str,
    /// Its value; `None` is `true`.
    value: Option<&'a str>,
    /// Further traits.
    traits: Vec<(&'a str, &'a str)>,
}

/// The identifiers of an event.
#[derive(Default)]
struct Whom<'a> {
    user: Option<&'a str>,
    email: Option<&'a str>,
    anonymous: Option<&'a str>,
}

/// The events of a row, at least one. `time` is RFC 3339.
pub(crate) fn events(
    layout: &Layout,
    cells: &[&str],
    ids: &LineId,
    time: &str,
) -> Result<Vec<Event>, Reason> {
    let statement = statement(layout, cells)?;
    let found = identifiers(layout, cells)?;
    let whom = Whom {
        user: found.users.first().map(String::as_str),
        email: found.emails.first().map(String::as_str),
        anonymous: found.anonymous.first().map(String::as_str),
    };
    let event = |statement: &Statement<'_>, whom: &Whom<'_>, number| {
        let digest = ids.digest(number);
        event(statement.json(whom, &ids.message_id(digest), time), digest)
    };
    let mut events = vec![event(&statement, &whom, 0)?];
    let alone = Statement { traits: Vec::new(), ..statement };
    for (number, whom) in (1..).zip(further(&found)) {
        // An invalid address is skipped: it names nobody, and the row has another identifier.
        events.extend(event(&alone, &whom, number).ok());
    }
    Ok(events)
}

fn further(found: &Identifiers) -> impl Iterator<Item = Whom<'_>> {
    let is_known = !found.users.is_empty() || !found.emails.is_empty();
    let anonymous = if is_known { &[][..] } else { &found.anonymous };
    let users = found.users.iter().skip(1).map(|it| Whom { user: Some(it), ..Whom::default() });
    let emails = found.emails.iter().skip(1).map(|it| Whom { email: Some(it), ..Whom::default() });
    let others = anonymous.iter().skip(1).map(|it| Whom { anonymous: Some(it), ..Whom::default() });
    users.chain(emails).chain(others)
}

fn statement<'a>(layout: &'a Layout, cells: &[&'a str]) -> Result<Statement<'a>, Reason> {
    let cell = |wanted: &Column| {
        let place = layout.columns.iter().position(|column| column == wanted);
        place.map(|place| cells[place].trim()).filter(|cell| !cell.is_empty()).ok_or(Reason::NoValue)
    };
    let (class, key, value) = match &layout.stated {
        Stated::Audience(audience) => ("audience", audience.as_str(), None),
        Stated::Trait(name) => ("trait", name.as_str(), Some(cell(&Column::Value)?)),
        Stated::TraitOfKey => ("trait", cell(&Column::Key)?, Some(cell(&Column::Value)?)),
    };
    // If each row states the same trait, the layout already ignores its column.
    let stated = matches!(layout.stated, Stated::TraitOfKey).then(|| segment::fold_key(key));
    let named = layout.columns.iter().zip(cells).filter_map(|(column, cell)| match column {
        Column::Trait { name, folded } if stated.as_ref() != Some(folded) => Some((name.as_str(), *cell)),
        _ => None,
    });
    let traits = named.filter(|(_, cell)| !cell.trim().is_empty()).collect();
    Ok(Statement { class, key, value, traits })
}

fn identifiers(layout: &Layout, cells: &[&str]) -> Result<Identifiers, Reason> {
    let mut found = Identifiers::default();
    let all = || layout.columns.iter().zip(cells);
    for (_, cell) in all().filter(|(column, _)| **column == Column::ExternalIds) {
        // Another column may have an identifier, but without this error the identifiers of this cell would be lost silently.
        external_ids::read(cell, &mut found).ok_or(Reason::ExternalIds)?;
    }
    for (column, cell) in all() {
        match column {
            Column::User => found.add_user(cell),
            Column::Email => found.add_email(cell),
            Column::Anonymous => found.add_anonymous(cell),
            _ => {}
        }
    }
    match (found.is_empty(), found.has_hashes) {
        (false, _) => Ok(found),
        (true, true) => Err(Reason::Hashed),
        (true, false) => Err(Reason::NoIdentifier),
    }
}

fn event(identify: String, digest: [u8; 16]) -> Result<Event, Reason> {
    match segment::check(identify.as_bytes(), LATEST) {
        Ok(checked) => {
            debug_assert!(!checked.is_delete, "a row is an identify");
            let payload = RawValue::from_string(identify).map_err(|_| Reason::NotJson)?;
            Ok(Event { kind: Kind::Identify, payload, digest })
        }
        Err(refusal) => Err(Reason::of(&refusal).unwrap_or(Reason::NoType)),
    }
}

impl Statement<'_> {
    /// The identify in the form that Engage sends. Source: `engage/using-engage-data.md` of `segmentio/segment-docs`.
    fn json(&self, whom: &Whom<'_>, message_id: &str, time: &str) -> String {
        let mut json = Object(String::from(r#"{"type":"identify""#));
        json.text("messageId", message_id);
        json.text("timestamp", time);
        whom.user.inspect(|id| json.text("userId", id));
        whom.anonymous.inspect(|id| json.text("anonymousId", id));
        json.0.push_str(r#","traits":{"#);
        json.quoted(self.key);
        json.0.push(':');
        match self.value {
            Some(value) => json.quoted(value),
            None => json.0.push_str("true"),
        }
        whom.email.inspect(|email| json.text("email", email));
        self.traits.iter().for_each(|(name, value)| json.text(name, value));
        json.0.push_str(r#"},"context":{"personas":{"computation_class":"#);
        json.quoted(self.class);
        json.text("computation_key", self.key);
        json.0.push_str("}}}");
        json.0
    }
}

/// JSON that is being written.
struct Object(String);

impl Object {
    /// Adds a member.
    fn text(&mut self, name: &str, value: &str) {
        self.0.push(',');
        self.quoted(name);
        self.0.push(':');
        self.quoted(value);
    }

    fn quoted(&mut self, text: &str) {
        // Writing a text cannot fail: only maps and own types can.
        self.0.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}
