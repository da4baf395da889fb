//! Lifecycle rules by which S3 itself deletes: a second collector that does not know the artifacts.

use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    types::{ExpirationStatus, LifecycleRule, TransitionStorageClass},
};

use super::{S3, failed};
use crate::blob::{BlobError, BlobResult};

/// The beginning of all keys.
const DATA: &str = "v1/";

impl S3 {
    pub(in crate::blob) async fn dangerous_rules(&self) -> BlobResult<Option<Vec<String>>> {
        let got = self
            .client
            .get_bucket_lifecycle_configuration()
            .bucket(&self.bucket)
            .send()
            .await;
        match got {
            Ok(got) => Ok(Some(got.rules().iter().filter_map(danger).collect())),
            Err(e) if e.code() == Some("NoSuchLifecycleConfiguration") => Ok(Some(Vec::new())),
            // It has no such rules, or does not show them.
            Err(e)
                if e.raw_response()
                    .is_some_and(|r| [403, 405, 501].contains(&r.status().as_u16())) =>
            {
                let e: BlobError = failed("GetBucketLifecycleConfiguration", e);
                tracing::warn!(
                    error = crate::model::error::describe(&e),
                    "the bucket's lifecycle rules are not known"
                );
                Ok(None)
            }
            Err(e) => Err(failed("GetBucketLifecycleConfiguration", e)),
        }
    }
}

/// What a rule does to current versions of our keys, if anything. A rule for other tags does not match them, but others
/// can set tags, so tags are ignored.
fn danger(rule: &LifecycleRule) -> Option<String> {
    if rule.status() != &ExpirationStatus::Enabled {
        return None;
    }
    #[expect(deprecated, reason = "old rules have their prefix there")]
    let prefix = rule
        .filter()
        .and_then(|filter| filter.prefix().or_else(|| filter.and()?.prefix()))
        .or_else(|| rule.prefix())
        .unwrap_or("");
    if !prefix.starts_with(DATA) && !DATA.starts_with(prefix) {
        return None;
    }
    let expires = rule
        .expiration()
        .is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some());
    let archives = rule.transitions().iter().any(|transition| {
        matches!(
            transition.storage_class(),
            Some(TransitionStorageClass::Glacier | TransitionStorageClass::DeepArchive)
        )
    });
    let does = match (expires, archives) {
        (true, _) => "expires objects",
        (false, true) => "moves objects to where they cannot be read",
        (false, false) => return None,
    };
    Some(format!(
        "'{}' {does} under '{prefix}'",
        rule.id().unwrap_or("?")
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{
        AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
        LifecycleRuleFilter, NoncurrentVersionExpiration, Transition, TransitionStorageClass,
        builders::LifecycleRuleBuilder,
    };

    use super::danger;

    fn rule(prefix: &str) -> LifecycleRuleBuilder {
        LifecycleRule::builder()
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
    }

    fn is_dangerous(rule: LifecycleRuleBuilder) -> bool {
        danger(&rule.build().expect("a rule")).is_some()
    }

    /// A rule that expires or archives our keys is dangerous, and no other rule is.
    #[test]
    fn rule_that_expires_our_keys_is_dangerous() {
        let expiration = LifecycleExpiration::builder().days(3).build();
        for (prefix, dangerous) in [
            ("", true),
            ("v", true),
            ("v1/", true),
            ("v1/ab", true),
            ("v2/", false),
            ("logs/", false),
        ] {
            let expires = rule(prefix).expiration(expiration.clone());
            assert_eq!(is_dangerous(expires.clone()), dangerous, "{prefix}");
            assert!(!is_dangerous(expires.status(ExpirationStatus::Disabled)));
        }
        let to = |class| rule("").transitions(Transition::builder().storage_class(class).build());
        assert!(is_dangerous(to(TransitionStorageClass::Glacier)));
        assert!(!is_dangerous(to(TransitionStorageClass::StandardIa)));
        let markers = LifecycleExpiration::builder().expired_object_delete_marker(true);
        let backstops = rule("")
            .expiration(markers.build())
            .noncurrent_version_expiration(
                NoncurrentVersionExpiration::builder()
                    .noncurrent_days(30)
                    .build(),
            )
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(7)
                    .build(),
            );
        assert!(!is_dangerous(backstops));
    }
}
