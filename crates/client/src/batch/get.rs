//! Records that are read in one call.

use cairn_proto::v1::{Artifact, BatchGetArtifactsRequest};

use super::{
    outcome::{no_outcome, outcome},
    queue::MOST,
};
use crate::{Client, Error, retry, unary};

impl Client {
    /// Reads the records of artifacts, up to 100 in one call, and returns an outcome for each id in the order of the ids.
    /// `tell` hears why a call is repeated.
    ///
    /// # Errors
    ///
    /// That of a call which retries could not help. An artifact that cannot be read is an error in its place.
    pub async fn artifacts_by_id(
        &self,
        ids: &[String],
        tell: impl Fn(&str),
    ) -> Result<Vec<Result<Artifact, Error>>, Error> {
        let mut outcomes = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MOST) {
            let answer = retry(&tell, async || {
                let request = BatchGetArtifactsRequest {
                    artifact_ids: ids.to_vec(),
                    ..BatchGetArtifactsRequest::default()
                };
                let mut artifacts = self.artifacts.clone();
                Ok(artifacts.batch_get_artifacts(unary(request)).await?)
            });
            let read = answer.await?.into_inner().outcomes;
            if read.len() != ids.len() {
                return Err(no_outcome());
            }
            outcomes.extend(read.into_iter().map(outcome));
        }
        Ok(outcomes)
    }
}
