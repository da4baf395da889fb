//! What the server answers, as JSON has it (the names of the HTTP API) and as a person reads it.

use std::collections::BTreeMap;

use cairn_proto::v1;
use indicatif::HumanBytes;
use serde::Serialize;

use crate::{
    output,
    record::{kind_name, stage_name, state_name},
    time::{age, rfc3339},
};

/// An artifact's record.
#[derive(Debug, Serialize)]
pub(crate) struct Artifact {
    pub(crate) artifact_id: String,
    pub(crate) filename: String,
    pub(crate) version: i64,
    pub(crate) content_type: String,
    pub(crate) size_bytes: i64,
    pub(crate) content_hash: String,
    pub(crate) session_id: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) agent_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) change_summary: Option<String>,
    pub(crate) stage: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) inputs: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) expires_at: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) updated_at: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) legal_hold: bool,
    pub(crate) persistent: bool,
    #[serde(skip)]
    age: String,
}

impl From<v1::Artifact> for Artifact {
    fn from(artifact: v1::Artifact) -> Self {
        Self {
            artifact_id: artifact.artifact_id,
            filename: artifact.filename,
            version: artifact.version,
            content_type: artifact.content_type,
            size_bytes: artifact.size_bytes,
            content_hash: artifact.content_hash,
            session_id: present(artifact.session_id),
            namespace: present(artifact.namespace),
            user_id: present(artifact.user_id),
            agent_id: present(artifact.agent_id),
            title: present(artifact.title),
            kind: kind_name(artifact.kind),
            language: present(artifact.language),
            change_summary: present(artifact.change_summary),
            stage: stage_name(artifact.stage),
            labels: artifact.labels,
            inputs: artifact.inputs,
            metadata: artifact.metadata.into_iter().collect(),
            updated_at: rfc3339(artifact.updated_at),
            etag: present(artifact.etag),
            state: state_name(artifact.state),
            legal_hold: artifact.legal_hold,
            persistent: artifact.persistent,
            expires_at: rfc3339(artifact.expires_at),
            age: age(artifact.created_at),
            created_at: rfc3339(artifact.created_at),
        }
    }
}

impl Artifact {
    /// Every field that is set on its line; of those that have a value from the start, what is not that.
    pub(crate) fn fields(&self) -> String {
        let other_than = |usual: Option<&str>, value: &Option<String>| {
            value.clone().filter(|value| usual != Some(value.as_str()))
        };
        let mut fields = vec![
            ("id", Some(self.artifact_id.clone())),
            ("filename", Some(self.filename.clone())),
            ("title", self.title.clone()),
            ("version", Some(self.version.to_string())),
            ("change", self.change_summary.clone()),
            ("state", other_than(Some("visible"), &self.state)),
            ("stage", self.stage.clone()),
            ("kind", other_than(Some("other"), &self.kind)),
            ("language", self.language.clone()),
            ("type", Some(self.content_type.clone())),
            (
                "size",
                Some(format!("{} ({} bytes)", self.size(), self.size_bytes)),
            ),
            ("hash", Some(self.content_hash.clone())),
            ("session", self.session_id.clone()),
            ("namespace", self.namespace.clone()),
            ("user", self.user_id.clone()),
            ("agent", self.agent_id.clone()),
            ("created", self.created_at.clone()),
            (
                "updated",
                other_than(self.created_at.as_deref(), &self.updated_at),
            ),
            (
                "expires",
                self.expires_at.clone().or(Some("never".to_owned())),
            ),
            ("legal hold", held(self.legal_hold)),
            ("persistent", self.persistent.then(|| "yes".to_owned())),
        ];
        fields.extend(several("label", &self.labels));
        fields.extend(several("input", &self.inputs));
        let metadata = self.metadata.iter().map(|(k, v)| format!("{k}={v}"));
        fields.extend(metadata.map(|pair| ("meta", Some(pair))));
        output::fields(&fields)
    }

    pub(crate) fn size(&self) -> String {
        size(self.size_bytes)
    }

    /// Whether it waits to be published.
    pub(crate) fn is_unpublished(&self) -> bool {
        self.state.as_deref() == Some("unpublished")
    }

