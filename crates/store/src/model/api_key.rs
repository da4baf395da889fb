//! API keys: their secrets, and what is known of them.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString};
use uuid::Uuid;

use super::{
    access::{Grant, Narrowing, Scope},
    digest::ContentHash,
    error::{Error, Result},
    plan::LimitChanges,
    text::Identifier,
    validate::{LONGEST_TTL, Violations},
};

/// What a secret starts with.
const PREFIX: &str = "ck_";
/// How many characters follow, and how many of them are the checksum.
const LENGTH: usize = 40;
const CHECKSUM: usize = 6;

/// An API key after its creation, without its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key's id, for revoking it.
    pub id: Uuid,
    /// What people call it; empty for a key without a name.
    pub name: String,
    /// The last four characters of the secret.
    pub last_4: String,
    /// What it lets its holder do, and until when.
    pub grant: Grant,
    /// Its own limits, beside those of the tenant.
    pub limits: LimitChanges,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used last, to ten minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// A key that is to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub(crate) name: String,
    pub(crate) grant: Grant,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) limits: LimitChanges,
}

impl NewApiKey {
    /// Takes a name, what the key allows, and how long; `None`: until it is revoked.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(name: String, grant: Grant, expires_in: Option<Duration>) -> Result<Self> {
        let mut faults = Violations::new();
        faults.check("name", Identifier::optional(name.clone()));
        if grant.scopes().is_empty() {
            faults.add(
                "scopes",
                "must have at least one, and admin only without a narrowing",
            );
        }
        if let Some(time) = expires_in {
            faults.ttl(
                "expires_in",
                time.min(LONGEST_TTL + Duration::from_millis(1)),
            );
        }
        faults.finish(Some(Self {
            name,
            grant,
            expires_in,
            limits: LimitChanges::default(),
        }))
    }

    /// The same key with limits of its own, as `LimitChanges::of_key` makes them.
    #[must_use]
    pub fn with_limits(mut self, limits: LimitChanges) -> Self {
        self.limits = limits;
        self
    }

    /// A key that may do everything in its tenant, without a name or an end.
    #[must_use]
    pub fn of_everything() -> Self {
        Self {
            name: String::new(),
            grant: Grant::all(),
            expires_in: None,
            limits: LimitChanges::default(),
        }
    }

    /// The same, and it may operate the deployment.
    #[must_use]
    pub fn of_operator() -> Self {
        let scopes = Scope::EVERY.into_iter().collect();
        Self {
            grant: Grant::new(scopes, Narrowing::none(), None),
            ..Self::of_everything()
        }
    }
}

/// The secret of an API key: `ck_` and 40 characters of `[A-Za-z0-9]`, of which the last six are a checksum, so that
/// scanners for leaked secrets know a key from other text. Stored as its SHA-256, which is enough for a secret of this much
/// randomness. `Debug` does not show it.
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    /// A secret that no key has.
    #[must_use]
    pub fn fresh() -> Self {
        let mut secret = PREFIX.to_owned();
        Alphanumeric.append_string(&mut rand::rng(), &mut secret, LENGTH - CHECKSUM);
        secret += &checksum(&secret);
        Self(secret)
    }

    /// The secret in a text, such as a file: one that `fresh` could have made.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn given(text: &str) -> Result<Self> {
        let text = text.trim();
        match text.starts_with(PREFIX) && Self::may_be(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(Error::invalid(
                "secret",
                "must be ck_ and 40 characters that end with their checksum; `cairn-api admin new-secret` makes one",
            )),
        }
    }

    /// Whether a text can be the secret of a key. One of another form may be a key of an earlier release.
    pub(crate) fn may_be(text: &str) -> bool {
        let Some(random) = text.strip_prefix(PREFIX) else {
            return true;
        };
        let well_formed =
            random.len() == LENGTH && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        well_formed && {
            let (before, sum) = text.split_at(text.len() - CHECKSUM);
            checksum(before) == sum
        }
    }

    pub(crate) fn sha256(&self) -> ContentHash {
        ContentHash::of(self.0.as_bytes())
    }

    pub(crate) fn last_4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// The secret, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeySecret(…{})", self.last_4())
    }
}

/// The CRC-32 of a text (the one of zip and gzip), in base 62 with the digits 0-9, A-Z, a-z and leading zeros.
fn checksum(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let crc = !text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let digit = |place| {
        let value = crc / 62_u32.pow(place) % 62;
        char::from(DIGITS[value as usize])
    };
    (0..CHECKSUM as u32).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_ends_with_a_checksum_that_anyone_can_verify() {
        // zlib.crc32(b"123456789") is 0xCBF43926.
        assert_eq!(checksum("123456789"), "3jZRME");
        let secret = ApiKeySecret::fresh();
        assert_eq!(secret.reveal().len(), 43);
        assert!(ApiKeySecret::may_be(secret.reveal()));
        let mut other = secret.reveal().to_owned();
        let last = if other.ends_with('0') { "1" } else { "0" };
        other.replace_range(42.., last);
        assert!(!ApiKeySecret::may_be(&other) && !ApiKeySecret::may_be("ck_"));
        assert!(ApiKeySecret::may_be("cairn_of_an_earlier_release"));
    }
}
