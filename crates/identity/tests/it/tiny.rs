//! A minimal Refersion: affiliates in a map, no address twice, and values that it does not accept.

use std::collections::BTreeMap;

use identity::answer::{Answer, Cause, Found};
use identity::eligibility::NEVER_EMPTY;
use identity::graph::Status;
use identity::plan::{Act, Step};
use identity::{Digest, Map, Text};
use reference::ActualAffiliate;

use crate::events::text_of;

/// The ways in which a call can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// It arrives, and so does its answer.
    Answered,
    /// It is lost on its way.
    RequestLost,
    /// Its answer is lost.
    AnswerLost,
    /// It is rejected: nothing was done.
    Rejected,
}

/// The end of a call: what is known now, and whether it failed.
pub(crate) struct CallResult {
    pub(crate) answers: Vec<(Digest, Answer)>,
    pub(crate) failed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) email: String,
    pub(crate) status: Status,
    pub(crate) fields: Map<Text, Text>,
    pub(crate) existed: bool,
}

#[derive(Default)]
pub(crate) struct TinyRefersion {
    pub(crate) affiliates: BTreeMap<u64, Held>,
    /// New affiliates are ACTIVE; PENDING otherwise.
    pub(crate) active: bool,
}

/// Whether it refuses a value, or an address.
pub(crate) fn is_refused(text: &str) -> bool {
    text.starts_with("bad")
}

pub(crate) fn cause(class: &str) -> Cause {
    Cause { class: class.to_owned(), message: format!("{class} for a reason"), http_status: Some(422) }
}

/// The answer to a create: an affiliate with these fields.
pub(crate) fn created(fields: &[(&str, &str)]) -> Answer {
    let fields = fields.iter().map(|(field, text)| ((*field).into(), (*text).into())).collect();
    Answer::Created { id: 1, code: "c".to_owned(), status: Status::Active, fields }
}

impl TinyRefersion {
    /// Adds an affiliate that existed before.
    pub(crate) fn put(&mut self, email: &str, status: Status, company: &str) {
        let names = [("first_name", "Old"), ("last_name", "Hand"), ("company", company)];
        let fields = names.into_iter().map(|(field, text)| (field.into(), text.into())).collect();
        self.add(Held { email: email.to_owned(), status, fields, existed: true });
    }

    fn add(&mut self, held: Held) -> u64 {
        let id = self.affiliates.len() as u64 + 1;
        self.affiliates.insert(id, held);
        id
    }

    fn at(&self, email: &str) -> Option<u64> {
        self.affiliates.iter().find(|(_, held)| held.email == email).map(|(id, _)| *id)
    }

    /// Carries out a step, and returns the answers as the worker would interpret them.
    pub(crate) fn call(&mut self, step: &Step, call_end: CallEnd) -> CallResult {
        let answers = if matches!(call_end, CallEnd::Answered | CallEnd::AnswerLost) {
            self.act(step)
        } else {
            Vec::new()
        };
        let refused = answers.iter().any(|(_, answer)| matches!(answer, Answer::Refused { .. }));
        let taken = !matches!(step.act, Act::Search { .. })
            && answers.iter().any(|(_, answer)| matches!(answer, Answer::Found(_)));
        match call_end {
            // Refersion always reports refusals; only a call that it carried out, or lost, can be in doubt.
            _ if refused || taken || call_end == CallEnd::Answered => CallResult { answers, failed: false },
            CallEnd::Rejected => CallResult { answers: not_done(step), failed: true },
            _ => CallResult { answers: unknown(step), failed: true },
        }
    }

    fn act(&mut self, step: &Step) -> Vec<(Digest, Answer)> {
        let anchor = step.anchor;
        match &step.act {
            Act::Create { fields, .. } => self.create(anchor, fields),
            Act::Edit { affiliate, email, fields } => self.edit(*affiliate, anchor, *email, fields),
            Act::Scrub { affiliate, fields } => {
                let held = self.affiliates.get_mut(affiliate).expect("a known affiliate");
                let (kept, emptied): (Vec<&Text>, Vec<&Text>) =
                    fields.iter().partition(|field| NEVER_EMPTY.contains(&field.as_str()));
                let names = ["first_name", "last_name"].map(|name| (name.into(), "Deleted".into()));
                let scrubbed: Map<Text, Text> =
                    emptied.into_iter().map(|field| (field.clone(), Text::default())).chain(names).collect();
                held.fields.extend(scrubbed.iter().map(|(field, text)| (field.clone(), text.clone())));
                held.email = format!("deleted-{affiliate}@gone.io");
                let kept =
                    kept.into_iter().map(|field| (field.clone(), cause("cannot_be_cleared"))).collect();
                vec![(anchor, Answer::Scrubbed { id: *affiliate, fields: scrubbed, kept })]
            }
            Act::Status { affiliate, status } => {
                self.affiliates.get_mut(affiliate).expect("a known affiliate").status = *status;
                vec![(anchor, Answer::StatusIs { id: *affiliate, status: *status })]
            }
            Act::Search { .. } => {
                let found = self.at(&text_of(anchor));
                vec![(anchor, found.map_or(Answer::NotFound, |id| self.found(id)))]
            }
        }
    }

