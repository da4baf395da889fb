//! Text of others, made safe to look at.

use std::fmt::Write as _;

use cairn_proto::text::deceives;

/// The text with every deceiving character written as `\u{…}`. Everything of others that is shown to a person passes
/// through here.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A word as a shell takes it: ids may have spaces, quotes and whatever else would mean something there.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// JSON text with every deceiving character written as an escape such as `\u202e`, which is the same JSON. Line breaks are left: in JSON
/// text they stand only between the values.
pub(crate) fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if deceives(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use cairn_proto::text::deceives;

    use super::{printable, printable_json, shell_word};

    #[test]
    fn escapes_and_direction_overrides_are_shown_not_obeyed() {
        assert_eq!(printable("a\x1b[2Jb"), r"a\u{1b}[2Jb");
        assert_eq!(printable("\u{9b}31m"), r"\u{9b}31m");
        assert_eq!(printable("gpj.\u{202e}exe"), r"gpj.\u{202e}exe");
        assert_eq!(printable("a\nb\r\tc\u{7f}"), r"a\u{a}b\u{d}\u{9}c\u{7f}");
    }

    #[test]
    fn a_command_that_is_shown_has_each_id_as_one_word() {
        for (id, word) in [
            ("run-7", "run-7"),
            ("auth0|5f", "'auth0|5f'"),
            ("x; rm -rf ~", "'x; rm -rf ~'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(id), word);
        }
    }

    #[test]
    fn what_is_not_seen_at_all_is_shown() {
        assert_eq!(printable("a\u{e0041}b"), r"a\u{e0041}b");
        assert_eq!(printable("a\u{2060}\u{ad}b"), r"a\u{2060}\u{ad}b");
        assert_eq!(printable("\u{e0100}"), r"\u{e0100}");
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_as_it_is() {
        let text = "Отчёт 報告 تقرير 👩‍🔬 naïve.md";
        assert_eq!(printable(text), text);
    }

    #[test]
    fn json_keeps_its_meaning_when_it_is_made_printable() -> Result<(), serde_json::Error> {
        let text = "\x1b \u{7f} \u{9b} \u{e0041} \u{202e} \u{2028} \u{feff} \n ok";
        let json = printable_json(&serde_json::to_string_pretty(&[text])?);
        assert!(!json.chars().any(|c| deceives(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<Vec<String>>(&json)?, [text]);
        Ok(())
    }
}
