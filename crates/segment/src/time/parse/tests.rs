//! Every format of time that Segment's pages and libraries use, and texts that are not times.

use jiff::Timestamp;
use proptest::prelude::*;

use super::time;
use crate::node::Node;

fn parsed(json: &str) -> Option<Timestamp> {
    time(&Node::parse(json.as_bytes()).unwrap())
}

fn text(text: &str) -> Option<Timestamp> {
    time(&Node::Text(text.into()))
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn every_text_format_is_parsed() {
    for (form, same) in [
        ("2019-05-02T14:14:40.519Z", "2019-05-02T14:14:40.519Z"),
        ("2026-01-02T03:04:24.797+00:00", "2026-01-02T03:04:24.797Z"),
        ("2026-01-02T03:04:24.797536+00:00", "2026-01-02T03:04:24.797536Z"),
        ("2015-08-04T01:04:24+02:00", "2015-08-03T23:04:24Z"),
        ("2015-08-04T01:04:24+0200", "2015-08-03T23:04:24Z"),
        ("2015-08-04T01:04:24-09", "2015-08-04T10:04:24Z"),
        ("2015-08-04T01:04:24.1234567-05:30", "2015-08-04T06:34:24.1234567Z"),
        ("2018-09-05T23:05:25.862826965Z", "2018-09-05T23:05:25.862826965Z"),
        ("2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.297045", "2020-05-09T23:54:49.209808489Z"),
        ("2020-05-09 23:54:49.2 +0200 CEST", "2020-05-09T21:54:49.2Z"),
        ("2020-05-09 23:54:49 +0530 +0530 m=-1.5", "2020-05-09T18:24:49Z"),
        ("2015-2-02T00:30:08.276Z", "2015-02-02T00:30:08.276Z"),
        ("2015-2-2 0:3:8.2", "2015-02-02T00:03:08.2Z"),
        ("2015-02-02T00:30:08", "2015-02-02T00:30:08Z"),
        ("2015-02-02T00:30Z", "2015-02-02T00:30:00Z"),
        ("2015-02-02", "2015-02-02T00:00:00Z"),
        (" 2015-02-02t00:30:08z ", "2015-02-02T00:30:08Z"),
        ("2015-02-02 00:30:08 UTC", "2015-02-02T00:30:08Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
    ] {
        assert_eq!(text(form), at(same), "{form}");
    }
}

#[test]
fn a_number_is_seconds_or_milliseconds_by_its_size() {
    for (number, same) in [
        ("1556806480", "2019-05-02T14:14:40Z"),
        ("1556806480.519", "2019-05-02T14:14:40.519Z"),
        ("1556806480.123456", "2019-05-02T14:14:40.123456Z"),
        ("1556806480519", "2019-05-02T14:14:40.519Z"),
        ("1556806480519.25", "2019-05-02T14:14:40.51925Z"),
        ("100000000000", "5138-11-16T09:46:40Z"),
        ("100000000001", "1973-03-03T09:46:40.001Z"),
        ("0", "1970-01-01T00:00:00Z"),
        ("-1.5", "1969-12-31T23:59:58.5Z"),
    ] {
        assert_eq!(parsed(number), at(same), "{number}");
    }
}

#[test]
fn any_other_value_is_not_a_time() {
    for form in [
        "",
        " ",
        "yesterday",
        "2019",
        "2019-05",
        "2019-13-01T00:00:00Z",
        "2019-02-30T00:00:00Z",
        "2019-05-02T25:00:00Z",
        "2019-05-02T10:61:00Z",
        "2019-05-02T10:00:00.Z",
        "2019-05-02T10:00:00+2:00",
        "2019-05-02T10:00:00+02:",
        "2019-05-02T10:00:00+02:60",
        "2019-05-02T10:00:00+99:00",
        "2019-05-02T10:00:00 PM",
        "2019-05-02T10:00:00Z trailing",
        "2019-05-02Tten",
        "05/02/2019 10:00",
        "٢٠١٩-05-02T10:00:00Z",
        "9999-12-31T23:59:59-24:00",
    ] {
        assert_eq!(text(form), None, "{form}");
    }
    for json in ["null", "true", "[]", "{}", "1e300", "-1e300", "18446744073709551615"] {
        assert_eq!(parsed(json), None, "{json}");
    }
}

proptest! {
    #[test]
    fn one_instant_is_the_same_in_every_format(micros in 0_i64..4_000_000_000_000_000, offset in -1439_i32..=1439) {
        let instant = Timestamp::from_microsecond(micros).unwrap();
        let local = jiff::tz::Offset::from_seconds(offset * 60).unwrap().to_datetime(instant);
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
        let (date, clock) = (local.date(), local.time());
        for form in [
            format!("{instant}"),
            format!("{date}T{clock}{sign}{hours:02}:{minutes:02}"),
            format!("{date} {clock} {sign}{hours:02}{minutes:02} XYZ m=+0.1"),
            format!("{}-{}-{} {clock} {sign}{hours:02}{minutes:02}", local.year(), local.month(), local.day()),
        ] {
            prop_assert_eq!(text(&form), Some(instant), "{}", form);
        }
        let digits = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        prop_assert_eq!(parsed(&digits), Some(instant), "{}", digits);
    }

    #[test]
    fn no_text_causes_a_panic(form in "[-0-9T:.,+ Zzm=\\PC]{0,60}") {
        let _ = text(&form);
    }
}
