//! The next operation of a client, and its operations on existing artifacts.

use std::time::{Duration, Instant};

use cairn_proto::v1::{
    DeleteArtifactRequest, DeleteArtifactsRequest, DownloadArtifactRequest,
    RestoreArtifactsRequest, SetLegalHoldRequest, UpdateArtifactRequest,
    download_artifact_response::Message, update_artifact_request::Expiry,
};
use rand::RngExt;
use tonic::Status;

use super::{
    caller::{Caller, Heard},
    creating::Way,
    journal::{Life, Record},
    tally::Broken,
};
use harness::Client;

/// With more artifacts than this, a client deletes before it creates more.
const ENOUGH: usize = 25;

impl Caller {
    pub(super) async fn work(mut self, until: Instant) -> Self {
        while Instant::now() < until {
            self.step().await;
        }
        self
    }

    async fn step(&mut self) {
        let journal = &self.world.journal;
        let over = |id: &String| {
            let record = journal.record(id);
            record.is_none_or(|record| {
                let ended = record.end_answered.or(record.end_asked);
                let long_ago = ended.is_some_and(|at| at.elapsed() > Duration::from_secs(10));
                record.life == Life::Unknown
                    || (!record.held && record.life != Life::Live && long_ago)
            })
        };
        self.own.retain(|id| !over(id));
        if self.own.len() > ENOUGH && self.rng.random_bool(0.5) {
            return self.delete().await;
        }
        match self.rng.random_range(0..100) {
            0..12 => self.create(Way::Create).await,
            12..18 => self.create(Way::Batch).await,
            18..22 => self.create(Way::Upload).await,
            22..26 => self.create(Way::Resume).await,
            26..30 => self.create(Way::Presign).await,
            30..38 => self.create(Way::Declare).await,
            38..46 => self.copy().await,
            46..62 => self.read().await,
            62..76 => self.delete().await,
            76..81 => self.restore().await,
            81..85 => self.update().await,
            85..89 => self.hold().await,
            89..92 => self.delete_several().await,
            92..95 => self.publish().await,
            95 => self.delete_file().await,
            96 => self.seal().await,
            97 => self.delete_session().await,
            _ => self.read_manifest().await,
        }
    }

    /// One of its own artifacts that satisfies the condition.
    pub(super) fn own_with(&mut self, is_so: impl Fn(&Record) -> bool) -> Option<Record> {
        let entries = self.world.journal.entries();
        let mine = self.own.iter().filter_map(|id| entries.records.get(id));
        let found: Vec<_> = mine.filter(|record| is_so(record)).collect();
        let count = found.len();
        (count > 0).then(|| found[self.rng.random_range(..count)].clone())
    }

    async fn read(&mut self) {
        if let Some(record) = self.own_with(|record| record.life != Life::Unpublished) {
            self.check(&record.id).await;
        }
    }

    /// Downloads an artifact, and checks the result against the promises.
    pub(super) async fn check(&mut self, id: &str) {
        let request = DownloadArtifactRequest {
            artifact_id: id.to_owned(),
            ..DownloadArtifactRequest::default()
        };
        let call = async |client: Client| download(client, request.clone()).await;
        let heard = self.ask("operation: download", call).await;
        let Some(record) = self.world.journal.record(id) else {
            return;
        };
        match (heard, record.life) {
            (Heard::Answer(bytes), Life::Live | Life::Mortal | Life::Unknown) => {
                if bytes == record.content.bytes {
                    self.tally().add("check: content of an artifact");
                } else {
                    self.tally()
                        .broken(Broken::Lost, format!("other bytes: {record:?}"));
                }
            }
            (Heard::Answer(_), Life::Deleted | Life::Unpublished) => {
                self.tally().broken(Broken::Deletion, format!("{record:?}"));
            }
            (Heard::Refused { reason, .. }, Life::Live) => {
                self.tally()
                    .broken(Broken::Lost, format!("{reason}: {record:?}"));
            }
            (Heard::Refused { reason, .. }, _) => {
                if ["ARTIFACT_NOT_FOUND", "ARTIFACT_EXPIRED", "ARTIFACT_DELETED"]
                    .contains(&&*reason)
                {
                    self.tally().add("check: what ended is not readable");
                } else {
                    self.tally()
                        .broken(Broken::Lost, format!("{reason}: {record:?}"));
                }
            }
        }
    }

