use std::fmt;

use sha2::{Digest, Sha256};

use crate::model::id::{ObjectId, TenantId};

/// The beginning of every path.
pub(super) const PREFIX: &str = "v1/";

/// The path of the mark that names the deployment.
pub(super) const MARKER: &str = "v1/_deployment_id";

/// `v1/{2 hex digits of a hash}/{tenant}/{object}`. The hash spreads keys over S3's partitions. The object's id is
/// fresh for every upload, so a key is written once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectKey {
    path: String,
    tenant: TenantId,
    object: ObjectId,
}

impl ObjectKey {
    pub(super) fn new(tenant: TenantId, object: ObjectId) -> Self {
        let spread = Sha256::digest(object.0.as_bytes())[0];
        Self {
            path: format!("v1/{spread:02x}/{}/{}", tenant.0, object.0),
            tenant,
            object,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.path
    }

    /// The object of a listed path, if the path is exactly as this type writes it. Other entries of the blob store are
    /// not ours to judge.
    pub(crate) fn parse(path: &str) -> Option<(TenantId, ObjectId)> {
        let mut segments = path.split('/');
        let ids = (segments.nth(2)?, segments.next()?);
        let (tenant, object) = (TenantId(ids.0.parse().ok()?), ObjectId(ids.1.parse().ok()?));
        (Self::new(tenant, object).path == path).then_some((tenant, object))
    }

    /// The name of the temporary file that receives the bytes.
    pub(super) fn temporary_name(&self) -> String {
        format!("{}_{}", self.tenant.0, self.object.0)
    }

    /// The object of a temporary file's name.
    pub(super) fn parse_temporary_name(name: &str) -> Option<(TenantId, ObjectId)> {
        let (tenant, object) = name.split_once('_')?;
        let ids = (
            TenantId(tenant.parse().ok()?),
            ObjectId(object.parse().ok()?),
        );
        (Self::new(ids.0, ids.1).temporary_name() == name).then_some(ids)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::ObjectKey;
    use crate::model::id::{ObjectId, TenantId};

    #[test]
    fn the_name_of_a_temporary_file_reads_back_and_no_other_does() {
        let ids = (TenantId(Uuid::now_v7()), ObjectId(Uuid::now_v7()));
        let name = ObjectKey::new(ids.0, ids.1).temporary_name();
        assert_eq!(ObjectKey::parse_temporary_name(&name), Some(ids));
        for other in [
            name.to_uppercase(),
            name.replace('-', ""),
            ids.1.0.to_string(),
        ] {
            assert_eq!(ObjectKey::parse_temporary_name(&other), None, "{other}");
        }
    }

    #[test]
    fn a_key_reads_back_and_nothing_that_differs_in_any_way_is_one() {
        let ids = (TenantId(Uuid::now_v7()), ObjectId(Uuid::now_v7()));
        let key = ObjectKey::new(ids.0, ids.1).path;
        assert_eq!(ObjectKey::parse(&key), Some(ids));
        let (start, object) = key.rsplit_once('/').unwrap_or_default();
        for other in [
            String::new(),
            "v1/_deployment_id".to_owned(),
            start.to_owned(),
            format!("{key}/"),
            format!("{key}/x"),
            format!("/{key}"),
            format!("v2{}", &key[2..]),
            format!(
                "v1/{}{}",
                if &key[3..5] == "00" { "01" } else { "00" },
                &key[5..]
            ),
            key.to_uppercase(),
            format!("{start}/{}", object.to_uppercase()),
            format!("{start}/{}", object.replace('-', "")),
            format!("{start}/{{{object}}}"),
        ] {
            assert_eq!(ObjectKey::parse(&other), None, "{other}");
        }
    }
}
