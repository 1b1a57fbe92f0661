//! The rules of the settings, one promise each.

use proptest::prelude::*;

use super::*;

fn refused(change: impl FnOnce(&mut Settings)) -> SettingsError {
    let mut settings = Settings::default();
    change(&mut settings);
    settings.validate().expect_err("a setting that cannot be")
}

#[test]
fn the_defaults_are_valid_and_equal_empty_json() {
    let read: Settings = serde_json::from_str("{}").expect("empty settings");
    assert_eq!(read, Settings::default());
    assert_eq!(read.validate(), Ok(()));
    assert!(read.warnings().is_empty());
}

#[test]
fn settings_of_a_newer_program_are_read() {
    let read: Settings =
        serde_json::from_str(r#"{"send_welcome":true,"from_the_future":1}"#).expect("newer settings");
    assert!(read.send_welcome);
}

#[test]
fn a_url_that_would_be_called_wrongly_is_refused_without_being_repeated() {
    for bad in [
        "",
        "api.refersion.com",
        "ftp://api.refersion.com",
        "https://",
        "https://me:hunter2@api.refersion.com",
        "https://api.refersion.com/",
        "https://api.refersion.com/v2",
        "https://api.refersion.com?a=1",
    ] {
        let error = refused(|s| s.refersion_url = bad.to_owned());
        assert_eq!(error.setting, "refersion_url");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn a_url_in_the_clear_is_warned_about_unless_it_stays_on_this_machine() {
    let warned = |url: &str| {
        let settings = Settings { refersion_url: url.to_owned(), ..Settings::default() };
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!(settings.is_insecure(), !settings.warnings().is_empty());
        settings.is_insecure()
    };
    assert!(warned("http://simulator:8090"));
    assert!(!warned("http://127.0.0.1:8090"));
    assert!(!warned("http://[::1]:8090/base"));
    assert!(!warned("http://[::ffff:127.0.0.1]:8090"));
    assert!(!warned("http://LocalHost:8090"));
    assert!(!warned("https://api.refersion.com"));
    assert!(warned("http://localhost.example.com"));
    assert!(warned("http://0.0.0.0"));
}

#[test]
fn a_rate_outside_its_range_is_refused() {
    for bad in [0.0, 0.009, -1.0, 10_000.1, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(|s| s.rate_per_second = bad).setting, "rate_per_second");
    }
    for good in [0.01, 10_000.0] {
        assert_eq!(Settings { rate_per_second: good, ..Settings::default() }.validate(), Ok(()));
    }
}

#[test]
fn one_custom_field_takes_one_trait() {
    let error = refused(|s| {
        s.custom_fields = BTreeMap::from([("vip".to_owned(), 7), ("gold".to_owned(), 7)]);
    });
    assert_eq!(error.to_string(), "`custom_fields` gives field 7 both `gold` and `vip`: keep one of them");
    assert_eq!(
        refused(|s| s.custom_fields = BTreeMap::from([("vip".to_owned(), 0)])).setting,
        "custom_fields"
    );
    assert_eq!(refused(|s| s.custom_fields = BTreeMap::from([(" ".to_owned(), 1)])).setting, "custom_fields");
}

#[test]
fn texts_that_refersion_could_not_take_are_refused() {
    assert_eq!(refused(|s| s.offer = Some("ten".to_owned())).setting, "offer");
    assert_eq!(refused(|s| s.offer = Some(String::new())).setting, "offer");
    assert_eq!(
        refused(|s| s.one_word_name = OneWordName::Placeholder(String::new())).setting,
        "one_word_name"
    );
    assert_eq!(refused(|s| s.paypal_trait = Some("x".repeat(256))).setting, "paypal_trait");
}

#[test]
fn a_scrub_domain_is_a_domain() {
    let domain = |text: &str| ScrubDomain::try_from(text.to_owned());
    assert_eq!(domain(" Deleted.Example.com ").expect("a domain").as_str(), "deleted.example.com");
    for bad in ["", "localhost", "a@b.c", "-a.com", "a..b", "a b.com", &format!("{}.com", "a".repeat(64))] {
        assert!(domain(bad).is_err(), "{bad}");
    }
    let stored = serde_json::from_str::<Settings>(r#"{"scrub_on_delete":"not a domain"}"#);
    assert!(stored.is_err(), "a stored domain is checked as well");
}

proptest! {
    #[test]
    fn valid_settings_are_read_from_their_json(
        hundredths in 1u32..=1_000_000,
        active: bool, welcome: bool, address: bool, waits: bool,
        fields in proptest::collection::btree_map("[a-z0-9]{1,12}", 1u64.., 0..4),
    ) {
        let settings = Settings {
            rate_per_second: f64::from(hundredths) / 100.0,
            new_affiliate_status: if active { NewAffiliateStatus::Active } else { NewAffiliateStatus::Pending },
            send_welcome: welcome,
            require_address: address,
            one_word_name: if waits { OneWordName::Wait } else { OneWordName::Placeholder(".".to_owned()) },
            custom_fields: fields,
            ..Settings::default()
        };
        let json = serde_json::to_string(&settings).expect("settings are JSON");
        prop_assert_eq!(serde_json::from_str::<Settings>(&json).expect("its own JSON"), settings);
    }
}
