//! Deployments: which database and which blob store belong together.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// A deployment, and its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Its id.
    pub id: Uuid,
    /// Raised whenever a database takes the blob store over, which shuts the previous one out.
    pub epoch: i64,
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.epoch)
    }
}

impl FromStr for Deployment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("'{}' is not an id and an epoch", text.trim_end());
        let (id, epoch) = text.trim_end().split_once(' ').ok_or_else(malformed)?;
        Ok(Self {
            id: id.parse().map_err(|_| malformed())?,
            epoch: epoch.parse().map_err(|_| malformed())?,
        })
    }
}

/// Why the collector does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Who paused it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The deployment of each of the two stores, whether or not they agree.
#[derive(Debug, Clone, Serialize)]
pub struct DeploymentStatus {
    /// The database's; `None` before anything was stored.
    pub database: Option<Deployment>,
    /// The blob store's; `None` if it is unclaimed.
    pub blob_store: Option<Deployment>,
    /// Why the collector is paused, if it is.
    pub paused: Option<Pause>,
}

#[cfg(test)]
mod tests {
    use super::Deployment;

    #[test]
    fn a_mark_reads_back_and_nothing_else_is_one() {
        let mark = Deployment {
            id: uuid::Uuid::now_v7(),
            epoch: 3,
        };
        assert_eq!(format!("{mark}\n").parse(), Ok(mark));
        for text in ["", "x 1", &mark.id.to_string(), &format!("{mark} 2"), " "] {
            assert!(text.parse::<Deployment>().is_err(), "{text:?}");
        }
    }
}
