//! Reads a real Postgres and a real blob store in the model's terms, and checks both with the model's functions.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
};

use cairn_model::invariants::{
    Artifact, ArtifactState, Object, ObjectState, Session, Snapshot, Stored, leaks, violations,
};
use cairn_store::{Caller, ManifestEntry, PageSize, Store, manifest_digest};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client as Database, IsolationLevel, Row};

use super::{Cairn, s3::UNFINISHED};

/// The result of checking a store that may be failing.
pub type AnyError = Box<dyn Error + Send + Sync>;

impl Cairn {
    /// Checks that nothing is lost, no seal is broken and usage equals what is stored, whatever is running.
    pub async fn audit(&self) -> Snapshot<String> {
        let snapshot = self.snapshot().await;
        let broken = violations(&snapshot);
        assert!(broken.is_empty(), "{broken:?} in {snapshot:#?}");
        let miscounts = self.store.miscounts().await.unwrap();
        assert!(miscounts.is_empty(), "{miscounts:?}");
        snapshot
    }

    /// Collects everything, and checks that nothing is lost and nothing is left over.
    pub async fn drain(&self) {
        self.collect_everything().await;
        let snapshot = self.audit().await;
        let left = leaks(&snapshot);
        assert!(left.is_empty(), "{left:?} in {snapshot:#?}");
    }

    /// The rows first, then the bytes: what is deleted in between was condemned before.
    async fn snapshot(&self) -> Snapshot<String> {
        let mut database = self.database().await;
        let rows = Rows::read(&mut database, &self.store).await.unwrap();
        rows.with(self.hashes().await)
    }

    /// The keys in the blob store, and their hashes.
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

/// A snapshot of the database. Contents are named by tenant and hash, because tenants share nothing.
pub struct Rows {
    artifacts: Vec<Artifact<String>>,
    objects: Vec<Row>,
    sessions: Vec<Session<String>>,
}

impl Rows {
    /// Reads them.
    pub async fn read(database: &mut Database, store: &Store) -> Result<Self, AnyError> {
        let moment = database.build_transaction().read_only(true);
        let moment = moment.isolation_level(IsolationLevel::RepeatableRead);
        let moment = moment.start().await?;
        let artifacts = moment.query(
            "SELECT id, state, object_id::text, tenant_id || '/' || encode(sha256, 'hex') FROM artifacts
             UNION ALL
             SELECT id, 'unpublished', object_id::text, tenant_id || '/' || encode(sha256, 'hex') FROM pending_artifacts",
            &[],
        );
        let artifacts = artifacts.await?.iter().map(artifact).collect();
        let objects = moment.query(
            "SELECT id::text, state, tenant_id || '/' || encode(coalesce(sha256(inline_data), sha256), 'hex'),
                 inline_data IS NOT NULL
             FROM objects",
            &[],
        );
        let objects = objects.await?;
        let sessions = moment.query(
            "SELECT s.id, encode(s.manifest_sha256, 'hex'), t.name FROM sessions s JOIN tenants t ON t.id = s.tenant_id",
            &[],
        );
        let found = sessions.await?;
        moment.commit().await?;
        let (mut callers, mut sessions) = (HashMap::new(), Vec::new());
        for row in &found {
            let manifest: Option<String> = row.get(1);
            let members = match manifest {
                None => vec![],
                Some(_) => {
                    let caller = caller(store, &mut callers, row.get(2)).await?;
                    let entries = manifest_of(store, &caller, row.get(0)).await?;
                    vec![manifest_digest(&entries).to_hex()]
                }
            };
            let [id, tenant]: [&str; 2] = [row.get(0), row.get(2)];
            sessions.push(Session {
                id: format!("{tenant}/{id}"),
                manifest: manifest.map(|digest| vec![digest]),
                members,
            });
        }
        Ok(Self {
            artifacts,
            objects,
            sessions,
        })
    }

    /// Leaves out the artifacts that no longer pinned their objects in this later snapshot.
    pub fn that_pin_until(mut self, later: &Self) -> Self {
        let mut pinning = HashSet::new();
        let held = later.artifacts.iter();
        pinning.extend(held.filter(pins).map(|artifact| &artifact.id));
        self.artifacts
            .retain(|artifact| !pins(&artifact) || pinning.contains(&artifact.id));
        self
    }

    /// Combined with the content of the blob store, by key and hash.
    pub fn with(self, stored: Vec<(String, String)>) -> Snapshot<String> {
        let whole = stored
            .iter()
            .filter(|(key, _)| !key.starts_with(UNFINISHED));
        let keys: HashMap<String, String> = whole
            .map(|(key, _)| (name(key).to_owned(), key.clone()))
            .collect();
        let objects = self.objects.iter().map(|row| object(row, &keys)).collect();
        let stored = stored
            .into_iter()
            .map(|(key, hash)| Stored {
                content: format!("{}/{hash}", tenant_of(&key)),
                key,
            })
            .collect();
        Snapshot::new(self.artifacts, objects, stored, self.sessions)
    }
}

fn pins(artifact: &&Artifact<String>) -> bool {
    artifact.state != ArtifactState::Purged
}

/// A caller of a tenant, which is given by its name.
async fn caller(
    store: &Store,
    known: &mut HashMap<String, Caller>,
    name: String,
) -> Result<Caller, AnyError> {
    if let Some(caller) = known.get(&name) {
        return Ok(caller.clone());
    }
    let key = store.create_api_key(&name).await?;
    let caller = store.authenticate(key.reveal()).await?;
    known.insert(name, caller.clone());
    Ok(caller)
}

async fn manifest_of(
    store: &Store,
    caller: &Caller,
    session: &str,
) -> Result<Vec<ManifestEntry>, AnyError> {
    let size = PageSize::new(PageSize::MAX)?;
    let (mut entries, mut token) = (Vec::new(), String::new());
    loop {
        let page = store.list_manifest(caller, session, size, &token).await?;
        entries.extend(page.items);
        match page.next {
            Some(next) => token = next,
            None => return Ok(entries),
        }
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

/// The object of a key: its last part.
fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The tenant of a key: the part before.
fn tenant_of(key: &str) -> &str {
    key.rsplit('/').nth(1).unwrap_or_default()
}
