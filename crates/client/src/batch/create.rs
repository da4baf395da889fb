//! Small contents that are created in one call.

use cairn_proto::v1::{Artifact, BatchCreateArtifactsRequest, CreateArtifactRequest};
use prost::Message;
use tonic::Code;

use super::{
    outcome::{no_outcome, outcome},
    queue::{Queue, Waiting},
};
use crate::{Client, Error, create, unary};

/// The largest content that is sent together with others, in bytes. A larger one gains little, and would hold them up.
const SMALL: usize = 64 << 10;

/// What the server counts for an item beside its content and its spec, in bytes.
const ITEM: usize = 512;

/// The most that all items of a call may have beside their contents, in bytes: the server's limit.
const BESIDE: usize = 256 << 10;

/// The most content of a call, in bytes: with what is beside it, less than the server's limit of 4 MiB.
const CONTENT: usize = 3 << 20;

/// Creates small artifacts together: see [`crate::UploadOptions::batches`]. A clone shares the calls.
#[derive(Debug, Clone)]
pub struct CreateBatches {
    client: Client,
    queue: Queue<CreateArtifactRequest, Artifact>,
}

impl Client {
    /// Gathers small creates that happen at the same time into calls of BatchCreateArtifacts.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn create_batches(&self) -> CreateBatches {
        let client = self.clone();
        CreateBatches {
            client: self.clone(),
            queue: Queue::new(CONTENT, weight, move |batch| call(client.clone(), batch)),
        }
    }
}

impl CreateBatches {
    /// Creates one artifact, together with others where the content is small.
    pub(crate) async fn create(&self, request: CreateArtifactRequest) -> Result<Artifact, Error> {
        if request.content.len() > SMALL || beside(&request) > BESIDE {
            return create::alone(&self.client, request).await;
        }
        self.queue.send(request).await
    }
}

fn beside(request: &CreateArtifactRequest) -> usize {
    ITEM + request.spec.as_ref().map_or(0, Message::encoded_len)
}

/// Both limits as one: what is beside the contents counts for as much content as it takes of its own limit.
fn weight(request: &CreateArtifactRequest) -> usize {
    let beside = beside(request) * (CONTENT / BESIDE);
    request.content.len().max(beside)
}

async fn call(client: Client, batch: Vec<Waiting<CreateArtifactRequest, Artifact>>) {
    let (requests, answers): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|waiting| (waiting.request, waiting.answer))
        .unzip();
    let outcomes = match <[_; 1]>::try_from(requests) {
        // An error of a call of its own says more than that of an item.
        Ok([alone]) => vec![create::alone(&client, alone).await],
        Err(requests) => create_all(&client, requests).await,
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // The receiver may have been dropped.
        let _ = answer.send(outcome);
    }
}

/// The outcomes, one for each request.
async fn create_all(
    client: &Client,
    requests: Vec<CreateArtifactRequest>,
) -> Vec<Result<Artifact, Error>> {
    let count = requests.len();
    let batch = BatchCreateArtifactsRequest {
        requests: requests.clone(),
    };
    let mut artifacts = client.artifacts.clone();
    match artifacts.batch_create_artifacts(unary(batch)).await {
        Ok(answer) => {
            let outcomes = answer.into_inner().outcomes;
            let mut outcomes: Vec<_> = outcomes.into_iter().map(outcome).collect();
            outcomes.resize_with(count, || Err(no_outcome()));
            outcomes
        }
        // The server is older than the call.
        Err(status) if status.code() == Code::Unimplemented => {
            let mut outcomes = Vec::with_capacity(count);
            for request in requests {
                outcomes.push(create::alone(client, request).await);
            }
            outcomes
        }
        Err(status) => (0..count).map(|_| Err(status.clone().into())).collect(),
    }
}
