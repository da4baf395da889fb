//! Between the messages of the wire and the values of the store.

use std::time::Duration;

use cairn_proto::v1;
use cairn_store::{
    Artifact, ArtifactFilter, ArtifactSpec, Created, Error, Expiry, Link, PageSize, Range, RawSpec,
    Result, Session, Violations,
};
use jiff::Timestamp;
use prost_types::Timestamp as ProtoTimestamp;

pub(super) fn timestamp(at: Timestamp) -> ProtoTimestamp {
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

/// A time to live or the like; what is not positive becomes zero, which no rule of the store accepts.
pub(super) fn duration(duration: prost_types::Duration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn spec(spec: Option<v1::ArtifactSpec>) -> Result<ArtifactSpec> {
    let spec = spec.ok_or_else(|| Error::invalid("spec", "is required"))?;
    ArtifactSpec::new(RawSpec {
        filename: spec.filename,
        content_type: spec.content_type,
        session_id: spec.session_id,
        namespace: spec.namespace,
        user_id: spec.user_id,
        agent_id: spec.agent_id,
        metadata: spec.metadata.into_iter().collect(),
        expiry: match spec.expiry {
            Some(v1::artifact_spec::Expiry::Ttl(ttl)) => Expiry::After(duration(ttl)),
            Some(v1::artifact_spec::Expiry::NeverExpires(true)) => Expiry::Never,
            Some(v1::artifact_spec::Expiry::NeverExpires(false)) | None => Expiry::Default,
        },
        content_hash: spec.content_hash,
        size_bytes: spec.size_bytes,
    })
}

pub(super) fn artifact(artifact: Artifact) -> v1::Artifact {
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
    }
}

pub(super) fn created(created: Created) -> v1::Artifact {
    v1::Artifact {
        deduplicated: created.deduplicated,
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
    }
}

pub(super) fn link(link: Link, public_url: &str) -> v1::Link {
    v1::Link {
        url: format!("{public_url}/{}", link.id),
        link_id: link.id.to_string(),
        artifact_id: link.artifact_id.to_string(),
        expires_at: Some(timestamp(link.expires_at)),
        created_at: Some(timestamp(link.created_at)),
        revoked_at: link.revoked_at.map(timestamp),
    }
}

/// The size of a page and the range of its items' creation, of a list request.
pub(super) fn page(
    page_size: i32,
    created_after: Option<ProtoTimestamp>,
    created_before: Option<ProtoTimestamp>,
) -> Result<(PageSize, Range<Timestamp>)> {
    let mut faults = Violations::new();
    let size = faults.check("page_size", PageSize::new(page_size));
    let mut moment = |field, at: Option<ProtoTimestamp>| {
        at.and_then(|at| {
            let moment = Timestamp::new(at.seconds, at.nanos);
            faults.check(field, moment.map_err(|_| "must be a valid timestamp"))
        })
    };
    let created = Range {
        from: moment("created_after", created_after),
        until: moment("created_before", created_before),
    };
    faults.finish(size.map(|size| (size, created)))
}

pub(super) fn filter(
    request: v1::ListArtifactsRequest,
    created: Range<Timestamp>,
) -> ArtifactFilter {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    ArtifactFilter {
        session_id: given(request.session_id),
        agent_id: given(request.agent_id),
        namespace: given(request.namespace),
        user_id: given(request.user_id),
        filename: given(request.filename),
        content_type: given(request.content_type),
        created,
        metadata: request.metadata.into_iter().collect(),
    }
}
