//! Looks at a real Postgres and a real blob store as the model looks at its states, and holds both to the same words.

use std::collections::HashMap;

use cairn_model::invariants::{
    Artifact, ArtifactState, Object, ObjectState, Session, Snapshot, Stored, leaks, violations,
};
use cairn_store::{ManifestEntry, PageSize, manifest_digest};
use sha2::{Digest, Sha256};
use tokio_postgres::Row;

use super::{Cairn, s3::UNFINISHED};

impl Cairn {
    /// Makes sure that nothing is lost and no seal is broken, whatever is under way.
    pub(crate) async fn audit(&self) -> Snapshot<String> {
        let snapshot = self.snapshot().await;
        let broken = violations(&snapshot);
        assert!(broken.is_empty(), "{broken:?} in {snapshot:#?}");
        snapshot
    }

    /// Collects everything, and makes sure that nothing is lost and nothing is left over.
    pub(crate) async fn drain(&self) {
        self.collect_everything().await;
        let snapshot = self.audit().await;
        let left = leaks(&snapshot);
        assert!(left.is_empty(), "{left:?} in {snapshot:#?}");
    }

    /// The rows first, then the bytes: what is deleted in between was condemned before.
    async fn snapshot(&self) -> Snapshot<String> {
        let database = self.database().await;
        let query = async |sql: &str| database.query(sql, &[]).await.unwrap();
        let artifacts = query(
            "SELECT id, state, object_id::text, encode(sha256, 'hex') FROM artifacts
             UNION ALL
             SELECT id, 'unpublished', object_id::text, encode(sha256, 'hex') FROM pending_artifacts",
        )
        .await;
        let objects = query(
            "SELECT id::text, state, encode(coalesce(sha256(inline_data), sha256), 'hex'), inline_data IS NOT NULL
             FROM objects",
        )
        .await;
        let sessions = query(
            "SELECT s.id, encode(s.manifest_sha256, 'hex'), t.name FROM sessions s JOIN tenants t ON t.id = s.tenant_id",
        )
        .await;
        let stored = self.hashes().await;
        let whole = stored
            .iter()
            .filter(|(key, _)| !key.starts_with(UNFINISHED));
        let keys: HashMap<String, String> = whole
            .map(|(key, _)| (name(key).to_owned(), key.clone()))
            .collect();
        let mut all_sessions = Vec::new();
        for row in &sessions {
            all_sessions.push(self.session(row).await);
        }
        Snapshot::new(
            artifacts.iter().map(artifact).collect(),
            objects.iter().map(|row| object(row, &keys)).collect(),
            stored
                .into_iter()
                .map(|(key, content)| Stored { key, content })
                .collect(),
            all_sessions,
        )
    }

    /// A session by the digest of its manifest, as it was kept and as its rows give it now.
    async fn session(&self, row: &Row) -> Session<String> {
        let id: String = row.get(0);
        let manifest: Option<String> = row.get(1);
        let members = match manifest {
            None => vec![],
            Some(_) => {
                let entries = self.manifest(row.get(2), &id).await;
                vec![manifest_digest(&entries).to_hex()]
            }
        };
        Session {
            id,
            manifest: manifest.map(|digest| vec![digest]),
            members,
        }
    }

    async fn manifest(&self, tenant: &str, session: &str) -> Vec<ManifestEntry> {
        let key = self.store.create_api_key(tenant).await.unwrap();
        let caller = self.store.authenticate(key.reveal()).await.unwrap();
        let (mut entries, mut token) = (Vec::new(), String::new());
        loop {
            let size = PageSize::new(PageSize::MAX).unwrap();
            let page = self
                .store
                .list_manifest(&caller.tenant, session, size, &token);
            let page = page.await.unwrap();
            entries.extend(page.items);
            match page.next {
                Some(next) => token = next,
                None => return entries,
            }
        }
    }

    /// What lies in the blob store, and the hashes of it.
    async fn hashes(&self) -> Vec<(String, String)> {
        let Some(folder) = self.folder() else {
            return self.bucket().hashes().await;
        };
        let hash = |key: String| {
            let bytes = std::fs::read(folder.join(&key)).unwrap_or_default();
            (key, hex::encode(Sha256::digest(bytes)))
        };
        self.stored().await.into_iter().map(hash).collect()
    }
}

fn artifact(row: &Row) -> Artifact<String> {
    Artifact {
        id: row.get(0),
        state: match row.get(1) {
            "unpublished" => ArtifactState::Unpublished,
            "live" => ArtifactState::Live,
            "deleted" => ArtifactState::Deleted,
            "purged" => ArtifactState::Purged,
            other => panic!("{other} is no state of an artifact"),
        },
        object: row.get(2),
        content: row.get(3),
    }
}

fn object(row: &Row, keys: &HashMap<String, String>) -> Object<String> {
    let id: String = row.get(0);
    let in_the_row: bool = row.get(3);
    Object {
        state: match row.get(1) {
            "staging" => ObjectState::Staging,
            "live" => ObjectState::Live,
            "condemned" => ObjectState::Condemned,
            "gone" => ObjectState::Gone,
            other => panic!("{other} is no state of an object"),
        },
        content: row.get(2),
        key: (!in_the_row).then(|| keys.get(&id).unwrap_or(&id).clone()),
        id,
    }
}

/// The object that a key is of: its last part.
fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
