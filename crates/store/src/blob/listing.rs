//! Listings of what lies in a blob store.

use std::time::Duration;

use crate::model::id::{ObjectId, TenantId};

/// A page of a listing, in the order of the paths.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) entries: Vec<Entry>,
    /// Where the next page starts; `None` on the last page.
    pub(crate) next: Option<String>,
}

/// An entry of the blob store.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// How long it has existed, by the blob store's own clock.
    pub(crate) age: Duration,
    /// Changes with the content under a path.
    pub(crate) version: String,
}

/// A page of a listing of unfinished uploads.
#[derive(Debug)]
pub(crate) struct ListedUnfinished {
    pub(crate) uploads: Vec<Unfinished>,
    /// The key and the id after which the next page starts; `None` on the last page.
    pub(crate) next: Option<(String, String)>,
}

/// An upload that began and was neither completed nor aborted.
#[derive(Debug)]
pub(crate) struct Unfinished {
    /// The object of its key; `None` for a key that is not one of ours.
    pub(crate) owner: Option<(TenantId, ObjectId)>,
    /// The blob store's id for it.
    pub(crate) id: String,
    /// How long ago it began, or was last written to, by the blob store's own clock.
    pub(crate) age: Duration,
}
