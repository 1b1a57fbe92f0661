//! Promises about operators, the audit, and acts that are carried out once.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Engine;
use super::fixtures::{ONE, OTHER, at, record};
use crate::{
    Audit, AuditEntry, AuditFilter, AuditResult, Begun, Changes, IdempotentRequest, KeptAnswer, NewOperator,
    OperatorRole,
};

fn operator(name: &str, token: u8, connections: Option<Vec<i64>>) -> NewOperator {
    let role = OperatorRole::Operator;
    NewOperator { name: name.to_owned(), role, connections, token: [token; 32], created_at: at(0) }
}

/// An operator is found by its token until it is revoked; then its name is free again.
pub async fn an_operator_is_known_by_its_token_until_it_is_revoked(engine: &impl Engine) {
    assert!(engine.add_operator(&operator("ann", 1, None)).await.expect("added"));
    assert!(engine.add_operator(&operator("bob", 2, Some(vec![ONE]))).await.expect("added"));
    assert!(!engine.add_operator(&operator("ann", 3, None)).await.expect("looked"), "the name is in use");
    let by_token = async |token: u8| engine.operator_by_token(&[token; 32]).await.expect("looked");
    assert_eq!(by_token(3).await, None);
    let bob = by_token(2).await.expect("known");
    assert_eq!(
        (bob.name.as_str(), bob.role, bob.connections),
        ("bob", OperatorRole::Operator, Some(vec![ONE]))
    );
    engine.note_operator_use("bob", at(9)).await.expect("noted");
    assert_eq!(by_token(2).await.expect("known").last_used_at, Some(at(9)));

    assert!(engine.revoke_operator("bob", at(10)).await.expect("revoked"));
    assert!(!engine.revoke_operator("bob", at(11)).await.expect("looked"));
    assert!(!engine.revoke_operator("eve", at(11)).await.expect("looked"));
    assert_eq!(by_token(2).await, None);
    let all = engine.operators().await.expect("read");
    let all: Vec<_> = all.iter().map(|it| (it.name.as_str(), it.revoked_at)).collect();
    assert_eq!(all, [("ann", None), ("bob", Some(at(10)))]);

    assert!(engine.add_operator(&operator("bob", 4, None)).await.expect("added"), "a revoked name is free");
    let bob = by_token(4).await.expect("known");
    assert_eq!((bob.connections, bob.last_used_at, bob.revoked_at), (None, None, None));
    assert_eq!(by_token(2).await, None, "the old token stays revoked");
}

fn entry(second: i64, actor: &str, action: &str) -> AuditEntry {
    AuditEntry::new(at(second), actor, action, "shop")
}

/// Lines of the audit are read by actor, action, connection, result and time, newest first and page by page.
pub async fn the_audit_can_be_filtered(engine: &impl Engine) {
    let denied = AuditEntry {
        connection: Some(ONE),
        result: AuditResult::Denied,
        selector: Some("state:open".to_owned()),
        reason: Some("a test".to_owned()),
        number: Some(7),
        ..entry(3, "bob", "dead_letters_discarded")
    };
    let entries = [entry(1, "ann", "operator_added"), entry(1, "ann", "connection_paused"), denied.clone()];
    engine.note(&entries).await.expect("noted");
    let audit = vec![Audit {
        at: at(2),
        actor: "worker".to_owned(),
        action: "affiliate_gone".to_owned(),
        subject: "affiliate 7".to_owned(),
    }];
    record(engine, Changes { connection: OTHER, audit, ..Changes::default() }).await;

    let all = AuditFilter { limit: 10, ..AuditFilter::default() };
    let read = async |filter: AuditFilter| engine.audit_lines(&filter).await.expect("read");
    let actions = async |filter: AuditFilter| {
        let number = engine.count_audit_lines(&filter).await.expect("counted");
        let lines = read(filter).await.into_iter().map(|line| line.entry.action).collect::<Vec<_>>();
        assert_eq!(number, lines.len() as u64, "the count is that of the list");
        lines
    };
    assert_eq!(read(all.clone()).await[0].entry, denied, "all that it says is kept");
    let whole = ["dead_letters_discarded", "affiliate_gone", "connection_paused", "operator_added"];
    assert_eq!(actions(all.clone()).await, whole);
    let some = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(actions(AuditFilter { actors: some(&["ann"]), ..all.clone() }).await, whole[2..]);
    assert_eq!(
        actions(AuditFilter { actions: some(&["affiliate_gone", "x"]), ..all.clone() }).await,
        whole[1..2]
    );
    assert_eq!(actions(AuditFilter { connections: Some(vec![ONE]), ..all.clone() }).await, whole[..1]);
    assert_eq!(
        actions(AuditFilter { results: Some(vec![AuditResult::Done]), ..all.clone() }).await,
        whole[1..]
    );
    let between = AuditFilter { from: Some(at(2)), before: Some(at(3)), ..all.clone() };
    assert_eq!(actions(between).await, whole[1..2]);
    let mut met = Vec::new();
    let mut page = AuditFilter { limit: 1, ..all };
    while let Some(line) = read(page.clone()).await.pop() {
        page.after = Some((line.entry.at, line.id));
        met.push(line.entry.action);
    }
    assert_eq!(met, whole, "pages meet every line once");
}

