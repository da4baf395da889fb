//! Idempotency keys: the same write, however often it is sent, takes effect once and has one answer.
//!
//! A write with a key first claims it, or finds its stored result. The transaction of the write itself records the
//! result. Deduplication is something else: it is about equal bytes, and this about the same call.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{
    canonical,
    digest::ContentHash,
    error::{Error, Result},
    selection::Selection,
};

/// How long a claim lasts without a sign of life of its holder: longer than a caller may be silent, and short enough
/// that a retry after a crash need not wait long.
pub(crate) const LEASE: Duration = Duration::from_secs(75);
/// The field of a request that is unknown before all of it has arrived.
const CONTENT: &str = "content";
/// The name under which the version of the encoding is recorded, besides the fields.
const ENCODING: &str = "encoding";
/// The version of the encoding: a release that encodes a field differently, or renames it, has another number.
const VERSION: u32 = 1;

/// A caller's own name for one write: 1 to 256 bytes of UTF-8 without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks a key; empty is none.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn optional(text: String) -> Result<Option<Self>, &'static str> {
        if text.is_empty() {
            Ok(None)
        } else if text.len() > 256 || text.chars().any(char::is_control) {
            Err("must be at most 256 bytes of UTF-8 without control characters")
        } else {
            Ok(Some(Self(text)))
        }
    }

    /// A key of the store's own. It starts with a control character, so no caller can use it.
    pub(crate) fn internal(purpose: &str, id: &str) -> Self {
        Self(format!("\u{1}{purpose} {id}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The request: a hash of each field, so that two requests can be compared field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    pub(crate) fn of(method: &str) -> Self {
        Self(BTreeMap::new()).with("method", &method)
    }

    /// Adds a field, unless it has its default.
    pub(crate) fn with(mut self, field: &str, value: &impl Serialize) -> Self {
        // Only a map whose keys are not texts cannot be encoded; requests have none.
        let value = canonical::encode(value).unwrap_or_default();
        if !canonical::is_default(&value) {
            let digest = Sha256::digest(value.to_string());
            self.0.insert(field.to_owned(), hex::encode(&digest[..8]));
        }
        self
    }

    /// Adds a field whose order has no meaning.
    pub(crate) fn with_set(self, field: &str, items: &[impl Serialize + Ord]) -> Self {
        let mut items: Vec<_> = items.iter().collect();
        items.sort_unstable();
        self.with(field, &items)
    }

    /// Adds the artifacts of a bulk call.
    pub(crate) fn of_selection(self, selected: &Selection) -> Self {
        match selected {
            Selection::Ids(ids) => self.with_set("artifact_ids", ids),
            Selection::Matching(matching) => self.with("matching", matching),
        }
    }

    /// Adds a field for which "not given" and "empty" differ.
    pub(crate) fn with_given(self, field: &str, value: Option<&impl Serialize>) -> Self {
        self.with(field, &value.into_iter().collect::<Vec<_>>())
    }

    /// For a copy, which has the content of its source.
    pub(crate) fn without_content(self) -> Self {
        self.with(CONTENT, &"that of the source")
    }

    /// Adds the hash of the content, if the request has its own.
    pub(crate) fn with_content(mut self, hash: ContentHash) -> Self {
        let content = self.0.entry(CONTENT.to_owned());
        content.or_insert_with(|| hash.to_hex());
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        let fields = self.0.iter().map(|(k, v)| (k.clone(), v.clone().into()));
        let encoding = (ENCODING.to_owned(), VERSION.into());
        Value::Object(fields.chain([encoding]).collect())
    }
}

/// A claim of a key for a write.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) key: IdempotencyKey,
    pub(crate) request: Fingerprint,
    /// This attempt.
    pub(crate) owner: Uuid,
    /// How long the key will be remembered.
    pub(crate) window: Duration,
}

/// The request and result of an earlier call with the same key.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    pub(crate) request: Value,
    pub(crate) result: Value,
}

/// The record of a key: its claim, and the result of its write.
#[derive(Clone)]
pub(crate) struct KeyRecord {
    /// The attempt that claimed the key.
    pub(crate) owner: Uuid,
    pub(crate) request: Value,
    /// The result of the write; `None` while it is running.
    pub(crate) result: Option<Value>,
}

