//! `tests/vectors/clients.json`: what clients in every language do alike.

use cairn_proto::v1::{ArtifactSpec, ManifestEntry, artifact_spec::Expiry};
use serde_json::Value;

use crate::{
    content::{PIECE, SMALL},
    keys,
    manifest::digest,
    resumable::RESUMABLE,
};

fn vectors() -> Value {
    let text = include_str!("../../../tests/vectors/clients.json");
    serde_json::from_str(text).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(text).collect()
}

fn number(value: &Value) -> i32 {
    let number = value.as_i64().unwrap_or_default();
    i32::try_from(number).expect("a small number")
}

fn expiry(spec: &Value) -> Option<Expiry> {
    if let Some(milliseconds) = spec["ttl_milliseconds"].as_i64() {
        return Some(Expiry::Ttl(prost_types::Duration {
            seconds: milliseconds / 1000,
            nanos: number(&Value::from(milliseconds % 1000 * 1_000_000)),
        }));
    }
    match (spec["never_expires"].as_bool(), spec["longest"].as_bool()) {
        (Some(never), _) => Some(Expiry::NeverExpires(never)),
        (_, Some(longest)) => Some(Expiry::Longest(longest)),
        _ => None,
    }
}

fn spec(spec: &Value) -> ArtifactSpec {
    let pairs = spec["metadata"].as_object().into_iter().flatten();
    ArtifactSpec {
        filename: text(&spec["filename"]),
        content_type: text(&spec["content_type"]),
        session_id: text(&spec["session_id"]),
        namespace: text(&spec["namespace"]),
        user_id: text(&spec["user_id"]),
        agent_id: text(&spec["agent_id"]),
        metadata: pairs
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
        content_hash: text(&spec["content_hash"]),
        size_bytes: spec["size_bytes"].as_i64(),
        title: text(&spec["title"]),
        kind: number(&spec["kind"]),
        language: text(&spec["language"]),
        change_summary: text(&spec["change_summary"]),
        stage: number(&spec["stage"]),
        labels: texts(&spec["labels"]),
        inputs: texts(&spec["inputs"]),
        if_version: spec["if_version"].as_i64(),
        on_duplicate: number(&spec["on_duplicate"]),
        idempotency_key: String::new(),
        unpublished: spec["unpublished"].as_bool().unwrap_or_default(),
        persistent: spec["persistent"].as_bool().unwrap_or_default(),
        expiry: expiry(spec),
    }
}

#[test]
fn the_same_write_has_the_same_key_in_every_language() {
    let vectors = &vectors()["keys"];
    for case in list(&vectors["uploads"]) {
        let gone = text(&case["gone"]);
        let gone = (!gone.is_empty()).then_some(gone.as_str());
        let key = keys::for_upload(&spec(&case["spec"]), gone);
        assert_eq!(key, text(&case["key"]), "{}", case["name"]);
    }
    for case in list(&vectors["after_upload"]) {
        let next = keys::after_upload(&text(&case["key"]), &text(&case["upload_id"]));
        assert_eq!(next, text(&case["next"]));
    }
    for case in list(&vectors["links"]) {
        let upload = text(&case["upload_key"]);
        let key = keys::for_link(Some(&upload), &text(&case["artifact_id"]));
        assert_eq!(key, text(&case["key"]));
    }
    for case in list(&vectors["commits"]) {
        let (session, ids) = (text(&case["session_id"]), texts(&case["artifact_ids"]));
        let key = keys::for_commit(&session, &ids, case["seal"] == true);
        assert_eq!(key, text(&case["key"]));
    }
    assert!(list(&vectors["uploads"]).len() > 10);
}

#[test]
fn the_same_manifest_has_the_same_digest_in_every_language() {
    for case in list(&vectors()["manifests"]) {
        let entries = list(&case["entries"]).iter().map(|entry| ManifestEntry {
            filename: text(&entry["filename"]),
            version: entry["version"].as_i64().unwrap_or_default(),
            artifact_id: text(&entry["artifact_id"]),
            size_bytes: entry["size_bytes"].as_i64().unwrap_or_default(),
            content_hash: text(&entry["content_hash"]),
        });
        assert_eq!(digest(&entries.collect::<Vec<_>>()), text(&case["digest"]));
    }
}

#[test]
fn content_of_a_size_is_sent_alike_in_every_language() {
    let vectors = &vectors()["transfers"];
    assert_eq!(vectors["piece_bytes"], PIECE);
    for case in list(&vectors["cases"]) {
        let size = case["size"].as_u64().unwrap_or_default();
        let (call, pieces) = if size <= SMALL {
            ("CreateArtifact", 1)
        } else if size <= RESUMABLE {
            ("UploadArtifact", size.div_ceil(PIECE))
        } else {
            ("WriteUpload", size.div_ceil(PIECE))
        };
        assert_eq!(
            (text(&case["call"]), &case["pieces"]),
            (call.to_owned(), &Value::from(pieces))
        );
    }
}
