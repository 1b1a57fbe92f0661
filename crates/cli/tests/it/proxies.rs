//! `refersion.proxy`: the environment's, none, or a URL; and the messages for operators.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;
use testbed::{HttpProxy, ProxyBehavior};

use crate::program::Ended;
use crate::tls::TlsFront;
use crate::world::{KEY, World};

/// `me:hush` in the form that a proxy receives.
const AUTHORIZATION: &str = "Basic bWU6aHVzaA==";

/// A host that no name server knows.
const HOST: &str = "refersion.test";

fn simulator(world: &World) -> SocketAddr {
    world.simulator.address("listening").parse().unwrap()
}

/// The proxy with credentials, as a setting or a variable names it.
fn url(proxy: SocketAddr) -> String {
    format!("http://me:hush@{proxy}")
}

fn check(world: &World, variables: &[(&str, &str)]) -> Ended {
    world.cli_with(&["connections", "check", "shop", "--json"], "", variables)
}

#[test]
fn the_proxy_of_the_environment_is_used_for_refersion_except_for_excepted_hosts() {
    let world = World::new(&[]);
    world.add("shop", KEY, &[]);
    world.json(&["connections", "set", "shop", "--refersion-url", &format!("https://{HOST}")]);
    let tls = TlsFront::of(HOST, simulator(&world));
    let proxy = HttpProxy::start(ProxyBehavior::ForwardWithCredentials(tls.address, AUTHORIZATION)).unwrap();
    let (named, trusted) = (url(proxy.address()), tls.trusted().display().to_string());
    let trusting = ("SSL_CERT_FILE", trusted.as_str());

    let works = check(&world, &[("HTTPS_PROXY", &named), trusting]);
    assert_eq!(works.code, Some(0), "{}", works.stderr);
    assert!(proxy.heads()[0].starts_with(&format!("connect {HOST}:443 ")), "{:?}", proxy.heads());
    let looked = world.cli_with(&["check"], "", &[("https_proxy", &named)]);
    let way = format!("reached through the proxy http://{}", proxy.address());
    assert!(looked.stdout.contains(&way) && !looked.stdout.contains("hush"), "{}", looked.stdout);

    let seen = proxy.heads().len();
    for without in [("NO_PROXY", ".test"), ("REFERSION_DESTINATION__REFERSION__PROXY", "none")] {
        let direct = check(&world, &[("HTTPS_PROXY", &named), without, trusting]);
        assert_eq!(
            (direct.code, direct.error()["code"].clone()),
            (Some(1), json!("unavailable")),
            "{without:?}"
        );
        assert!(direct.error()["hint"].as_str().unwrap().contains("reached directly"), "{}", direct.stderr);
    }
    assert_eq!(proxy.heads().len(), seen);
}

#[test]
fn a_simulator_on_this_machine_is_sent_through_a_proxy_only_if_the_setting_names_one() {
    let mut world = World::new(&[]);
    let proxy =
        HttpProxy::start(ProxyBehavior::ForwardWithCredentials(simulator(&world), AUTHORIZATION)).unwrap();
    world.add("shop", KEY, &[]);
    let named = url(proxy.address());
    let variables = [("HTTP_PROXY", named.as_str()), ("HTTPS_PROXY", &named)];
    assert_eq!(check(&world, &variables).code, Some(0));
    assert_eq!(proxy.heads(), [""; 0]);

    world.set("REFERSION__PROXY", &named);
    world.serve();
    world.accept(&json!({
        "type": "identify", "messageId": "m-1", "userId": "ann",
        "traits": { "email": "ann@example.org", "name": "Ann Smith", "address": { "city": "Rome" } },
    }));
    world.settled();
    assert_eq!(world.affiliates().len(), 1);
    let heads = proxy.heads();
    assert!(heads.iter().any(|head| head.contains("/v2/affiliate/new http/1.1")), "{heads:?}");
    assert_eq!(world.files_with(&["hush"]), [""; 0]);
}

#[test]
fn a_refusing_proxy_is_named_wherever_refersion_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut world = World::new(&[("REFERSION__PROXY", &url(gone)), ("BREAKER__FAILURES", "2")]);
    world.add("shop", KEY, &["--rate", "1000"]);
    let named = format!("through the proxy http://{gone}");
    let refused = check(&world, &[]);
    assert_eq!((refused.code, refused.error()["code"].clone()), (Some(1), json!("unavailable")));
    for part in ["message", "hint"] {
        assert!(refused.error()[part].as_str().unwrap().contains(&named), "{part}: {}", refused.stderr);
    }

    world.serve();
    for user in ["ann", "bo"] {
        world.accept(&json!({
            "type": "identify", "messageId": user, "userId": user,
            "traits": { "email": format!("{user}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
        }));
    }
    world.until("the connection to be paused", || {
        world.json(&["status"])["connections"][0]["paused_because"].as_str().map(|because| {
            assert!(because.contains(&named), "{because}");
        })
    });
    for arguments in [&["status"][..], &["check"], &["connections", "list"], &["config", "show"]] {
        let shown = world.cli(arguments);
        assert!(!shown.stdout.contains("hush") && !shown.stderr.contains("hush"), "{arguments:?}");
    }
    assert!(world.cli(&["status"]).stdout.contains(&named));
    assert_eq!(world.files_with(&["hush"]), [""; 0]);
}