impl KeyRecord {
    /// Whether this attempt has claimed the key and not finished.
    pub(crate) fn is_claimed_by(&self, owner: Uuid) -> bool {
        self.owner == owner && self.result.is_none()
    }
}

impl Claim {
    /// What it means for this attempt who holds the key: nothing when it does so itself, else the earlier call.
    ///
    /// # Errors
    /// `IdempotencyInProgress`.
    pub(crate) fn against(&self, record: Option<KeyRecord>) -> Result<Option<Earlier>> {
        match record {
            Some(KeyRecord {
                request,
                result: Some(result),
                ..
            }) => Ok(Some(Earlier { request, result })),
            Some(record) if record.owner == self.owner => Ok(None),
            _ => Err(Error::IdempotencyInProgress(self.key.0.clone())),
        }
    }
}

impl Earlier {
    /// Makes sure that the earlier call asked the same. A content that only one of the two knows is not compared, and a
    /// call that was recorded in another encoding, by another release, is taken at its key's word.
    ///
    /// # Errors
    /// `IdempotencyKeyReused`, with every field that differs.
    pub(crate) fn check(&self, key: &IdempotencyKey, now: &Fingerprint) -> Result<()> {
        if self.request.get(ENCODING) != Some(&VERSION.into()) {
            return Ok(());
        }
        let earlier = |field: &str| self.request.get(field).and_then(Value::as_str);
        let recorded = self.request.as_object().into_iter().flat_map(Map::keys);
        let fields: BTreeSet<&str> = recorded
            .chain(now.0.keys())
            .map(String::as_str)
            .filter(|field| *field != ENCODING)
            .collect();
        let differing: Vec<_> = fields
            .into_iter()
            .filter(|field| match (earlier(field), now.0.get(*field)) {
                (None, _) | (_, None) if *field == CONTENT => false,
                (earlier, now) => earlier != now.map(String::as_str),
            })
            .map(str::to_owned)
            .collect();
        if differing.is_empty() {
            Ok(())
        } else {
            Err(Error::IdempotencyKeyReused {
                key: key.0.clone(),
                fields: differing,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_differs_is_named() {
        let key = IdempotencyKey("k".to_owned());
        let asked = |a: &str, b: i32| Fingerprint::of("M").with("a", &a).with("b", &b);
        let earlier = Earlier {
            request: asked("x", 1).to_json(),
            result: Value::Null,
        };
        assert!(earlier.check(&key, &asked("x", 1)).is_ok());
        match earlier.check(&key, &asked("y", 2)) {
            Err(Error::IdempotencyKeyReused { fields, .. }) => assert_eq!(fields, ["a", "b"]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_field_left_out_is_a_field_at_its_default() {
        let key = IdempotencyKey("k".to_owned());
        let short = Fingerprint::of("M").with("a", &"x");
        let long = short.clone().with("flag", &false).with("title", &"");
        assert_eq!(short, long);
        let more = short.clone().with("flag", &true);
        for (earlier, now) in [(&short, &more), (&more, &short)] {
            let request = earlier.to_json();
            let result = Value::Null;
            match (Earlier { request, result }).check(&key, now) {
                Err(Error::IdempotencyKeyReused { fields, .. }) => assert_eq!(fields, ["flag"]),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_request_in_another_encoding_is_not_compared() {
        let key = IdempotencyKey("k".to_owned());
        let now = Fingerprint::of("M").with("a", &"x");
        for request in [
            serde_json::json!({"method": "12", "a": "34"}),
            serde_json::json!({"encoding": VERSION + 1, "b": "56"}),
        ] {
            let result = Value::Null;
            assert!((Earlier { request, result }).check(&key, &now).is_ok());
        }
    }

    #[test]
    fn content_is_compared_where_both_are_known() {
        let key = IdempotencyKey("k".to_owned());
        let asked = Fingerprint::of("M");
        let with = |bytes: &[u8]| asked.clone().with_content(ContentHash::of(bytes));
        let earlier = Earlier {
            request: with(b"x").to_json(),
            result: Value::Null,
        };
        assert!(earlier.check(&key, &asked).is_ok());
        assert!(earlier.check(&key, &with(b"x")).is_ok());
        assert!(earlier.check(&key, &with(b"y")).is_err());
    }
}
