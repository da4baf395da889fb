//! Links: public, expiring, revocable URLs.

use jiff::Timestamp;

use super::{
    error::{Error, Result},
    id::{ArtifactId, LinkId},
    validate::excerpt,
};

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
}

impl Link {
    /// Its approximate size in an answer, with its URL, in bytes.
    pub(crate) const WEIGHT: usize = 1024;
}

pub(crate) fn link_id(text: &str) -> Result<LinkId> {
    text.parse().map_err(|_| Error::LinkNotFound(excerpt(text)))
}
