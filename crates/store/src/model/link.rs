//! Links: public, expiring, revocable URLs.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    error::{Error, Result},
    id::{ArtifactId, LinkId},
    link_password::LinkPassword,
    span::HumanDuration,
    validate::excerpt,
};

/// How long wrong passwords of a link are counted, and so how long a link is locked after too many.
pub const LINK_LOCK: Duration = Duration::from_secs(15 * 60);
/// How many wrong passwords of a link are compared in that time.
pub(crate) const MOST_ATTEMPTS: i32 = 10;

/// A public URL of one artifact.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its identifier, the secret that allows reading.
    pub id: LinkId,
    /// Where it leads.
    pub artifact_id: ArtifactId,
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
}

pub(crate) fn link_id(text: &str) -> Result<LinkId> {
    text.parse().map_err(|_| Error::LinkNotFound(excerpt(text)))
}
