//! Countries and US states: common names and the codes that Refersion accepts.

/// Every country that Refersion accepts: alpha-2, alpha-3 and English names. Source: REST v2, `/affiliate/new`.
const COUNTRIES: [(&str, &str, &[&str]); 90] = [
    ("US", "USA", &["united states", "united states of america", "u.s.", "u.s.a.", "america"]),
    ("AE", "ARE", &["united arab emirates", "uae"]),
    ("AR", "ARG", &["argentina"]),
    ("AS", "ASM", &["american samoa"]),
    ("AT", "AUT", &["austria"]),
    ("AU", "AUS", &["australia"]),
    ("BA", "BIH", &["bosnia and herzegovina"]),
    ("BD", "BGD", &["bangladesh"]),
    ("BE", "BEL", &["belgium"]),
    ("BG", "BGR", &["bulgaria"]),
    ("BR", "BRA", &["brazil"]),
    ("CA", "CAN", &["canada"]),
    ("CH", "CHE", &["switzerland"]),
    ("CL", "CHL", &["chile"]),
    ("CN", "CHN", &["china"]),
    ("CO", "COL", &["colombia"]),
    ("CR", "CRI", &["costa rica"]),
    ("CZ", "CZE", &["czechia", "czech republic"]),
    ("DE", "DEU", &["germany", "deutschland", "alemania", "allemagne"]),
    ("DK", "DNK", &["denmark"]),
    ("DZ", "DZA", &["algeria"]),
    ("EE", "EST", &["estonia"]),
    ("ES", "ESP", &["spain"]),
    ("FI", "FIN", &["finland"]),
    ("FM", "FSM", &["micronesia", "federated states of micronesia"]),
    ("FO", "FRO", &["faroe islands"]),
    ("FR", "FRA", &["france"]),
    ("GB", "GBR", &["united kingdom", "uk", "u.k.", "great britain", "england"]),
    ("GH", "GHA", &["ghana"]),
    ("GR", "GRC", &["greece"]),
    ("GU", "GUM", &["guam"]),
    ("HK", "HKG", &["hong kong"]),
    ("HN", "HND", &["honduras"]),
    ("HR", "HRV", &["croatia"]),
    ("HU", "HUN", &["hungary"]),
    ("ID", "IDN", &["indonesia"]),
    ("IE", "IRL", &["ireland"]),
    ("IL", "ISR", &["israel"]),
    ("IM", "IMN", &["isle of man"]),
    ("IN", "IND", &["india"]),
    ("IS", "ISL", &["iceland"]),
    ("IT", "ITA", &["italy"]),
    ("JM", "JAM", &["jamaica"]),
    ("JP", "JPN", &["japan", "日本"]),
    ("KR", "KOR", &["south korea", "korea", "republic of korea"]),
    ("KW", "KWT", &["kuwait"]),
    ("LT", "LTU", &["lithuania"]),
    ("LU", "LUX", &["luxembourg"]),
    ("LV", "LVA", &["latvia"]),
    ("MA", "MAR", &["morocco"]),
    ("MH", "MHL", &["marshall islands"]),
    ("MK", "MKD", &["north macedonia", "macedonia"]),
    ("MP", "MNP", &["northern mariana islands"]),
    ("MT", "MLT", &["malta"]),
    ("MX", "MEX", &["mexico"]),
    ("MY", "MYS", &["malaysia"]),
    ("NG", "NGA", &["nigeria"]),
    ("NL", "NLD", &["netherlands", "the netherlands", "holland"]),
    ("NO", "NOR", &["norway"]),
    ("NZ", "NZL", &["new zealand"]),
    ("OM", "OMN", &["oman"]),
    ("PE", "PER", &["peru"]),
    ("PH", "PHL", &["philippines"]),
    ("PK", "PAK", &["pakistan"]),
    ("PL", "POL", &["poland"]),
    ("PR", "PRI", &["puerto rico"]),
    ("PT", "PRT", &["portugal"]),
    ("PW", "PLW", &["palau"]),
    ("QA", "QAT", &["qatar"]),
    ("RO", "ROU", &["romania"]),
    ("RS", "SRB", &["serbia"]),
    ("RU", "RUS", &["russia", "russian federation"]),
    ("SA", "SAU", &["saudi arabia"]),
    ("SE", "SWE", &["sweden"]),
    ("SG", "SGP", &["singapore"]),
    ("SI", "SVN", &["slovenia"]),
    ("SK", "SVK", &["slovakia"]),
    ("SV", "SLV", &["el salvador"]),
    ("TH", "THA", &["thailand"]),
    ("TN", "TUN", &["tunisia"]),
    ("TR", "TUR", &["turkey", "türkiye"]),
    ("TW", "TWN", &["taiwan"]),
    ("TZ", "TZA", &["tanzania"]),
    ("UA", "UKR", &["ukraine"]),
    ("UY", "URY", &["uruguay"]),
    ("VG", "VGB", &["british virgin islands", "virgin islands, british"]),
    ("VI", "VIR", &["u.s. virgin islands", "us virgin islands", "virgin islands, u.s."]),
    ("VN", "VNM", &["vietnam", "viet nam"]),
    ("WS", "WSM", &["samoa"]),
    ("ZA", "ZAF", &["south africa"]),
];

