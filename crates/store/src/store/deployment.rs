//! Which database and which blob store belong together, and whether the collector may work on them.
//!
//! Both contain the id of the deployment and its epoch. A database with the wrong bucket, or a bucket that another
//! database has taken over since, is detected before anything is written or deleted there.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use crate::{
    blob::{Blobs, unavailable},
    meta::control as rows,
    model::{
        deployment::{Deployment, DeploymentStatus, Pause},
        error::{Error, Result},
    },
    store::Store,
};

impl Store {
    /// Verifies that the database and the blob store belong together, and claims an unclaimed blob store. Several
    /// processes may do so at once.
    ///
    /// # Errors
    /// `Invalid`, naming the setting, if the blob store belongs to another deployment, or another database took it over;
    /// `Unavailable` if that is not known now.
    #[tracing::instrument(skip_all)]
    pub async fn check_deployment(&self) -> Result<()> {
        self.deployment().await.map(drop)
    }

    /// Like `check_deployment`; returns the deployment of both.
    pub(crate) async fn deployment(&self) -> Result<Deployment> {
        let control = rows::read(&self.meta.client().await?).await?;
        let marker = self.marker().await?;
        let agreed = match (control.deployment, marker) {
            (Some(own), Some(marker)) if own == marker => own,
            (_, Some(marker)) => return Err(self.not_ours(control.deployment, Some(marker))),
            (own, None) if control.marked => return Err(self.not_ours(own, None)),
            (_, None) => self.claim().await?,
        };
        if !control.marked {
            rows::mark(&self.meta.client().await?, agreed).await?;
        }
        self.verified.store(true, Ordering::Relaxed);
        Ok(agreed)
    }

    /// Assigns the deployment an id if it has none, and writes it into an unmarked blob store. It counts only once it
    /// has been read there, because another deployment may have been faster.
    async fn claim(&self) -> Result<Deployment> {
        let own = rows::name(&self.meta.client().await?, Uuid::now_v7()).await?;
        let written = self.blobs.claim(&own.to_string()).await;
        written.map_err(unavailable)?;
        match self.marker().await? {
            Some(marker) if marker == own => Ok(own),
            marker => Err(self.not_ours(Some(own), marker)),
        }
    }

    async fn marker(&self) -> Result<Option<Deployment>> {
        let marker = self.blobs.marker().await.map_err(unavailable)?;
        marker
            .map(|text| {
                let words = |e| format!("has a {} that is not understood: {e}", Blobs::MARKER);
                text.parse().map_err(|e| self.refuse(words(e)))
            })
            .transpose()
    }

    fn not_ours(&self, own: Option<Deployment>, marker: Option<Deployment>) -> Error {
        let own = match own {
            Some(own) => format!("the database is deployment {}, epoch {}", own.id, own.epoch),
            None => "the database belongs to none yet".to_owned(),
        };
        let marker = match marker {
            Some(marker) => format!("is of deployment {}, epoch {}", marker.id, marker.epoch),
            None => {
                "does not say whose it is, though this deployment has marked its own".to_owned()
            }
        };
        self.refuse(format!(
            "{marker}; {own}. When they are meant to belong together, as after a restore, say so with `cairn admin gc adopt`"
        ))
    }

    fn refuse(&self, words: String) -> Error {
        Error::invalid(self.blobs.setting(), words)
    }

    /// Takes the blob store over for this database: the previous database is shut out, and the collector is paused
    /// until `resume_gc`. If the blob store belongs to another deployment than the database's, that one must be named.
    /// Safe to repeat after an interruption.
    ///
    /// # Errors
    /// `Invalid` when the blob store is of another deployment than the database's and than the one named; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn adopt_blob_store(&self, from: Option<Uuid>, by: &str) -> Result<Deployment> {
        let own = rows::read(&self.meta.client().await?).await?.deployment;
        let marker = self.marker().await?;
        if let Some(marker) = marker
            && own.map(|own| own.id) != Some(marker.id)
            && from != Some(marker.id)
        {
            return Err(Error::invalid(
                "from",
                format!(
                    "the blob store is of deployment {}: name it, if it is to be taken over",
                    marker.id
                ),
            ));
        }
        let epoch = marker.map_or(0, |marker| marker.epoch);
        let client = self.meta.client().await?;
        let adopted = rows::adopt(&client, Uuid::now_v7(), epoch, by).await?;
        drop(client);
        let written = self.blobs.mark(&adopted.to_string()).await;
        written.map_err(unavailable)?;
        self.deployment().await
    }

    /// The deployment of each of the two stores.
    ///
    /// # Errors
    /// `Invalid` when the blob store's mark is not understood; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn deployment_status(&self) -> Result<DeploymentStatus> {
        let control = rows::read(&self.meta.client().await?).await?;
        Ok(DeploymentStatus {
            database: control.deployment,
            blob_store: self.marker().await?,
            paused: control.pause,
        })
    }

    /// Prevents every worker from starting a pass, or another batch of a running one, until `resume_gc`.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn pause_gc(&self, by: &str, reason: &str) -> Result<()> {
        rows::pause(&self.meta.client().await?, by, reason).await
    }

    /// Why the collector is paused, if it is.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn gc_pause(&self) -> Result<Option<Pause>> {
        let client = self.meta.client().await?;
        Ok(rows::read(&client).await?.pause)
    }

    /// Ends a pause; false when there was none.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn resume_gc(&self) -> Result<bool> {
        rows::resume(&self.meta.client().await?).await
    }
}
