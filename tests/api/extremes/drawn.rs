//! Random values at the extremes of what is accepted.

use std::collections::HashMap;

use cairn_proto::v1::{
    ArtifactKind, ArtifactSpec, ArtifactStage, OnDuplicate, artifact_spec, update_artifact_request,
};
use proptest::{prelude::*, sample::select};
use prost_types::Duration;

use super::{LONGEST, ttl};

/// The maximum length of each, in bytes.
const IDENTIFIER: usize = 255;
const SEGMENT: usize = 255;
const FILENAME: usize = 1024;
const KEY_OF_PAIR: usize = 128;

/// Texts for people, which may have anything but NUL.
const OF_WORDS: [&str; 12] = [
    "a",
    "é",
    "語",
    "😀",
    "\u{1}",
    "\n",
    "\u{202e}",
    "\u{10ffff}",
    "\\",
    "'\"",
    "%_",
    "\u{feff}",
];
/// Identifiers, filenames and idempotency keys, which have no control characters.
const OF_NAMES: [&str; 10] = [
    "a",
    "é",
    "語",
    "😀",
    "\u{202e}",
    "\u{10ffff}",
    "'",
    "\"",
    "%_",
    "*?",
];

/// Everything that one case writes.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) spec: ArtifactSpec,
    /// The number of its artifacts.
    pub(super) inputs: usize,
    pub(super) content: usize,
    pub(super) way: Way,
    pub(super) link: Duration,
    pub(super) session: (String, Vec<String>),
    pub(super) update: Update,
}

/// How an artifact is created.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Create,
    Batch,
    Upload,
    /// By a resumable upload, whose end has the pairs, the labels and the stage.
    Resumable,
    Copy,
    /// Unpublished, then with its session.
    Commit,
}

/// The update of an artifact.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) title: String,
    pub(super) metadata: HashMap<String, String>,
    pub(super) labels: Vec<String>,
    pub(super) stages: [ArtifactStage; 2],
    pub(super) agent_id: String,
    pub(super) expiry: update_artifact_request::Expiry,
    pub(super) persistent: bool,
}

/// The unit repeatedly, then the missing bytes.
fn filled(unit: &str, bytes: usize) -> String {
    let mut text = unit.repeat(bytes / unit.len());
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

fn text(units: &'static [&'static str], longest: usize) -> impl Strategy<Value = String> {
    let lengths = select(vec![1, longest - 1, longest]);
    (select(units), lengths).prop_map(|(unit, length)| filled(unit, length.max(unit.len())))
}

fn perhaps(some: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 3 => some]
}

fn identifier() -> impl Strategy<Value = String> {
    text(&OF_NAMES, IDENTIFIER)
}

fn words(longest: usize) -> impl Strategy<Value = String> {
    perhaps(text(&OF_WORDS, longest))
}

fn filename() -> impl Strategy<Value = String> {
    let long = select(&OF_NAMES[..]).prop_map(|unit| {
        let segment = filled(unit, SEGMENT);
        let most = [segment.as_str(); 3].join("/");
        let left = FILENAME - most.len() - 3;
        format!("{most}/{}/x", filled(unit, left))
    });
    let deep = Just(filled("a/", FILENAME - 1) + "a");
    prop_oneof![3 => text(&OF_NAMES, SEGMENT), 2 => long, 1 => deep]
}

fn key() -> impl Strategy<Value = String> {
    text(&OF_NAMES, 256)
}

fn labels() -> impl Strategy<Value = Vec<String>> {
    let count = select(&[0, 1, 16][..]);
    (count, identifier()).prop_map(|(count, label)| {
        let numbered = |i| filled(&label, IDENTIFIER - 2) + &format!("{i:02}");
        (0..count).map(numbered).collect()
    })
}

