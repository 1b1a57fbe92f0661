//! A graph's contribution to the counts of an audience.

use std::sync::Arc;

use identity::answer::{RetryDecision, fail};
use identity::audiences::{MemberCounts, count};
use identity::eligibility::Rules;
use identity::graph::Affiliate;
use identity::plan::Analysis;
use identity::{Graph, Map};

use crate::events::{Event, address, delete, identify, moment, rules};
use crate::store::fold;
use crate::tiny::cause;

/// The audience that is watched.
const FLAG: u64 = 5;

fn watching() -> Rules {
    Rules { audiences: Arc::new(Map::from_iter([("trait:flag".into(), FLAG)])), ..rules() }
}

/// The counts of the audience after these events, with the value sent for the affiliate at `a@x.io`.
fn counts_of(events: &[Event], sent: Option<&str>) -> MemberCounts {
    let mut graph = Graph::default();
    events.iter().for_each(|event| fold(&mut graph, event));
    identity::settle::settle(&mut graph, &watching());
    if let Some(sent) = sent {
        let mut affiliate = Affiliate::at(address("a@x.io"));
        (affiliate.id, affiliate.code) = (Some(1), Some("a".to_owned()));
        affiliate.delivered.insert("custom:1".into(), Some(sent.into()));
        graph.affiliates.push(affiliate);
    }
    let rules = watching();
    count(&Analysis::of(&graph, &rules)).of(FLAG)
}

fn flagged(at: i64, value: &str) -> Event {
    identify(at).engage().user("U").with("trait:flag", value)
}

#[test]
fn a_person_counts_once_under_all_of_its_identifiers() {
    let events = [
        identify(1).user("U").email("a@x.io").anonymous("x"),
        flagged(2, "true"),
        identify(3).engage().email("a@x.io").with("trait:flag", "true"),
        identify(4).engage().anonymous("x").with("trait:flag", "true"),
    ];
    assert_eq!(counts_of(&events, None).members, 1);
    let affiliate =
        MemberCounts { members: 1, affiliates: 1, held: 1, delivered: 1, ..MemberCounts::default() };
    assert_eq!(counts_of(&events, Some("true")), affiliate);
}

#[test]
fn values_that_refersion_does_not_hold_yet_count_as_waiting() {
    let events = [identify(1).user("U").email("a@x.io"), flagged(2, "true"), flagged(3, "false")];
    let out = MemberCounts { left: 1, waiting: 1, ..MemberCounts::default() };
    assert_eq!(counts_of(&events, Some("true")), out);
    assert_eq!(
        counts_of(&events, Some("false")),
        MemberCounts { left: 1, delivered: 1, ..MemberCounts::default() }
    );
    let complete = [identify(1).user("U").email("a@x.io").named("Ann"), flagged(2, "true")];
    let to_be_created = MemberCounts { members: 1, waiting: 1, ..MemberCounts::default() };
    assert_eq!(counts_of(&complete, None), to_be_created);
}

#[test]
fn a_person_whose_call_was_given_up_does_not_wait() {
    let mut graph = Graph::default();
    let complete = [identify(1).user("U").email("a@x.io").named("Ann"), flagged(2, "true")];
    complete.iter().for_each(|event| fold(&mut graph, event));
    let decide = |_, _| RetryDecision { due_at: moment(4), give_up: true };
    fail(&mut graph, &watching(), address("a@x.io"), (moment(4), &cause("refused")), decide);
    let counted = count(&Analysis::of(&graph, &watching())).of(FLAG);
    assert_eq!(counted, MemberCounts { members: 1, ..MemberCounts::default() });
}

#[test]
fn an_identifier_without_a_person_counts_by_itself_and_a_deleted_one_does_not() {
    assert_eq!(
        counts_of(&[flagged(1, "true")], None),
        MemberCounts { members: 1, ..MemberCounts::default() }
    );
    assert_eq!(counts_of(&[flagged(1, "true"), delete(2).user("U")], None), MemberCounts::default());
    assert_eq!(counts_of(&[identify(1).user("U").with("trait:vip", "true")], None), MemberCounts::default());
}
