//! Publishing, sealing, and checks of sealed sessions.

use std::{collections::BTreeMap, time::Instant};

use cairn_proto::v1::{
    CommitSessionRequest, GetSessionRequest, ListManifestRequest, ManifestEntry,
    SealSessionRequest, Session,
};
use cairn_store::ContentHash;
use rand::RngExt;
use tonic::Status;

use super::{
    caller::{Caller, Heard},
    journal::{Life, Record},
    tally::Broken,
};
use harness::Client;

impl Caller {
    pub(super) async fn publish(&mut self) {
        let Some(one) = self.own_with(|record| record.life == Life::Unpublished) else {
            return;
        };
        let session = one.session;
        let mine: Vec<Record> = {
            let entries = self.world.journal.entries();
            let mine = self.own.iter().filter_map(|id| entries.records.get(id));
            mine.filter(|record| record.life == Life::Unpublished && record.session == session)
                .cloned()
                .collect()
        };
        let seal = self.rng.random_bool(0.2);
        let asked = Instant::now();
        if seal {
            self.world.journal.seal_asked(&session);
        }
        let request = CommitSessionRequest {
            session_id: session.clone(),
            artifact_ids: mine.iter().map(|record| record.id.clone()).collect(),
            seal,
            idempotency_key: self.fresh(),
        };
        let call = async |mut client: Client| {
            let response = client.sessions.commit_session(request.clone());
            Ok(response.await?.into_inner())
        };
        match self.ask("operation: publish", call).await {
            Heard::Answer(answer) => {
                let published: BTreeMap<_, _> = answer
                    .artifacts
                    .into_iter()
                    .map(|artifact| (artifact.artifact_id, artifact.version))
                    .collect();
                for record in &mine {
                    let Some(version) = published.get(&record.id) else {
                        let words = format!("not among the published: {record:?}");
                        self.tally().broken(Broken::Lost, words);
                        continue;
                    };
                    self.world.journal.change(&record.id, |record| {
                        record.life = Life::Live;
                        record.version = *version;
                        record.asked = asked;
                    });
                }
                if seal {
                    self.sealed(&answer.session.unwrap());
                }
            }
            // Meanwhile sealed or discarded, or the version is another one.
            Heard::Refused { doubtful, .. } => {
                for record in mine {
                    self.world
                        .journal
                        .change(&record.id, |record| record.life = Life::Unknown);
                }
                if doubtful {
                    let mut entries = self.world.journal.entries();
                    entries.sessions.entry(session).or_default().doubtful = true;
                }
            }
        }
    }

    pub(super) async fn seal(&mut self) {
        let session = self.any_session();
        self.world.journal.seal_asked(&session);
        let request = SealSessionRequest {
            session_id: session,
            idempotency_key: self.fresh(),
        };
        let call = async |mut client: Client| {
            let response = client.sessions.seal_session(request.clone());
            Ok(response.await?.into_inner().session.unwrap())
        };
        if let Heard::Answer(session) = self.ask("operation: seal", call).await {
            self.sealed(&session);
        }
    }

    /// Records that a session is sealed, and opens another one.
    fn sealed(&mut self, session: &Session) {
        let journal = &self.world.journal;
        if let Some(other) = journal.sealed(&session.session_id, &session.manifest_hash) {
            let words = format!("the digest of {session:?} was {other}");
            self.tally().broken(Broken::Seal, words);
        }
        let name = self.fresh();
        let mut entries = self.world.journal.entries();
        if entries.open.len() < super::OPEN_SESSIONS {
            entries.open.push(name);
        }
    }

    pub(super) async fn read_manifest(&mut self) {
        let session = {
            let entries = self.world.journal.entries();
            let sealed = entries.sealed.len();
            (sealed > 0).then(|| entries.sealed[self.rng.random_range(..sealed)].clone())
        };
        if let Some(session) = session {
            self.manifest(&session).await;
        }
    }

    /// Reads a manifest, and checks it against its digest.
    async fn manifest(&mut self, session: &str) -> Vec<ManifestEntry> {
        let call = async |client: Client| manifest(client, session).await;
        let (told, entries) = match self.ask("operation: read a manifest", call).await {
            Heard::Answer(answer) => answer,
            Heard::Refused { reason, .. } => {
                let words = format!("the manifest of {session}: {reason}");
                self.tally().broken(Broken::Seal, words);
                return Vec::new();
            }
        };
        let mut lines: Vec<_> = entries.iter().map(line).collect();
        lines.sort_unstable();
        let digest = ContentHash::of(lines.concat().as_bytes()).to_string();
        let kept = self.world.journal.sealed(session, &digest);
        if told != digest || kept.is_some() {
            let words =
                format!("{session}: {digest} of {lines:?}, answered {told}, before {kept:?}");
            self.tally().broken(Broken::Seal, words);
        } else {
            self.tally().add("check: manifest of a sealed session");
        }
        entries
    }

    /// Checks every manifest against everything that was acknowledged. Call it when no call is running.
    pub(super) async fn check_manifests(&mut self) {
        let sealed = self.world.journal.entries().sealed.clone();
        for session in sealed {
            let manifest = self.manifest(&session).await;
            for words in self.differences(&session, &manifest) {
                self.tally()
                    .broken(Broken::Seal, format!("{session}: {words}"));
            }
        }
    }

    fn differences(&self, name: &str, manifest: &[ManifestEntry]) -> Vec<String> {
        let entries = self.world.journal.entries();
        let session = &entries.sessions[name];
        let (Some(asked), Some(sealed)) = (session.seal_asked, session.sealed) else {
            return vec!["sealed without a request".to_owned()];
        };
        let mut found = Vec::new();
        let held: BTreeMap<_, _> = manifest
            .iter()
            .map(|entry| (&entry.artifact_id, entry))
            .collect();
        for entry in manifest {
            let Some(record) = entries.records.get(&entry.artifact_id) else {
                if !session.doubtful {
                    found.push(format!("contains what was never made: {entry:?}"));
                }
                continue;
            };
            let same = record.session == name
                && record.filename == entry.filename
                && record.content.hash == entry.content_hash
                && (record.version == entry.version || record.life == Life::Unknown);
            let in_time = match record.life {
                Life::Unpublished => false,
                Life::Unknown => true,
                _ => record.asked < sealed,
            };
            let gone_before = record.end_answered.is_some_and(|at| at < asked) && !record.restored;
            if !same || !in_time || gone_before {
                found.push(format!("holds {entry:?}, which is {record:?}"));
            }
        }
        let members = entries
            .records
            .values()
            .filter(|record| record.session == name);
        for record in members {
            // An unpublished artifact has no version.
            let was_there = record.version > 0
                && record.life != Life::Unknown
                && record.end_asked.is_none_or(|at| at > sealed);
            if was_there && !held.contains_key(&record.id) {
                found.push(format!("does not hold {record:?}"));
            }
        }
        found
    }
}

fn line(entry: &ManifestEntry) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\n",
        entry.filename, entry.version, entry.artifact_id, entry.size_bytes, entry.content_hash
    )
}

async fn manifest(client: Client, session: &str) -> Result<(String, Vec<ManifestEntry>), Status> {
    let mut sessions = client.sessions.clone();
    let get = GetSessionRequest {
        session_id: session.to_owned(),
    };
    let kept = sessions.get_session(get).await?.into_inner();
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListManifestRequest {
            session_id: session.to_owned(),
            page_size: 200,
            page_token,
        };
        let page = sessions.list_manifest(request).await?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok((kept.session.unwrap().manifest_hash, entries));
        }
    }
}
