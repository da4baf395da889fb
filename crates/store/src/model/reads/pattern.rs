//! What is searched for.

use regex::bytes::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
const LONGEST: usize = 1_000;
/// The memory of a compiled pattern, in bytes. It bounds the time that one byte takes: each state may be visited.
const MEMORY: usize = 256 << 10;
/// The memory of its cache, in bytes. A cache that is too small costs time.
const CACHE: usize = 1 << 20;

/// A compiled pattern. It takes time that is linear in what is searched.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    /// Whether it may be searched for in many lines at once: its anchors mean lines.
    pub(crate) in_many_lines: bool,
}

impl Pattern {
    /// Compiles a pattern: a regular expression, or a text that is searched for as it is.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(text: &str, is_fixed: bool, ignore_case: bool) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is required".to_owned());
        }
        if text.len() > LONGEST {
            return Err(format!("must have at most {LONGEST} bytes"));
        }
        let pattern = match is_fixed {
            true => regex::escape(text),
            false => text.to_owned(),
        };
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(ignore_case)
            .multi_line(true)
            .crlf(true)
            .size_limit(MEMORY)
            .dfa_size_limit(CACHE)
            .nest_limit(64)
            .build();
        let regex = regex.map_err(|e| match e {
            regex::Error::CompiledTooBig(_) => {
                "is too large when compiled: use fewer or smaller repetitions".to_owned()
            }
            e => {
                let why = e.to_string();
                let why = why.lines().last().unwrap_or_default();
                let why = why.trim_start_matches("error: ");
                format!("is not a regular expression ({why}); set fixed_strings to search for it as text")
            }
        })?;
        // These mean the text as a whole, or switch the meaning of anchors.
        let in_many_lines = is_fixed
            || !(text.contains("\\A")
                || text.contains("\\z")
                || (text.contains("(?") && text.contains('-')));
        Ok(Self {
            regex,
            in_many_lines,
        })
    }

    /// The first match from here on: where it begins and ends.
    pub(crate) fn find_at(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.regex.find_at(bytes, from)?;
        Some((found.start(), found.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_that_would_be_costly_is_refused() {
        for pattern in [
            "",
            "(",
            "*",
            r"(\w{50}){50}",
            "(?=a)",
            &"a".repeat(1001),
            &"(".repeat(300),
        ] {
            assert!(
                Pattern::new(pattern, false, false).is_err(),
                "{pattern:.20}"
            );
        }
        assert!(Pattern::new("(", true, false).is_ok());
    }

    #[test]
    fn usual_patterns_are_small_enough() {
        for pattern in [
            r"[\w.+-]+@[\w-]+\.\w{2,}",
            r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z",
            r"^\s*(pub(\(\w+\))?\s+)?(async\s+)?fn\s+\w+",
            r"\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b",
            r"\p{Lu}\p{L}+ \p{Lu}\p{L}+",
            r"(?i)(error|warn(ing)?|fatal|panic(ked)?):?\s.{0,100}",
        ] {
            let compiled = Pattern::new(pattern, false, true);
            assert!(compiled.is_ok(), "{pattern}: {compiled:?}");
        }
        assert!(Pattern::new(&"ä".repeat(500), true, true).is_ok());
    }

    #[test]
    fn anchors_mean_lines() {
        let pattern = Pattern::new("^b$", false, false).unwrap();
        assert_eq!(pattern.find_at(b"a\r\nb\r\nc", 0), Some((3, 4)));
    }
}
