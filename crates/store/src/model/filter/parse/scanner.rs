//! Scans the text character by character, with positions.

/// The remaining text, and its position.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            position: 1,
        }
    }

    /// The position of the next character, counted from 1.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The field or keyword that comes next; empty if neither can.
    pub(super) fn peek_word(&self) -> &'a str {
        self.split(is_of_word).0
    }

    /// Takes the next character.
    pub(super) fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.position += 1;
        Some(next)
    }

    /// Takes the characters up to the first that does not pass.
    pub(super) fn take_while(&mut self, passes: fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.split(passes);
        self.rest = rest;
        self.position += taken.chars().count();
        taken
    }

    /// Takes the field or keyword that comes next.
    pub(super) fn take_word(&mut self) -> &'a str {
        self.take_while(is_of_word)
    }

    /// Takes spaces.
    pub(super) fn skip_spaces(&mut self) {
        self.take_while(is_space);
    }

    /// Whether only spaces remain.
    pub(super) fn at_end(&mut self) -> bool {
        self.skip_spaces();
        self.rest.is_empty()
    }

    /// Whether this comes next, perhaps after spaces.
    pub(super) fn at(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        self.rest.starts_with(wanted)
    }

    /// Takes this if it comes next, perhaps after spaces, and returns its position.
    pub(super) fn eat(&mut self, wanted: char) -> Option<usize> {
        let found = self.at(wanted);
        let at = self.position;
        found.then(|| {
            self.take();
            at
        })
    }

    /// Takes this word if it comes next, perhaps after spaces, and returns its position.
    pub(super) fn eat_word(&mut self, wanted: &str) -> Option<usize> {
        self.skip_spaces();
        let at = self.position;
        (self.peek_word() == wanted).then(|| {
            self.take_word();
            at
        })
    }

    fn split(&self, passes: fn(char) -> bool) -> (&'a str, &'a str) {
        let end = self.rest.find(|c| !passes(c)).unwrap_or(self.rest.len());
        self.rest.split_at(end)
    }
}

/// Spaces of other scripts only look like a space; they are refused.
pub(super) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace()
}

/// Of a value without quotes. Other punctuation must be in quotes, so that it can become an operator one day.
pub(super) fn is_of_value(c: char) -> bool {
    is_of_word(c) || matches!(c, ':' | '*')
}

/// Of a field, a key of metadata or a keyword.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '@' | '/' | '-' | '+')
}
