//! Names from callers, as types that cannot break their rules.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::media_type;

/// A filename: 1 to 1,024 bytes, with `/` as a separator; no segment leads out of a folder or is too long for a file
/// system. Bidirectional marks and the like are kept: a filename is data here, and is never resolved.
///
/// Together with the three ids of its scope, at 255 bytes each, it must fit into a row of a B-tree index, which has at
/// most 2,704 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Filename(String);

impl Filename {
    const MAX_BYTES: usize = 1024;
    const MAX_SEGMENT_BYTES: usize = 255;

    /// Checks a filename.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(text: String) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("is required");
        }
        if text.len() > Self::MAX_BYTES {
            return Err("must be at most 1024 bytes of UTF-8");
        }
        if text.split('/').any(|s| s.len() > Self::MAX_SEGMENT_BYTES) {
            return Err("must have at most 255 bytes of UTF-8 between one \"/\" and the next");
        }
        if text.chars().any(char::is_control) {
            return Err("must not contain NUL or other control characters");
        }
        if text.contains('\\') {
            return Err("must not contain a backslash; separate folders with \"/\"");
        }
        if text.split('/').any(|s| matches!(s, "" | "." | "..")) {
            return Err(
                "must not start or end with \"/\" nor have an empty, \".\" or \"..\" segment",
            );
        }
        Ok(Self(text))
    }

    /// The filename as given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller's own identifier of a session, namespace, user or agent, or a label: any 1 to 255 bytes of UTF-8 without
/// control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Identifier(String);

impl Identifier {
    /// Checks an identifier.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(text: String) -> Result<Self, &'static str> {
        let fits = (1..=255).contains(&text.len());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err("must be 1 to 255 bytes of UTF-8 without control characters")
        }
    }

    /// Checks an optional identifier.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn optional(text: String) -> Result<Option<Self>, &'static str> {
        if text.is_empty() {
            Ok(None)
        } else {
            Self::new(text).map(Some)
        }
    }

    /// The identifier as given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks the name of a tenant, which the operator chooses and which appears in logs.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check_tenant_name(name: &str) -> Result<(), &'static str> {
    let mut bytes = name.bytes();
    let starts_well = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let goes_on_well = bytes.all(|b| b.is_ascii_alphanumeric() || b"._:@-".contains(&b));
    if starts_well && goes_on_well && name.len() <= 128 {
        Ok(())
    } else {
        Err("must match ^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$")
    }
}

/// Text for people: any UTF-8 up to a limit, without NUL, which PostgreSQL's text cannot hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Words(String);

impl Words {
    /// Checks a text against a limit in bytes.
    ///
    /// # Errors
    /// The rule that they break.
    pub(crate) fn new(text: String, max_bytes: usize) -> Result<Self, String> {
        if text.len() > max_bytes {
            Err(format!("must be at most {max_bytes} bytes of UTF-8"))
        } else if text.contains('\0') {
            Err("must not contain NUL".to_owned())
        } else {
            Ok(Self(text))
        }
    }

    /// The text as given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of an optional identifier; empty if absent.
pub(crate) fn text_of(label: &Option<Identifier>) -> &str {
    label.as_ref().map_or("", Identifier::as_str)
}

/// A media type: `type/subtype` and optional parameters, at most 255 bytes. A comma is allowed only in quotes, because
/// elsewhere it begins another type, and no value has a semicolon, a quote or an escape, because readers of such
/// headers disagree about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ContentType(String);

impl ContentType {
    /// Checks a media type.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(text: String) -> Result<Self, &'static str> {
        let mut parts = text.split(';');
        let essence = parts.next().unwrap_or_default().trim_end_matches(' ');
        let well_formed = essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        if well_formed && parts.all(is_parameter) && text.len() <= 255 {
            Ok(Self(text))
        } else {
            Err(
                "must be a media type such as text/plain or text/plain; charset=utf-8, of at most 255 bytes",
            )
        }
    }

    /// Guesses from the first bytes and the filename.
    pub(crate) fn guess(filename: &Filename, first_bytes: &[u8]) -> Self {
        Self(media_type::guess(filename.as_str(), first_bytes).to_owned())
    }

    /// The media type as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word of a media type.
fn is_token(text: &str) -> bool {
    let of_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    !text.is_empty() && text.bytes().all(of_token)
}

/// `name=value` with spaces around it, the value a word or in quotes.
fn is_parameter(text: &str) -> bool {
    let Some((name, value)) = text.trim_matches(' ').split_once('=') else {
        return false;
    };
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&b);
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let value_is_fine = match quoted {
        Some(inner) => inner
            .bytes()
            .all(|b| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b)),
        None => !value.is_empty() && value.bytes().all(is_word),
    };
    is_token(name) && value_is_fine
}

