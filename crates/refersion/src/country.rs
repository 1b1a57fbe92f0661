//! Countries: people write them in many ways, and Refersion accepts only alpha-2 codes of a closed list.
//!
//! Segment's own sample has `USA`. A country that Refersion does not accept is better left out than sent, because the
//! refusal would concern the whole affiliate.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One line for each country of ISO 3166-1: alpha-2, alpha-3, English name, other ways to write it.
const COUNTRIES: &str = include_str!("countries.txt");

/// The names of countries in the languages of Unicode CLDR 47, as `scripts/country-names` writes them: alpha-2, then names
/// that mean no other country in any language. Copyright Unicode, Inc.; Unicode License V3.
const NAMES: &str = include_str!("country_names.txt");

/// The codes that `/affiliate/new` and `/affiliate/edit` accept. Source: their definition in Refersion REST v2.
const ACCEPTED: [&str; 90] = [
    "US", "AE", "AR", "AS", "AT", "AU", "BA", "BD", "BE", "BG", "BR", "CA", "CH", "CL", "CN", "CO", "CR",
    "CZ", "DE", "DK", "DZ", "EE", "ES", "FI", "FM", "FO", "FR", "GB", "GH", "GR", "GU", "HK", "HN", "HR",
    "HU", "ID", "IE", "IL", "IM", "IN", "IS", "IT", "JM", "JP", "KR", "KW", "LT", "LU", "LV", "MA", "MH",
    "MK", "MP", "MT", "MX", "MY", "NG", "NL", "NO", "NZ", "OM", "PE", "PH", "PK", "PL", "PR", "PT", "PW",
    "QA", "RO", "RS", "RU", "SA", "SE", "SG", "SI", "SK", "SV", "TH", "TN", "TR", "TW", "TZ", "UA", "UY",
    "VG", "VI", "VN", "WS", "ZA",
];

/// The alpha-2 code of every way to write a country, by its [`normalized`] form.
static BY_NAME: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut by_name = HashMap::with_capacity(32_768);
    for line in COUNTRIES.lines().chain(NAMES.lines()) {
        let code = line.split(';').next().unwrap_or_default();
        for name in line.split(';') {
            by_name.entry(normalized(name)).or_insert(code);
        }
    }
    by_name
});

/// The alpha-2 code of any ISO country, from its alpha-2 or alpha-3 code, its name in any language of CLDR, or another
/// common name. Ignores case, accents, punctuation and a leading "the". `UK` is `GB`.
///
/// ```
/// assert_eq!(refersion::country::code("U.S.A."), Some("US"));
/// assert_eq!(refersion::country::code("Alemania"), Some("DE"));
/// assert_eq!(refersion::country::code("Atlantis"), None);
/// ```
pub fn code(text: &str) -> Option<&'static str> {
    // The longest name has 175 bytes; much longer texts are not worth normalizing.
    if text.len() > 300 { None } else { BY_NAME.get(&normalized(text)).copied() }
}

/// Whether Refersion accepts this alpha-2 code (in upper case).
pub fn accepted(code: &str) -> bool {
    ACCEPTED.contains(&code)
}

/// The words of a text in lower case, without accents, separated by single spaces. Dots are removed; other punctuation
/// separates words.
fn normalized(text: &str) -> String {
    let letters: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| *c != '.' && !('\u{300}'..='\u{36f}').contains(c))
        .flat_map(|c| {
            let plain = unaccented(c);
            plain.chars().chain(plain.is_empty().then_some(c))
        })
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words = letters.split_whitespace().map(|word| if word == "st" { "saint" } else { word });
    let words: Vec<&str> = words.skip_while(|word| *word == "the").collect();
    words.join(" ")
}

/// The ASCII form of an accented letter that occurs in English names of countries; `&` as a word. Empty for all others.
fn unaccented(c: char) -> &'static str {
    match c {
        'à'..='å' => "a",
        'ç' => "c",
        'è'..='ë' => "e",
        'ì'..='ï' => "i",
        'ñ' => "n",
        'ò'..='ö' | 'ø' => "o",
        'ù'..='ü' => "u",
        '&' => " and ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{ACCEPTED, COUNTRIES, NAMES, accepted, code, normalized};

    #[test]
    fn a_country_is_found_by_code_and_by_any_common_name() {
        for (text, expected) in [
            ("USA", "US"),
            ("us", "US"),
            ("U.S.", "US"),
            ("United States of America", "US"),
            ("the united  states", "US"),
            ("UK", "GB"),
            ("gbr", "GB"),
            ("England", "GB"),
            (" Germany ", "DE"),
            ("Côte d’Ivoire", "CI"),
            ("Cote d'Ivoire", "CI"),
            ("Co\u{302}te d'Ivoire", "CI"),
            ("Türkiye", "TR"),
            ("TURKEY", "TR"),
            ("St. Kitts & Nevis", "KN"),
            ("The Netherlands", "NL"),
            ("Åland Islands", "AX"),
            ("Korea, Republic of", "KR"),
            ("Viet Nam", "VN"),
            ("Curaçao", "CW"),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
        for text in ["", "  ", "Atlantis", "U", "ZZ", "Nowhere"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn a_country_is_found_by_its_name_in_any_language() {
        for (text, expected) in [
            ("Deutschland", "DE"),
            ("Alemania", "DE"),
            ("allemagne", "DE"),
            ("Vereinigte Staaten", "US"),
            ("Estados Unidos", "US"),
            ("États-Unis", "US"),
            ("etats unis", "US"),
            ("Schweiz", "CH"),
            ("Suisse", "CH"),
            ("Österreich", "AT"),
            ("Osterreich", "AT"),
            ("España", "ES"),
            ("Brasil", "BR"),
            ("Česko", "CZ"),
            ("Cesko", "CZ"),
            ("日本", "JP"),
            ("中国", "CN"),
            ("Россия", "RU"),
            ("المملكة العربية السعودية", "SA"),
            ("Ελλάδα", "GR"),
            ("Türkiye", "TR"),
            ("Suomi", "FI"),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_name_in_another_language_never_overrides_an_english_one_and_means_one_country() {
        let mut names = BTreeMap::new();
        for line in COUNTRIES.lines().chain(NAMES.lines()) {
            let code = line.split(';').next().unwrap();
            for name in line.split(';') {
                let other = names.insert(normalized(name), code);
                assert!(other.is_none_or(|other| other == code), "{name} is {code} and {other:?}");
            }
        }
    }

    #[test]
    fn the_list_holds_every_iso_country_once_and_no_name_means_two() {
        let mut names = BTreeMap::new();
        for line in COUNTRIES.lines() {
            let fields: Vec<&str> = line.split(';').collect();
            assert!(fields[0].len() == 2 && fields[1].len() == 3 && fields.len() > 2, "{line}");
            for name in &fields {
                let other = names.insert(normalized(name), fields[0]);
                assert!(other.is_none(), "{name} of {} is that of {other:?} too", fields[0]);
            }
        }
        assert_eq!(COUNTRIES.lines().count(), 249);
    }

    #[test]
    fn ninety_countries_are_accepted() {
        assert!(ACCEPTED.iter().all(|accepted| code(accepted) == Some(accepted)));
        assert!(accepted("US") && !accepted("us") && !accepted("UK") && !accepted("CY"));
    }

    proptest! {
        #[test]
        fn any_text_gives_a_country_or_none(text in any::<String>()) {
            prop_assert!(code(&text).is_none_or(|code| code.len() == 2));
        }
    }
}
