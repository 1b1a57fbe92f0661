//! Names, places and plans from which people are generated.

/// A place with the ways in which people write its country.
#[derive(Debug)]
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) state: Option<&'static str>,
    pub(super) postal_code: &'static str,
    pub(super) countries: &'static [&'static str],
}

const US: &[&str] = &["USA", "US", "United States", "united states of america", "U.S."];

pub(super) const CITIES: [City; 10] = [
    City { name: "San Francisco", state: Some("CA"), postal_code: "94103", countries: US },
    City { name: "Portland", state: Some("Oregon"), postal_code: "97201", countries: US },
    City { name: "New York", state: Some("new york"), postal_code: "10001", countries: US },
    City { name: "Austin", state: Some("TX"), postal_code: "73301", countries: US },
    City { name: "Boston", state: Some("Massachusetts"), postal_code: "02108", countries: US },
    City { name: "London", state: None, postal_code: "EC1A 1BB", countries: &["UK", "GB", "United Kingdom"] },
    City { name: "Berlin", state: None, postal_code: "10115", countries: &["Germany", "DE", "deu"] },
    City { name: "Toronto", state: Some("Ontario"), postal_code: "M5H 2N2", countries: &["Canada", "CA"] },
    City { name: "Zürich", state: None, postal_code: "8001", countries: &["Switzerland", "CHE"] },
    // Refersion does not take this country: it counts as not stated.
    City { name: "Limassol", state: None, postal_code: "3010", countries: &["Cyprus"] },
];

pub(super) const FIRST_NAMES: [&str; 24] = [
    "Ann", "Bilal", "Chloé", "Dmitri", "Esi", "Fatima", "Grace", "Hiro", "Inês", "Jamal", "Kim", "Lena",
    "Mateo", "Noor", "Olu", "Priya", "Quinn", "Rosa", "Sven", "Tala", "Uma", "Viktor", "Wen", "Zoë",
];

pub(super) const LAST_NAMES: [&str; 24] = [
    "Adeyemi",
    "Bauer",
    "Castillo",
    "Dubois",
    "Eriksson",
    "Fischer",
    "García",
    "Haddad",
    "Ivanov",
    "Jones",
    "Kowalski",
    "Lee",
    "Mbeki",
    "Nguyen",
    "O'Hara",
    "Patel",
    "Quispe",
    "Rossi",
    "Sato",
    "Tanaka",
    "Usman",
    "van der Berg",
    "Walker",
    "Yılmaz",
];

pub(super) const STREETS: [&str; 8] =
    ["Oak Street", "6th St", "High Street", "Elm Ave", "Lake Road", "Mill Lane", "Hauptstraße", "King St W"];

pub(super) const COMPANIES: [&str; 8] = [
    "Initech",
    "Globex",
    "Hooli",
    "Acme & Sons",
    "Blue Bird Travel",
    "Müller GmbH",
    "Nine to Five",
    "Umbrella",
];

pub(super) const PLANS: [&str; 4] = ["free", "starter", "pro", "enterprise"];
