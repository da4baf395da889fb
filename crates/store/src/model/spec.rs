//! The spec of an artifact to create, and its rules.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::model::{
    canonical::unless_default,
    digest::ContentHash,
    error::{Error, Result},
    id::ArtifactId,
    idempotency::{Fingerprint, IdempotencyKey},
    record::{Kind, Stage},
    reference::{ArtifactRef, FileName},
    retention::RetentionPolicy,
    text::{ContentType, Filename, Identifier, Metadata, Words},
    validate::{LONGEST_TTL, Violations},
};

/// What to do if the latest version of a file has exactly the same content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDuplicate {
    /// Make the next version.
    #[default]
    CreateNew,
    /// Return the latest version.
    ReturnExisting,
}

/// How long to keep an artifact, as requested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// The tenant's default.
    #[default]
    Default,
    /// From the commit on.
    After(Duration),
    /// Without an end.
    Never,
    /// As long as the tenant allows.
    Longest,
}

impl Expiry {
    /// The time to live under a tenant's rules; `None`: no expiry.
    ///
    /// # Errors
    /// `TtlExceedsLimit`.
    pub(crate) fn resolve(self, keeping: RetentionPolicy) -> Result<Option<Duration>> {
        keeping.admit(match self {
            Self::Default => keeping.default_ttl,
            Self::After(ttl) => Some(ttl),
            Self::Never => None,
            Self::Longest if keeping.never_expires_allowed => None,
            Self::Longest => Some(keeping.max_ttl.unwrap_or(LONGEST_TTL)),
        })
    }
}

/// The spec of an artifact, unchecked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
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
    /// For people.
    pub title: String,
    /// The name of a kind; empty: other.
    pub kind: String,
    /// The language of the content.
    pub language: String,
    /// What this version changes.
    pub change_summary: String,
    /// The name of a stage; empty: draft.
    pub stage: String,
    /// Projects, sprints and the like.
    pub labels: Vec<String>,
    /// The ids of the artifacts that it was made from.
    pub inputs: Vec<String>,
    /// The version that must be the latest; 0: none may exist.
    pub if_version: Option<i64>,
    /// What to do when the latest version has the same content.
    pub on_duplicate: OnDuplicate,
    /// The caller's own name for the call; empty: none.
    pub idempotency_key: String,
    /// Whether it stays unpublished until `commit_session`.
    pub unpublished: bool,
    /// Whether it stays when its session is deleted.
    pub persistent: bool,
}

impl RawSpec {
    /// The request of a copy, for its key. What it takes from its source is the source's current value, and not part of
    /// the request.
    pub(crate) fn fingerprint_of_copy(&self, source: &ArtifactRef) -> Fingerprint {
        let metadata: BTreeMap<_, _> = self.metadata.iter().cloned().collect();
        Fingerprint::of("CopyArtifact")
            .with("source", source)
            .with("filename", &self.filename)
            .with("content_type", &self.content_type)
            .with("session_id", &self.session_id)
            .with("namespace", &self.namespace)
            .with("user_id", &self.user_id)
            .with("agent_id", &self.agent_id)
            .with("metadata", &metadata)
            .with("expiry", &unless_default(&self.expiry))
            .with("content_hash", &self.content_hash)
            .with("size_bytes", &self.size_bytes)
            .with("title", &self.title)
            .with("kind", &self.kind)
            .with("language", &self.language)
            .with("change_summary", &self.change_summary)
            .with("stage", &self.stage)
            .with_set("labels", &self.labels)
            .with_set("inputs", &self.inputs)
            .with("if_version", &self.if_version)
            .with("on_duplicate", &unless_default(&self.on_duplicate))
            .with("unpublished", &self.unpublished)
            .with("persistent", &self.persistent)
            .without_content()
    }
}

