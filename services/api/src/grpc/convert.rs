//! Conversions between the messages of the wire and the values of the store.

pub(super) mod changes;
pub(super) mod reads;

use std::time::Duration;

use cairn_proto::v1;
use cairn_store::{
    Artifact, ArtifactList, ArtifactRef, ArtifactSpec, Content, Created, Error, Expiry,
    IdempotencyKey, Kind, Link, LinkPassword, LinkTarget, ManifestEntry, NewLink, OnDuplicate,
    OpenUpload, Origin, PageSize, Range, RawFilter, RawName, RawOrder, RawSelection, RawSpec,
    Result, Selection, Session, SessionFolder, Stage, State, UploadState, Violations,
};
use jiff::Timestamp;
use prost_types::Timestamp as ProtoTimestamp;

pub(crate) fn timestamp(at: Timestamp) -> ProtoTimestamp {
    ProtoTimestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

pub(super) fn proto_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: duration.subsec_nanos().cast_signed(),
    }
}

/// A duration. A negative one becomes zero, which no rule of the store accepts.
pub(crate) fn duration(duration: prost_types::Duration) -> Duration {
    // The conversion panics on the smallest number, which has no positive counterpart.
    if duration.seconds < 0 {
        return Duration::ZERO;
    }
    Duration::try_from(duration).unwrap_or_default()
}

