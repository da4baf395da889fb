//! The TLS parameters of a URL. The driver knows `sslmode` up to `require`, and refuses `sslrootcert`, so both are
//! removed here.

use std::{borrow::Cow, str::FromStr};

use percent_encoding::percent_decode_str;

/// How strictly the server is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Prefer,
    VerifyCa,
    VerifyFull,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "disable" => Ok(Self::Disable),
            "prefer" => Ok(Self::Prefer),
            "verify-ca" => Ok(Self::VerifyCa),
            "require" | "verify-full" => Ok(Self::VerifyFull),
            _ => Err(format!(
                "has sslmode '{name}'; give disable, prefer, require, verify-ca or verify-full"
            )),
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) mode: Option<Mode>,
    /// `sslrootcert`: a file, or `system` for the roots of the machine.
    pub(super) root_cert: Option<String>,
}

impl Parameters {
    fn take(&mut self, key: &str, value: Cow<'_, str>) -> Result<bool, String> {
        match key {
            "sslmode" => self.mode = Some(value.parse()?),
            "sslrootcert" => self.root_cert = Some(value.into_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The URL, or the `key=value` pairs, without the parameters that are returned separately. The driver reports what is
/// malformed.
///
/// # Errors
/// What is wrong with a parameter.
pub(super) fn split(url: &str) -> Result<(String, Parameters), String> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        split_url(url)
    } else {
        split_pairs(url)
    }
}

fn split_url(url: &str) -> Result<(String, Parameters), String> {
    // A password may have a question mark. The credentials end where the driver ends them: at the first @.
    let credentials = url.find('@').unwrap_or(0);
    let Some(question) = url[credentials..].find('?') else {
        return Ok((url.to_owned(), Parameters::default()));
    };
    let (address, query) = url.split_at(credentials + question);
    let mut parameters = Parameters::default();
    let mut rest = Vec::new();
    for pair in query[1..].split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent_decode_str(key).decode_utf8_lossy();
        let value = percent_decode_str(value).decode_utf8_lossy();
        if !parameters.take(&key, value)? {
            rest.push(pair);
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    Ok((
        format!("{address}{separator}{}", rest.join("&")),
        parameters,
    ))
}

fn split_pairs(pairs: &str) -> Result<(String, Parameters), String> {
    let mut parameters = Parameters::default();
    let mut rest = String::new();
    let mut left = pairs;
    while let Some((key, after)) = left.split_once('=') {
        let (value, length) = value(after.trim_start());
        let end = left.len() - after.trim_start().len() + length;
        if !parameters.take(key.trim(), Cow::Owned(value))? {
            rest.push_str(&left[..end]);
        }
        left = &left[end..];
    }
    rest.push_str(left);
    Ok((rest, parameters))
}

/// The value at the beginning of a text, and its length in bytes: quoted, or up to white space; a backslash makes the
/// next character literal.
fn value(text: &str) -> (String, usize) {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            '\'' if quoted => return (value, at + 1),
            _ if !quoted && character.is_whitespace() => return (value, at),
            _ => value.push(character),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(mode: Option<Mode>, root_cert: Option<&str>) -> Parameters {
        Parameters {
            mode,
            root_cert: root_cert.map(str::to_owned),
        }
    }

    #[test]
    fn parameters_of_tls_are_taken_out_of_a_url() {
        for (url, rest, mode, root_cert) in [
            ("postgres://db/cairn", "postgres://db/cairn", None, None),
            (
                "postgres://u:a?b@db/cairn?sslmode=verify-full&application_name=x",
                "postgres://u:a?b@db/cairn?application_name=x",
                Some(Mode::VerifyFull),
                None,
            ),
            (
                "postgresql://db?sslrootcert=%2Fetc%2Fca%20file&sslmode=verify%2dca",
                "postgresql://db",
                Some(Mode::VerifyCa),
                Some("/etc/ca file"),
            ),
            (
                "postgres://db?x=1&sslmode=prefer&y=2",
                "postgres://db?x=1&y=2",
                Some(Mode::Prefer),
                None,
            ),
        ] {
            let expected = (rest.to_owned(), parameters(mode, root_cert));
            assert_eq!(split(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn parameters_of_tls_are_taken_out_of_pairs() {
        for (pairs, rest, mode, root_cert) in [
            ("host=db user=u", "host=db user=u", None, None),
            (
                r"host = db password='it\'s sslmode=disable' sslmode = require dbname=d",
                r"host = db password='it\'s sslmode=disable' dbname=d",
                Some(Mode::VerifyFull),
                None,
            ),
            (
                r"sslrootcert='/a b/c\\d' host=db sslmode=disable",
                " host=db",
                Some(Mode::Disable),
                Some(r"/a b/c\d"),
            ),
            ("host=/tmp/a\\ b", "host=/tmp/a\\ b", None, None),
            ("nonsense", "nonsense", None, None),
            ("password='open", "password='open", None, None),
        ] {
            let expected = (rest.to_owned(), parameters(mode, root_cert));
            assert_eq!(split(pairs), Ok(expected), "{pairs}");
        }
    }

    #[test]
    fn a_mode_that_does_not_exist_is_refused() {
        for url in ["host=db sslmode=allow", "postgres://db?sslmode="] {
            assert!(split(url).unwrap_err().contains("verify-full"), "{url}");
        }
    }
}
