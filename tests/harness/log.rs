//! No log has a secret: every log that a test reads, or that a server of a test leaves, is searched for what looks like one.

/// What secrets begin with, and how many characters of [A-Za-z0-9_-] follow at least.
const SECRETS: [(&str, usize); 3] = [("ck_", 40), ("ct_", 60), ("lnk_", 20)];

/// An API key, a delegated token or the id of a link in this text.
fn secret(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    SECRETS.iter().find_map(|(prefix, least)| {
        text.match_indices(prefix).find_map(|(start, _)| {
            let rest = &text[start + prefix.len()..];
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            (length >= *least).then(|| &text[start..start + prefix.len() + length])
        })
    })
}

/// Whether a line is one of a server's log, and not what a program tells its user.
fn is_log(line: &str) -> bool {
    line.starts_with('{') && line.contains(r#""level":"#)
}

/// Fails if a line of a log has a secret.
///
/// # Panics
/// Then.
#[track_caller]
pub fn check(text: &str) {
    for line in text.lines().filter(|line| is_log(line)) {
        if let Some(secret) = secret(line) {
            panic!("the log has the secret {secret}: {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, secret};

    #[test]
    fn what_looks_like_a_secret_is_found() {
        let key = format!("ck_{}", "a1".repeat(20));
        let link = format!("lnk_{}", "Z9".repeat(10));
        let token = format!("ct_{}", "x-_".repeat(30));
        for one in [&key, &link, &token] {
            let line = format!(r#"{{"level":"INFO","message":"of {one}."}}"#);
            assert_eq!(secret(&line), Some(&**one));
            assert!(std::panic::catch_unwind(|| check(&line)).is_err());
            // What a program tells its user.
            check(&format!("the key is {one}"));
        }
        for other in [
            "ck_",
            "last four: ck_…abcd",
            "lnk_short",
            "art_0000000000000000",
        ] {
            assert_eq!(secret(other), None);
        }
    }
}
