//! A link.

use jiff::Timestamp;
use serde::Serialize;

use super::value::{present, timestamp};
use crate::v1;

/// A public URL of an artifact or of a session; the fields are those of [`v1::Link`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Link {
    /// "lnk_" and 20 characters.
    pub link_id: String,
    /// Where the content can be read without a key.
    pub url: String,
    /// The artifact that it leads to; `None` for a link to a session.
    pub artifact_id: Option<String>,
    /// The session that it leads to; `None` for a link to an artifact.
    pub session_id: Option<String>,
    /// The folder of the session, with "/" at its end; `None` for all of it.
    pub folder: Option<String>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was revoked; `None` when it was not.
    pub revoked_at: Option<Timestamp>,
    /// After how many downloads it ends; 0: no limit.
    pub max_downloads: i64,
    /// How many downloads there were, if they are limited.
    pub downloads: i64,
    /// Whether a reader needs a password.
    pub password_protected: bool,
}

impl From<v1::Link> for Link {
    fn from(link: v1::Link) -> Self {
        Self {
            link_id: link.link_id,
            url: link.url,
            artifact_id: present(link.artifact_id),
            session_id: present(link.session_id),
            folder: present(link.folder),
            expires_at: timestamp(link.expires_at),
            created_at: timestamp(link.created_at),
            revoked_at: timestamp(link.revoked_at),
            max_downloads: link.max_downloads,
            downloads: link.downloads,
            password_protected: link.password_protected,
        }
    }
}
