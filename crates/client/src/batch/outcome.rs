//! The outcome of one item of a batch.

use cairn_proto::v1::{Artifact, ArtifactOutcome, artifact_outcome::Outcome};

use crate::{Error, Refusal};

pub(super) fn outcome(outcome: ArtifactOutcome) -> Result<Artifact, Error> {
    match outcome.outcome {
        Some(Outcome::Artifact(artifact)) => Ok(artifact),
        Some(Outcome::Error(error)) => Err(Error::Refused(Box::new(Refusal::of_item(error)))),
        None => Err(no_outcome()),
    }
}

pub(super) fn no_outcome() -> Error {
    Error::BadAnswer("a batch without an outcome for each of its items".to_owned())
}
