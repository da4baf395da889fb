//! Compares keys of the blob store with the objects in Postgres.

use std::time::Duration;

use crate::{
    blob::{Blobs, Entry, ObjectKey},
    meta::orphans::{self as rows, Owner, Suspect},
    model::error::Result,
    store::Store,
};

/// The result of checking a page of a listing.
pub(super) struct OrphanVerdict {
    pub(super) listed: usize,
    /// Our keys without an object, and their ages.
    pub(super) orphans: Vec<(Suspect, Duration)>,
    /// Paths that are not our keys, or belong to unknown tenants.
    pub(super) strange: Vec<String>,
}

/// Asks the database for the objects of the keys, which must have been listed before.
pub(super) async fn classify(store: &Store, entries: Vec<Entry>) -> Result<OrphanVerdict> {
    let mut verdict = OrphanVerdict {
        listed: entries.len(),
        orphans: Vec::new(),
        strange: Vec::new(),
    };
    let mut ours = Vec::with_capacity(entries.len());
    for entry in entries {
        match ObjectKey::parse(&entry.path) {
            Some(ids) => ours.push((ids, entry)),
            None if entry.path == Blobs::MARKER => {}
            None => verdict.strange.push(entry.path),
        }
    }
    let ids: Vec<_> = ours.iter().map(|(ids, _)| *ids).collect();
    let client = store.meta.client().await?;
    let owners = rows::owners(&client, &ids).await?;
    for (((tenant, object), entry), owner) in ours.into_iter().zip(owners) {
        match owner {
            Owner::Object => {}
            Owner::Stranger => verdict.strange.push(entry.path),
            Owner::Nobody => {
                let suspect = Suspect {
                    key: entry.path,
                    tenant,
                    object,
                    size: entry.size,
                    version: entry.version,
                };
                verdict.orphans.push((suspect, entry.age));
            }
        }
    }
    Ok(verdict)
}
