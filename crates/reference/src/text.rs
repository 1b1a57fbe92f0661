//! Texts without invisible characters.

/// The text of a value: control characters become nothing, or a space if they separate words; invisible characters and
/// white space at the ends go.
pub(crate) fn value(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    let text: Vec<char> = text.replace("\r\n", "\n").chars().collect();
    let spaced = text.into_iter().map(|c| if c.is_control() && c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| !c.is_control()).collect()
}

/// The text of an identifier: that of a value, without any invisible character.
pub(crate) fn visible(text: &str) -> String {
    value(&text.chars().filter(|c| !is_invisible(*c)).collect::<String>())
}

fn is_invisible(c: char) -> bool {
    let ranges = [
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x180E, 0x180E),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0xFEFF, 0xFEFF),
        (0xE0000, 0xE007F),
    ];
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)))
}