    /// "v1", "v2" …; what is unpublished has none yet.
    pub(crate) fn version(&self) -> String {
        match self.version {
            0 => "-".to_owned(),
            version => format!("v{version}"),
        }
    }
}

/// Artifacts, one to a line.
pub(crate) fn artifact_table(artifacts: &[Artifact]) -> String {
    let mut rows = vec![header([
        "ID", "VERSION", "SIZE", "SESSION", "AGENT", "AGE", "FILENAME",
    ])];
    rows.extend(artifacts.iter().map(|artifact| {
        vec![
            artifact.artifact_id.clone(),
            artifact.version(),
            artifact.size(),
            or_dash(artifact.session_id.clone()),
            or_dash(artifact.agent_id.clone()),
            artifact.age.clone(),
            artifact.filename.clone(),
        ]
    }));
    output::table(&rows)
}

/// A public URL of one artifact.
#[derive(Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) link_id: String,
    pub(crate) url: String,
    pub(crate) artifact_id: String,
    pub(crate) expires_at: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) revoked_at: Option<String>,
}

impl From<v1::Link> for Link {
    fn from(link: v1::Link) -> Self {
        Self {
            link_id: link.link_id,
            url: link.url,
            artifact_id: link.artifact_id,
            expires_at: rfc3339(link.expires_at),
            created_at: rfc3339(link.created_at),
            revoked_at: rfc3339(link.revoked_at),
        }
    }
}

impl Link {
    /// Every field on its line.
    pub(crate) fn fields(&self) -> String {
        output::fields(&[
            ("url", Some(self.url.clone())),
            ("id", Some(self.link_id.clone())),
            ("artifact", Some(self.artifact_id.clone())),
            ("created", self.created_at.clone()),
            ("expires", self.expires_at.clone()),
            ("revoked", self.revoked_at.clone()),
        ])
    }
}

/// Links, one to a line.
pub(crate) fn link_table(links: &[Link]) -> String {
    let mut rows = vec![header(["ID", "ARTIFACT", "EXPIRES", "REVOKED", "URL"])];
    rows.extend(links.iter().map(|link| {
        vec![
            link.link_id.clone(),
            link.artifact_id.clone(),
            or_dash(link.expires_at.clone()),
            or_dash(link.revoked_at.clone()),
            link.url.clone(),
        ]
    }));
    output::table(&rows)
}

/// Everything that one run produced.
#[derive(Debug, Serialize)]
pub(crate) struct Session {
    pub(crate) session_id: String,
    pub(crate) artifact_count: i64,
    pub(crate) size_bytes: i64,
    pub(crate) is_sealed: bool,
    pub(crate) sealed_at: Option<String>,
    pub(crate) first_artifact_at: Option<String>,
    pub(crate) last_artifact_at: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) manifest_hash: Option<String>,
    pub(crate) legal_hold: bool,
    pub(crate) display_name: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) unpublished_count: i64,
    #[serde(skip)]
    age: String,
}

impl From<v1::Session> for Session {
    fn from(session: v1::Session) -> Self {
        Self {
            session_id: session.session_id,
            artifact_count: session.artifact_count,
            size_bytes: session.size_bytes,
            is_sealed: session.sealed_at.is_some(),
            sealed_at: rfc3339(session.sealed_at),
            first_artifact_at: rfc3339(session.first_artifact_at),
            age: age(session.last_artifact_at),
            last_artifact_at: rfc3339(session.last_artifact_at),
            created_at: rfc3339(session.created_at),
            manifest_hash: present(session.manifest_hash),
            legal_hold: session.legal_hold,
            display_name: present(session.display_name),
            labels: session.labels,
            unpublished_count: session.unpublished_count,
        }
    }
}

impl Session {
    /// Every field on its line.
    pub(crate) fn fields(&self) -> String {
        let mut fields = vec![
            ("session", Some(self.session_id.clone())),
            ("name", self.display_name.clone()),
            ("artifacts", Some(self.artifact_count.to_string())),
            (
                "unpublished",
                (self.unpublished_count > 0).then(|| self.unpublished_count.to_string()),
            ),
            ("size", Some(size(self.size_bytes))),
            ("created", self.created_at.clone()),
            ("first artifact", self.first_artifact_at.clone()),
            ("last artifact", self.last_artifact_at.clone()),
            ("sealed", self.sealed_at.clone().or(Some("no".to_owned()))),
            ("manifest", self.manifest_hash.clone()),
            ("legal hold", held(self.legal_hold)),
        ];
        fields.extend(several("label", &self.labels));
        output::fields(&fields)
    }

