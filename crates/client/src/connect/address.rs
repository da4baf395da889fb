//! The address of a server.

use std::{fmt, str::FromStr};

use tonic::transport::Uri;

/// Where a server's gRPC listens: `host:port`, `http://host:port` or `https://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Uri);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const RULE: &str = "must be host:port, http://host:port or https://host:port";
        let url = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let uri: Uri = url.parse().map_err(|_| RULE.to_owned())?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if known && uri.host().is_some_and(|host| !host.is_empty()) && uri.path() == "/" {
            Ok(Self(uri))
        } else {
            Err(RULE.to_owned())
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl Address {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

/// An address as people write it.
fn shown(uri: &Uri) -> String {
    uri.to_string().trim_end_matches('/').to_owned()
}

/// What is wrong with an address.
pub(super) fn describe(uri: &Uri, words: &str) -> String {
    format!("{} is no Cairn: {words}", shown(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_plain_http() {
        for (text, uri) in [
            ("127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("localhost:7070", "http://localhost:7070"),
            ("[::1]:7070", "http://[::1]:7070"),
            ("https://cairn.example.com", "https://cairn.example.com"),
            ("http://cairn:7070/", "http://cairn:7070"),
        ] {
            let parsed: Result<Address, _> = text.parse();
            assert_eq!(
                parsed.map(|address| address.to_string()),
                Ok(uri.to_owned())
            );
        }
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for text in [
            "",
            "ftp://host",
            "unix:///run/cairn",
            "http://",
            "host:7070/path",
            "a b",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
