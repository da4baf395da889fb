//! Idempotency keys: a write with a key takes effect once, however often it is sent.
//!
//! Keys that are derived from a request are the same for the same request, so that a program that is started again repeats
//! its writes without an effect.

use cairn_proto::v1::ArtifactSpec;
use prost::{
    Message,
    encoding::{DecodeContext, decode_key, skip_field},
};
use rand::distr::{Alphanumeric, SampleString};
use sha2::{Digest, Sha256};

/// The key of an upload, which differs for every other spec. `gone` is the artifact that the key before it led to, when that
/// one has expired or was deleted.
#[must_use]
pub fn for_upload(spec: &ArtifactSpec, gone: Option<&str>) -> String {
    of_spec("push", spec, gone.unwrap_or_default().as_bytes())
}

/// The key of the upload of a file in this state, which is [`crate::Stamp::to_bytes`].
#[must_use]
pub fn for_file_state(spec: &ArtifactSpec, state: &[u8]) -> String {
    of_spec("state", spec, state)
}

fn of_spec(what: &str, spec: &ArtifactSpec, more: &[u8]) -> String {
    let mut spec = spec.clone();
    spec.idempotency_key = String::new();
    // A map has no order on the wire; everything else has one, also what the contract may still get: that of the field
    // numbers, in every language.
    let mut metadata: Vec<_> = std::mem::take(&mut spec.metadata).into_iter().collect();
    metadata.sort();
    let mut parts = vec![in_order(&spec.encode_to_vec()), more.to_vec()];
    parts.extend(metadata.into_iter().flat_map(|(k, v)| [k.into(), v.into()]));
    hashed(what, &parts)
}

/// An encoded message with its fields in the order of their numbers. prost writes a oneof at the place of its first field.
fn in_order(message: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let field = rest;
        let skipped = decode_key(&mut rest).and_then(|(tag, wire)| {
            skip_field(wire, tag, &mut rest, DecodeContext::default()).map(|()| tag)
        });
        // What prost wrote, prost can read.
        let Ok(tag) = skipped else {
            return message.to_vec();
        };
        fields.push((tag, &field[..field.len() - rest.len()]));
    }
    fields.sort_by_key(|(tag, _)| *tag);
    fields
        .into_iter()
        .flat_map(|(_, field)| field)
        .copied()
        .collect()
}

/// The key of the upload that follows one which has ended without an artifact.
#[must_use]
pub fn after_upload(key: &str, upload_id: &str) -> String {
    hashed(
        "again",
        &[key, upload_id].map(|part| part.as_bytes().to_vec()),
    )
}

/// The key of the link that an upload makes to its artifact.
#[must_use]
pub fn for_link(upload_key: Option<&str>, artifact_id: &str) -> String {
    let parts = [upload_key.unwrap_or_default(), artifact_id];
    hashed("link", &parts.map(|part| part.as_bytes().to_vec()))
}

/// The key of the commit of a session with these artifacts, which the caller has sorted.
#[must_use]
pub fn for_commit(session_id: &str, artifact_ids: &[String], seal: bool) -> String {
    let ids = artifact_ids.iter().map(|id| id.as_bytes().to_vec());
    let parts = [session_id.as_bytes().to_vec(), vec![u8::from(seal)]];
    hashed("commit", &parts.into_iter().chain(ids).collect::<Vec<_>>())
}

/// A random key, which no other call has.
#[must_use]
pub fn fresh() -> String {
    format!("cairn-{}", Alphanumeric.sample_string(&mut rand::rng(), 32))
}

fn hashed(what: &str, parts: &[Vec<u8>]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // The lengths keep apart what would be the same in a row.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    format!("cairn-{what}-{}", hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cairn_proto::v1::{ArtifactSpec, artifact_spec::Expiry};

    use super::{for_commit, for_file_state, for_link, for_upload};

    fn pairs(pairs: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
        let pairs = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        pairs.collect()
    }

    fn spec() -> ArtifactSpec {
        let names: Vec<_> = (0..20).map(|n| n.to_string()).collect();
        let many: Vec<_> = names.iter().map(|n| (n.as_str(), "x")).collect();
        ArtifactSpec {
            filename: "a.txt".into(),
            content_hash: "sha256:00".into(),
            metadata: pairs(&many),
            ..ArtifactSpec::default()
        }
    }

    #[test]
    fn the_order_of_metadata_does_not_change_the_key() {
        let keys: HashSet<_> = (0..20).map(|_| for_upload(&spec(), None)).collect();
        assert_eq!(keys.len(), 1);
        let keyed = ArtifactSpec {
            idempotency_key: "k".into(),
            ..spec()
        };
        assert_eq!(for_upload(&keyed, None), for_upload(&spec(), None));
    }

    #[test]
    fn an_upload_that_differs_in_any_field_has_another_key() {
        type Change = fn(&mut ArtifactSpec);
        let changes: [Change; 22] = [
            |_| {},
            |s| s.filename = "b.txt".into(),
            |s| s.content_type = "x".into(),
            |s| s.session_id = "x".into(),
            |s| s.namespace = "x".into(),
            |s| s.user_id = "x".into(),
            |s| s.agent_id = "x".into(),
            |s| s.metadata = pairs(&[("a", "b")]),
            |s| s.metadata = pairs(&[("ab", "")]),
            |s| s.metadata.clear(),
            |s| s.expiry = Some(Expiry::NeverExpires(true)),
            |s| s.expiry = Some(Expiry::Ttl(prost_types::Duration::default())),
            |s| s.content_hash = "sha256:01".into(),
            |s| s.title = "x".into(),
            |s| s.kind = 1,
            |s| s.language = "x".into(),
            |s| s.change_summary = "x".into(),
            |s| s.stage = 1,
            |s| s.labels = vec!["x".into()],
            |s| s.inputs = vec!["x".into()],
            |s| s.if_version = Some(0),
            |s| s.unpublished = true,
        ];
        let key = |change: &Change| {
            let mut spec = spec();
            change(&mut spec);
            for_upload(&spec, None)
        };
        let mut keys: HashSet<_> = changes.iter().map(key).collect();
        assert_eq!(keys.len(), changes.len());
        keys.insert(for_upload(&spec(), Some("art_1")));
        keys.insert(for_file_state(&spec(), b"art_1"));
        keys.insert(for_file_state(&spec(), b"art_2"));
        keys.insert(for_link(None, "art_1"));
        keys.insert(for_link(Some("k"), "art_1"));
        let ids = ["art_1", "art_2"].map(str::to_owned);
        for (session, ids, seal) in [
            ("s", &ids[..], false),
            ("s", &ids, true),
            ("s", &ids[1..], false),
            ("t", &ids, false),
        ] {
            keys.insert(for_commit(session, ids, seal));
        }
        assert_eq!(keys.len(), changes.len() + 9);
        assert!(keys.iter().all(|key| key.len() <= 256));
    }
}
