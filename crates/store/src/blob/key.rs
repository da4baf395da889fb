use std::fmt;

use sha2::{Digest, Sha256};

use crate::id::{ObjectId, TenantId};

/// `v1/{2 hex digits of a hash}/{tenant}/{object}`. The hash spreads keys over S3's partitions; the object's id is fresh
/// for every upload, so a key is written once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectKey {
    path: String,
    object: ObjectId,
}

impl ObjectKey {
    pub(super) fn new(tenant: TenantId, object: ObjectId) -> Self {
        let spread = Sha256::digest(object.0.as_bytes())[0];
        Self {
            path: format!("v1/{spread:02x}/{}/{}", tenant.0, object.0),
            object,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.path
    }

    /// A name for the object alone, for a temporary file.
    pub(super) fn object_name(&self) -> String {
        self.object.0.to_string()
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}
