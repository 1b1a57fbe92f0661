//! A suite that is always green proves nothing: each kind of breach, planted, is found.

use std::path::PathBuf;
use std::time::Duration;

use faults::accounts::RATE;
use faults::fault::{Fault, Kind};
use faults::proof::check;
use faults::row::{Length, SHORT, execute};
use faults::row_engines::RowEngines;
use simulator::ApiRequest;
use uuid::Uuid;

const NO_FAULT: Fault = Fault { name: "nothing", kind: Kind::Nothing };

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_event_a_wrong_affiliate_and_a_broken_rate_are_noticed() {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_program-under-test"));
    let length = Length { strikes: 0, people: 10, at_least: Duration::from_secs(2), ..SHORT };
    let mut completed =
        execute(&NO_FAULT, &length, RowEngines::Files, program, 7).await.expect("the harness works");
    let proof =
        check(&completed.harness, &completed.log, &completed.addresses).await.expect("engines that answer");
    assert_eq!(proof.breaches, Vec::<String>::new());
    assert!(proof.accepted > 0 && proof.calls > 0);

    completed.log.accepted.insert(Uuid::nil(), "a message that got a 2xx".to_owned());
    let key = completed.harness.accounts[0].public_key.clone();
    completed.harness.refersion.with(|refersion, now| {
        let state = refersion.state();
        let made = state.accounts[0].affiliates.iter().rfind(|one| one.last_name.starts_with("Lee"));
        refersion.remove(&key, made.expect("there is an affiliate").id);
        for _ in 0..=RATE * 10 + 1 {
            let path = "/v2/affiliate/list";
            refersion
                .handle(now, &ApiRequest { path, public_key: &key, secret_key: "sec_hush0", body: b"{}" });
        }
    });
    let proof =
        check(&completed.harness, &completed.log, &completed.addresses).await.expect("engines that answer");
    completed.harness.end().await;
    assert_eq!((proof.lost, proof.wrong), (1, 1), "{:?}", proof.breaches);
    assert!(proof.breaches.iter().any(|breach| breach.contains("in 10 s")), "{:?}", proof.breaches);
    assert_eq!(proof.breaches.len(), 3, "{:?}", proof.breaches);
}
