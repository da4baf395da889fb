//! Answers of the server, formatted for people.

use cairn_proto::json::{Artifact, Link, Session, present};
use indicatif::HumanBytes;
use jiff::Timestamp;

use crate::{args::time::age, terminal::output};

/// Every field that is set, one a line. Fields with their default value are left out.
pub(crate) fn artifact_fields(artifact: &Artifact) -> String {
    let other_than =
        |usual: &str, value: &Option<String>| value.clone().filter(|value| usual != value);
    let mut fields = vec![
        ("id", Some(artifact.artifact_id.clone())),
        ("filename", Some(artifact.filename.clone())),
        ("title", artifact.title.clone()),
        ("version", Some(artifact.version.to_string())),
        ("change", artifact.change_summary.clone()),
        ("state", other_than("visible", &artifact.state)),
        ("stage", artifact.stage.clone()),
        ("kind", other_than("other", &artifact.kind)),
        ("language", artifact.language.clone()),
        ("type", Some(artifact.content_type.clone())),
        (
            "size",
            Some(format!(
                "{} ({} bytes)",
                size(artifact.size_bytes),
                artifact.size_bytes
            )),
        ),
        ("hash", Some(artifact.content_hash.clone())),
        ("session", artifact.session_id.clone()),
        ("namespace", artifact.namespace.clone()),
        ("user", artifact.user_id.clone()),
        ("agent", artifact.agent_id.clone()),
        ("created", shown(artifact.created_at)),
        (
            "updated",
            shown(
                artifact
                    .updated_at
                    .filter(|_| artifact.updated_at != artifact.created_at),
            ),
        ),
        (
            "expires",
            shown(artifact.expires_at).or(Some("never".to_owned())),
        ),
        ("legal hold", held(artifact.legal_hold)),
        ("persistent", artifact.persistent.then(|| "yes".to_owned())),
    ];
    fields.extend(repeated("label", &artifact.labels));
    fields.extend(repeated("input", &artifact.inputs));
    let metadata = artifact.metadata.iter().map(|(k, v)| format!("{k}={v}"));
    fields.extend(metadata.map(|pair| ("meta", Some(pair))));
    output::fields(&fields)
}

/// "v1", "v2" …; an unpublished artifact has no version yet.
pub(crate) fn version(artifact: &Artifact) -> String {
    match artifact.version {
        0 => "-".to_owned(),
        version => format!("v{version}"),
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
            version(artifact),
            size(artifact.size_bytes),
            or_dash(artifact.session_id.clone()),
            or_dash(artifact.agent_id.clone()),
            age(artifact.created_at),
            artifact.filename.clone(),
        ]
    }));
    output::table(&rows)
}

/// Every field of a link on its line.
pub(crate) fn link_fields(link: &Link) -> String {
    output::fields(&[
        ("url", Some(link.url.clone())),
        ("id", Some(link.link_id.clone())),
        ("artifact", link.artifact_id.clone()),
        ("session", link.session_id.clone()),
        ("folder", link.folder.clone()),
        ("created", shown(link.created_at)),
        ("expires", shown(link.expires_at)),
        ("revoked", shown(link.revoked_at)),
        (
            "downloads",
            (link.max_downloads > 0)
                .then(|| format!("{} of {}", link.downloads, link.max_downloads)),
        ),
        (
            "password",
            link.password_protected.then(|| "needed".to_owned()),
        ),
    ])
}

/// The artifact, or the session with its folder.
fn link_target(link: &Link) -> String {
    match (&link.artifact_id, &link.session_id, &link.folder) {
        (Some(artifact), ..) => artifact.clone(),
        (None, Some(session), Some(folder)) => format!("session {session}, {folder}"),
        (None, Some(session), None) => format!("session {session}"),
        (None, None, _) => "-".to_owned(),
    }
}

/// Links, one to a line.
pub(crate) fn link_table(links: &[Link]) -> String {
    let mut rows = vec![header(["ID", "LEADS TO", "EXPIRES", "REVOKED", "URL"])];
    rows.extend(links.iter().map(|link| {
        vec![
            link.link_id.clone(),
            link_target(link),
            or_dash(shown(link.expires_at)),
            or_dash(shown(link.revoked_at)),
            link.url.clone(),
        ]
    }));
    output::table(&rows)
}

/// Every field of a session on its line.
pub(crate) fn session_fields(session: &Session) -> String {
    let mut fields = vec![
        ("session", Some(session.session_id.clone())),
        ("name", session.display_name.clone()),
        ("artifacts", Some(session.artifact_count.to_string())),
        (
            "unpublished",
            (session.unpublished_count > 0).then(|| session.unpublished_count.to_string()),
        ),
        ("size", Some(size(session.size_bytes))),
        ("created", shown(session.created_at)),
        ("first artifact", shown(session.first_artifact_at)),
        ("last artifact", shown(session.last_artifact_at)),
        ("sealed", shown(session.sealed_at).or(Some("no".to_owned()))),
        ("manifest", session.manifest_hash.clone()),
        ("legal hold", held(session.legal_hold)),
    ];
    fields.extend(repeated("label", &session.labels));
    output::fields(&fields)
}

/// When a session was sealed and with which manifest; empty while it is open.
pub(crate) fn seal_line(session: &Session) -> String {
    match (&session.sealed_at, &session.manifest_hash) {
        (Some(at), Some(hash)) => format!("sealed at {at}, manifest {hash}\n"),
        _ => String::new(),
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
            age(session.last_artifact_at),
            or_dash(present(session.labels.join(","))),
            or_dash(session.display_name.clone()),
        ]
    }));
    output::table(&rows)
}

/// A line for each of several values.
fn repeated<'a>(name: &'a str, values: &[String]) -> Vec<(&'a str, Option<String>)> {
    let values = values.iter().cloned().map(Some);
    values.map(|value| (name, value)).collect()
}

/// A number of bytes, in few characters.
pub(crate) fn size(bytes: i64) -> String {
    HumanBytes(u64::try_from(bytes).unwrap_or(0)).to_string()
}

/// A time, in full.
pub(crate) fn shown(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

/// A hold is rare, so its line appears only where there is one.
pub(crate) fn held(legal_hold: bool) -> Option<String> {
    legal_hold.then(|| "yes".to_owned())
}

/// The credential of a change: the workload of the token, or else the end of the key.
pub(crate) fn key_or_workload(last_4: &str, workload: Option<&str>) -> String {
    workload.map_or_else(|| format!("…{last_4}"), str::to_owned)
}

pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

pub(crate) fn header<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}
