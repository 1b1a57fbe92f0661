//! Tests which connection is closed for a new one.

use std::time::Duration;

use super::*;

fn places(max_connections: usize, max_per_address: usize) -> Arc<Places> {
    let limits = Limits {
        max_connections,
        max_per_address,
        proxies: "10.0.0.0/8".parse().unwrap(),
        header_timeout: Duration::from_secs(5),
        max_age: Duration::from_secs(60),
        closing_time: Duration::from_secs(1),
    };
    Places::new(limits, Arc::default())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn admit(places: &Arc<Places>, peer: &str) -> Place {
    match places.admit(address(peer)) {
        Admission::Place(place) => place,
        _ => panic!("{peer} gets no place"),
    }
}

#[test]
fn a_new_connection_replaces_the_one_idle_for_longest() {
    let places = places(3, 3);
    let [first, second, third] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|peer| admit(&places, peer));
    assert!(first.set_busy());
    first.set_waiting(Wait::Request);
    let fourth = admit(&places, "192.0.2.4");
    let closed = [&first, &second, &third, &fourth].map(|place| place.close.is_cancelled());
    assert_eq!(closed, [false, true, false, false], "the second has been idle for longest");
    assert!(!second.set_busy(), "a request that comes too late is not served");
    assert_eq!((places.meters.figures().open, places.meters.figures().closed_idle), (3, 1));
}

#[test]
fn an_address_beyond_its_share_replaces_its_own_connections() {
    let places = places(10, 2);
    let other = admit(&places, "192.0.2.9");
    let mine: Vec<_> = (0..5).map(|_| admit(&places, "192.0.2.1")).collect();
    let closed: Vec<_> = mine.iter().map(|place| place.close.is_cancelled()).collect();
    assert_eq!(closed, [true, true, true, false, false]);
    assert!(!other.close.is_cancelled());
    let proxied: Vec<_> = (0..5).map(|_| admit(&places, "10.1.1.1")).collect();
    assert!(proxied.iter().all(|place| !place.close.is_cancelled()), "a proxy has no share");
}

#[test]
fn no_connection_in_the_middle_of_a_request_is_closed() {
    let places = places(2, 1);
    let first = admit(&places, "192.0.2.1");
    assert!(first.set_busy());
    assert!(matches!(places.admit(address("192.0.2.1")), Admission::AddressFull));
    let second = admit(&places, "192.0.2.2");
    assert!(second.set_busy());
    assert!(matches!(places.admit(address("192.0.2.3")), Admission::Full));
    drop(second);
    let third = admit(&places, "192.0.2.3");
    assert!(!first.close.is_cancelled() && !third.close.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_stalled_body_is_closed_if_no_connection_is_idle() {
    let places = places(3, 2);
    let [stalled, idle] = ["192.0.2.1", "192.0.2.1"].map(|peer| admit(&places, peer));
    assert!(stalled.set_busy());
    stalled.set_waiting(Wait::Body);
    tokio::time::advance(STALLED_AFTER).await;
    let busy = admit(&places, "192.0.2.1");
    assert!(idle.close.is_cancelled() && !stalled.close.is_cancelled(), "the idle one goes first");
    assert!(busy.set_busy());
    let late = admit(&places, "192.0.2.1");
    assert!(stalled.close.is_cancelled() && !stalled.set_busy());
    assert!(late.set_busy());
    late.set_waiting(Wait::Body);
    assert!(matches!(places.admit(address("192.0.2.1")), Admission::AddressFull), "a body may take a moment");
    assert!(late.set_busy() && !busy.close.is_cancelled());
}

#[tokio::test]
async fn a_waiting_connection_is_admitted_when_a_request_ends() {
    let places = places(1, 1);
    let busy = admit(&places, "192.0.2.1");
    assert!(busy.set_busy());
    let waiting = tokio::spawn({
        let places = Arc::clone(&places);
        async move { places.admit_when_free(address("192.0.2.2")).await.is_some() }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    busy.set_waiting(Wait::Request);
    assert!(waiting.await.unwrap());
    assert!(busy.close.is_cancelled());
}

#[test]
fn ended_connections_leave_no_state_behind() {
    let places = places(4, 2);
    for round in 0..100 {
        let place = admit(&places, &format!("192.0.2.{round}"));
        if round % 2 == 0 {
            assert!(place.set_busy());
        }
    }
    let table = places.table();
    assert_eq!((table.open.len(), table.waiting[0].len(), table.addresses.len()), (0, 0, 0));
}
