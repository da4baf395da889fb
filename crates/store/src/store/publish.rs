//! Publishes a session's unpublished artifacts: all of them in one transaction, or none.

use std::{collections::HashSet, time::Duration};

use serde_json::json;

use crate::{
    meta::{
        pending as rows,
        sessions::{self, Entry},
    },
    model::{
        access::Scope,
        audit::Deed,
        change::Published,
        error::{Error, Result},
        id::ArtifactId,
        idempotency::{Fingerprint, IdempotencyKey},
        page::MAX_PAGE_BYTES,
        selection::artifact_ids,
        session::{Session, session_id},
        tenant::Caller,
        validate::{Violations, some_of},
    },
    store::{Store, idempotent::IdempotentWrite, sessions::seal_within},
};

/// The artifacts to publish.
#[derive(Debug, Clone)]
pub struct ToPublish {
    /// Exactly these; none: all unpublished ones.
    ids: Vec<ArtifactId>,
    /// Whether the session is sealed as well.
    seal: bool,
}

impl ToPublish {
    /// The maximum artifacts that one call publishes.
    const MAX: usize = 5000;

    /// Checks the ids.
    ///
    /// # Errors
    /// `Invalid`, with everything that cannot be an id.
    pub fn new(ids: Vec<String>, seal: bool) -> Result<Self> {
        let mut faults = Violations::new();
        let ids = artifact_ids(&mut faults, ids, Self::MAX);
        faults.finish(Some(Self { ids, seal }))
    }
}

impl Store {
    /// Publishes unpublished artifacts of a session, and seals it if requested.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `SessionSealed`, `ArtifactNotFound` for one that does not wait there,
    /// `VersionConflict`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn commit_session(
        &self,
        caller: &Caller,
        session: &str,
        wanted: &ToPublish,
        key: Option<&IdempotencyKey>,
    ) -> Result<(Vec<Published>, Session)> {
        let session = session_id(session)?;
        let session = session.as_str();
        if wanted.seal {
            caller.require(Scope::Seal)?;
        }
        caller.reach().has_session(session)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("CommitSession")
            .with("session_id", &session)
            .with_set("artifact_ids", &wanted.ids)
            .with("seal", &wanted.seal);
        let published =
            match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
                Ok(once) => {
                    let window = self.times.delete_window;
                    publish_within(once, caller, session, wanted, window).await?
                }
                Err(earlier) => {
                    serde_json::from_value(earlier).map_err(|e| Error::Internal(e.into()))?
                }
            };
        let session = sessions::get(&client, caller.tenant.id, session).await?;
        Ok((published, session))
    }
}

async fn publish_within(
    once: IdempotentWrite<'_>,
    caller: &Caller,
    session: &str,
    wanted: &ToPublish,
    window: Duration,
) -> Result<Vec<Published>> {
    let (tx, tenant) = (&once.tx, caller.tenant.id);
    let entered = if wanted.seal {
        sessions::enter_alone(tx, tenant, session).await?
    } else {
        sessions::enter(tx, tenant, session).await?
    };
    match entered {
        Entry::NotFound => return Err(Error::SessionNotFound(session.to_owned())),
        Entry::Sealed(sealed_at) => {
            return Err(Error::SessionSealed {
                id: session.to_owned(),
                sealed_at,
            });
        }
        Entry::Open => {}
    }
    let named = Some(wanted.ids.as_slice()).filter(|ids| !ids.is_empty());
    let limit = ToPublish::MAX as i64 + 1;
    let waiting = rows::lock(tx, tenant, session, named, limit).await?;
    if waiting.len() > ToPublish::MAX {
        let rule = format!(
            "must be given: more than {} wait in the session, and that is the most that one call publishes",
            ToPublish::MAX
        );
        return Err(Error::invalid("artifact_ids", rule));
    }
    let names: usize = waiting.iter().map(rows::Waiting::name_bytes).sum();
    if names > MAX_PAGE_BYTES {
        let rule = "must be fewer: the answer has at most 3 MiB of filenames";
        return Err(Error::invalid("artifact_ids", rule));
    }
    let ids: Vec<_> = waiting.iter().map(|one| one.id.clone()).collect();
    let there: HashSet<_> = ids.iter().collect();
    if let Some(missing) = wanted.ids.iter().find(|id| !there.contains(id)) {
        return Err(Error::ArtifactNotFound(missing.to_string()));
    }
    let unknown = rows::unknown_inputs(tx, tenant, &ids).await?;
    if !unknown.is_empty() {
        let rule = format!(
            "must have with them the unpublished artifacts that they were made from: {}",
            some_of(&unknown)
        );
        return Err(Error::invalid("artifact_ids", rule));
    }
    rows::claim_versions(tx, tenant, &ids).await?;
    rows::check_versions(tx, tenant, session, &waiting).await?;
    let published = rows::publish(tx, tenant, &ids).await?;
    if wanted.seal {
        seal_within(tx, tenant, session, window).await?;
    }
    once.commit(
        Deed::done(caller, "CommitSession", &format!("session {session}")),
        json!(published),
    )
    .await?;
    Ok(published)
}
