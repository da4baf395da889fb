//! What must always hold, as plain functions over a neutral description of a deployment: its rows, and the content of
//! its store. The model describes its states with it, and a stress test describes a real Postgres and a real bucket, so
//! both are checked by the same functions.
//!
//! Every name (of an artifact, object, key, session or content) has one type: a small number in the model, a `String`
//! where names come from rows and listings. Names are only compared.

/// One consistent snapshot of the rows and the store, each list in the order of its names.
#[derive(Clone, Debug)]
pub struct Snapshot<N> {
    artifacts: Vec<Artifact<N>>,
    objects: Vec<Object<N>>,
    stored: Vec<Stored<N>>,
    sessions: Vec<Session<N>>,
}

impl<N: Ord> Snapshot<N> {
    /// Combines the rows that point to objects (of published and unpublished artifacts alike), the rows of objects, the
    /// content of the blob store, and the sessions.
    ///
    /// Rows and bytes cannot be read at one moment. Either let nothing happen meanwhile, or read the rows, then the
    /// bytes, then the rows again, and leave out what no longer pins anything.
    #[must_use]
    pub fn new(
        mut artifacts: Vec<Artifact<N>>,
        mut objects: Vec<Object<N>>,
        mut stored: Vec<Stored<N>>,
        mut sessions: Vec<Session<N>>,
    ) -> Self {
        artifacts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        objects.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        stored.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        sessions.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Self {
            artifacts,
            objects,
            stored,
            sessions,
        }
    }

    fn artifact(&self, id: &N) -> Option<&Artifact<N>> {
        let found = self.artifacts.binary_search_by(|it| it.id.cmp(id));
        found.ok().map(|place| &self.artifacts[place])
    }

    fn object(&self, id: &N) -> Option<&Object<N>> {
        let found = self.objects.binary_search_by(|it| it.id.cmp(id));
        found.ok().map(|place| &self.objects[place])
    }

    fn content(&self, key: &N) -> Option<&N> {
        let found = self.stored.binary_search_by(|it| it.key.cmp(key));
        found.ok().map(|place| &self.stored[place].content)
    }

    fn manifest(&self, session: &N) -> Option<&Vec<N>> {
        let found = self.sessions.binary_search_by(|it| it.id.cmp(session));
        found
            .ok()
            .and_then(|place| self.sessions[place].manifest.as_ref())
    }

    fn pinning(&self) -> impl Iterator<Item = &Artifact<N>> {
        let artifacts = self.artifacts.iter();
        artifacts.filter(|artifact| artifact.state != ArtifactState::Purged)
    }

    fn live(&self) -> impl Iterator<Item = &Object<N>> {
        let objects = self.objects.iter();
        objects.filter(|object| object.state == ObjectState::Live)
    }
}

/// An artifact, published or not.
#[derive(Clone, Debug)]
pub struct Artifact<N> {
    /// Its name.
    pub id: N,
    /// What it is now.
    pub state: ArtifactState,
    /// The object that has or had its bytes.
    pub object: N,
    /// What its bytes must be: their hash, or any other name for them.
    pub content: N,
}

/// The states of an artifact. In all but the last it pins its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactState {
    /// Not yet published.
    Unpublished,
    /// It can be read, or could until it expired.
    Live,
    /// It can be restored.
    Deleted,
    /// It no longer pins its bytes.
    Purged,
}

/// A physical copy of bytes.
#[derive(Clone, Debug)]
pub struct Object<N> {
    /// Its name.
    pub id: N,
    /// What it is now.
    pub state: ObjectState,
    /// Its bytes, once they are known.
    pub content: Option<N>,
    /// The key of its bytes in the store; `None` when they are in the row itself.
    pub key: Option<N>,
}

/// The states of an object, in the order in which it goes through them. `Live` may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectState {
    /// Its bytes are being written.
    Staging,
    /// Artifacts may point to it.
    Live,
    /// Its bytes are about to be deleted.
    Condemned,
    /// Its bytes are deleted.
    Gone,
}

/// Bytes under a key.
#[derive(Clone, Debug)]
pub struct Stored<N> {
    /// The key.
    pub key: N,
    /// The bytes, determined from the bytes and not from a row.
    pub content: N,
}

/// A session, by its rows.
#[derive(Clone, Debug)]
pub struct Session<N> {
    /// Its name.
    pub id: N,
    /// What it held when it was sealed, as recorded then, in order; `None` while it is open.
    pub manifest: Option<Vec<N>>,
    /// What its manifest says now, and whatever else can be read in it, in order.
    pub members: Vec<N>,
}

