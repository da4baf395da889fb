//! What is stored is returned unchanged, and invalid artifacts are refused with every reason.

use std::collections::HashMap;

use cairn_proto::v1::{
    Artifact, ArtifactKind, ArtifactSpec, ArtifactStage, ArtifactState, artifact_spec::Expiry,
};
use prost_types::Duration;
use tonic::Code;

use harness::{Bytes, Cairn, Setup, content, refused, session_spec, spec};

harness::on_s3_and_files!(
    every_size_comes_back,
    any_range_is_those_bytes,
    bytes_that_have_changed_are_never_passed_off,
);

/// Sizes around every limit: a row, a part, several parts.
const SIZES: [usize; 8] = [
    0,
    1,
    32 << 10,
    (32 << 10) + 1,
    (8 << 20) - 1,
    8 << 20,
    (8 << 20) + 1,
    (24 << 20) + 7,
];

async fn every_size_comes_back(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    for size in SIZES {
        let content = content(size);
        let sent = cairn.client.upload(spec("data.bin"), content.clone()).await;
        let artifact = sent.unwrap();
        assert_eq!(artifact.size_bytes, size as i64);
        let back = cairn.client.download(&artifact.artifact_id).await.unwrap();
        assert!(back == content, "{size} bytes");
    }
}

async fn any_range_is_those_bytes(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    for size in [100, 100_000, 9 << 20] {
        let whole = content(size);
        let artifact = cairn.client.upload(spec("a"), whole.clone()).await.unwrap();
        let id = &artifact.artifact_id;
        let last = size as i64 - 1;
        for (offset, limit) in [(0, 1), (1, 50), (last, 0), (last, 9), (0, last), (7, 0)] {
            let part = cairn
                .client
                .download_range(id, offset, limit)
                .await
                .unwrap();
            let (from, length) = (
                offset as usize,
                if limit == 0 { size } else { limit as usize },
            );
            assert!(
                part == whole[from..size.min(from + length)],
                "{offset} {limit} of {size}"
            );
        }
        for offset in [size as i64, i64::MAX] {
            assert!(
                cairn
                    .client
                    .download_range(id, offset, 0)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        let refusal = refused(cairn.client.download_range(id, -1, -1).await);
        assert_eq!(refusal.fields, ["limit", "offset"]);
    }
}

#[tokio::test]
async fn the_record_is_what_was_said_and_what_was_stored() {
    let cairn = Cairn::start().await;
    let given = ArtifactSpec {
        filename: "plots/loss \u{202e}été.png".into(),
        content_type: "image/png".into(),
        session_id: "run-1".into(),
        namespace: "app".into(),
        user_id: "u@1".into(),
        agent_id: "writer".into(),
        metadata: HashMap::from([("step".into(), "12".into()), ("note".into(), "…".into())]),
        expiry: Some(Expiry::Ttl(Duration {
            seconds: 3600,
            nanos: 0,
        })),
        content_hash: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
            .into(),
        size_bytes: Some(5),
        ..ArtifactSpec::default()
    };
    let made = cairn.client.create(given.clone(), "hello").await.unwrap();
    assert!(made.artifact_id.starts_with("art_") && made.artifact_id.len() == 20);
    assert_eq!(made.content_hash, given.content_hash);
    let life = made.expires_at.unwrap().seconds - made.created_at.unwrap().seconds;
    assert_eq!(life, 3600);
    let expected = Artifact {
        artifact_id: made.artifact_id.clone(),
        filename: given.filename,
        version: 1,
        content_type: given.content_type,
        size_bytes: 5,
        content_hash: given.content_hash,
        session_id: given.session_id,
        namespace: given.namespace,
        user_id: given.user_id,
        agent_id: given.agent_id,
        metadata: given.metadata,
        expires_at: made.expires_at,
        created_at: made.created_at,
        updated_at: made.created_at,
        kind: ArtifactKind::Other.into(),
        stage: ArtifactStage::Draft.into(),
        state: ArtifactState::Visible.into(),
        etag: made.etag.clone(),
        ..Artifact::default()
    };
    assert_eq!(made, expected);
    assert_eq!(cairn.client.get(&made.artifact_id).await.unwrap(), expected);
}

#[tokio::test]
async fn artifact_expires_in_thirty_days_by_default() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "").await.unwrap();
    let life = made.expires_at.unwrap().seconds - made.created_at.unwrap().seconds;
    assert_eq!(life, 30 * 24 * 3600);
    let never = ArtifactSpec {
        expiry: Some(Expiry::NeverExpires(true)),
        ..spec("a")
    };
    assert_eq!(
        cairn.client.create(never, "").await.unwrap().expires_at,
        None
    );
}

