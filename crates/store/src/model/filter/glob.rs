//! Patterns of filenames, as shells write them.
//!
//! ```text
//! ?        one character of a segment
//! *        any number of characters of a segment, also none
//! **       any number of characters, also "/"; "**/" is any number of whole segments, also none
//! [set]    one character of a set such as [abc], [a-z] or [!0-9], never "/"
//! {a,b}    either of these patterns
//! \        takes the next character as it is
//! ```

use std::fmt::Write as _;

use serde::Serialize;

/// A pattern that a whole filename matches or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Glob {
    text: String,
    #[serde(skip)]
    regex: String,
    #[serde(skip)]
    prefix: String,
}

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 1024;
/// The maximum number of wildcards, sets and braces: each makes the comparison with a name more expensive.
const MAX_PARTS: usize = 32;
/// The maximum depth of braces.
const MAX_DEPTH: usize = 4;

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("must be at most {MAX_BYTES} bytes"));
        }
        if text.contains('\0') {
            return Err("must not contain NUL".to_owned());
        }
        let mut reader = Reader {
            rest: text.chars().collect::<Vec<_>>().into_iter().peekable(),
            regex: "^(?:".to_owned(),
            prefix: Some(String::new()),
            prefix_done: String::new(),
            parts: 0,
            depth: 0,
        };
        reader.all()?;
        reader.regex.push_str(")$");
        Ok(Self {
            text: text.to_owned(),
            prefix: reader.prefix.unwrap_or(reader.prefix_done),
            regex: reader.regex,
        })
    }

    /// The pattern as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same as a regular expression of PostgreSQL.
    pub(crate) fn regex(&self) -> &str {
        &self.regex
    }

    /// The prefix of every matching name.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

struct Reader {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    regex: String,
    /// The text before the first wildcard, while there was none.
    prefix: Option<String>,
    prefix_done: String,
    parts: usize,
    depth: usize,
}

impl Reader {
    fn all(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.next() {
            match c {
                '*' => {
                    self.part()?;
                    self.star();
                }
                '?' => {
                    self.part()?;
                    self.regex.push_str("[^/]");
                }
                '[' => {
                    self.part()?;
                    self.set()?;
                }
                '{' => {
                    self.part()?;
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(format!("must not nest braces deeper than {MAX_DEPTH}"));
                    }
                    self.regex.push_str("(?:");
                }
                '}' if self.depth > 0 => {
                    self.depth -= 1;
                    self.regex.push(')');
                }
                ',' if self.depth > 0 => {
                    self.part()?;
                    self.regex.push('|');
                }
                '\\' => match self.rest.next() {
                    Some(c) => self.literal(c),
                    None => return Err("must not end in a single \\".to_owned()),
                },
                c => self.literal(c),
            }
        }
        if self.depth > 0 {
            return Err("has a { without its }; write \\{ for the character".to_owned());
        }
        Ok(())
    }

    fn part(&mut self) -> Result<(), String> {
        self.parts += 1;
        if let Some(prefix) = self.prefix.take() {
            self.prefix_done = prefix;
        }
        if self.parts > MAX_PARTS {
            let rule = format!("must have at most {MAX_PARTS} wildcards, sets and alternatives");
            return Err(rule);
        }
        Ok(())
    }

    fn star(&mut self) {
        let mut stars = 1;
        while self.rest.next_if_eq(&'*').is_some() {
            stars += 1;
        }
        if stars == 1 {
            self.regex.push_str("[^/]*");
        } else if self.rest.next_if_eq(&'/').is_some() {
            self.regex.push_str("(?:.*/)?");
        } else {
            self.regex.push_str(".*");
        }
    }

    fn set(&mut self) -> Result<(), String> {
        let negated = self.rest.next_if(|c| matches!(c, '!' | '^')).is_some();
        let mut members = String::new();
        let mut first = true;
        loop {
            let from = match self.rest.next() {
                Some(']') if !first => break,
                Some(c) => self.member(c)?,
                None => return Err("has a [ without its ]; write \\[ for the character".to_owned()),
            };
            first = false;
            let is_range = self.rest.next_if_eq(&'-').is_some();
            if is_range && self.rest.peek().is_some_and(|c| *c != ']') {
                let to = self.rest.next().unwrap_or_default();
                let to = self.member(to)?;
                if to < from {
                    return Err(format!(
                        "has a range that ends before it starts: {from}-{to}"
                    ));
                }
                member(&mut members, from);
                members.push('-');
                member(&mut members, to);
            } else {
                member(&mut members, from);
                if is_range {
                    member(&mut members, '-');
                }
            }
        }
        // Ranges may span "/", which no set matches.
        if negated {
            let _ = write!(self.regex, "[^/{members}]");
        } else {
            let _ = write!(self.regex, "(?!/)[{members}]");
        }
        Ok(())
    }

    fn member(&mut self, c: char) -> Result<char, String> {
        if c != '\\' {
            return Ok(c);
        }
        let escaped = self.rest.next();
        escaped.ok_or_else(|| "must not end in a single \\".to_owned())
    }

    fn literal(&mut self, c: char) {
        if let Some(prefix) = &mut self.prefix {
            prefix.push(c);
        }
        escape(&mut self.regex, c);
    }
}

/// Within brackets only the backslash, the bracket and numeric escapes are special.
fn member(members: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        members.push(c);
    } else {
        let _ = write!(members, "\\u{:04X}", u32::from(c));
    }
}

fn escape(regex: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        regex.push('\\');
    }
    regex.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_starts_with_what_stands_before_wildcards() {
        for (text, prefix) in [
            ("a/b.txt", "a/b.txt"),
            ("a/*.txt", "a/"),
            ("a/\\*b?", "a/*b"),
            ("**/x", ""),
            ("a{b,c}", "a"),
            ("[ab]c", ""),
            ("", ""),
        ] {
            assert_eq!(Glob::new(text).map(|g| g.prefix), Ok(prefix.to_owned()));
        }
    }

    #[test]
    fn a_faulty_pattern_is_refused() {
        for text in ["a[bc", "{a,b", "a\\", "[z-a]", "{{{{{a}}}}}", "a\0"] {
            assert!(Glob::new(text).is_err(), "{text}");
        }
        assert!(Glob::new(&"*a".repeat(33)).is_err());
        assert!(Glob::new(&"a".repeat(1025)).is_err());
    }
}
