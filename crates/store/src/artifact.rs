//! The artifact, and what it takes to make one.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    digest::ContentHash,
    error::{Error, Result},
    id::ArtifactId,
    names::{ContentType, Filename, Label, Metadata},
    tenant::Tenant,
    validate::Violations,
};

/// One immutable version of one named file, with the context it was made in.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its identifier.
    pub id: ArtifactId,
    /// As it was given.
    pub filename: String,
    /// 1, 2, 3 … for each filename within its scope.
    pub version: i64,
    /// As given or guessed.
    pub content_type: String,
    /// Length of the content in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the content, computed here.
    pub content_hash: ContentHash,
    /// The run that made it.
    pub session_id: Option<String>,
    /// The application's name; may be empty.
    pub namespace: String,
    /// Whose file it is; may be empty.
    pub user_id: String,
    /// Who made it; may be empty.
    pub agent_id: String,
    /// The caller's own pairs.
    pub metadata: Vec<(String, String)>,
    /// When it expires, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was committed, by the database's clock.
    pub created_at: Timestamp,
}

/// An artifact that has just been committed.
#[derive(Debug, Clone)]
pub struct Created {
    /// The artifact.
    pub artifact: Artifact,
    /// Whether it shares the bytes of one that the tenant already had.
    pub deduplicated: bool,
}

/// How long to keep an artifact, as its creator put it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The tenant's default.
    Default,
    /// From the commit on.
    After(Duration),
    /// For ever.
    Never,
}

impl Expiry {
    /// The time to live under a tenant's rules; `None` for ever.
    ///
    /// # Errors
    /// `TtlExceedsLimit`.
    pub(crate) fn resolve(self, tenant: &Tenant) -> Result<Option<Duration>> {
        let ttl = match self {
            Self::Default => tenant.default_ttl,
            Self::After(ttl) => Some(ttl),
            Self::Never => None,
        };
        match (ttl, tenant.max_ttl) {
            (None, _) if !tenant.never_expires_allowed => Err(Error::TtlExceedsLimit { max: None }),
            (Some(ttl), Some(max)) if ttl > max => Err(Error::TtlExceedsLimit { max: Some(max) }),
            _ => Ok(ttl),
        }
    }
}

/// What a caller says of an artifact, before any rule was checked.
#[derive(Debug, Clone)]
pub struct RawSpec {
    /// Required.
    pub filename: String,
    /// Empty: guess.
    pub content_type: String,
    /// Empty: none.
    pub session_id: String,
    /// Empty: none.
    pub namespace: String,
    /// Empty: none.
    pub user_id: String,
    /// Empty: none.
    pub agent_id: String,
    /// The caller's own pairs.
    pub metadata: Vec<(String, String)>,
    /// How long to keep it.
    pub expiry: Expiry,
    /// The hash that the content must have; empty: any.
    pub content_hash: String,
    /// The length that the content must have.
    pub size_bytes: Option<i64>,
}

/// What a caller says of an artifact, all rules kept but those that need the tenant.
#[derive(Debug, Clone)]
pub struct ArtifactSpec {
    pub(crate) filename: Filename,
    pub(crate) content_type: Option<ContentType>,
    pub(crate) session_id: Option<Label>,
    pub(crate) namespace: Option<Label>,
    pub(crate) user_id: Option<Label>,
    pub(crate) agent_id: Option<Label>,
    pub(crate) metadata: Metadata,
    pub(crate) expiry: Expiry,
    pub(crate) declared_hash: Option<ContentHash>,
    pub(crate) declared_size: Option<u64>,
}

impl ArtifactSpec {
    /// Checks every rule.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(raw: RawSpec) -> Result<Self> {
        let mut faults = Violations::new();
        let filename = faults.check("spec.filename", Filename::new(raw.filename));
        let content_type = (!raw.content_type.is_empty())
            .then(|| faults.check("spec.content_type", ContentType::new(raw.content_type)))
            .flatten();
        let mut label = |field, text| faults.check(field, Label::optional(text)).flatten();
        let session_id = label("spec.session_id", raw.session_id);
        let namespace = label("spec.namespace", raw.namespace);
        let user_id = label("spec.user_id", raw.user_id);
        let agent_id = label("spec.agent_id", raw.agent_id);
        let metadata = Metadata::new(raw.metadata).unwrap_or_else(|broken| {
            for (key, rule) in broken {
                let key = key.map_or(String::new(), |key| format!("[{key:?}]"));
                faults.add(format!("spec.metadata{key}"), rule);
            }
            Metadata::default()
        });
        if matches!(raw.expiry, Expiry::After(ttl) if ttl < Duration::from_millis(1)) {
            faults.add("spec.ttl", "must be at least one millisecond");
        }
        let declared_hash = (!raw.content_hash.is_empty())
            .then(|| faults.check("spec.content_hash", raw.content_hash.parse()))
            .flatten();
        let declared_size = raw.size_bytes.and_then(|size| {
            let rule = "must be 0 or more";
            faults.check("spec.size_bytes", u64::try_from(size).map_err(|_| rule))
        });
        let spec = filename.map(|filename| Self {
            filename,
            content_type,
            session_id,
            namespace,
            user_id,
            agent_id,
            metadata,
            expiry: raw.expiry,
            declared_hash,
            declared_size,
        });
        faults.finish(spec)
    }

    /// Holds what arrived against what was declared.
    ///
    /// # Errors
    /// `ContentMismatch`.
    pub(crate) fn check_content(&self, size: u64, hash: ContentHash) -> Result<()> {
        if let Some(declared) = self.declared_size.filter(|declared| *declared != size) {
            return Err(Error::ContentMismatch {
                field: "size_bytes",
                declared: declared.to_string(),
                actual: size.to_string(),
            });
        }
        match self.declared_hash.filter(|declared| *declared != hash) {
            None => Ok(()),
            Some(declared) => Err(Error::ContentMismatch {
                field: "content_hash",
                declared: declared.to_string(),
                actual: hash.to_string(),
            }),
        }
    }
}
