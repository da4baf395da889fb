//! Links: public, expiring, revocable URLs.

use std::time::Duration;

use jiff::Timestamp;

use serde::Serialize;

use crate::model::{
    access::{Narrowing, RawNarrowing},
    error::{Error, Result},
    id::{ArtifactId, LinkId},
    link_password::LinkPassword,
    reference::artifact_id,
    span::HumanDuration,
    text::{Filename, Identifier},
    validate::{Violations, excerpt},
};

/// How long wrong passwords of a link are counted, and so how long a link is locked after too many.
pub const LINK_LOCK: Duration = Duration::from_secs(15 * 60);
/// How many wrong passwords of a link are compared in that time.
pub(crate) const MOST_ATTEMPTS: i32 = 10;

/// A public URL of an artifact or of a session.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its identifier, the secret that allows reading.
    pub id: LinkId,
    /// Where it leads.
    pub target: LinkTarget<ArtifactId>,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// After how many downloads it ends; `None`: no limit.
    pub max_downloads: Option<u64>,
    /// How many downloads there were, if they are limited.
    pub downloads: u64,
    /// Whether a reader needs a password.
    pub password_protected: bool,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTarget<A> {
    /// To one artifact.
    Artifact(A),
    /// To all visible artifacts of a session or of a folder in it.
    Session(SessionFolder),
}

/// A session, or a folder in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionFolder {
    session_id: String,
    /// Empty, or with "/" at its end.
    folder: String,
}

impl SessionFolder {
    /// A session, and a folder with or without a "/" at its end; an empty folder is all of the session.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(session_id: String, folder: &str) -> Result<Self> {
        let mut faults = Violations::new();
        let session_id = faults.check("session_id", Identifier::new(session_id));
        let folder = match folder {
            "" => Some(String::new()),
            folder => {
                let name = folder.strip_suffix('/').unwrap_or(folder).to_owned();
                let name = faults.check("folder", Filename::new(name));
                name.map(|name| format!("{}/", name.as_str()))
            }
        };
        faults.finish(session_id.zip(folder).map(|(session_id, folder)| Self {
            session_id: session_id.as_str().to_owned(),
            folder,
        }))
    }

    /// As it was stored.
    pub(crate) fn stored(session_id: String, folder: String) -> Self {
        Self { session_id, folder }
    }

    /// The session.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// What the names of its files begin with: empty, or with "/" at its end.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The artifacts in it.
    ///
    /// # Errors
    /// `Invalid`, never for one that `new` made.
    pub(crate) fn narrowing(&self) -> Result<Narrowing> {
        Narrowing::new(RawNarrowing {
            sessions: vec![self.session_id.clone()],
            filename_prefix: self.folder.clone(),
            ..RawNarrowing::default()
        })
    }
}

/// Whose links are listed.
#[derive(Debug, Clone)]
pub enum LinksOf {
    /// All of the tenant.
    All,
    /// One artifact's.
    Artifact(ArtifactId),
    /// One session's and its folders'.
    Session(String),
}

impl LinksOf {
    /// Those of an artifact or a session; of neither if both are empty.
    ///
    /// # Errors
    /// `Invalid` for both; `ArtifactNotFound` for a malformed artifact id.
    pub fn new(artifact: &str, session: String) -> Result<Self> {
        match (artifact, &*session) {
            ("", "") => Ok(Self::All),
            (artifact, "") => artifact_id(artifact).map(Self::Artifact),
            ("", _) => match Identifier::new(session) {
                Ok(session) => Ok(Self::Session(session.as_str().to_owned())),
                Err(rule) => Err(Error::invalid("session_id", rule)),
            },
            _ => {
                let rule = "must not be given beside artifact_id";
                Err(Error::invalid("session_id", rule))
            }
        }
    }
}

impl LinkTarget<ArtifactId> {
    /// What the audit trail names.
    pub(crate) fn resource(&self) -> String {
        match self {
            Self::Artifact(id) => id.to_string(),
            Self::Session(shared) => format!("session {}", shared.session_id),
        }
    }
}

/// What a new link is to be like.
#[derive(Debug, Clone, Default)]
pub struct NewLink {
    /// How long it works: 1 ms to 365 days; `None`: 7 days. A tenant may be limited to less.
    pub expires_in: Option<Duration>,
    /// After how many downloads it ends: 1 to 1,000,000,000; `None`: no limit but the tenant's.
    pub max_downloads: Option<u64>,
    /// What a reader must give.
    pub password: Option<LinkPassword>,
}

