//! Several artifacts in one call, each with an outcome of its own.

use std::vec;

use axum::body::Bytes;
use cairn_proto::v1::{
    self, ArtifactOutcome, BatchGetArtifactsRequest, DownloadArtifactsResponse,
    artifact_outcome::Outcome, download_artifacts_response::Message,
};
use cairn_store::{ArtifactRef, ArtifactSpec, Caller, Content, Error, Result, Store};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::convert;
use crate::error::of_item;

/// The most items of a call.
const MOST: usize = 100;

/// Refuses none, and more than may be.
pub(crate) fn check(field: &str, items: usize) -> Result<()> {
    if (1..=MOST).contains(&items) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("must be 1 to {MOST}")))
}

fn outcome(made: Result<v1::Artifact>) -> ArtifactOutcome {
    let outcome = match made {
        Ok(artifact) => Outcome::Artifact(artifact),
        Err(e) => Outcome::Error(of_item(&e)),
    };
    ArtifactOutcome {
        outcome: Some(outcome),
    }
}

/// Creates all at once, so that the small ones come together into transactions. Each has a task of its own, for a task holds
/// one connection at the most.
pub(crate) async fn create(
    store: &Store,
    caller: &Caller,
    items: Vec<Result<(ArtifactSpec, Bytes)>>,
) -> Vec<ArtifactOutcome> {
    let mut outcomes = vec![ArtifactOutcome::default(); items.len()];
    let mut tasks = JoinSet::new();
    for (place, item) in items.into_iter().enumerate() {
        let (store, caller) = (store.clone(), caller.clone());
        let create = async move {
            let (spec, content) = item?;
            let created = store.create_artifact(&caller, spec, content);
            created.await.map(convert::created)
        };
        tasks.spawn(async move { (place, outcome(create.await)) }.in_current_span());
    }
    while let Some(done) = tasks.join_next().await {
        if let Ok((place, outcome)) = done
            && let Some(free) = outcomes.get_mut(place)
        {
            *free = outcome;
        }
    }
    for lost in outcomes.iter_mut().filter(|it| it.outcome.is_none()) {
        *lost = outcome(Err(Error::Internal(
            "a create ended without an outcome".into(),
        )));
    }
    outcomes
}

/// Reads the records in one statement.
pub(super) async fn get(
    store: &Store,
    caller: &Caller,
    request: BatchGetArtifactsRequest,
) -> Result<Vec<ArtifactOutcome>> {
    let ids = request.artifact_ids.iter();
    let by_id = ids.map(|id| ArtifactRef::new(id, None));
    let names = request.names.into_iter().map(convert::raw_name);
    let by_name = names.map(|name| ArtifactRef::new("", Some(name)));
    let (mut wanted, mut refused) = (Vec::new(), Vec::new());
    for one in by_id.chain(by_name) {
        match one {
            Ok(one) => {
                wanted.push(one);
                refused.push(None);
            }
            Err(e) => refused.push(Some(e)),
        }
    }
    let mut found = store.get_artifacts(caller, &wanted).await?.into_iter();
    let outcomes = refused.into_iter().map(|refused| match refused {
        Some(e) => outcome(Err(e)),
        None => outcome(
            found
                .next()
                .unwrap_or_else(|| Err(Error::internal("an artifact has no outcome")))
                .map(convert::artifact),
        ),
    });
    Ok(outcomes.collect())
}

/// Contents that are sent one after another.
pub(super) struct Contents {
    store: Store,
    caller: Caller,
    ids: vec::IntoIter<String>,
    /// What is being sent.
    content: Option<Content>,
}

impl Contents {
    pub(super) fn new(store: &Store, caller: &Caller, ids: Vec<String>) -> Self {
        Self {
            store: store.clone(),
            caller: caller.clone(),
            ids: ids.into_iter(),
            content: None,
        }
    }

    /// The next message; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<DownloadArtifactsResponse> {
        let message = match self.piece().await {
            Ok(Some(message)) => message,
            Ok(None) => match self.open().await? {
                Ok(artifact) => Message::Artifact(artifact),
                Err(e) => Message::Error(of_item(&e)),
            },
            Err(e) => Message::Error(of_item(&e)),
        };
        Some(DownloadArtifactsResponse {
            message: Some(message),
        })
    }

    /// The next bytes of what is being sent, or its end; `None` when nothing is being sent.
    async fn piece(&mut self) -> Result<Option<Message>> {
        let Some(mut content) = self.content.take() else {
            return Ok(None);
        };
        let Some(piece) = content.next().await? else {
            return Ok(Some(Message::End(convert::download_end(&content))));
        };
        self.content = Some(content);
        Ok(Some(Message::Data(piece)))
    }

    /// Begins with the next artifact; `None` when there is none.
    async fn open(&mut self) -> Option<Result<v1::Artifact>> {
        let id = self.ids.next()?;
        let opened = async {
            let wanted = ArtifactRef::new(&id, None)?;
            self.store.open_artifact(&self.caller, &wanted).await
        };
        Some(opened.await.map(|download| {
            let artifact = convert::artifact(download.artifact().clone());
            self.content = Some(download.read(0, None));
            artifact
        }))
    }
}
