//! A session, or a folder in it, as those see it who have a link to it.

use crate::{
    meta::{artifacts, list as rows, sessions},
    model::{
        access::{Narrowing, Reach},
        archive::MOST_FILES,
        artifact::Artifact,
        audit::{Actor, Deed},
        error::{Error, Result},
        id::TenantId,
        link::SessionFolder,
        list::{ArtifactList, Entry, RawFilter, RawOrder},
        page::{Page, PageSize},
        reference::{ArtifactRef, FileName, RawName, artifact_id},
        validate::Violations,
    },
    store::{Store, archive::Archive, read::Download},
};

/// What a link to a session or a folder in it gives access to. Every path here is relative to that folder, so that it
/// cannot lead out of it.
#[derive(Clone)]
pub struct SharedSession {
    store: Store,
    tenant: TenantId,
    shared: SessionFolder,
    narrowing: Narrowing,
    actor: Actor,
}

/// What is said of a shared session.
#[derive(Debug, Clone)]
pub struct SharedHeading {
    /// For people; may be empty.
    pub display_name: String,
    /// Whether nothing is added to it any more.
    pub is_sealed: bool,
}

impl SharedSession {
    pub(super) fn new(
        store: &Store,
        tenant: TenantId,
        shared: SessionFolder,
        actor: Actor,
    ) -> Result<Self> {
        Ok(Self {
            narrowing: shared.narrowing()?,
            store: store.clone(),
            tenant,
            shared,
            actor,
        })
    }

    /// What is shared.
    #[must_use]
    pub fn shared(&self) -> &SessionFolder {
        &self.shared
    }

    /// What is said of the session.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    pub async fn heading(&self) -> Result<SharedHeading> {
        let client = self.store.meta.client().await?;
        let session = self.shared.session_id();
        let heading = sessions::heading(&client, self.tenant, session).await?;
        Ok(SharedHeading {
            display_name: heading.display_name,
            is_sealed: heading.sealed_at.is_some(),
        })
    }

    /// The latest visible versions of the files of a folder by their names, and the folders in it; with `deep` all files
    /// below it, and no folders. The folder is empty or as `below` returns it. Entries have their whole names.
    ///
    /// # Errors
    /// `Invalid` for a malformed folder, and for a token of another list; `FilterTooCostly`, `Unavailable`.
    pub async fn files(
        &self,
        folder: &str,
        deep: bool,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Entry>> {
        let below = self.below(folder)?;
        let filter = RawFilter {
            session_id: below.session_id().to_owned(),
            filename_prefix: below.folder().to_owned(),
            ..RawFilter::default()
        };
        let order = RawOrder {
            order_by: "filename",
            delimiter: if deep { "" } else { "/" },
            latest_only: true,
        };
        let mut faults = Violations::new();
        let list = ArtifactList::new(filter, order, &mut faults);
        let list = faults.finish(list)?;
        let listing = self
            .store
            .listing(&("shared files", self.tenant, &list))
            .await?;
        let after = listing.position(token)?;
        let client = self.store.meta.client().await?;
        let rows = Box::pin(rows::by_name(&client, self.tenant, &list, after, size)).await?;
        Ok(listing.page(rows, size, Entry::weight))
    }

    /// The visible versions of an artifact's file, newest first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    pub async fn versions(
        &self,
        of: &Artifact,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Artifact>> {
        let name = RawName {
            filename: of.filename.clone(),
            session_id: of.session_id.clone().unwrap_or_default(),
            namespace: of.namespace.clone(),
            user_id: of.user_id.clone(),
            version: 0,
        };
        let name = FileName::new("name", name)?;
        let listing = self
            .store
            .listing(&("shared versions", self.tenant, &name))
            .await?;
        let below = listing.position(token)?;
        let client = self.store.meta.client().await?;
        let rows = artifacts::versions(&client, self.tenant, &name, None, below, size).await?;
        Ok(listing.page(rows, size, Artifact::weight))
    }

    /// Opens a visible artifact for reading, the latest version of its file or an earlier one.
    ///
    /// # Errors
    /// `ArtifactNotFound`, also for one that lies outside; `ArtifactExpired`, `ArtifactDeleted`, `Unavailable`.
    pub async fn open(&self, id: &str) -> Result<Download> {
        let reach = Reach {
            tenant: self.tenant,
            narrowing: &self.narrowing,
        };
        let client = self.store.meta.client().await?;
        let wanted = ArtifactRef::Id(artifact_id(id)?);
        let id = artifacts::resolve(&client, reach, &wanted).await?;
        let (artifact, location) = artifacts::locate(&client, self.tenant, &id).await?;
        let deed = || Deed::of(self.tenant, self.actor.clone(), "FollowLink", id.as_str());
        let line = self.store.audit.read(deed);
        Ok(Download::new(
            &self.store,
            self.tenant,
            artifact,
            location,
            line,
        ))
    }

    /// The latest visible versions of all files of a folder, as one archive.
    ///
    /// # Errors
    /// `Invalid` for a malformed folder, and if it has more than `MOST_FILES` files; `FilterTooCostly`; `RateLimited` when
    /// too many archives are being sent; `Unavailable`.
    pub async fn archive(&self, folder: &str) -> Result<Archive> {
        let below = self.below(folder)?;
        let resource = format!("session {}", below.session_id());
        let deed = || Deed::of(self.tenant, self.actor.clone(), "FollowLink", &resource);
        let line = self.store.audit.read(deed);
        let archive = Archive::of(&self.store, self.tenant, &below, line).await?;
        archive.ok_or_else(|| {
            let rule = format!(
                "has more than {MOST_FILES} files, which is the most of a ZIP archive: download one of its folders"
            );
            Error::invalid("folder", rule)
        })
    }

    /// A folder within the shared one, by its path from there.
    ///
    /// # Errors
    /// `Invalid`.
    fn below(&self, folder: &str) -> Result<SessionFolder> {
        if folder.is_empty() {
            return Ok(self.shared.clone());
        }
        let whole = format!("{}{folder}", self.shared.folder());
        // A path that begins with "/" would give an empty segment, which no filename has.
        SessionFolder::new(self.shared.session_id().to_owned(), &whole)
    }
}