fn request(key: u8, digest: u8, now: Timestamp) -> IdempotentRequest {
    let owner = Uuid::from_u128(u128::from(now.as_microsecond().unsigned_abs()));
    IdempotentRequest { operator: "ann".to_owned(), key: [key; 16], request: [digest; 16], owner, at: now }
}

/// A request with a key is carried out once, and gets the same answer for a day.
pub async fn a_request_with_a_key_is_carried_out_once(engine: &impl Engine) {
    let begin = async |request: &IdempotentRequest| engine.begin_request(request).await.expect("begun");
    let first = request(1, 1, at(0));
    assert_eq!(begin(&first).await, Begun::New);
    assert_eq!(begin(&request(1, 1, at(1))).await, Begun::UnderWay { until: at(600) });
    assert_eq!(begin(&request(1, 2, at(1))).await, Begun::OtherRequest);
    let bobs = IdempotentRequest { operator: "bob".to_owned(), ..request(1, 2, at(1)) };
    assert_eq!(begin(&bobs).await, Begun::New, "keys of two operators are apart");
    let answer = KeptAnswer { status: 200, body: Some("{}".to_owned()) };
    engine.finish_request(&first, Some(&answer)).await.expect("finished");
    assert_eq!(begin(&request(1, 1, at(2))).await, Begun::Answered(answer.clone()));
    assert_eq!(begin(&request(1, 2, at(2))).await, Begun::OtherRequest);
    let day = SignedDuration::from_hours(24).as_secs();
    assert_eq!(begin(&request(1, 2, at(day + 1))).await, Begun::New, "it is forgotten after a day");
}

/// Housekeeping deletes expired keys, and no others.
pub async fn expired_keys_are_deleted_by_housekeeping(engine: &impl Engine) {
    let begin = async |request: &IdempotentRequest| engine.begin_request(request).await.expect("begun");
    let answer = KeptAnswer { status: 200, body: Some("{}".to_owned()) };
    for (key, second) in [(1, 0), (2, 10)] {
        assert_eq!(begin(&request(key, 1, at(second))).await, Begun::New);
        engine.finish_request(&request(key, 1, at(second)), Some(&answer)).await.expect("finished");
    }
    let day = SignedDuration::from_hours(24).as_secs();
    assert_eq!(engine.drop_discarded(at(day + 1), 10).await.expect("dropped"), 0, "keys are not counted");
    assert_eq!(begin(&request(2, 1, at(11))).await, Begun::Answered(answer));
    assert_eq!(begin(&request(1, 1, at(11))).await, Begun::New);
}

/// A request that released its key, or whose process crashed, may be repeated; an answer that comes too late changes nothing.
pub async fn an_unfinished_act_may_be_requested_again(engine: &impl Engine) {
    let begin = async |request: &IdempotentRequest| engine.begin_request(request).await.expect("begun");
    let given_back = request(1, 1, at(0));
    assert_eq!(begin(&given_back).await, Begun::New);
    engine.finish_request(&given_back, None).await.expect("given back");
    let crashed = request(1, 1, at(1));
    assert_eq!(begin(&crashed).await, Begun::New);
    assert_eq!(begin(&request(1, 1, at(500))).await, Begun::UnderWay { until: at(601) });
    let next = request(1, 1, at(602));
    assert_eq!(begin(&next).await, Begun::New);
    let answer = |status| KeptAnswer { status, body: None };
    engine.finish_request(&crashed, Some(&answer(500))).await.expect("too late");
    engine.finish_request(&next, Some(&answer(201))).await.expect("finished");
    assert_eq!(begin(&request(1, 1, at(603))).await, Begun::Answered(answer(201)));
}

/// While its claim is renewed, an act counts as under way, however long it takes. A request that has lost the key cannot renew it.
pub async fn an_act_whose_claim_is_renewed_stays_under_way(engine: &impl Engine) {
    let begin = async |request: &IdempotentRequest| engine.begin_request(request).await.expect("begun");
    let renew = async |request: &IdempotentRequest, second| {
        engine.renew_request(request, at(second)).await.expect("renewed")
    };
    let (lives, next) = (request(1, 1, at(0)), request(1, 1, at(2_101)));
    assert!(!renew(&lives, 0).await, "it was not begun");
    assert_eq!(begin(&lives).await, Begun::New);
    for second in (500..=1_500).step_by(500) {
        assert!(renew(&lives, second).await);
        assert_eq!(
            begin(&request(1, 1, at(second + 599))).await,
            Begun::UnderWay { until: at(second + 600) }
        );
    }
    assert!(renew(&lives, 100).await, "by a clock that is behind");
    assert_eq!(begin(&request(1, 1, at(2_100))).await, Begun::UnderWay { until: at(2_100) });
    assert_eq!(begin(&next).await, Begun::New, "nobody has renewed it for ten minutes");
    assert!(!renew(&lives, 2_102).await, "another has the key");
    assert!(renew(&next, 2_102).await);
    let answer = KeptAnswer { status: 200, body: None };
    engine.finish_request(&next, Some(&answer)).await.expect("finished");
    assert!(!renew(&next, 2_103).await, "it is done");
    assert_eq!(begin(&request(1, 1, at(2_104))).await, Begun::Answered(answer));
}