#[tokio::test]
async fn a_tenant_may_be_held_to_a_time() {
    let cairn = Cairn::start().await;
    let limits = cairn_store::TenantUpdate {
        default_ttl: Some(Some(std::time::Duration::from_secs(1))),
        max_ttl: Some(Some(std::time::Duration::from_secs(60))),
        never_expires_allowed: Some(false),
        ..Default::default()
    };
    assert!(cairn.store.update_tenant("acme", limits).await.unwrap());
    let with = |expiry| ArtifactSpec {
        expiry: Some(expiry),
        ..spec("a")
    };
    let minute = Expiry::Ttl(Duration {
        seconds: 60,
        nanos: 0,
    });
    cairn.client.create(with(minute), "").await.unwrap();
    let longer = Expiry::Ttl(Duration {
        seconds: 61,
        nanos: 0,
    });
    let refusal = refused(cairn.client.create(with(longer), "").await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::InvalidArgument, "TTL_EXCEEDS_LIMIT")
    );
    assert_eq!(refusal.metadata["max_ttl_seconds"], "60");
    let never = Expiry::NeverExpires(true);
    assert_eq!(
        refused(cairn.client.create(with(never), "").await).reason,
        "TTL_EXCEEDS_LIMIT"
    );
}

#[tokio::test]
async fn the_content_type_is_given_or_guessed_from_bytes_and_name() {
    let cairn = Cairn::start().await;
    let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let given = ArtifactSpec {
        content_type: "text/x-own".into(),
        ..spec("a.json")
    };
    let large = [png, &content(9 << 20)].concat();
    for (spec, bytes, expected) in [
        (given, png.to_vec(), "text/x-own"),
        (spec("a.json"), png.to_vec(), "image/png"),
        (spec("a.json"), b"{}".to_vec(), "application/json"),
        (spec("large"), large, "image/png"),
        (
            spec("large.txt"),
            content(9 << 20),
            "application/octet-stream",
        ),
        (spec("main.ts"), b"let a;".to_vec(), "text/plain"),
        (spec("large.ts"), b"let a;\n".repeat(2 << 20), "text/plain"),
        (spec("Dockerfile"), b"FROM a".to_vec(), "text/plain"),
        (spec("b.bin"), b"\0".to_vec(), "application/octet-stream"),
    ] {
        let made = cairn.client.upload(spec, bytes).await.unwrap();
        assert_eq!(made.content_type, expected);
    }
}

#[tokio::test]
async fn each_push_of_a_name_is_the_next_version_in_its_own_scope() {
    let cairn = Cairn::start().await;
    let user = |session: &str, user: &str| ArtifactSpec {
        user_id: user.into(),
        ..session_spec("a.txt", session)
    };
    for (spec, version) in [
        (user("s1", ""), 1),
        (user("s1", ""), 2),
        (user("s2", ""), 1),
        (user("s1", "ann"), 1),
        (user("", "ann"), 1),
        (user("s1", ""), 3),
    ] {
        let made = cairn.client.create(spec, "same").await.unwrap();
        assert_eq!(made.version, version);
    }
}

#[tokio::test]
async fn every_field_at_fault_is_named_at_once() {
    let cairn = Cairn::start().await;
    let bad = ArtifactSpec {
        filename: "../up".into(),
        content_type: "nonsense".into(),
        session_id: "s".repeat(256),
        namespace: "\0".into(),
        user_id: "\n".into(),
        agent_id: "\u{85}".into(),
        metadata: HashMap::from([("9".into(), "v".into()), ("k".into(), "v".repeat(1025))]),
        expiry: Some(Expiry::Ttl(Duration {
            seconds: -1,
            nanos: 0,
        })),
        content_hash: "md5:x".into(),
        size_bytes: Some(-1),
        ..ArtifactSpec::default()
    };
    for result in [
        cairn.client.create(bad.clone(), "x").await,
        cairn.client.upload(bad, "x").await,
    ] {
        let refusal = refused(result);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::InvalidArgument, "INVALID_ARGUMENT")
        );
        assert_eq!(
            refusal.fields,
            [
                "spec.agent_id",
                "spec.content_hash",
                "spec.content_type",
                "spec.filename",
                "spec.metadata[\"9\"]",
                "spec.metadata[\"k\"]",
                "spec.namespace",
                "spec.session_id",
                "spec.size_bytes",
                "spec.ttl",
                "spec.user_id"
            ]
        );
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    assert_eq!(cairn.count("SELECT count(*) FROM sessions").await, 0);
}

