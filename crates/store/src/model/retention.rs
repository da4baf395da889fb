//! How long a tenant may keep artifacts.

use std::time::Duration;

use crate::model::{
    error::{Error, Result},
    validate::Violations,
};

/// How long a tenant may keep artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// The time to live of an artifact whose creator gives none; `None`: it never expires.
    pub default_ttl: Option<Duration>,
    /// The longest time to live that a creator may ask for; `None`: 100 years.
    pub max_ttl: Option<Duration>,
    /// Whether an artifact may be kept without an expiry.
    pub never_expires_allowed: bool,
}

impl RetentionPolicy {
    /// The requested time to live, if it is allowed; `None`: no expiry.
    ///
    /// # Errors
    /// `TtlExceedsLimit`.
    pub(crate) fn admit(&self, ttl: Option<Duration>) -> Result<Option<Duration>> {
        match (ttl, self.max_ttl) {
            (None, _) if !self.never_expires_allowed => Err(Error::TtlExceedsLimit { max: None }),
            (Some(ttl), Some(max)) if ttl > max => Err(Error::TtlExceedsLimit { max: Some(max) }),
            _ => Ok(ttl),
        }
    }

    /// Checks that the default is allowed.
    ///
    /// # Errors
    /// `Invalid`, with the settings at fault.
    pub(crate) fn check(self) -> Result<Self> {
        let mut faults = Violations::new();
        let ttls = [("default_ttl", self.default_ttl), ("max_ttl", self.max_ttl)];
        for (setting, ttl) in ttls {
            if let Some(ttl) = ttl {
                faults.ttl(setting, ttl);
            }
        }
        if faults.is_empty() && self.admit(self.default_ttl).is_err() {
            let rule = match self.default_ttl {
                None => "is never, and artifacts must expire: set a default_ttl as well",
                Some(_) => "must not be longer than max_ttl: set both",
            };
            faults.add("default_ttl", rule);
        }
        faults.finish(Some(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const OPEN: RetentionPolicy = RetentionPolicy {
        default_ttl: Some(DAY),
        max_ttl: None,
        never_expires_allowed: true,
    };

    #[test]
    fn what_is_given_by_default_must_be_allowed() {
        let max_ttl = Some(DAY - Duration::from_millis(1));
        for (refused, field) in [
            (RetentionPolicy { max_ttl, ..OPEN }, "default_ttl"),
            (
                RetentionPolicy {
                    default_ttl: None,
                    never_expires_allowed: false,
                    ..OPEN
                },
                "default_ttl",
            ),
            (
                RetentionPolicy {
                    max_ttl: Some(Duration::MAX),
                    ..OPEN
                },
                "max_ttl",
            ),
        ] {
            let Err(Error::Invalid(faults)) = refused.check() else {
                panic!("{refused:?} was taken");
            };
            assert_eq!(faults[0].field, field);
        }
        let (default_ttl, max_ttl) = (Some(DAY), Some(DAY));
        let strict = RetentionPolicy {
            default_ttl,
            max_ttl,
            never_expires_allowed: false,
        };
        assert_eq!(strict.check().unwrap(), strict);
    }

    #[test]
    fn a_time_to_live_is_allowed_up_to_the_longest() {
        let limited = RetentionPolicy {
            max_ttl: Some(DAY),
            never_expires_allowed: false,
            ..OPEN
        };
        assert_eq!(limited.admit(Some(DAY)).unwrap(), Some(DAY));
        assert!(limited.admit(Some(DAY * 2)).is_err());
        assert!(limited.admit(None).is_err());
        assert_eq!(OPEN.admit(None).unwrap(), None);
    }
}
