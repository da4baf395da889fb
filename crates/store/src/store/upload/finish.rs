//! The end of an upload: its commit, or the stored result of its key.

use std::sync::Arc;

use super::{Upload, UploadEnd, inputs_missing};
use crate::{
    meta::{
        commit::{NewArtifact, Outcome, Payload},
        objects,
    },
    metrics::{self, StoredAs},
    model::{
        access::Scope,
        artifact::{Created, Origin, State},
        digest::ContentHash,
        error::{Error, Result},
        id::ArtifactId,
        idempotency::Claim,
        text::ContentType,
    },
    store::hashing::Hashing,
};

impl Upload {
    /// Commits what was written, if it is what the end says.
    ///
    /// # Errors
    /// `ContentMismatch`, `SessionSealed`, `SessionFull`, `QuotaExceeded`, `UploadExpired`, `Unavailable`, after which the artifact may
    /// exist.
    #[tracing::instrument(skip_all)]
    pub async fn finish(mut self, end: UploadEnd) -> Result<Created> {
        let small = self.buffer.take_small();
        let last = self.buffer.end_block().unwrap_or_else(|| small.clone());
        self.guess_content_type(&last);
        self.hashing.update(last).await?;
        let (hash, crc32) = std::mem::replace(&mut self.hashing, Hashing::new())
            .finish_both()
            .await?;
        self.crc32 = crc32;
        self.spec.check_content(self.size, hash)?;
        end.check(self.size, hash)?;
        if let (Some(claim), Some(earlier)) = (self.claim(), &self.earlier) {
            let claim = Claim {
                request: claim.request.with_content(hash),
                ..claim
            };
            return self.answer_again(&claim, earlier).await;
        }
        let payload = match &mut self.staging {
            None => Payload::Inline(small),
            Some(staging) => {
                let last = self.buffer.take_part();
                match self.parts.take() {
                    None => staging.put(last).await?,
                    Some(mut parts) => {
                        parts.send(last).await?;
                        staging.keep_alive().await?;
                        parts.complete(self.size).await?;
                    }
                }
                Payload::Staged
            }
        };
        let size = self.size;
        let content_type = self.content_type(&[]);
        self.commit(hash, size, content_type, payload).await
    }

    /// Commits before any byte has been sent, if hash and size are declared and a visible artifact of the tenant has
    /// such bytes. `None`: they must be sent.
    ///
    /// # Errors
    /// As `finish`.
    #[tracing::instrument(skip_all)]
    pub async fn finish_early(&mut self) -> Result<Option<Created>> {
        let (Some(hash), Some(size)) = (self.spec.declared_hash, self.spec.declared_size) else {
            return Ok(None);
        };
        if let (Some(claim), Some(earlier)) = (self.claim(), &self.earlier) {
            return self.answer_again(&claim, earlier).await.map(Some);
        }
        // Asking first costs one round trip; a failed commit would cost several, and locks.
        let asked = [(hash, i64::try_from(size).unwrap_or(i64::MAX))];
        if !self.grant.scopes().has(Scope::Read) {
            return Ok(None);
        }
        let client = self.store.meta.client().await?;
        if !objects::missing(&client, self.reach(), &asked)
            .await?
            .is_empty()
        {
            return Ok(None);
        }
        drop(client);
        let content_type = self.content_type(&[]);
        match self
            .commit(hash, size, content_type, Payload::Existing)
            .await
        {
            Ok(created) => Ok(Some(created)),
            Err(Error::ContentMissing(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(in crate::store) async fn commit(
        &mut self,
        hash: ContentHash,
        size: u64,
        content_type: ContentType,
        payload: Payload,
    ) -> Result<Created> {
        let claim = self.claim().map(|claim| Claim {
            request: claim.request.with_content(hash),
            ..claim
        });
        let kept = match payload {
            Payload::Inline(_) => StoredAs::Inline,
            Payload::Staged => StoredAs::Object,
            Payload::Existing => StoredAs::Deduplicated,
        };
        let new = NewArtifact {
            tenant: self.tenant.id,
            has_quota: !self.tenant.quota.is_none(),
            id: self.spec.id.clone().unwrap_or_else(ArtifactId::fresh),
            spec: Arc::clone(&self.spec),
            content_type,
            ttl: self.ttl,
            hash,
            crc32: self.crc32,
            size,
            object: self.object,
            reserved: self.reserved,
            upload: self.resumable.clone(),
            payload,
            grace: self.store.times.grace,
            unpublished_window: self.store.times.unpublished_window,
            actor: self.actor.clone(),
            claim,
        };
        let claim = new.claim.clone();
        let outcome = self.store.commits.commit(&self.store.meta, new).await?;
        if matches!(outcome, Outcome::Created(_) | Outcome::Existing(_))
            && let Some(holding) = self.holding.take()
        {
            holding.done();
        }
        match outcome {
            Outcome::Created(created) => {
                let (outcome, kept) = match created.origin {
                    Origin::Deduplicated => ("deduplicated", StoredAs::Deduplicated),
                    _ => ("stored", kept),
                };
                metrics::uploaded(outcome, size, Some(kept));
                if let Some(staging) = self.staging.take() {
                    staging.committed();
                }
                Ok(*created)
            }
            Outcome::Existing(artifact) => {
                metrics::uploaded("existing", size, None);
                Ok(Created {
                    artifact: *artifact,
                    origin: Origin::Existing,
                    state: State::Visible,
                })
            }
            Outcome::KeyTaken(record) => {
                let claim = claim.ok_or_else(|| Error::internal("no key is held"))?;
                match claim.against(record)? {
                    Some(earlier) => self.answer_again(&claim, &earlier).await,
                    None => Err(Error::internal("an attempt is in its own way")),
                }
            }
            Outcome::ContentMissing => Err(Error::ContentMissing(hash.to_string())),
            Outcome::Closed(closed) => Err(self.closed(closed)),
            Outcome::Conflict(current) => Err(self.conflict(current)),
            Outcome::InputsMissing(ids) => Err(inputs_missing(&ids)),
            Outcome::OverQuota(exceeded) => Err(exceeded.into()),
            Outcome::Lost => Err(Error::UploadExpired("it outlived its lease")),
        }
    }
}