    /// What there is to tell of its sealing beside something else; nothing as long as it is open.
    pub(crate) fn seal_line(&self) -> String {
        match (&self.sealed_at, &self.manifest_hash) {
            (Some(at), Some(hash)) => format!("sealed at {at}, manifest {hash}\n"),
            _ => String::new(),
        }
    }
}

/// Sessions, one to a line.
pub(crate) fn session_table(sessions: &[Session]) -> String {
    let mut rows = vec![header([
        "SESSION",
        "ARTIFACTS",
        "UNPUBLISHED",
        "SIZE",
        "SEALED",
        "LAST",
        "LABELS",
        "NAME",
    ])];
    rows.extend(sessions.iter().map(|session| {
        vec![
            session.session_id.clone(),
            session.artifact_count.to_string(),
            session.unpublished_count.to_string(),
            size(session.size_bytes),
            if session.is_sealed { "yes" } else { "no" }.to_owned(),
            session.age.clone(),
            or_dash(present(session.labels.join(","))),
            or_dash(session.display_name.clone()),
        ]
    }));
    output::table(&rows)
}

/// A line for each of several values.
fn several<'a>(name: &'a str, values: &[String]) -> Vec<(&'a str, Option<String>)> {
    let values = values.iter().cloned().map(Some);
    values.map(|value| (name, value)).collect()
}

/// A number of bytes, in few characters.
pub(crate) fn size(bytes: i64) -> String {
    HumanBytes(u64::try_from(bytes).unwrap_or(0)).to_string()
}

/// A hold is out of the ordinary, and told only where there is one.
pub(crate) fn held(legal_hold: bool) -> Option<String> {
    legal_hold.then(|| "yes".to_owned())
}

/// The wire has an empty string where there is none.
pub(crate) fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Who did something: the workload by whose token, or else the key by its end.
pub(crate) fn key_or_workload(last_4: &str, workload: Option<&str>) -> String {
    workload.map_or_else(|| format!("…{last_4}"), str::to_owned)
}

pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

pub(crate) fn header<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1;
    use serde_json::json;

    use super::{Artifact, Session};

    #[test]
    fn an_artifact_in_json_has_the_names_of_the_http_api() {
        let artifact = Artifact::from(v1::Artifact {
            artifact_id: "art_1".to_owned(),
            filename: "a.txt".to_owned(),
            version: 2,
            content_type: "text/plain".to_owned(),
            size_bytes: 3,
            content_hash: "sha256:00".to_owned(),
            agent_id: "writer".to_owned(),
            title: "A".to_owned(),
            kind: v1::ArtifactKind::Code.into(),
            stage: v1::ArtifactStage::Review.into(),
            labels: vec!["p".to_owned()],
            etag: "e".to_owned(),
            state: v1::ArtifactState::Visible.into(),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            created_at: Some(prost_types::Timestamp {
                seconds: 1_772_539_200,
                nanos: 0,
            }),
            ..v1::Artifact::default()
        });
        assert_eq!(
            serde_json::to_value(artifact).ok(),
            Some(json!({
                "artifact_id": "art_1", "filename": "a.txt", "version": 2, "content_type": "text/plain",
                "size_bytes": 3, "content_hash": "sha256:00", "session_id": null, "namespace": null,
                "user_id": null, "agent_id": "writer", "title": "A", "kind": "code", "language": null,
                "change_summary": null, "stage": "review", "labels": ["p"], "inputs": [],
                "metadata": {"k": "v"}, "expires_at": null, "created_at": "2026-03-03T12:00:00Z",
                "updated_at": null, "etag": "e", "state": "visible", "legal_hold": false, "persistent": false
            }))
        );
    }

    #[test]
    fn a_session_is_sealed_when_it_has_a_time_of_sealing() {
        let open = Session::from(v1::Session::default());
        assert!(!open.is_sealed);
        let sealed = Session::from(v1::Session {
            sealed_at: Some(prost_types::Timestamp::default()),
            ..v1::Session::default()
        });
        assert!(sealed.is_sealed);
    }
}
