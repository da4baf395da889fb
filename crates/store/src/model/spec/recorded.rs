//! Requests as this version of the encoding records them. A change that fails one of these tests would refuse callers'
//! retries during a rollout: raise `VERSION`, and record them again.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::model::{
    idempotency::Earlier,
    reference::ArtifactRef,
    spec::{ArtifactSpec, Expiry, OnDuplicate, RawSpec},
};

fn full() -> RawSpec {
    RawSpec {
        filename: "reports/a.md".to_owned(),
        content_type: "text/markdown".to_owned(),
        session_id: "run-1".to_owned(),
        namespace: "app".to_owned(),
        user_id: "ada".to_owned(),
        agent_id: "writer".to_owned(),
        metadata: [("b", "2"), ("a", "1")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .to_vec(),
        expiry: Expiry::After(Duration::from_secs(60)),
        title: "A".to_owned(),
        kind: "document".to_owned(),
        language: "en".to_owned(),
        change_summary: "first".to_owned(),
        stage: "review".to_owned(),
        labels: vec!["y".to_owned(), "x".to_owned()],
        inputs: vec!["art_0123456789abcdef".to_owned()],
        if_version: Some(0),
        on_duplicate: OnDuplicate::ReturnExisting,
        unpublished: true,
        ..RawSpec::default()
    }
}

fn check(now: &Fingerprint, request: Value) {
    assert_eq!(now.to_json(), request);
    let key = IdempotencyKey::optional("k".to_owned())
        .expect("a key")
        .expect("a key");
    let result = Value::Null;
    assert!((Earlier { request, result }).check(&key, now).is_ok());
}

#[test]
fn a_create_of_a_name_alone_records_nothing_else() {
    let filename = "a".to_owned();
    let spec = ArtifactSpec::new(RawSpec {
        filename,
        ..RawSpec::default()
    });
    let recorded = json!({
        "encoding": 1,
        "filename": "ac8d8342bbb2362d",
        "method": "b405f7edcd53599d",
    });
    check(&spec.expect("a spec").fingerprint(), recorded);
}

#[test]
fn a_create_with_every_field_is_recorded_as_before() {
    let spec = ArtifactSpec::new(full()).expect("a spec");
    let recorded = json!({
        "agent_id": "5541f52abe448088",
        "change_summary": "de5f2cbf4c10a0d1",
        "content_type": "f480c6e33c122f28",
        "encoding": 1,
        "expiry": "2a5a3a6a80d91fdf",
        "filename": "a662498fba7e7fbe",
        "if_version": "5feceb66ffc86f38",
        "inputs": "da29c93a663a654c",
        "kind": "64ac8e615520cd1a",
        "labels": "01f650e85c956201",
        "language": "50eac10e7966a04e",
        "metadata": "21f76dfbfe6dfe21",
        "method": "b405f7edcd53599d",
        "namespace": "4e5ef144c51cd252",
        "on_duplicate": "20d710dbe97a5a18",
        "session_id": "e4eec6448d10579e",
        "stage": "fe82cb229e29dfc8",
        "title": "798640599597df7a",
        "unpublished": "b5bea41b6c623f7c",
        "user_id": "982c2f9e71df3545",
    });
    check(&spec.fingerprint(), recorded);
}

#[test]
fn a_copy_with_every_field_is_recorded_as_before() {
    let source = ArtifactRef::new("art_0123456789abcdef", None).expect("an id");
    let recorded = json!({
        "agent_id": "5541f52abe448088",
        "change_summary": "de5f2cbf4c10a0d1",
        "content": "d92c578ffa39b3d9",
        "content_type": "f480c6e33c122f28",
        "encoding": 1,
        "expiry": "2a5a3a6a80d91fdf",
        "filename": "a662498fba7e7fbe",
        "if_version": "5feceb66ffc86f38",
        "inputs": "da29c93a663a654c",
        "kind": "64ac8e615520cd1a",
        "labels": "01f650e85c956201",
        "language": "50eac10e7966a04e",
        "metadata": "21f76dfbfe6dfe21",
        "method": "cc73ad627305c976",
        "namespace": "4e5ef144c51cd252",
        "on_duplicate": "20d710dbe97a5a18",
        "session_id": "e4eec6448d10579e",
        "source": "138e0e07153383ab",
        "stage": "fe82cb229e29dfc8",
        "title": "798640599597df7a",
        "unpublished": "b5bea41b6c623f7c",
        "user_id": "982c2f9e71df3545",
    });
    check(&full().fingerprint_of_copy(&source), recorded);
}