/// The spec of an artifact, checked by all rules except those that need the tenant.
#[derive(Debug, Clone)]
pub struct ArtifactSpec {
    pub(crate) filename: Filename,
    pub(crate) content_type: Option<ContentType>,
    pub(crate) session_id: Option<Identifier>,
    pub(crate) namespace: Option<Identifier>,
    pub(crate) user_id: Option<Identifier>,
    pub(crate) agent_id: Option<Identifier>,
    pub(crate) metadata: Metadata,
    pub(crate) expiry: Expiry,
    pub(crate) declared_hash: Option<ContentHash>,
    pub(crate) declared_size: Option<u64>,
    pub(crate) title: Words,
    pub(crate) kind: Kind,
    pub(crate) language: Words,
    pub(crate) change_summary: Words,
    pub(crate) stage: Stage,
    /// In alphabetical order, each once.
    pub(crate) labels: Vec<String>,
    /// Each once.
    pub(crate) inputs: Vec<ArtifactId>,
    pub(crate) if_version: Option<i64>,
    pub(crate) on_duplicate: OnDuplicate,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// With a session alone.
    pub(crate) unpublished: bool,
    pub(crate) persistent: bool,
    /// The original request, if it differs from this spec.
    pub(crate) asked: Option<Fingerprint>,
    /// The id that was reserved for the artifact; otherwise the commit makes one.
    pub(crate) id: Option<ArtifactId>,
}

impl ArtifactSpec {
    /// The longest title in bytes.
    pub(crate) const MAX_TITLE: usize = 255;
    const MAX_INPUTS: usize = 64;

    /// The request, without the content.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        if let Some(asked) = &self.asked {
            return asked.clone();
        }
        let asked = Fingerprint::of("CreateArtifact")
            .with("filename", &self.filename)
            .with("content_type", &self.content_type)
            .with("session_id", &self.session_id)
            .with("namespace", &self.namespace)
            .with("user_id", &self.user_id)
            .with("agent_id", &self.agent_id)
            .with("metadata", &self.metadata)
            .with("expiry", &unless_default(&self.expiry))
            .with("title", &self.title)
            .with("kind", &unless_default(&self.kind))
            .with("language", &self.language)
            .with("change_summary", &self.change_summary)
            .with("stage", &unless_default(&self.stage))
            .with("labels", &self.labels)
            .with_set("inputs", &self.inputs)
            .with("if_version", &self.if_version)
            .with("on_duplicate", &unless_default(&self.on_duplicate))
            .with("unpublished", &self.unpublished)
            .with("persistent", &self.persistent);
        match self.declared_hash {
            Some(hash) => asked.with_content(hash),
            None => asked,
        }
    }

    /// The file of which this will be a version.
    pub(crate) fn file_name(&self) -> FileName {
        FileName {
            filename: self.filename.clone(),
            session_id: self.session_id.clone(),
            namespace: self.namespace.clone(),
            user_id: self.user_id.clone(),
        }
    }

    /// Whether the content is declared, so that its bytes need not be sent if they are stored; false for empty content,
    /// which no declaration saves.
    pub(crate) fn is_declared(&self) -> bool {
        self.declared_hash.is_some() && self.declared_size.is_some_and(|size| size > 0)
    }

    /// The declared hash as text.
    pub(crate) fn declared_text(&self) -> String {
        self.declared_hash
            .map_or(String::new(), |hash| hash.to_string())
    }

    /// Whether the commit depends on the latest version of the file.
    pub(crate) fn is_conditional(&self) -> bool {
        self.if_version.is_some() || self.on_duplicate == OnDuplicate::ReturnExisting
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// `Invalid`, with the fields at fault.
    pub fn new(raw: RawSpec) -> Result<Self> {
        let mut faults = Violations::new();
        let filename = faults.check("spec.filename", Filename::new(raw.filename));
        let content_type = (!raw.content_type.is_empty())
            .then(|| faults.check("spec.content_type", ContentType::new(raw.content_type)))
            .flatten();
        let mut label = |field, text| faults.check(field, Identifier::optional(text)).flatten();
        let session_id = label("spec.session_id", raw.session_id);
        let namespace = label("spec.namespace", raw.namespace);
        let user_id = label("spec.user_id", raw.user_id);
        let agent_id = label("spec.agent_id", raw.agent_id);
        let metadata = Metadata::new(raw.metadata).unwrap_or_else(|broken| {
            faults.add_pairs("spec.metadata", broken);
            Metadata::default()
        });
        if let Expiry::After(ttl) = raw.expiry {
            faults.ttl("spec.ttl", ttl);
        }
        let declared_hash = (!raw.content_hash.is_empty())
            .then(|| faults.check("spec.content_hash", raw.content_hash.parse()))
            .flatten();
        let declared_size = raw.size_bytes.and_then(|size| {
            let rule = "must be 0 or more";
            faults.check("spec.size_bytes", u64::try_from(size).map_err(|_| rule))
        });
        let mut words = |field, text, max| faults.check(field, Words::new(text, max));
        let title = words("spec.title", raw.title, Self::MAX_TITLE).unwrap_or_default();
        let language = words("spec.language", raw.language, 64).unwrap_or_default();
        let change_summary =
            words("spec.change_summary", raw.change_summary, 1024).unwrap_or_default();
        let given = |name: &String| !name.is_empty();
        let kind = Some(raw.kind)
            .filter(given)
            .and_then(|name| faults.check("spec.kind", name.parse()));
        let stage = Some(raw.stage)
            .filter(given)
            .and_then(|name| faults.check("spec.stage", name.parse()));
        let labels = check_labels(&mut faults, "spec.labels", raw.labels);
        let inputs = check_inputs(&mut faults, raw.inputs);
        let key = IdempotencyKey::optional(raw.idempotency_key);
        let idempotency_key = faults.check("spec.idempotency_key", key).flatten();
        if raw.if_version.is_some_and(|version| version < 0) {
            faults.add("spec.if_version", "must be 0 or more");
        }
        if raw.unpublished && session_id.is_none() {
            faults.add("spec.session_id", "is required for what is unpublished");
        }
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
            title,
            kind: kind.unwrap_or_default(),
            language,
            change_summary,
            stage: stage.unwrap_or_default(),
            labels,
            inputs,
            if_version: raw.if_version,
            on_duplicate: raw.on_duplicate,
            idempotency_key,
            unpublished: raw.unpublished,
            persistent: raw.persistent,
            asked: None,
            id: None,
        });
        faults.finish(spec)
    }

    /// Compares what arrived with what was declared.
    ///
    /// # Errors
    /// `ContentMismatch`.
    pub(crate) fn check_content(&self, size: u64, hash: ContentHash) -> Result<()> {
        check_content((self.declared_size, self.declared_hash), (size, hash))
    }
}