/// At most 64 pairs with 8 KiB in all, with values of at most a KiB.
fn metadata() -> impl Strategy<Value = HashMap<String, String>> {
    let shape = select(&[(0, 0), (1, 0), (1, 1024), (7, 1024), (32, 128), (64, 0)][..]);
    (shape, select(&OF_WORDS[..])).prop_map(|((count, length), unit)| {
        let key = |i| filled("_k.:/-", KEY_OF_PAIR - 2) + &format!("{i:02}");
        let pair = |i| (key(i), filled(unit, length));
        (0..count).map(pair).collect()
    })
}

fn content_type() -> impl Strategy<Value = String> {
    let longest = format!("text/{}", "x".repeat(250));
    let quoted = "text/plain; charset=\"a b,c\"".to_owned();
    select(vec![String::new(), "a/b".to_owned(), longest, quoted])
}

fn stage() -> impl Strategy<Value = ArtifactStage> {
    select(vec![
        ArtifactStage::Draft,
        ArtifactStage::Review,
        ArtifactStage::Final,
    ])
}

fn expiry() -> impl Strategy<Value = Option<artifact_spec::Expiry>> {
    use artifact_spec::Expiry::{Longest, NeverExpires, Ttl};
    // Not the shortest, which would expire before it is read.
    let hour = Ttl(ttl(3600));
    select(vec![
        None,
        Some(hour),
        Some(Ttl(ttl(LONGEST))),
        Some(NeverExpires(true)),
        Some(Longest(true)),
    ])
}

fn changed_expiry() -> impl Strategy<Value = update_artifact_request::Expiry> {
    use update_artifact_request::Expiry::{Longest, NeverExpires, Ttl};
    select(vec![
        Ttl(ttl(3600)),
        Ttl(ttl(LONGEST)),
        NeverExpires(true),
        Longest(true),
    ])
}

prop_compose! {
    fn scope()(
        filename in filename(),
        session_id in perhaps(identifier()),
        namespace in perhaps(identifier()),
        user_id in perhaps(identifier()),
        agent_id in perhaps(identifier()),
    ) -> ArtifactSpec {
        ArtifactSpec { filename, session_id, namespace, user_id, agent_id, ..ArtifactSpec::default() }
    }
}

prop_compose! {
    fn record()(
        content_type in content_type(),
        metadata in metadata(),
        title in words(255),
        kind in 0..=ArtifactKind::Other as i32,
        language in words(64),
        change_summary in words(1024),
        stage in 0..=ArtifactStage::Final as i32,
        labels in labels(),
        persistent in any::<bool>(),
    ) -> ArtifactSpec {
        ArtifactSpec {
            content_type, metadata, title, kind, language, change_summary, stage, labels, persistent,
            ..ArtifactSpec::default()
        }
    }
}

prop_compose! {
    fn specs()(
        scope in scope(),
        record in record(),
        expiry in expiry(),
        if_version in select(vec![None, Some(0)]),
        on_duplicate in 0..=OnDuplicate::ReturnExisting as i32,
        idempotency_key in key(),
    ) -> ArtifactSpec {
        ArtifactSpec {
            filename: scope.filename,
            session_id: scope.session_id,
            namespace: scope.namespace,
            user_id: scope.user_id,
            agent_id: scope.agent_id,
            expiry,
            if_version,
            on_duplicate,
            idempotency_key,
            ..record
        }
    }
}

prop_compose! {
    fn updates()(
        title in words(255),
        metadata in metadata(),
        labels in labels(),
        stages in [stage(), stage()],
        agent_id in perhaps(identifier()),
        expiry in changed_expiry(),
        persistent in any::<bool>(),
    ) -> Update {
        Update { title, metadata, labels, stages, agent_id, expiry, persistent }
    }
}

prop_compose! {
    pub(super) fn cases()(
        spec in specs(),
        inputs in prop_oneof![8 => 0..=2_usize, 1 => Just(64)],
        content in select(vec![0, 1, 100_000]),
        way in select(vec![Way::Create, Way::Batch, Way::Upload, Way::Resumable, Way::Copy, Way::Commit]),
        link in select(vec![ttl(60), ttl(365 * 86_400)]),
        session in (words(255), labels()),
        update in updates(),
    ) -> Case {
        Case { spec, inputs, content, way, link, session, update }
    }
}