/// What a tenant may do with links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkPolicy {
    /// Whether links are created, and open.
    pub enabled: bool,
    /// The longest life of a link; `None`: 365 days.
    pub max_ttl: Option<Duration>,
    /// The most downloads of a link, and the number for one that is created without a limit; `None`: no limit.
    pub max_downloads: Option<u64>,
}

/// What to change of a tenant's policy; `None`: leave it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinkPolicyUpdate {
    /// Whether links are created, and open.
    pub enabled: Option<bool>,
    /// The new limit, or none.
    pub max_ttl: Option<Option<Duration>>,
    /// The new limit, or none.
    pub max_downloads: Option<Option<u64>>,
}

const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
const MOST_DOWNLOADS: u64 = 1_000_000_000;

impl LinkPolicy {
    /// How long a link works whose creator does not say.
    pub(crate) const DEFAULT_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

    /// How long a new link works.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn life(&self, asked: Option<Duration>) -> Result<Duration> {
        let longest = self.max_ttl.unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE);
        let life = asked.unwrap_or(Self::DEFAULT_LIFE.min(longest));
        if (Duration::from_millis(1)..=longest).contains(&life) {
            return Ok(life);
        }
        let rule = match self.max_ttl {
            Some(_) => format!(
                "must be at least one millisecond and at most {}, the tenant's limit",
                HumanDuration(longest)
            ),
            None => "must be at least one millisecond and at most 365 days".to_owned(),
        };
        Err(Error::invalid("expires_in", rule))
    }

    /// After how many downloads a new link ends.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn downloads(&self, asked: Option<u64>) -> Result<Option<u64>> {
        let most = self
            .max_downloads
            .unwrap_or(MOST_DOWNLOADS)
            .min(MOST_DOWNLOADS);
        match asked {
            Some(asked) if !(1..=most).contains(&asked) => Err(Error::invalid(
                "max_downloads",
                format!("must be 1 to {most}, or 0 for no limit of its own"),
            )),
            Some(asked) => Ok(Some(asked)),
            None => Ok(self.max_downloads),
        }
    }
}

impl LinkPolicyUpdate {
    /// Checks the new limits, whatever the old ones are.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check(&self) -> Result<()> {
        let unlimited = LinkPolicy {
            enabled: true,
            max_ttl: None,
            max_downloads: None,
        };
        self.applied(unlimited).map(drop)
    }

    /// The policy of a tenant that had this one.
    ///
    /// # Errors
    /// `Invalid`, for a limit of zero.
    pub(crate) fn applied(&self, old: LinkPolicy) -> Result<LinkPolicy> {
        let policy = LinkPolicy {
            enabled: self.enabled.unwrap_or(old.enabled),
            max_ttl: self.max_ttl.unwrap_or(old.max_ttl),
            max_downloads: self.max_downloads.unwrap_or(old.max_downloads),
        };
        let most = MOST_DOWNLOADS;
        if policy
            .max_ttl
            .is_some_and(|ttl| !(Duration::from_millis(1)..=LONGEST_LIFE).contains(&ttl))
        {
            return Err(Error::invalid(
                "max_link_ttl",
                "must be at least 1ms and at most 365d, or none",
            ));
        }
        if policy
            .max_downloads
            .is_some_and(|max| !(1..=most).contains(&max))
        {
            let rule = format!("must be 1 to {most}, or none");
            return Err(Error::invalid("max_link_downloads", rule));
        }
        Ok(policy)
    }
}

impl Link {
    /// Its approximate size in an answer, with its URL, in bytes.
    pub(crate) const WEIGHT: usize = 1024;

    /// The same of this one.
    pub(crate) fn weight(&self) -> usize {
        match &self.target {
            LinkTarget::Artifact(_) => Self::WEIGHT,
            LinkTarget::Session(shared) => {
                Self::WEIGHT + shared.session_id.len() + shared.folder.len()
            }
        }
    }
}

pub(crate) fn link_id(text: &str) -> Result<LinkId> {
    text.parse().map_err(|_| Error::LinkNotFound(excerpt(text)))
}
