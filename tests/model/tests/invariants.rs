//! The promises, checked against descriptions in which one thing is wrong.

use cairn_model::invariants::{
    Artifact, ArtifactState, Object, ObjectState, Session, Snapshot, Stored, Violation, leaks,
    regressions, violations,
};

/// One artifact, its object, its bytes and its sealed session.
struct Deployment {
    artifact: ArtifactState,
    object: ObjectState,
    key: Option<&'static str>,
    stored: Vec<(&'static str, &'static str)>,
    manifest: Option<Vec<&'static str>>,
    members: Vec<&'static str>,
}

fn sound() -> Deployment {
    Deployment {
        artifact: ArtifactState::Live,
        object: ObjectState::Live,
        key: Some("key"),
        stored: vec![("key", "bytes")],
        manifest: Some(vec!["artifact"]),
        members: vec!["artifact"],
    }
}

impl Deployment {
    fn look(&self) -> Snapshot<&'static str> {
        let artifact = Artifact {
            id: "artifact",
            state: self.artifact,
            object: "object",
            content: "bytes",
        };
        let object = Object {
            id: "object",
            state: self.object,
            content: Some("bytes"),
            key: self.key,
        };
        let session = Session {
            id: "session",
            manifest: self.manifest.clone(),
            members: self.members.clone(),
        };
        let stored = |(key, content): &(_, _)| Stored {
            key: *key,
            content: *content,
        };
        Snapshot::new(
            vec![artifact],
            vec![object],
            self.stored.iter().map(stored).collect(),
            vec![session],
        )
    }
}

#[test]
fn nothing_is_wrong_with_what_is_sound() {
    let look = sound().look();
    assert_eq!(violations(&look), []);
    assert_eq!(leaks(&look), []);
    assert_eq!(regressions(&look, &look), []);
}

#[test]
fn bytes_in_the_row_need_no_key() {
    let inline = Deployment {
        key: None,
        stored: Vec::new(),
        ..sound()
    };
    assert_eq!(violations(&inline.look()), []);
}

#[test]
fn whatever_pins_an_object_needs_its_bytes() {
    use ArtifactState::{Deleted, Live, Unpublished};
    for artifact in [Unpublished, Live, Deleted] {
        let lost = Deployment {
            artifact,
            stored: Vec::new(),
            ..sound()
        };
        assert_eq!(
            violations(&lost.look()),
            [Violation::BytesMissing("artifact")]
        );
        let other = Deployment {
            artifact,
            stored: vec![("key", "others")],
            ..sound()
        };
        assert_eq!(
            violations(&other.look()),
            [Violation::BytesWrong("artifact")]
        );
        let condemned = Deployment {
            artifact,
            object: ObjectState::Condemned,
            ..sound()
        };
        assert_eq!(
            violations(&condemned.look()),
            [Violation::NotLive("artifact")]
        );
    }
}

#[test]
fn what_is_purged_needs_nothing() {
    let purged = Deployment {
        artifact: ArtifactState::Purged,
        object: ObjectState::Gone,
        stored: Vec::new(),
        ..sound()
    };
    assert_eq!(violations(&purged.look()), []);
    assert_eq!(leaks(&purged.look()), []);
}

#[test]
fn a_sealed_session_holds_its_manifest() {
    let changed = Deployment {
        members: vec!["artifact", "late"],
        ..sound()
    };
    assert_eq!(
        violations(&changed.look()),
        [Violation::SealBroken("session")]
    );
    let open = Deployment {
        manifest: None,
        ..changed
    };
    assert_eq!(violations(&open.look()), []);
}

#[test]
fn contents_have_one_live_object() {
    let object = |id, state| Object {
        id,
        state,
        content: Some("bytes"),
        key: None,
    };
    let look = |other| {
        let objects = vec![object("a", ObjectState::Live), object("b", other)];
        Snapshot::new(Vec::new(), objects, Vec::new(), Vec::new())
    };
    let twice = look(ObjectState::Live);
    assert_eq!(violations(&twice), [Violation::SeveralLive("bytes")]);
    assert_eq!(violations(&look(ObjectState::Condemned)), []);
}

#[test]
fn what_nothing_reaches_is_a_leak() {
    let forgotten = Deployment {
        stored: vec![("key", "bytes"), ("other", "bytes")],
        ..sound()
    };
    assert_eq!(leaks(&forgotten.look()), [Violation::KeyLeaked("other")]);
    let unpinned = Deployment {
        artifact: ArtifactState::Purged,
        ..sound()
    };
    assert_eq!(leaks(&unpinned.look()), [Violation::ObjectStuck("object")]);
    let condemned = Deployment {
        object: ObjectState::Condemned,
        ..unpinned
    };
    let both = [
        Violation::KeyLeaked("key"),
        Violation::ObjectStuck("object"),
    ];
    assert_eq!(leaks(&condemned.look()), both);
}

#[test]
fn nothing_goes_back() {
    let ended = Deployment {
        artifact: ArtifactState::Purged,
        object: ObjectState::Condemned,
        ..sound()
    };
    let reopened = Deployment {
        manifest: None,
        ..sound()
    };
    let expected = [
        Violation::CameBack("object"),
        Violation::Unpurged("artifact"),
        Violation::SealTakenBack("session"),
    ];
    assert_eq!(regressions(&ended.look(), &reopened.look()), expected);
    assert_eq!(regressions(&reopened.look(), &ended.look()), []);
}
