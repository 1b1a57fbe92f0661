//! The questions that a directory of affiliates answers, and those that it does not.

use identity::answer::{Answer, Found, apply};
use identity::directory::{DirectoryEntries, Listing, apply_directory};
use identity::drift::{Shown, compare, mark_unknown};
use identity::graph::{Graph, Status};
use identity::plan::{Act, Analysis, Step, StepKind};
use identity::settle::{End, settle};
use identity::stamp::Moment;
use identity::{Map, Text};

use crate::events::{Event, address, delete, identify, moment, rules};
use crate::store::{ann, store_after};

/// A person who lacks what a create needs, with something to send.
fn stranger() -> Event {
    identify(1).user("U").email("a@x.io").with("trait:vip", "gold")
}

fn directory_entries(complete_since: Option<Moment>, listed: Option<Moment>) -> DirectoryEntries {
    let anchor = address("a@x.io");
    let listing = listed.map(|seen_at| (anchor, Listing { code: "a3y7".into(), seen_at }));
    DirectoryEntries { complete_since, looked_up: [anchor].into(), listed: listing.into_iter().collect() }
}

fn graph(events: &[Event]) -> Graph {
    store_after(events).graphs.remove(0)
}

fn steps(graph: &Graph) -> Vec<Step> {
    Analysis::of(graph, &rules()).steps
}

#[test]
fn a_person_missing_from_a_complete_directory_needs_no_call() {
    let mut graph = graph(&[stranger()]);
    assert_eq!(steps(&graph)[0].kind(), StepKind::Search);
    assert!(
        !apply_directory(&mut graph, &rules(), &directory_entries(None, None)),
        "an incomplete directory decides nothing"
    );
    assert!(apply_directory(&mut graph, &rules(), &directory_entries(Some(moment(9)), None)));
    let settled = settle(&mut graph, &rules());
    assert!(settled.steps.is_empty());
    assert!(settled.ended.iter().any(|ended| ended.end == End::Remembered));
    assert!(
        !apply_directory(&mut graph, &rules(), &directory_entries(Some(moment(9)), None)),
        "there is nothing new"
    );
}

#[test]
fn a_listed_person_is_looked_up_by_code_and_not_created() {
    for person in [stranger(), ann().with("trait:vip", "gold")] {
        let mut graph = graph(&[person]);
        assert!(apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(9)))));
        let all = steps(&graph);
        let Act::Search { code: Some(code), uncertain_create: false } = &all[0].act else {
            panic!("{all:?}")
        };
        assert_eq!((all.len(), code.as_str()), (1, "a3y7"));
        let found =
            Found { id: 7, code: Some("a3y7".to_owned()), status: Some(Status::Active), shown: Map::new() };
        apply(&mut graph, &rules(), address("a@x.io"), &Answer::Found(found), moment(10));
        assert!(matches!(steps(&graph)[0].act, Act::Edit { affiliate: 7, .. }));
        assert!(graph.identifiers[&address("a@x.io")].existed, "it was there before us");
    }
}

#[test]
fn a_listed_affiliate_needs_no_call_while_there_is_nothing_to_send() {
    let mut graph = graph(&[identify(1).user("U").email("a@x.io")]);
    assert!(apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(9)))));
    let settled = settle(&mut graph, &rules());
    assert!(settled.steps.is_empty(), "{:?}", settled.steps);
    assert!(settled.ended.iter().all(|ended| ended.end == End::Unchanged), "{:?}", settled.ended);
}

#[test]
fn an_outdated_listing_of_an_affiliate_is_not_used_again() {
    let mut graph = graph(&[stranger()]);
    apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(9))));
    apply(&mut graph, &rules(), address("a@x.io"), &Answer::NotFound, moment(10));
    assert!(graph.affiliates.is_empty() && steps(&graph).is_empty());
    assert!(
        !apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(9)))),
        "a search is newer"
    );
    assert!(
        apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(11)))),
        "it has appeared since"
    );
    assert_eq!(steps(&graph)[0].kind(), StepKind::Search);
}

