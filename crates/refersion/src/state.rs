//! US states: Refersion expects a code of two or three letters, and Segment customers send names.

/// The fifty states, the federal district, and the territories that have a postal code.
const STATES: [(&str, &str); 56] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
    ("PR", "Puerto Rico"),
    ("GU", "Guam"),
    ("VI", "Virgin Islands"),
    ("AS", "American Samoa"),
    ("MP", "Northern Mariana Islands"),
];

/// The two-letter code of a US state, from its name or its code, ignoring case and spacing. `None` for any other
/// text, which is best sent unchanged.
pub fn us_code(name: &str) -> Option<&'static str> {
    let wanted: Vec<&str> = name.split_whitespace().collect();
    let wanted = wanted.join(" ");
    let wanted =
        if wanted.eq_ignore_ascii_case("Washington DC") || wanted.eq_ignore_ascii_case("Washington, D.C.") {
            "DC"
        } else {
            wanted.as_str()
        };
    STATES
        .iter()
        .find(|(code, name)| code.eq_ignore_ascii_case(wanted) || name.eq_ignore_ascii_case(wanted))
        .map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{STATES, us_code};

    #[test]
    fn a_state_is_found_by_name_and_by_code() {
        assert_eq!(us_code("California"), Some("CA"));
        assert_eq!(us_code("  new   york "), Some("NY"));
        assert_eq!(us_code("ca"), Some("CA"));
        assert_eq!(us_code("Washington, D.C."), Some("DC"));
        for other in ["", "Bavaria", "NSW", "C A"] {
            assert_eq!(us_code(other), None, "{other}");
        }
    }

    #[test]
    fn every_code_and_every_name_occurs_once() {
        let codes: BTreeSet<_> = STATES.iter().map(|(code, _)| code).collect();
        let names: BTreeSet<_> = STATES.iter().map(|(_, name)| name).collect();
        assert_eq!((codes.len(), names.len()), (STATES.len(), STATES.len()));
    }
}