/// Compares a size and a hash with the declared ones.
///
/// # Errors
/// `ContentMismatch`.
pub(crate) fn check_content(
    (declared_size, declared_hash): (Option<u64>, Option<ContentHash>),
    (size, hash): (u64, ContentHash),
) -> Result<()> {
    if let Some(declared) = declared_size.filter(|declared| *declared != size) {
        return Err(Error::ContentMismatch {
            field: "size_bytes",
            declared: declared.to_string(),
            actual: size.to_string(),
        });
    }
    match declared_hash.filter(|declared| *declared != hash) {
        None => Ok(()),
        Some(declared) => Err(Error::ContentMismatch {
            field: "content_hash",
            declared: declared.to_string(),
            actual: hash.to_string(),
        }),
    }
}

/// The most labels of one artifact.
const MAX_LABELS: usize = 16;

/// Valid labels, in alphabetical order, each once.
pub(crate) fn check_labels(
    faults: &mut Violations,
    field: &str,
    labels: Vec<String>,
) -> Vec<String> {
    let kept = faults.each(field, labels, MAX_LABELS, Identifier::new);
    let mut kept: Vec<_> = kept.iter().map(|label| label.as_str().to_owned()).collect();
    kept.sort();
    kept.dedup();
    kept
}

fn check_inputs(faults: &mut Violations, inputs: Vec<String>) -> Vec<ArtifactId> {
    let known = |input: String| input.parse().map_err(|_| "must be the id of an artifact");
    let mut kept = faults.each("spec.inputs", inputs, ArtifactSpec::MAX_INPUTS, known);
    let mut seen = HashSet::with_capacity(kept.len());
    kept.retain(|id: &ArtifactId| seen.insert(id.clone()));
    kept
}

#[cfg(test)]
mod recorded;
