//! The people of the demo: generated from the seed, in the proportions of a real customer list, odd shapes included.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::words::{CITIES, COMPANIES, City, FIRST_NAMES, LAST_NAMES, PLANS, STREETS};

/// Length of a company name that Refersion refuses, in characters; its limit is 255.
const TOO_LONG: usize = 300;

/// A person of the demo.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) number: usize,
    pub(super) user: String,
    pub(super) first_name: &'static str,
    /// Missing if the name is one word.
    pub(super) last_name: Option<&'static str>,
    pub(super) email: String,
    pub(super) street: String,
    pub(super) city: &'static City,
    pub(super) plan: &'static str,
    pub(super) company: Option<String>,
    pub(super) phone: Option<String>,
    /// The browser that was seen before the sign-up.
    pub(super) anonymous: Option<String>,
    /// No part of a postal address is known: no affiliate can be made yet.
    pub(super) without_address: bool,
    /// The event's `integrations` exclude Refersion.
    pub(super) not_for_us: bool,
    pub(super) story: Story,
}

/// Events of a person after the sign-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    /// Nothing of note.
    Quiet,
    /// A new email address.
    Moves,
    /// A second account with the same email address.
    SignsUpTwice,
    /// An older event comes late.
    IsHeardOfLate,
    /// A delete by userId.
    IsForgotten,
    /// A delete by email address, under an unknown userId.
    IsForgottenByAddress,
    /// A delete, and a new sign-up after it.
    IsForgottenAndReturns,
    /// A value that Refersion refuses.
    HasALongCompany,
    /// An address that Refersion refuses.
    HasAnOddAddress,
}

/// All people, determined by the seed.
pub(super) fn people(seed: u64, members: usize) -> Vec<Person> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..members).map(|number| person(number, &mut rng)).collect()
}

fn person(number: usize, rng: &mut StdRng) -> Person {
    let (first_name, last_name) = (*pick(&FIRST_NAMES, rng), *pick(&LAST_NAMES, rng));
    let story = story(number, rng);
    let ascii = |name: &str| name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let domain = if story == Story::HasAnOddAddress { "-example.com" } else { "example.com" };
    let email = format!("{}.{}{number}@{domain}", ascii(first_name), ascii(last_name));
    let looks_like_an_address = rng.random_bool(0.03) && story != Story::HasAnOddAddress;
    let company = match story {
        Story::HasALongCompany => Some("Long & Longer ".repeat(TOO_LONG).chars().take(TOO_LONG).collect()),
        _ => rng.random_bool(0.3).then(|| (*pick(&COMPANIES, rng)).to_owned()),
    };
    Person {
        number,
        user: if looks_like_an_address { email.clone() } else { format!("user-{number:07}") },
        first_name,
        last_name: (!rng.random_bool(0.01)).then_some(last_name),
        email,
        street: format!("{} {}", rng.random_range(1..2000), pick(&STREETS, rng)),
        city: pick(&CITIES, rng),
        plan: pick::<&str>(&PLANS, rng),
        company,
        phone: rng.random_bool(0.4).then(|| format!("+1 555 {:07}", rng.random_range(0..10_000_000))),
        anonymous: rng.random_bool(0.1).then(|| format!("anon-{:016x}", rng.random::<u64>())),
        without_address: rng.random_bool(0.005),
        not_for_us: rng.random_bool(0.002),
        story,
    }
}

/// A hundredth is deleted; a few in two thousand have something that Refersion refuses. The first people of each kind come
/// early, so that the smallest demo has them too.
fn story(number: usize, rng: &mut StdRng) -> Story {
    match number % 1_000 {
        7 | 507 => Story::IsForgottenAndReturns,
        21 | 221 | 421 | 621 | 821 => Story::IsForgottenByAddress,
        60 | 360 | 660 => Story::IsForgotten,
        99 if number % 2_000 < 1_000 => Story::HasALongCompany,
        150 if number % 5_000 < 1_000 => Story::HasAnOddAddress,
        _ => match rng.random_range(0..1_000) {
            0..20 => Story::Moves,
            20..25 => Story::SignsUpTwice,
            25..45 => Story::IsHeardOfLate,
            _ => Story::Quiet,
        },
    }
}

pub(super) fn pick<'w, T>(words: &'w [T], rng: &mut StdRng) -> &'w T {
    words.choose(rng).expect("every list of words has some")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_alone_decides_the_persons() {
        let names = |seed| people(seed, 50).into_iter().map(|person| person.email).collect::<Vec<_>>();
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
    }

    #[test]
    fn one_in_a_hundred_is_deleted_and_a_small_demo_has_every_story() {
        let stories: Vec<Story> = people(3, 20_000).into_iter().map(|person| person.story).collect();
        let forgotten = |story: &&Story| {
            matches!(story, Story::IsForgotten | Story::IsForgottenByAddress | Story::IsForgottenAndReturns)
        };
        assert_eq!(stories.iter().filter(forgotten).count(), 200);
        for story in [Story::HasALongCompany, Story::HasAnOddAddress, Story::IsForgottenByAddress] {
            assert!(stories[..200].contains(&story), "{story:?}");
        }
    }
}