/// A promise that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation<N> {
    /// An artifact pins an object that is not live, or not there.
    NotLive(N),
    /// The bytes of an artifact are not in the store.
    BytesMissing(N),
    /// The bytes of an artifact are others than they were.
    BytesWrong(N),
    /// Several live objects have this content.
    SeveralLive(N),
    /// A sealed session does not hold what it held when it was sealed.
    SealBroken(N),
    /// This key holds bytes that nothing can reach.
    KeyLeaked(N),
    /// This object stays in a state that no party will end.
    ObjectStuck(N),
    /// This object has gone back to an earlier state, or its row has vanished.
    CameBack(N),
    /// A purged artifact pins an object again.
    Unpurged(N),
    /// This session was sealed, and is now open or sealed differently.
    SealTakenBack(N),
}

/// What is wrong at this moment: bytes lost, seals broken. There must be nothing, whatever is running.
#[must_use]
pub fn violations<N: Clone + Ord>(snapshot: &Snapshot<N>) -> Vec<Violation<N>> {
    let mut found = Vec::new();
    for artifact in snapshot.pinning() {
        let object = snapshot.object(&artifact.object);
        let Some(object) = object.filter(|object| object.state == ObjectState::Live) else {
            found.push(Violation::NotLive(artifact.id.clone()));
            continue;
        };
        let content = match &object.key {
            None => object.content.as_ref(),
            Some(key) => snapshot.content(key),
        };
        match content {
            None => found.push(Violation::BytesMissing(artifact.id.clone())),
            Some(content) if *content != artifact.content => {
                found.push(Violation::BytesWrong(artifact.id.clone()));
            }
            Some(_) => {}
        }
    }
    let mut contents: Vec<_> = snapshot
        .live()
        .filter_map(|object| object.content.as_ref())
        .collect();
    contents.sort_unstable();
    let twice = contents.windows(2).filter(|pair| pair[0] == pair[1]);
    found.extend(twice.map(|pair| Violation::SeveralLive(pair[0].clone())));
    for session in &snapshot.sessions {
        let manifest = session.manifest.as_ref();
        if manifest.is_some_and(|manifest| *manifest != session.members) {
            found.push(Violation::SealBroken(session.id.clone()));
        }
    }
    found
}

/// What remains once every upload has ended and the collector finds no more work. There must be nothing.
#[must_use]
pub fn leaks<N: Clone + Ord>(drained: &Snapshot<N>) -> Vec<Violation<N>> {
    let mut pinned: Vec<_> = drained.pinning().map(|artifact| &artifact.object).collect();
    pinned.sort_unstable();
    let mut reachable: Vec<_> = drained
        .live()
        .filter_map(|object| object.key.as_ref())
        .collect();
    reachable.sort_unstable();
    let keys = drained.stored.iter().map(|stored| &stored.key);
    let leaked = keys
        .filter(|key| reachable.binary_search(key).is_err())
        .cloned();
    let stuck = drained.objects.iter().filter(|object| match object.state {
        ObjectState::Staging | ObjectState::Condemned => true,
        ObjectState::Live => pinned.binary_search(&&object.id).is_err(),
        ObjectState::Gone => false,
    });
    let stuck = stuck.map(|object| Violation::ObjectStuck(object.id.clone()));
    leaked.map(Violation::KeyLeaked).chain(stuck).collect()
}

/// What went back between two snapshots of the same database. A failover to a lagging standby starts a new history, and
/// must not be between the two.
#[must_use]
pub fn regressions<N: Clone + Ord>(before: &Snapshot<N>, after: &Snapshot<N>) -> Vec<Violation<N>> {
    let mut found = Vec::new();
    for object in &before.objects {
        let now = after.object(&object.id);
        if now.is_none_or(|now| now.state < object.state) {
            found.push(Violation::CameBack(object.id.clone()));
        }
    }
    for artifact in &before.artifacts {
        let now = after.artifact(&artifact.id).map(|now| now.state);
        if artifact.state == ArtifactState::Purged && now != Some(ArtifactState::Purged) {
            found.push(Violation::Unpurged(artifact.id.clone()));
        }
    }
    for session in &before.sessions {
        if session.manifest.is_some() && after.manifest(&session.id) != session.manifest.as_ref() {
            found.push(Violation::SealTakenBack(session.id.clone()));
        }
    }
    found
}