pub(super) fn size(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The name of an enum's value without its prefix, as the store knows it; empty for the first value, which means none,
/// and `None` for a number that is not in the enum.
fn enum_name(name: Option<&'static str>, prefix: &str) -> String {
    let name = name.map_or("?", |name| name.trim_start_matches(prefix));
    if name == "UNSPECIFIED" {
        String::new()
    } else {
        name.to_ascii_lowercase()
    }
}

fn kind_name(kind: i32) -> String {
    let kind = v1::ArtifactKind::try_from(kind).ok();
    enum_name(kind.map(|kind| kind.as_str_name()), "ARTIFACT_KIND_")
}

pub(super) fn stage_name(stage: i32) -> String {
    let stage = v1::ArtifactStage::try_from(stage).ok();
    enum_name(stage.map(|stage| stage.as_str_name()), "ARTIFACT_STAGE_")
}

pub(super) fn idempotency_key(key: String) -> Result<Option<IdempotencyKey>> {
    IdempotencyKey::optional(key).map_err(|rule| Error::invalid("idempotency_key", rule))
}

/// The artifact of a request: by its id, or by its name.
pub(super) fn reference(id: &str, name: Option<v1::ArtifactName>) -> Result<ArtifactRef> {
    ArtifactRef::new(id, name.map(raw_name))
}

pub(super) fn raw_name(name: v1::ArtifactName) -> RawName {
    RawName {
        filename: name.filename,
        session_id: name.session_id,
        namespace: name.namespace,
        user_id: name.user_id,
        version: name.version,
    }
}

pub(super) fn spec(spec: Option<v1::ArtifactSpec>) -> Result<ArtifactSpec> {
    ArtifactSpec::new(raw_spec(spec)?)
}

pub(super) fn raw_spec(spec: Option<v1::ArtifactSpec>) -> Result<RawSpec> {
    let spec = spec.ok_or_else(|| Error::invalid("spec", "is required"))?;
    let on_duplicate = match v1::OnDuplicate::try_from(spec.on_duplicate) {
        Ok(v1::OnDuplicate::Unspecified | v1::OnDuplicate::CreateNew) => OnDuplicate::CreateNew,
        Ok(v1::OnDuplicate::ReturnExisting) => OnDuplicate::ReturnExisting,
        Err(_) => {
            let rule = "must be CREATE_NEW or RETURN_EXISTING";
            return Err(Error::invalid("spec.on_duplicate", rule));
        }
    };
    Ok(RawSpec {
        content_type: spec.content_type,
        session_id: spec.session_id,
        namespace: spec.namespace,
        user_id: spec.user_id,
        agent_id: spec.agent_id,
        metadata: spec.metadata.into_iter().collect(),
        expiry: match spec.expiry {
            Some(v1::artifact_spec::Expiry::Ttl(ttl)) => Expiry::After(duration(ttl)),
            Some(v1::artifact_spec::Expiry::NeverExpires(true)) => Expiry::Never,
            Some(v1::artifact_spec::Expiry::Longest(true)) => Expiry::Longest,
            Some(
                v1::artifact_spec::Expiry::NeverExpires(false)
                | v1::artifact_spec::Expiry::Longest(false),
            )
            | None => Expiry::Default,
        },
        kind: kind_name(spec.kind),
        stage: stage_name(spec.stage),
        on_duplicate,
        filename: spec.filename,
        content_hash: spec.content_hash,
        size_bytes: spec.size_bytes,
        title: spec.title,
        language: spec.language,
        change_summary: spec.change_summary,
        labels: spec.labels,
        inputs: spec.inputs,
        if_version: spec.if_version,
        idempotency_key: spec.idempotency_key,
        unpublished: spec.unpublished,
        persistent: spec.persistent,
    })
}

/// What is said of content that has been sent.
pub(super) fn download_end(content: &Content) -> v1::DownloadEnd {
    let (bytes, hash) = content.total();
    v1::DownloadEnd {
        content_hash: hash.map_or(String::new(), |hash| hash.to_string()),
        size_bytes: size(bytes),
    }
}

pub(crate) fn artifact(artifact: Artifact) -> v1::Artifact {
    let etag = artifact.etag();
    v1::Artifact {
        artifact_id: artifact.id.to_string(),
        filename: artifact.filename,
        version: artifact.version,
        content_type: artifact.content_type,
        size_bytes: size(artifact.size_bytes),
        content_hash: artifact.content_hash.to_string(),
        session_id: artifact.session_id.unwrap_or_default(),
        namespace: artifact.namespace,
        user_id: artifact.user_id,
        agent_id: artifact.agent_id,
        metadata: artifact.metadata.into_iter().collect(),
        expires_at: artifact.expires_at.map(timestamp),
        created_at: Some(timestamp(artifact.created_at)),
        deduplicated: false,
        kind: match artifact.kind {
            Kind::Code => v1::ArtifactKind::Code,
            Kind::Document => v1::ArtifactKind::Document,
            Kind::Config => v1::ArtifactKind::Config,
            Kind::Plan => v1::ArtifactKind::Plan,
            Kind::Data => v1::ArtifactKind::Data,
            Kind::Image => v1::ArtifactKind::Image,
            Kind::Other => v1::ArtifactKind::Other,
        }
        .into(),
        stage: stage(artifact.stage).into(),
        etag,
        title: artifact.title,
        language: artifact.language,
        change_summary: artifact.change_summary,
        labels: artifact.labels,
        inputs: artifact.inputs,
        updated_at: Some(timestamp(artifact.updated_at)),
        existing: false,
        state: v1::ArtifactState::Visible.into(),
        legal_hold: artifact.legal_hold,
        persistent: artifact.persistent,
    }
}

pub(super) fn stage(stage: Stage) -> v1::ArtifactStage {
    match stage {
        Stage::Draft => v1::ArtifactStage::Draft,
        Stage::Review => v1::ArtifactStage::Review,
        Stage::Final => v1::ArtifactStage::Final,
    }
}

pub(super) fn state(state: State) -> v1::ArtifactState {
    match state {
        State::Visible => v1::ArtifactState::Visible,
        State::Expired => v1::ArtifactState::Expired,
        State::Deleted => v1::ArtifactState::Deleted,
        State::Unpublished => v1::ArtifactState::Unpublished,
    }
}

pub(crate) fn created(created: Created) -> v1::Artifact {
    v1::Artifact {
        deduplicated: created.origin == Origin::Deduplicated,
        existing: created.origin == Origin::Existing,
        state: state(created.state).into(),
        ..artifact(created.artifact)
    }
}

pub(super) fn session(session: Session) -> v1::Session {
    v1::Session {
        session_id: session.id,
        artifact_count: size(session.artifact_count),
        size_bytes: size(session.size_bytes),
        sealed_at: session.sealed_at.map(timestamp),
        first_artifact_at: session.first_artifact_at.map(timestamp),
        last_artifact_at: session.last_artifact_at.map(timestamp),
        created_at: Some(timestamp(session.created_at)),
        legal_hold: session.legal_hold,
        manifest_hash: session
            .manifest_hash
            .map_or(String::new(), |hash| hash.to_string()),
        display_name: session.display_name,
        labels: session.labels,
        unpublished_count: size(session.unpublished_count),
    }
}

pub(super) fn manifest_entry(entry: ManifestEntry) -> v1::ManifestEntry {
    v1::ManifestEntry {
        filename: entry.filename,
        version: entry.version,
        artifact_id: entry.artifact_id,
        size_bytes: size(entry.size_bytes),
        content_hash: entry.content_hash.to_string(),
    }
}

pub(crate) fn upload(upload: OpenUpload) -> v1::Upload {
    let state = match upload.state {
        UploadState::Open => v1::UploadState::Open,
        UploadState::Finishing => v1::UploadState::Finishing,
        UploadState::Finished => v1::UploadState::Finished,
        UploadState::Ended => v1::UploadState::Ended,
    };
    v1::Upload {
        upload_id: upload.id.to_string(),
        state: state.into(),
        committed_bytes: size(upload.committed_bytes),
        size_bytes: upload.size_bytes.map(size),
        filename: upload.filename,
        session_id: upload.session_id,
        create_time: Some(timestamp(upload.created_at)),
        expire_time: Some(timestamp(upload.expires_at)),
        artifact_id: upload.artifact_id.unwrap_or_default(),
        content_hash: upload.content_hash,
        presigned_part_bytes: upload.presigned_part_bytes.map_or(0, size),
    }
}

pub(super) fn link(link: Link, public_url: &str) -> v1::Link {
    let (artifact_id, session_id, folder) = match link.target {
        LinkTarget::Artifact(id) => (id.to_string(), String::new(), String::new()),
        LinkTarget::Session(shared) => (
            String::new(),
            shared.session_id().to_owned(),
            shared.folder().to_owned(),
        ),
    };
    v1::Link {
        url: format!("{public_url}/{}", link.id),
        link_id: link.id.to_string(),
        artifact_id,
        expires_at: Some(timestamp(link.expires_at)),
        created_at: Some(timestamp(link.created_at)),
        revoked_at: link.revoked_at.map(timestamp),
        max_downloads: link.max_downloads.map_or(0, size),
        downloads: size(link.downloads),
        password_protected: link.password_protected,
        session_id,
        folder,
    }
}

/// Where a new link is to lead.
pub(super) fn link_target(
    artifact_id: &str,
    name: Option<v1::ArtifactName>,
    session_id: String,
    folder: &str,
) -> Result<LinkTarget<ArtifactRef>> {
    let is_of_artifact = !artifact_id.is_empty() || name.is_some();
    match (is_of_artifact, session_id.is_empty()) {
        (true, false) => {
            let rule = "must not be given beside artifact_id or name";
            Err(Error::invalid("session_id", rule))
        }
        (false, false) => SessionFolder::new(session_id, folder).map(LinkTarget::Session),
        (_, true) if !folder.is_empty() => Err(Error::invalid(
            "folder",
            "must be given with session_id alone",
        )),
        (false, true) => {
            let rule = "is required, or a name, or session_id";
            Err(Error::invalid("artifact_id", rule))
        }
        (true, true) => reference(artifact_id, name).map(LinkTarget::Artifact),
    }
}

/// What a new link is to be like.
pub(super) fn new_link(
    expires_in: Option<prost_types::Duration>,
    max_downloads: i64,
    password: String,
) -> Result<NewLink> {
    let mut faults = Violations::new();
    let max_downloads = match u64::try_from(max_downloads) {
        Ok(most) => Ok(Some(most).filter(|most| *most > 0)),
        Err(_) => Err("must be 0 or more"),
    };
    let max_downloads = faults.check("max_downloads", max_downloads);
    let password = faults.check("password", LinkPassword::optional(password));
    let expires_in = expires_in.map(duration);
    faults.finish(
        max_downloads
            .zip(password)
            .map(|(max_downloads, password)| NewLink {
                expires_in,
                max_downloads,
                password,
            }),
    )
}

/// The size of a page, and the range of its items' creation.
pub(crate) fn page(
    page_size: i32,
    created_after: Option<ProtoTimestamp>,
    created_before: Option<ProtoTimestamp>,
) -> Result<(PageSize, Range<Timestamp>)> {
    let mut faults = Violations::new();
    let size = faults.check("page_size", PageSize::new(page_size));
    let created = range(created_after, created_before, &mut faults);
    faults.finish(size.map(|size| (size, created)))
}

fn range(
    created_after: Option<ProtoTimestamp>,
    created_before: Option<ProtoTimestamp>,
    faults: &mut Violations,
) -> Range<Timestamp> {
    let mut moment = |field, at: Option<ProtoTimestamp>| {
        at.and_then(|at| {
            let moment = Timestamp::new(at.seconds, at.nanos);
            faults.check(field, moment.map_err(|_| "must be a valid timestamp"))
        })
    };
    Range {
        from: moment("created_after", created_after),
        until: moment("created_before", created_before),
    }
}

/// The fields of a list that select artifacts.
fn fields(request: &mut v1::ListArtifactsRequest) -> v1::ArtifactFilter {
    let request = std::mem::take(request);
    v1::ArtifactFilter {
        session_id: request.session_id,
        agent_id: request.agent_id,
        namespace: request.namespace,
        user_id: request.user_id,
        filename: request.filename,
        content_type: request.content_type,
        created_after: request.created_after,
        created_before: request.created_before,
        metadata: request.metadata,
        filename_prefix: request.filename_prefix,
        filename_glob: request.filename_glob,
        kind: request.kind,
        stage: request.stage,
        labels: request.labels,
        min_size_bytes: request.min_size_bytes,
        max_size_bytes: request.max_size_bytes,
        metadata_keys: request.metadata_keys,
        include_user_scope: request.include_user_scope,
        persistent: request.persistent,
        content_hash: request.content_hash,
        filter: request.filter,
    }
}

fn raw_filter(filter: v1::ArtifactFilter, faults: &mut Violations) -> RawFilter {
    RawFilter {
        created: range(filter.created_after, filter.created_before, faults),
        kind: kind_name(filter.kind),
        stage: stage_name(filter.stage),
        session_id: filter.session_id,
        agent_id: filter.agent_id,
        namespace: filter.namespace,
        user_id: filter.user_id,
        filename: filter.filename,
        filename_prefix: filter.filename_prefix,
        filename_glob: filter.filename_glob,
        content_type: filter.content_type,
        labels: filter.labels,
        min_size_bytes: filter.min_size_bytes,
        max_size_bytes: filter.max_size_bytes,
        metadata: filter.metadata.into_iter().collect(),
        metadata_keys: filter.metadata_keys,
        include_user_scope: filter.include_user_scope,
        persistent: filter.persistent,
        content_hash: filter.content_hash,
        filter: filter.filter,
    }
}

/// The artifacts of a bulk call.
pub(super) fn selection(
    ids: Vec<String>,
    expression: String,
    matching: Option<v1::ArtifactFilter>,
) -> Result<Selection> {
    let mut faults = Violations::new();
    let matching = matching.map(|matching| raw_filter(matching, &mut faults));
    faults.below("matching").finish(Some(()))?;
    Selection::new(RawSelection {
        ids,
        expression,
        matching,
    })
}

/// A list of artifacts and the size of its pages.
pub(super) fn list(mut request: v1::ListArtifactsRequest) -> Result<(ArtifactList, PageSize)> {
    let mut faults = Violations::new();
    let size = faults.check("page_size", PageSize::new(request.page_size));
    if request.count_total && !request.delimiter.is_empty() {
        faults.add("count_total", "must not be given beside a delimiter");
    }
    let order_by = std::mem::take(&mut request.order_by);
    let delimiter = std::mem::take(&mut request.delimiter);
    let order = RawOrder {
        order_by: &order_by,
        latest_only: request.latest_only,
        delimiter: &delimiter,
    };
    let filter = raw_filter(fields(&mut request), &mut faults);
    let list = ArtifactList::new(filter, order, &mut faults);
    faults.finish(list.zip(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_duration_is_zero() {
        for (seconds, nanos) in [(i64::MIN, 0), (i64::MIN, i32::MIN), (-1, 0), (0, -1)] {
            let negative = prost_types::Duration { seconds, nanos };
            assert_eq!(duration(negative), Duration::ZERO, "{seconds} {nanos}");
        }
        let day = prost_types::Duration {
            seconds: 86_400,
            nanos: 0,
        };
        assert_eq!(duration(day), Duration::from_secs(86_400));
    }
}
