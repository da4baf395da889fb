//! Deletes every version of a file, and everything of a session, which no other caller knows.

use std::sync::Arc;

use cairn_proto::v1::{ArtifactName, ArtifactSpec, DeleteArtifactRequest, DeleteSessionRequest};
use rand::RngExt;

use super::{
    caller::{Caller, Heard},
    creating::Way,
    tally::Broken,
};
use harness::Client;

impl Caller {
    pub(super) async fn delete_file(&mut self) {
        let filename = self.fresh();
        let mut ids = Vec::new();
        for _ in 0..self.rng.random_range(1..4) {
            ids.extend(self.make_own("", &filename, false).await);
        }
        for id in &ids {
            self.asks_for_the_end(id);
        }
        let request = DeleteArtifactRequest {
            name: Some(ArtifactName {
                filename: filename.clone(),
                ..ArtifactName::default()
            }),
            all_versions: true,
            idempotency_key: self.fresh(),
            ..DeleteArtifactRequest::default()
        };
        let call = async |mut client: Client| {
            let response = client.artifacts.delete_artifact(request.clone());
            Ok(response.await?.into_inner().deleted_count)
        };
        match self.ask("operation: delete a file", call).await {
            Heard::Answer(count) if count == ids.len() as i64 => {
                for id in &ids {
                    self.ended(id);
                }
            }
            other => {
                let words = format!("{other:?} for {filename} with versions {ids:?}");
                self.tally().broken(Broken::Other, words);
            }
        }
    }

    /// What is persistent or held stays.
    pub(super) async fn delete_session(&mut self) {
        let session = self.fresh();
        let mut ending = Vec::new();
        for number in 0..self.rng.random_range(2..8) {
            let (persistent, held) = (self.rng.random_bool(0.2), self.rng.random_bool(0.2));
            let filename = format!("file-{}", number % 3);
            let Some(id) = self.make_own(&session, &filename, persistent).await else {
                return;
            };
            if held && let Some(record) = self.world.journal.record(&id) {
                self.hold_or_release(&record).await;
            }
            if !persistent && !held {
                ending.push(id);
            }
        }
        for id in &ending {
            self.asks_for_the_end(id);
        }
        let request = DeleteSessionRequest {
            session_id: session.clone(),
            idempotency_key: self.fresh(),
        };
        let call = async |mut client: Client| {
            let response = client.sessions.delete_session(request.clone());
            Ok(response.await?.into_inner().job.unwrap().job_id)
        };
        match self.ask("operation: delete a session", call).await {
            Heard::Answer(job) => {
                if self.waits_for(&job, "deleting a session").await {
                    for id in &ending {
                        self.ended(id);
                    }
                }
            }
            other => {
                let words = format!("{other:?} for the deletion of {session}");
                self.tally().broken(Broken::Other, words);
            }
        }
    }

    /// Makes a version of a file that only this caller writes; returns its id.
    async fn make_own(
        &mut self,
        session: &str,
        filename: &str,
        persistent: bool,
    ) -> Option<String> {
        let title = self.fresh();
        let spec = ArtifactSpec {
            session_id: session.to_owned(),
            filename: filename.to_owned(),
            idempotency_key: title.clone(),
            title,
            persistent,
            ..ArtifactSpec::default()
        };
        let world = Arc::clone(&self.world);
        let content = world.pool.any(&mut self.rng);
        self.make(Way::Create, spec, content, String::new()).await
    }
}
