//! Measures the pure steps of one event of a known affiliate: `cargo bench --workspace --bench steps`.
//!
//! The steps are those of the fast path: read an event, unpack a graph, fold an identify into it, plan its edit, apply the
//! answer of the edit, decide the outcome of the event, and pack the graph. Each step runs for a whole batch of people, as
//! in the worker, so that effects of memory count too. Throughput is in events.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use identity::answer::{Answer, apply};
use identity::eligibility::Rules;
use identity::fold::{AddressClass, Name, Statement, identify};
use identity::graph::packed::{pack, unpack};
use identity::graph::{Affiliate, Lane, Status};
use identity::plan::{Act, Step};
use identity::settle::settle;
use identity::stamp::{Moment, Stamp};
use identity::{Digest, Graph, Map};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// Number of people in one batch.
const PEOPLE: u32 = 3_000;

criterion_group!(steps, all);
criterion_main!(steps);

fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(PEOPLE.into())).sample_size(20);
    let rules = rules();
    read(&mut group);
    let graphs = fold(&mut group);
    let (graphs, steps) = plan(&mut group, graphs, &rules);
    let graphs = answer(&mut group, graphs, steps, &rules);
    let settled = on_each(&mut group, "settle", graphs, |graph| drop(settle(graph, &rules)));
    group.bench_function("pack", |bencher| {
        bencher.iter_with_large_drop(|| settled.iter().map(pack).collect::<Vec<_>>());
    });
    group.finish();
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Reads the JSON of Segment.
fn read(group: &mut Group<'_>) {
    let events: Vec<String> = (0..PEOPLE).map(event).collect();
    group.bench_function("read", |bencher| {
        bencher.iter_with_large_drop(|| {
            let events = events.iter();
            events.map(|event| segment::read(event.as_bytes(), Timestamp::UNIX_EPOCH)).collect::<Vec<_>>()
        });
    });
}

/// Unpacks the graphs, and folds an event into each.
fn fold(group: &mut Group<'_>) -> Vec<Graph> {
    let people: Vec<Vec<u8>> = (0..PEOPLE).map(|member| pack(&affiliate(member))).collect();
    group.bench_function("unpack", |bencher| {
        bencher.iter_with_large_drop(|| people.iter().map(|bytes| unpack(bytes)).collect::<Vec<_>>());
    });
    let statements: Vec<Statement> = (0..PEOPLE).map(|member| statement(member, 1)).collect();
    let mut statements = statements.iter().cycle();
    let graphs: Vec<Graph> = people.iter().filter_map(|bytes| unpack(bytes).ok()).collect();
    on_each(group, "fold", graphs, |graph| {
        if let Some(statement) = statements.next() {
            drop(identify(graph, statement));
        }
    })
}

/// Plans the steps that each graph needs.
fn plan(group: &mut Group<'_>, mut graphs: Vec<Graph>, rules: &Rules) -> (Vec<Graph>, Vec<Vec<Step>>) {
    on_each(group, "plan", graphs.clone(), |graph| drop(settle(graph, rules)));
    let steps = graphs.iter_mut().map(|graph| settle(graph, rules).steps).collect();
    (graphs, steps)
}

/// Applies the answer of the edit that each graph needs.
fn answer(group: &mut Group<'_>, graphs: Vec<Graph>, steps: Vec<Vec<Step>>, rules: &Rules) -> Vec<Graph> {
    let answers: Vec<_> = steps.into_iter().flatten().map(answered).collect();
    assert_eq!(answers.len(), graphs.len(), "a known affiliate needs one edit and nothing else");
    let mut answers = answers.iter().cycle();
    on_each(group, "apply the answer", graphs, |graph| {
        if let Some((anchor, answer)) = answers.next() {
            drop(apply(graph, rules, *anchor, answer, Moment(0)));
        }
    })
}