    fn found(&self, id: u64) -> Answer {
        let held = &self.affiliates[&id];
        let shown = ["first_name", "last_name", "company"].into_iter();
        let text = |field: &str| held.fields.get(field).cloned().unwrap_or_default();
        let shown = shown.map(|field| (field.into(), text(field))).collect();
        Answer::Found(Found { id, code: Some(format!("code {id}")), status: Some(held.status), shown })
    }

    fn create(&mut self, anchor: Digest, fields: &Map<Text, Text>) -> Vec<(Digest, Answer)> {
        let email = text_of(anchor);
        let bad: Vec<&Text> = fields.iter().filter(|(_, text)| is_refused(text)).map(|(f, _)| f).collect();
        if is_refused(&email) || !bad.is_empty() {
            let address = is_refused(&email).then_some(anchor);
            return vec![(anchor, refused(address, &bad, fields))];
        }
        if let Some(id) = self.at(&email) {
            return vec![(anchor, Answer::NotCreated), (anchor, self.found(id))];
        }
        assert!(!fields.values().any(|text| text.is_empty()) && fields.contains_key("first_name"));
        let status = if self.active { Status::Active } else { Status::Pending };
        let id = self.add(Held { email, status, fields: fields.clone(), existed: false });
        vec![(anchor, Answer::Created { id, code: format!("code {id}"), status, fields: fields.clone() })]
    }

    fn edit(
        &mut self,
        id: u64,
        anchor: Digest,
        email: Option<Digest>,
        fields: &Map<Text, Text>,
    ) -> Vec<(Digest, Answer)> {
        let is_futile =
            |(field, text): (&Text, &Text)| text.is_empty() && NEVER_EMPTY.contains(&field.as_str());
        assert!(!fields.iter().any(is_futile), "no text is sent that is certain to be refused: {fields:?}");
        let holder = email.and_then(|email| self.at(&text_of(email)));
        if let (Some(email), Some(holder)) = (email, holder)
            && holder != id
        {
            return vec![(email, self.found(holder))];
        }
        let email_is_bad = email.is_some_and(|email| is_refused(&text_of(email)));
        let (mut bad, mut good) = (fields.clone(), fields.clone());
        bad.retain(|_, text| is_refused(text));
        good.retain(|_, text| !is_refused(text));
        let new_email = email.filter(|_| !email_is_bad);
        let held = self.affiliates.get_mut(&id).expect("a known affiliate");
        held.fields.extend(good.clone());
        new_email.into_iter().for_each(|email| held.email = text_of(email));
        let mut answers = Vec::new();
        if new_email.is_some() || !good.is_empty() {
            answers.push((anchor, Answer::Edited { id, email: new_email, fields: good }));
        }
        if email_is_bad || !bad.is_empty() {
            let fields = bad.keys().collect::<Vec<_>>();
            // If both were sent, the graph knows the affiliate under its new address by now.
            answers
                .push((new_email.unwrap_or(anchor), refused(email.filter(|_| email_is_bad), &fields, &bad)));
        }
        answers
    }

    /// Its affiliates as the reference compares them.
    pub(crate) fn actual(&self) -> Vec<ActualAffiliate> {
        let both = |(field, text): (&Text, &Text)| (field.to_string(), text.to_string());
        let actual = |(id, held): (&u64, &Held)| ActualAffiliate {
            id: *id,
            email: held.email.clone(),
            status: format!("{:?}", held.status).to_uppercase(),
            fields: held.fields.iter().filter(|(field, _)| !field.contains(':')).map(both).collect(),
            custom_fields: held
                .fields
                .iter()
                .filter_map(|(field, text)| {
                    Some((field.strip_prefix("custom:")?.parse().ok()?, text.to_string()))
                })
                .collect(),
            existed_before: held.existed,
        };
        self.affiliates.iter().map(actual).collect()
    }
}

fn refused(address: Option<Digest>, bad: &[&Text], texts: &Map<Text, Text>) -> Answer {
    let fields = bad.iter().map(|field| (*field).clone()).chain(address.map(|_| "email".into()));
    let causes = fields.map(|field| (field, cause("refused"))).collect();
    Answer::Refused { causes, email: address, texts: texts.clone() }
}

/// The answers that mark the effects of a call without an answer as unknown.
pub(crate) fn unknown(step: &Step) -> Vec<(Digest, Answer)> {
    let names = |fields: &Map<Text, Text>| fields.keys().cloned().collect();
    let answer = match &step.act {
        Act::Create { fields, .. } => Answer::CreateUnknown { fields: names(fields) },
        Act::Edit { affiliate, email, fields } => {
            Answer::EditUnknown { id: *affiliate, email: email.is_some(), fields: names(fields) }
        }
        Act::Scrub { affiliate, fields } => {
            Answer::EditUnknown { id: *affiliate, email: true, fields: fields.clone() }
        }
        Act::Status { affiliate, .. } => Answer::StatusUnknown { id: *affiliate },
        Act::Search { .. } => return Vec::new(),
    };
    vec![(step.anchor, answer)]
}

fn not_done(step: &Step) -> Vec<(Digest, Answer)> {
    let is_create = matches!(step.act, Act::Create { .. });
    if is_create { vec![(step.anchor, Answer::NotCreated)] } else { Vec::new() }
}
