//! Who repairs, as a conflict names them to another operator.

/// The longest name, in characters.
const LONGEST: usize = 60;

/// The user of the operating system who runs this command: its name in the environment, else its number.
#[must_use]
pub fn who() -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let name = named.filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    name.chars().filter(|char| !char.is_control()).take(LONGEST).collect()
}
