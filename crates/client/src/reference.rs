//! The two ways to name an artifact.

use std::fmt;

use cairn_proto::v1::{Artifact, ArtifactName, GetArtifactRequest};

use crate::{Client, Error, required, unary};

/// An artifact by its id, or by its filename and the scope of that.
#[derive(Debug, Clone, PartialEq)]
pub enum ArtifactRef {
    /// "art_" and 16 characters.
    Id(String),
    /// A filename; its latest version unless one is given.
    Name(ArtifactName),
}

impl ArtifactRef {
    /// The id, where that is what is known.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Id(id) => Some(id.clone()),
            Self::Name(_) => None,
        }
    }

    /// What requests have in their fields `artifact_id` and `name`.
    #[must_use]
    pub fn into_fields(self) -> (String, Option<ArtifactName>) {
        match self {
            Self::Id(id) => (id, None),
            Self::Name(name) => (String::new(), Some(name)),
        }
    }
}

impl Client {
    /// Reads one artifact's record.
    ///
    /// # Errors
    ///
    /// A refusal with reason ARTIFACT_NOT_FOUND, ARTIFACT_EXPIRED or ARTIFACT_DELETED when it cannot be read.
    pub async fn artifact(&self, artifact: ArtifactRef) -> Result<Artifact, Error> {
        let (artifact_id, name) = artifact.into_fields();
        let request = unary(GetArtifactRequest { artifact_id, name });
        let answer = self.artifacts.clone().get_artifact(request).await?;
        required(answer.into_inner().artifact, "artifact")
    }
}

impl fmt::Display for ArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Name(name) => f.write_str(&name.filename),
        }
    }
}
