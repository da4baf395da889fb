//! Query strings.

use std::collections::BTreeMap;

use axum::{extract::FromRequestParts, http::request::Parts};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::call::not_read;
use crate::http::failure::Failure;

/// What stands before the key of a metadata pair.
const METADATA: &str = "metadata.";

/// A query without parameters that the route does not know.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// A query, and the parameters `metadata.KEY` in it.
pub(super) struct QueryWithMetadata<T>(pub(super) T, pub(super) BTreeMap<String, String>);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for QueryWithMetadata<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let mut metadata = BTreeMap::new();
        let mut others = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match decode(name).strip_prefix(METADATA) {
                Some(key) => {
                    if metadata.insert(key.to_owned(), decode(value)).is_some() {
                        let field = format!("{METADATA}{key}");
                        return Err(not_read(&field, "it is given twice").into());
                    }
                }
                None => others.push(pair),
            }
        }
        Ok(Self(parse(&others.join("&"))?, metadata))
    }
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Failure> {
    let pairs = serde_html_form::Deserializer::from_bytes(query.as_bytes());
    let read = serde_path_to_error::deserialize(pairs);
    read.map_err(|e| {
        let path = e.path().to_string();
        let path = if path == "." { "query" } else { &path };
        not_read(path, &e.inner().to_string()).into()
    })
}
