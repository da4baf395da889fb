//! The lists that are measured.

use std::time::{Duration, SystemTime};

use cairn_proto::v1::{ArtifactKind, ArtifactStage, ListArtifactsRequest};

/// A list with its filters.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) request: ListArtifactsRequest,
}

/// Every filter and order alone, with a value that most artifacts have and with a rare one, and in the usual pairs. Of
/// `count` artifacts as `fill` makes them.
pub(super) fn shapes(count: u32) -> Vec<Shape> {
    let middle = count / 2;
    // The clock of the database is this machine's; the youngest are some hours old.
    let half_past = SystemTime::now() - Duration::from_secs(12 * 3600 - u64::from(middle) / 1000);
    let mut shapes = Vec::new();
    let mut shape = |name, change: &dyn Fn(&mut ListArtifactsRequest)| {
        let mut request = ListArtifactsRequest {
            page_size: 50,
            ..Default::default()
        };
        change(&mut request);
        shapes.push(Shape { name, request });
    };
    let pair = |key: &str, value: &str| [(key.to_owned(), value.to_owned())];

    shape("all", &|_| {});
    shape("session, a large one", &|r| r.session_id = "big".into());
    shape("session, a small one", &|r| r.session_id = "run-5".into());
    shape("agent, of most", &|r| r.agent_id = "agent-0".into());
    shape("agent, of few", &|r| r.agent_id = "agent-rare".into());
    shape("agent, of few old ones", &|r| {
        r.agent_id = "agent-old".into()
    });
    shape("agent, of none", &|r| r.agent_id = "no-agent".into());
    shape("user, of most", &|r| r.user_id = "user-0".into());
    shape("user, of few", &|r| r.user_id = "user-8".into());
    shape("namespace, of few", &|r| r.namespace = "app-2".into());
    shape("filename, of half", &|r| r.filename = "report.md".into());
    shape("filename, of one", &|r| {
        r.filename = "notes/000000009.md".into()
    });
    shape("filename, of 5,000 versions", &|r| {
        r.filename = "versions.txt".into()
    });
    shape("prefix, of a third", &|r| r.filename_prefix = "out/".into());
    shape("prefix, of few", &|r| {
        r.filename_prefix = "notes/00000".into()
    });
    shape("prefix, of a third, by name", &|r| {
        r.filename_prefix = "out/".into();
        r.order_by = "filename".into();
    });
    shape("prefix, of few, by name", &|r| {
        r.filename_prefix = "notes/00000".into();
        r.order_by = "filename".into();
    });
    shape("by name", &|r| r.order_by = "filename".into());
    shape("session, by name", &|r| {
        r.session_id = "big".into();
        r.order_by = "filename".into();
    });
    shape("content type, of most", &|r| {
        r.content_type = "text/plain".into()
    });
    shape("content type, of few", &|r| {
        r.content_type = "image/png".into()
    });
    shape("content type, image/*", &|r| {
        r.content_type = "image/*".into()
    });
    shape("created before the middle", &|r| {
        r.created_before = Some(half_past.into())
    });
    shape("created after the middle", &|r| {
        r.created_after = Some(half_past.into())
    });
    shape("metadata, of most", &|r| {
        r.metadata = pair("team", "one").into()
    });
    shape("metadata, of few", &|r| {
        r.metadata = pair("team", "two").into()
    });
    shape("metadata, of few old ones", &|r| {
        r.metadata = pair("age", "old").into()
    });
    shape("metadata, of one", &|r| {
        r.metadata = pair("ticket", "T-77").into()
    });
    shape("metadata, of most and of one", &|r| {
        r.metadata = pair("team", "one").into();
        r.metadata.extend(pair("ticket", "T-77"));
    });
    shape("metadata key, of all", &|r| {
        r.metadata_keys = vec!["ticket".into()]
    });
    shape("metadata key, of few", &|r| {
        r.metadata_keys = vec!["age".into()]
    });
    shape("kind, of most", &|r| r.kind = ArtifactKind::Document.into());
    shape("kind, of few", &|r| r.kind = ArtifactKind::Plan.into());
    shape("stage, of most", &|r| r.stage = ArtifactStage::Draft.into());
    shape("stage, of few", &|r| r.stage = ArtifactStage::Final.into());
    shape("stage, of few old ones", &|r| {
        r.stage = ArtifactStage::Review.into()
    });
    shape("label, of half", &|r| r.labels = vec!["nightly".into()]);
    shape("label, of few", &|r| r.labels = vec!["urgent".into()]);
    shape("both labels", &|r| {
        r.labels = vec!["nightly".into(), "urgent".into()]
    });
    shape("at least so large, of few", &|r| {
        r.min_size_bytes = Some(1000)
    });
    shape("at most so large, of most", &|r| {
        r.max_size_bytes = Some(1000)
    });
    shape("latest only", &|r| r.latest_only = true);
    shape("latest only, of half's filename", &|r| {
        r.latest_only = true;
        r.filename = "report.md".into();
    });
    shape("latest only, of 5,000 versions", &|r| {
        r.latest_only = true;
        r.filename = "versions.txt".into();
    });
    shape("session, latest only", &|r| {
        r.session_id = "big".into();
        r.latest_only = true;
    });
    shape("session and user's own files", &|r| {
        r.session_id = "run-5".into();
        r.user_id = "user-0".into();
        r.include_user_scope = true;
    });
    shape("session and agent", &|r| {
        r.session_id = "big".into();
        r.agent_id = "agent-0".into();
    });
    shape("session and metadata, of few", &|r| {
        r.session_id = "run-5".into();
        r.metadata = pair("team", "two").into();
    });
    shape("session and prefix", &|r| {
        r.session_id = "big".into();
        r.filename_prefix = "out/".into();
    });
    shape("agent and metadata, of most", &|r| {
        r.agent_id = "agent-0".into();
        r.metadata = pair("team", "one").into();
    });
    shape("agent and metadata, of few", &|r| {
        r.agent_id = "agent-rare".into();
        r.metadata = pair("team", "two").into();
    });
    shape("user and kind, of few", &|r| {
        r.user_id = "user-0".into();
        r.kind = ArtifactKind::Plan.into();
    });
    shape("user and latest only", &|r| {
        r.user_id = "user-0".into();
        r.latest_only = true;
    });
    shape("stage = final AND labels:nightly", &|r| {
        r.filter = "stage = final AND labels:nightly".into();
    });
    shape("agent_id = agent-rare OR labels:urgent", &|r| {
        r.filter = "agent_id = \"agent-rare\" OR labels:urgent".into();
    });
    shape("all, and how many", &|r| r.count_total = true);
    shapes
}