/// A filename that leads outside of a folder is refused, and any other is stored unchanged.
#[tokio::test]
async fn filename_outside_its_folder_is_refused() {
    let cairn = Cairn::start().await;
    let long = "x".repeat(300);
    for bad in [
        "", "/etc/x", "../x", "a/../b", "a//b", "a\\b", "a\0b", "a\nb", ".", &long,
    ] {
        let refusal = refused(cairn.client.create(spec(bad), "").await);
        assert_eq!(refusal.fields, ["spec.filename"], "{bad:?}");
    }
    for good in [
        "a\u{202e}gpj.exe",
        "\u{200f}שלום.txt",
        "..a",
        "a b%00",
        "CON",
        "-rf",
    ] {
        let made = cairn.client.create(spec(good), "").await.unwrap();
        assert_eq!(
            cairn.client.get(&made.artifact_id).await.unwrap().filename,
            good
        );
    }
}

#[tokio::test]
async fn metadata_has_bounds_of_number_and_size() {
    let cairn = Cairn::start().await;
    let with = |pairs: usize, bytes: usize| ArtifactSpec {
        metadata: (0..pairs)
            .map(|i| (format!("k{i:02}"), "v".repeat(bytes)))
            .collect(),
        ..spec("a")
    };
    cairn.client.create(with(64, 100), "").await.unwrap();
    for bad in [with(65, 1), with(9, 1000)] {
        assert_eq!(
            refused(cairn.client.create(bad, "").await).fields,
            ["spec.metadata"]
        );
    }
}

#[tokio::test]
async fn content_other_than_declared_is_refused_and_leaves_nothing() {
    let cairn = Cairn::start().await;
    let other_hash = format!("sha256:{}", "0".repeat(64));
    for size in [10, 100_000, 9 << 20] {
        let hash = ArtifactSpec {
            content_hash: other_hash.clone(),
            ..session_spec("a", "s")
        };
        let refusal = refused(cairn.client.upload(hash, content(size)).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::InvalidArgument, "CONTENT_MISMATCH")
        );
        assert_eq!(refusal.metadata["field"], "content_hash");
        assert_eq!(refusal.metadata["declared"], other_hash);
        for declared in [size as i64 - 1, size as i64 + 1] {
            let length = ArtifactSpec {
                size_bytes: Some(declared),
                ..session_spec("a", "s")
            };
            let refusal = refused(cairn.client.upload(length, content(size)).await);
            assert_eq!(
                refusal.metadata["field"], "size_bytes",
                "{declared} for {size}"
            );
        }
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    assert_eq!(cairn.count("SELECT count(*) FROM sessions").await, 0);
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

/// A missing artifact and one of another tenant get the same response.
#[tokio::test]
async fn missing_and_foreign_artifacts_look_the_same() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "secret").await.unwrap();
    let stranger = cairn.client_of("stranger").await;
    for (client, id) in [
        (&cairn.client, "art_0000000000000000"),
        (&cairn.client, "nonsense\n"),
        (&stranger, &*made.artifact_id),
    ] {
        let answers = [
            refused(client.get(id).await.map(drop)),
            refused(client.download(id).await.map(drop)),
            refused(client.delete(id).await),
            refused(client.link(id).await.map(drop)),
        ];
        for refusal in answers {
            assert_eq!(
                (refusal.code, &*refusal.reason),
                (Code::NotFound, "ARTIFACT_NOT_FOUND")
            );
            assert_eq!(refusal.metadata["artifact_id"], id);
            assert_eq!(refusal.message, format!("artifact '{}' does not exist", id));
        }
    }
}

#[tokio::test]
async fn a_deleted_artifact_is_gone_at_once_and_says_so() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let id = &made.artifact_id;
    cairn.client.delete(id).await.unwrap();
    for refusal in [
        refused(cairn.client.get(id).await.map(drop)),
        refused(cairn.client.download(id).await.map(drop)),
        refused(cairn.client.delete(id).await),
        refused(cairn.client.link(id).await.map(drop)),
    ] {
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "ARTIFACT_DELETED")
        );
    }
}

#[tokio::test]
async fn an_expired_artifact_is_gone_before_any_collector_ran() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let id = &made.artifact_id;
    cairn.sql("UPDATE artifacts SET expires_at = now()").await;
    for refusal in [
        refused(cairn.client.get(id).await.map(drop)),
        refused(cairn.client.download(id).await.map(drop)),
        refused(cairn.client.delete(id).await),
        refused(cairn.client.link(id).await.map(drop)),
    ] {
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "ARTIFACT_EXPIRED")
        );
    }
}

async fn bytes_that_have_changed_are_never_passed_off(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let good = content(1 << 20);
    let made = cairn.client.upload(spec("a"), good.clone()).await.unwrap();
    let mut changed = good.clone();
    changed[77] ^= 1;
    for bad in [changed, good[1..].to_vec(), vec![]] {
        cairn.corrupt(&bad).await;
        let refusal = refused(cairn.client.download(&made.artifact_id).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::DataLoss, "DATA_CORRUPTED")
        );
    }
}