#[test]
fn an_eligible_person_is_created_if_the_listed_affiliate_is_gone() {
    let mut graph = graph(&[ann()]);
    assert!(apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(9)))));
    assert_eq!(steps(&graph)[0].kind(), StepKind::Search);
    apply(&mut graph, &rules(), address("a@x.io"), &Answer::NotFound, moment(10));
    assert!(
        !apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(9)))),
        "a search is newer"
    );
    assert_eq!(steps(&graph)[0].kind(), StepKind::Create);
    assert!(
        apply_directory(&mut graph, &rules(), &directory_entries(None, Some(moment(11)))),
        "it has appeared since"
    );
}

#[test]
fn a_delete_is_searched_for_regardless_of_a_directory_that_began_before_it() {
    let gone = delete(5).user("U").email("a@x.io");
    let mut before = graph(&[stranger()]);
    apply_directory(&mut before, &rules(), &directory_entries(Some(moment(4)), None));
    let mut all = store_after(&[stranger(), gone.clone()]);
    let graph = &mut all.graphs[0];
    assert!(!apply_directory(graph, &rules(), &directory_entries(Some(moment(9)), None)));
    assert_eq!(steps(graph)[0].kind(), StepKind::Search);
    // Known from the walk, then deleted: the search is made nevertheless.
    let mut later = store_after(&[stranger()]);
    apply_directory(&mut later.graphs[0], &rules(), &directory_entries(Some(moment(4)), None));
    later.absorb(&gone);
    assert_eq!(steps(&later.graphs[0])[0].kind(), StepKind::Search);
    assert!(
        apply_directory(graph, &rules(), &directory_entries(None, Some(moment(9)))),
        "a code spares half of it"
    );
    assert!(matches!(&steps(graph)[0].act, Act::Search { code: Some(_), .. }));
}

fn shown(fields: &[(&str, &str)]) -> Shown {
    let fields = fields.iter().map(|(field, text)| (Text::from(*field), Text::from(*text))).collect();
    Shown { address: Some(address("a@x.io")), status: Some(Status::Active), fields }
}

#[test]
fn drift_is_a_sent_value_that_refersion_shows_differently() {
    let mut graph = graph(&[ann()]);
    let sent_fields: Map<Text, Text> = [("first_name", "Ann"), ("last_name", "Lee")]
        .into_iter()
        .map(|(f, t)| (f.into(), t.into()))
        .collect();
    let made =
        Answer::Created { id: 7, code: "a3y7".to_owned(), status: Status::Active, fields: sent_fields };
    apply(&mut graph, &rules(), address("a@x.io"), &made, moment(9));
    let differs = |graph: &Graph, shown: &Shown| {
        let fields = compare(graph, &rules(), "a3y7", shown)?;
        Some(fields.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let same = shown(&[("first_name", "Ann"), ("last_name", "Lee "), ("company", "never sent")]);
    assert_eq!(differs(&graph, &same), Some(Vec::new()));
    assert_eq!(compare(&graph, &rules(), "other", &same), None);
    let moved = Shown { address: Some(address("b@x.io")), ..shown(&[("first_name", "Eve")]) };
    assert_eq!(differs(&graph, &moved), Some(vec!["email".to_owned(), "first_name".to_owned()]));
    assert!(steps(&graph).is_empty());
    assert!(mark_unknown(&mut graph, "a3y7", &["email".into(), "first_name".into()]));
    let all = steps(&graph);
    let Act::Edit { email: Some(_), fields, .. } = &all[0].act else { panic!("{all:?}") };
    assert_eq!(fields.keys().map(Text::as_str).collect::<Vec<_>>(), ["first_name"]);
    assert_eq!(differs(&graph, &moved), Some(Vec::new()), "what is sent again does not differ");
}