fn answered(step: Step) -> (Digest, Answer) {
    let answer = match step.act {
        Act::Edit { affiliate, email, fields } => Answer::Edited { id: affiliate, email, fields },
        other => panic!("a known affiliate needs nothing but an edit: {other:?}"),
    };
    (step.anchor, answer)
}

/// Runs one step on each of the graphs, and returns the changed graphs.
fn on_each(
    group: &mut Group<'_>,
    name: &str,
    mut graphs: Vec<Graph>,
    mut step: impl FnMut(&mut Graph),
) -> Vec<Graph> {
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            || graphs.clone(),
            |graphs| graphs.iter_mut().for_each(&mut step),
            BatchSize::LargeInput,
        );
    });
    graphs.iter_mut().for_each(step);
    graphs
}

fn rules() -> Rules {
    Rules {
        require_address: true,
        one_word_last_name: Some("-".to_owned()),
        custom_fields: Map::from_iter([("trait:plan".to_owned(), "custom:101".into())]),
        paypal_trait: None,
        active: true,
        scrub: false,
        late_creates: 0,
        suspended: Vec::new(),
        audiences: identity::audiences::Watched::default(),
    }
}

/// The event that Engage sends of one member when an audience is synced.
fn event(member: u32) -> String {
    json!({
        "type": "identify",
        "messageId": format!("personas_{member:016}"),
        "userId": format!("member-{member:07}"),
        "context": {
            "library": { "name": "unknown", "version": "unknown" },
            "personas": {
                "computation_class": "audience",
                "computation_id": "aud_2bench",
                "computation_key": "bench_members",
                "namespace": "spa_2bench",
                "space_id": "spa_2bench",
            },
        },
        "integrations": { "All": false, "Refersion": true },
        "timestamp": "2026-11-29T12:00:00.123Z",
        "receivedAt": "2026-11-29T12:00:01.456Z",
        "traits": {
            "email": format!("member-{member:07}@example.com"),
            "firstName": "Member",
            "lastName": format!("Number {member}"),
            "plan": "round-1",
            "address": {
                "street": "123 Oak Street", "city": "Portland", "postalCode": "97201", "country": "US",
            },
        },
    })
    .to_string()
}

/// The graph of an affiliate of which Refersion was sent nothing but the address.
fn affiliate(member: u32) -> Graph {
    let mut graph = Graph::default();
    identify(&mut graph, &statement(member, 0));
    let affiliate = Affiliate { status: Some(Status::Active), ..Affiliate::at(digest(member, 2)) };
    graph.affiliates.push(Affiliate { id: Some(70_000 + u64::from(member)), ..affiliate });
    graph
}

fn digest(member: u32, kind: u8) -> Digest {
    let spread = u128::from(member + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let mut bytes = spread.to_be_bytes();
    bytes[15] = kind;
    Digest(bytes)
}

/// The statement of one member of an audience: each round has another `plan`, and no other new value.
fn statement(member: u32, round: u32) -> Statement {
    let traits = [
        ("first_name", "Member".to_owned()),
        ("last_name", format!("Number {member}")),
        ("address1", "123 Oak Street".to_owned()),
        ("city", "Portland".to_owned()),
        ("zip", "97201".to_owned()),
        ("country", "US".to_owned()),
        ("trait:plan", format!("round-{round}")),
    ];
    Statement {
        event: Uuid::from_u128(u128::from(round) << 32 | u128::from(member)),
        stamp: Stamp {
            time: Moment(round.into()),
            received: None,
            key: format!("personas_{round:016}_{member:016}").into(),
            revision: 0,
        },
        lane: Lane::Bulk,
        user: Some(Name::new(digest(member, 1), || {
            "sealed, with about sixty letters of base64 in all".to_owned()
        })),
        address: Some((
            Name::new(digest(member, 2), || "the same, of the address, a little longer".to_owned()),
            AddressClass::Engage,
        )),
        anonymous: None,
        traits: traits.into_iter().map(|(key, value)| (key.into(), Some(value.into()))).collect(),
        unusable: None,
    }
}