    async fn delete(&mut self) {
        let Some(record) = self.own_with(|record| {
            matches!(record.life, Life::Live | Life::Mortal | Life::Unpublished)
        }) else {
            return;
        };
        self.asks_for_the_end(&record.id);
        let request = DeleteArtifactRequest {
            artifact_id: record.id.clone(),
            idempotency_key: self.fresh(),
            ..DeleteArtifactRequest::default()
        };
        let call = async |mut client: Client| {
            let response = client.artifacts.delete_artifact(request.clone());
            Ok(response.await?.into_inner())
        };
        let heard = self.ask("operation: delete", call).await;
        match heard {
            Heard::Answer(_) => {
                if record.held {
                    let words = format!("deleted in spite of a legal hold: {record:?}");
                    self.tally().broken(Broken::Lost, words);
                }
                self.ended(&record.id);
            }
            Heard::Refused { reason, doubtful } => self.not_ended(&record, &reason, doubtful),
        }
    }

    pub(super) fn asks_for_the_end(&self, id: &str) {
        self.world.journal.change(id, |record| {
            record.end_asked.get_or_insert_with(Instant::now);
        });
    }

    pub(super) fn ended(&self, id: &str) {
        self.world.journal.change(id, |record| {
            record.end_answered.get_or_insert_with(Instant::now);
            record.life = Life::Deleted;
        });
    }

    fn not_ended(&self, record: &Record, reason: &str, doubtful: bool) {
        let as_expected = match reason {
            "LEGAL_HOLD" => record.held,
            // A short-lived artifact may have expired, and an unpublished one may have been discarded.
            "ARTIFACT_EXPIRED" | "ARTIFACT_NOT_FOUND" | "ARTIFACT_DELETED" => {
                record.life != Life::Live
            }
            _ => doubtful,
        };
        if !as_expected {
            let words = format!("delete: {reason}: {record:?}");
            self.tally().broken(Broken::Lost, words);
        }
        if reason != "LEGAL_HOLD" {
            self.world
                .journal
                .change(&record.id, |record| record.life = Life::Unknown);
        }
    }

    async fn delete_several(&mut self) {
        let count = self.rng.random_range(1..6);
        let mut ids = Vec::new();
        for _ in 0..count {
            if let Some(record) = self.own_with(|record| record.life == Life::Live && !record.held)
                && !ids.contains(&record.id)
            {
                ids.push(record.id);
            }
        }
        if ids.is_empty() {
            return;
        }
        for id in &ids {
            self.asks_for_the_end(id);
        }
        let request = DeleteArtifactsRequest {
            artifact_ids: ids.clone(),
            idempotency_key: self.fresh(),
            ..DeleteArtifactsRequest::default()
        };
        let call = async |mut client: Client| {
            let response = client.artifacts.delete_artifacts(request.clone());
            Ok(response.await?.into_inner())
        };
        match self.ask("operation: delete several", call).await {
            Heard::Answer(answer) => {
                for id in ids {
                    if answer.not_deleted_artifact_ids.contains(&id) {
                        let words = format!("{id} was not there to be deleted");
                        self.tally().broken(Broken::Lost, words);
                    }
                    self.ended(&id);
                }
            }
            Heard::Refused { reason, .. } => {
                let words = format!("delete several: {reason}");
                self.tally().broken(Broken::Other, words);
            }
        }
    }

