//! How long one event of a known affiliate takes, step by step: `cargo run --release -p identity --example steps -- [EVENTS]`.
//!
//! The steps are those of a worker that tells what it has just absorbed: a graph is unpacked, an identify folded into it,
//! what it needs worked out, the answer of the edit applied, how the event ended worked out, and the graph packed. Each
//! step is taken for a whole batch of people before the next, as the worker does, so that memory counts too.

use std::io::Write as _;
use std::time::{Duration, Instant};

use identity::answer::{Answer, apply};
use identity::eligibility::Rules;
use identity::fold::{AddressClass, Name, Statement, identify};
use identity::graph::packed::{pack, unpack};
use identity::graph::{Affiliate, Lane, Status};
use identity::plan::{Act, Step};
use identity::settle::settle;
use identity::stamp::{Moment, Stamp};
use identity::{Digest, Graph, Map};
use uuid::Uuid;

type Failure = Box<dyn std::error::Error>;

const DEFAULT_EVENTS: u32 = 300_000;
/// How many people are worked on together.
const BATCH: u32 = 3_000;
const STEPS: [&str; 6] = ["unpack", "fold", "settle", "apply the answer", "settle again", "pack"];

fn main() -> Result<(), Failure> {
    let events = std::env::args().nth(1).map_or(Ok(DEFAULT_EVENTS), |events| events.parse())?;
    let rules = Rules {
        require_address: true,
        one_word_last_name: Some("-".to_owned()),
        custom_fields: Map::from_iter([("trait:plan".to_owned(), "custom:101".into())]),
        paypal_trait: None,
        active: true,
        scrub: false,
        late_creates: 0,
        suspended: Vec::new(),
    };
    let mut people: Vec<Vec<u8>> = (0..BATCH).map(|member| pack(&affiliate(member))).collect();
    let mut took = go(&mut people, 0, &rules)?;
    took.fill(Duration::ZERO);
    let rounds = events.div_ceil(BATCH).max(1);
    for round in 1..=rounds {
        for (sum, one) in took.iter_mut().zip(go(&mut people, round, &rules)?) {
            *sum += one;
        }
    }
    let mut output = std::io::stdout().lock();
    let all: Duration = took.iter().sum();
    for (step, took) in STEPS.iter().zip(took).chain([(&"all", all)]) {
        let micros = took.as_secs_f64() * 1e6 / f64::from(rounds * BATCH);
        writeln!(output, "{step:<18}{micros:>7.2} µs")?;
    }
    Ok(())
}

/// One event of each of the people; how long each step took.
fn go(people: &mut [Vec<u8>], round: u32, rules: &Rules) -> Result<[Duration; STEPS.len()], Failure> {
    let mut took = [Duration::ZERO; STEPS.len()];
    let statements: Vec<Statement> = (0..BATCH).map(|member| statement(member, round)).collect();
    let mut clock = Instant::now();
    let mut lap = |step: usize| {
        took[step] = clock.elapsed();
        clock = Instant::now();
    };
    let mut graphs = people.iter().map(|bytes| unpack(bytes)).collect::<Result<Vec<Graph>, _>>()?;
    lap(0);
    graphs.iter_mut().zip(&statements).for_each(|(graph, statement)| drop(identify(graph, statement)));
    lap(1);
    let steps: Vec<Vec<Step>> = graphs.iter_mut().map(|graph| settle(graph, rules).steps).collect();
    lap(2);
    for (graph, steps) in graphs.iter_mut().zip(steps) {
        for step in steps {
            let Act::Edit { affiliate, email, fields } = step.act else {
                return Err("a known affiliate needs nothing but an edit".into());
            };
            let answer = Answer::Told { id: affiliate, email, fields };
            apply(graph, rules, step.anchor, &answer, Moment(0));
        }
    }
    lap(3);
    let ended: usize = graphs.iter_mut().map(|graph| settle(graph, rules).ended.len()).sum();
    lap(4);
    people.iter_mut().zip(&graphs).for_each(|(bytes, graph)| *bytes = pack(graph));
    lap(5);
    if ended == people.len() { Ok(took) } else { Err("an event did not end".into()) }
}

/// Somebody of whom Refersion knows no more than the address.
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

/// What one member of an audience says: each time another plan, and nothing else that is new.
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