/// A caller's own pairs, within their limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The most pairs.
    pub(crate) const MAX_PAIRS: usize = 64;
    /// The longest value in bytes.
    pub(crate) const MAX_VALUE_BYTES: usize = 1024;
    /// The most bytes of all keys and values together.
    pub(crate) const MAX_BYTES: usize = 8 * 1024;

    /// Checks pairs.
    ///
    /// # Errors
    /// Every rule that they break, each with the key at fault, or none where the fault is of all of them.
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Result<Self, Vec<(Option<String>, String)>> {
        if pairs.len() > Self::MAX_PAIRS {
            let rule = format!("must have at most {} pairs", Self::MAX_PAIRS);
            return Err(vec![(None, rule)]);
        }
        let pairs: BTreeMap<_, _> = pairs.into_iter().collect();
        let mut faults = Vec::new();
        let bytes: usize = pairs.iter().map(|(k, v)| k.len() + v.len()).sum();
        if bytes > Self::MAX_BYTES {
            let rule = format!("must be at most {} bytes in all", Self::MAX_BYTES);
            faults.push((None, rule));
        }
        for (key, value) in &pairs {
            if let Err(rule) = check_metadata_key(key) {
                faults.push((Some(key.clone()), format!("the key {rule}")));
            }
            if value.len() > Self::MAX_VALUE_BYTES {
                let rule = format!("the value must be at most {} bytes", Self::MAX_VALUE_BYTES);
                faults.push((Some(key.clone()), rule));
            }
            if value.contains('\0') {
                // PostgreSQL's text cannot hold it.
                faults.push((
                    Some(key.clone()),
                    "the value must not contain NUL".to_owned(),
                ));
            }
        }
        if faults.is_empty() {
            Ok(Self(pairs))
        } else {
            Err(faults)
        }
    }

    /// The pairs, in the order of their keys.
    pub(crate) fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// Checks the key of a metadata pair.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check_metadata_key(key: &str) -> Result<(), &'static str> {
    let mut bytes = key.bytes();
    let good = key.len() <= 128
        && bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b));
    if good {
        Ok(())
    } else {
        Err("must match ^[A-Za-z_][A-Za-z0-9_.:/-]{0,127}$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filename(text: &str) -> Result<Filename, &'static str> {
        Filename::new(text.to_owned())
    }

    #[test]
    fn a_filename_may_have_folders_and_any_script_and_direction() {
        for good in [
            "a",
            "report.pdf",
            "out/plots/1.png",
            "…/été",
            "a\u{202e}gpj.exe",
            "..a",
            "a b",
        ] {
            assert!(filename(good).is_ok(), "{good:?}");
        }
        assert!(filename(&"x".repeat(255)).is_ok());
        let long = vec!["é".repeat(127); 4].join("/");
        assert!(filename(&format!("{long}/xxxx")).is_ok(), "1,024 bytes");
        assert!(filename(&format!("{long}/xxxxx")).is_err(), "1,025 bytes");
    }

    #[test]
    fn clients_and_the_store_have_the_same_rules_of_filenames() {
        let vectors = include_str!("../../../../tests/vectors/clients.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        for (list, good) in [("good", true), ("refused", false)] {
            let names = vectors["filenames"][list].as_array().unwrap();
            assert!(names.len() > 10);
            for name in names {
                assert_eq!(filename(name.as_str().unwrap()).is_ok(), good, "{name}");
            }
        }
    }

    #[test]
    fn a_filename_never_leads_out_of_a_folder() {
        for bad in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\\b", "a\0", "a\nb", "\u{85}",
        ] {
            assert!(filename(bad).is_err(), "{bad:?}");
        }
        assert!(filename(&"x".repeat(256)).is_err());
        assert!(filename(&"é".repeat(128)).is_err(), "the bound is in bytes");
    }

    #[test]
    fn an_id_is_whatever_the_outside_world_calls_it() {
        for good in [
            "a",
            "scheduled__2024-01-01T00:00:00+00:00",
            "alice+test@example.com",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "Ünal",
            "owner/repo/run",
            "_private",
            "projects/1/locations/us-central1/reasoningEngines/4",
            "user\\x",
            " ",
            "x'; DROP TABLE artifacts; --",
            &"é".repeat(127),
            &"a".repeat(255),
        ] {
            assert!(Identifier::new(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "\0", "\u{1b}[2J", "\u{85}", &"é".repeat(128)] {
            assert!(Identifier::new(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_metadata_key_may_be_a_path_or_a_qualified_name() {
        for good in [
            "a",
            "_source",
            "app.kubernetes.io/name",
            "dc:title",
            &"k".repeat(128),
        ] {
            assert!(check_metadata_key(good).is_ok(), "{good}");
        }
        for bad in ["", "9", "a b", "é", ".a", "a\"", &"k".repeat(129)] {
            assert!(check_metadata_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_content_type_cannot_carry_a_header() {
        for good in [
            "text/plain",
            "text/html; charset=utf-8",
            "application/vnd.a+json",
        ] {
            assert!(ContentType::new(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "text",
            "/",
            "text/",
            "text/plain\r\nX: y",
            "text/plain; é",
            "text/plain;",
            "text/plain;,text/html",
            "text/plain; charset=utf-8,text/html",
            "text/plain; x=\"a;b\"",
            "text/plain; x=\"a\\\"b\"",
            "a b/c",
        ] {
            assert!(ContentType::new(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_names_every_pair_at_fault() {
        let faults = Metadata::new(vec![
            ("9".to_owned(), "v".to_owned()),
            ("k".to_owned(), "v".repeat(1025)),
        ])
        .expect_err("two faults");
        assert_eq!(faults.len(), 2);
        let many = (0..65).map(|i| (format!("k{i}"), String::new())).collect();
        assert_eq!(Metadata::new(many).expect_err("too many").len(), 1);
        let large = (0..9)
            .map(|i| (format!("k{i}"), "v".repeat(1000)))
            .collect();
        assert_eq!(Metadata::new(large).expect_err("too large").len(), 1);
    }
}