/// States, the federal district and territories of the US, by two-letter code.
const STATES: [(&str, &str); 56] = [
    ("AL", "alabama"),
    ("AK", "alaska"),
    ("AZ", "arizona"),
    ("AR", "arkansas"),
    ("CA", "california"),
    ("CO", "colorado"),
    ("CT", "connecticut"),
    ("DE", "delaware"),
    ("FL", "florida"),
    ("GA", "georgia"),
    ("HI", "hawaii"),
    ("ID", "idaho"),
    ("IL", "illinois"),
    ("IN", "indiana"),
    ("IA", "iowa"),
    ("KS", "kansas"),
    ("KY", "kentucky"),
    ("LA", "louisiana"),
    ("ME", "maine"),
    ("MD", "maryland"),
    ("MA", "massachusetts"),
    ("MI", "michigan"),
    ("MN", "minnesota"),
    ("MS", "mississippi"),
    ("MO", "missouri"),
    ("MT", "montana"),
    ("NE", "nebraska"),
    ("NV", "nevada"),
    ("NH", "new hampshire"),
    ("NJ", "new jersey"),
    ("NM", "new mexico"),
    ("NY", "new york"),
    ("NC", "north carolina"),
    ("ND", "north dakota"),
    ("OH", "ohio"),
    ("OK", "oklahoma"),
    ("OR", "oregon"),
    ("PA", "pennsylvania"),
    ("RI", "rhode island"),
    ("SC", "south carolina"),
    ("SD", "south dakota"),
    ("TN", "tennessee"),
    ("TX", "texas"),
    ("UT", "utah"),
    ("VT", "vermont"),
    ("VA", "virginia"),
    ("WA", "washington"),
    ("WV", "west virginia"),
    ("WI", "wisconsin"),
    ("WY", "wyoming"),
    ("DC", "district of columbia"),
    ("AS", "american samoa"),
    ("GU", "guam"),
    ("MP", "northern mariana islands"),
    ("PR", "puerto rico"),
    ("VI", "u.s. virgin islands"),
];

/// The code of a country that Refersion accepts; `None` for any other text.
pub(crate) fn country_code(text: &str) -> Option<&'static str> {
    let (upper, lower) = (text.to_uppercase(), text.to_lowercase());
    COUNTRIES
        .iter()
        .find(|(two, three, names)| *two == upper || *three == upper || names.contains(&lower.as_str()))
        .map(|(two, ..)| *two)
}

/// The two-letter code for the full name of a US state; `None` for any other text.
pub(crate) fn us_state_code(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    STATES.iter().find(|(_, name)| *name == lower).map(|(two, _)| *two)
}

/// States of subscriptions, orders and sign-ups, in lower case.
const STATES_OF_OTHER_THINGS: &str = "active activated approved archived banned blocked bounced canceled cancelled churned closed \
    cold complete completed confirmed customer deactivated declined deleted demo disabled done dormant draft enabled engaged \
    error expired failed false finished free fulfilled hot idle inactive incomplete initial invited lapsed lead live lost \
    member new none null off offline onboarded onboarding online open ordered paid paused pending premium processing \
    prospect qualified ready registered rejected resolved running shipped started stopped subscribed success suspended test \
    trial trialing true unconfirmed undefined unknown unpaid unqualified unsubscribed unverified user verified visitor vip \
    waiting warm won";

/// Whether a text that is called a state may be a state of a country.
pub(crate) fn looks_like_a_state(text: &str) -> bool {
    let lower = text.to_lowercase();
    if STATES.iter().any(|(code, name)| code.to_lowercase() == lower || *name == lower)
        && lower != "u.s. virgin islands"
    {
        return true;
    }
    let is_other = STATES_OF_OTHER_THINGS.split(' ').any(|word| word == lower)
        || ["on hold", "opted in", "opted out", "past due", "signed up"].contains(&lower.as_str());
    let plain = |c: char| c.is_alphabetic() || " -'’.()".contains(c);
    let first = text.chars().next();
    !is_other
        && text.chars().count() <= 60
        && text.chars().all(plain)
        && first.is_some_and(|c| c.is_alphabetic() && !c.is_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_names_of_a_country_give_its_code() {
        for text in ["USA", "us", "U.S.A.", "United States of America"] {
            assert_eq!(country_code(text), Some("US"));
        }
        assert_eq!(country_code("UK"), Some("GB"));
        assert_eq!(country_code("Cyprus"), None);
    }

    #[test]
    fn only_full_names_of_states_are_converted() {
        assert_eq!(us_state_code("california"), Some("CA"));
        assert_eq!(us_state_code("CA"), None);
    }
}