    async fn restore(&mut self) {
        let Some(record) =
            self.own_with(|record| record.life == Life::Deleted && record.version > 0)
        else {
            return;
        };
        let request = RestoreArtifactsRequest {
            artifact_ids: vec![record.id.clone()],
            idempotency_key: self.fresh(),
            ..RestoreArtifactsRequest::default()
        };
        self.world
            .journal
            .change(&record.id, |record| record.restored = true);
        let call = async |mut client: Client| {
            let response = client.artifacts.restore_artifacts(request.clone());
            Ok(response.await?.into_inner())
        };
        match self.ask("operation: restore", call).await {
            Heard::Answer(answer) if answer.restored_count == 1 => {
                self.world.journal.change(&record.id, |record| {
                    record.life = if record.limited {
                        Life::Mortal
                    } else {
                        Life::Live
                    };
                });
            }
            Heard::Answer(_) => {}
            Heard::Refused { reason, doubtful } => {
                let words = format!("restore: {reason}, doubtful: {doubtful}: {record:?}");
                self.tally().broken(Broken::Other, words);
            }
        }
    }

    /// Shortens the time to live, or extends it beyond the end of the run.
    async fn update(&mut self) {
        let Some(record) = self.own_with(|record| matches!(record.life, Life::Live | Life::Mortal))
        else {
            return;
        };
        let shorter = self.rng.random_bool(0.3);
        let seconds = if shorter { 2 } else { 10 * 24 * 3600 };
        let request = UpdateArtifactRequest {
            artifact_id: record.id.clone(),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["expiry".to_owned()],
            }),
            expiry: Some(Expiry::Ttl(prost_types::Duration { seconds, nanos: 0 })),
            idempotency_key: self.fresh(),
            ..UpdateArtifactRequest::default()
        };
        if shorter {
            self.world.journal.change(&record.id, |record| {
                record.life = Life::Mortal;
                record.end_asked.get_or_insert_with(Instant::now);
                record.limited = true;
            });
        }
        let call = async |mut client: Client| {
            let response = client.artifacts.update_artifact(request.clone());
            Ok(response.await?.into_inner())
        };
        match self.ask("operation: change expiry", call).await {
            Heard::Answer(_) if !shorter => self.world.journal.change(&record.id, |record| {
                record.life = Life::Live;
                record.limited = false;
            }),
            Heard::Answer(_) => {}
            Heard::Refused { reason, .. } if record.life == Life::Live && !shorter => {
                self.tally()
                    .broken(Broken::Lost, format!("{reason}: {record:?}"));
            }
            Heard::Refused { .. } => {}
        }
    }

    async fn hold(&mut self) {
        if let Some(record) = self.own_with(|record| record.life == Life::Live) {
            self.hold_or_release(&record).await;
        }
    }

    pub(super) async fn hold_or_release(&mut self, record: &Record) {
        let request = SetLegalHoldRequest {
            artifact_ids: vec![record.id.clone()],
            legal_hold: !record.held,
            idempotency_key: self.fresh(),
            ..SetLegalHoldRequest::default()
        };
        let call = async |mut client: Client| {
            let response = client.artifacts.set_legal_hold(request.clone());
            Ok(response.await?.into_inner())
        };
        match self.ask("operation: legal hold", call).await {
            Heard::Answer(answer) if answer.missing_artifact_ids.is_empty() => {
                self.world
                    .journal
                    .change(&record.id, |it| it.held = !record.held);
            }
            other => {
                let words = format!("legal hold: {other:?}: {record:?}");
                self.tally().broken(Broken::Lost, words);
            }
        }
    }
}

async fn download(client: Client, request: DownloadArtifactRequest) -> Result<Vec<u8>, Status> {
    let mut artifacts = client.artifacts.clone();
    let mut messages = artifacts.download_artifact(request).await?.into_inner();
    let (mut content, mut end) = (Vec::new(), None);
    while let Some(message) = messages.message().await? {
        match message.message {
            Some(Message::Data(piece)) => content.extend_from_slice(&piece),
            Some(Message::End(said)) => end = Some(said),
            _ => {}
        }
    }
    // A stream without its end was cut off, whatever its status.
    let end = end.ok_or_else(|| Status::unavailable("the content has no end"))?;
    assert_eq!(end.size_bytes, content.len() as i64);
    Ok(content)
}
