//! A small JSON parser that keeps numbers as they are written, however many digits they have.

use std::iter::Peekable;
use std::str::Chars;

use crate::json::{Key, Node};

/// Parses a whole text; `None` if it is not JSON.
pub(crate) fn parse(json: &[u8]) -> Option<Node> {
    let mut parser = Parser { rest: std::str::from_utf8(json).ok()?.chars().peekable() };
    let node = parser.value()?;
    parser.space();
    parser.rest.next().is_none().then_some(node)
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn value(&mut self) -> Option<Node> {
        self.space();
        match *self.rest.peek()? {
            '{' => self.object(),
            '[' => self.list(),
            '"' => self.text().map(Node::Text),
            'n' => self.word("null").map(|()| Node::Null),
            't' => self.word("true").map(|()| Node::Bool(true)),
            'f' => self.word("false").map(|()| Node::Bool(false)),
            _ => self.number(),
        }
    }

    fn object(&mut self) -> Option<Node> {
        self.rest.next();
        let mut members = Vec::new();
        self.space();
        if self.rest.next_if_eq(&'}').is_some() {
            return Some(Node::Object(members));
        }
        loop {
            self.space();
            let key = self.text()?;
            self.space();
            self.rest.next_if_eq(&':')?;
            members.push((Key::of(key), self.value()?));
            self.space();
            match self.rest.next()? {
                ',' => {}
                '}' => return Some(Node::Object(members)),
                _ => return None,
            }
        }
    }

    fn list(&mut self) -> Option<Node> {
        self.rest.next();
        let mut items = Vec::new();
        self.space();
        if self.rest.next_if_eq(&']').is_some() {
            return Some(Node::List(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            match self.rest.next()? {
                ',' => {}
                ']' => return Some(Node::List(items)),
                _ => return None,
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        self.rest.next_if_eq(&'"')?;
        let mut units = Vec::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(String::from_utf16_lossy(&units)),
                '\\' => units.push(self.escape()?),
                c if c < ' ' => return None,
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let c = match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits: String = self.rest.by_ref().take(4).collect();
                let is_hex = digits.len() == 4 && digits.chars().all(|c| c.is_ascii_hexdigit());
                return u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
            }
            c @ ('"' | '\\' | '/') => c,
            _ => return None,
        };
        Some(c as u16)
    }

    /// A number as a plain decimal if a double or 64 bits hold it, else as it is written.
    fn number(&mut self) -> Option<Node> {
        let mut text = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_digit() || "+-.eE".contains(*c)) {
            text.push(c);
        }
        if !is_number(&text) {
            return None;
        }
        let is_whole = text.trim_start_matches('-').chars().all(|c| c.is_ascii_digit());
        let double: f64 = text.parse().ok()?;
        let keep = (is_whole && text != "-0") || double.is_infinite();
        Some(Node::Number(if keep { text } else { double.to_string() }))
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.chars().try_for_each(|c| self.rest.next_if_eq(&c).map(drop))
    }

    fn space(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\n' | '\r' | '\t')).is_some() {}
    }
}

/// Whether a text has the form of a JSON number.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    digits(whole) && digits(fraction) && digits(exponent) && (whole == "0" || !whole.starts_with('0'))
}
