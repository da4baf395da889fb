//! Identifiers that are created here, and can only be well-formed.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString};
use serde::Serialize;
use uuid::Uuid;

/// The internal id of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub(crate) struct TenantId(pub(crate) Uuid);

/// The id of one physical copy of bytes. Fresh for every upload and never reused, which makes deleting safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(crate) Uuid);

impl ObjectId {
    pub(crate) fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

/// `art_` and 16 characters of `[A-Za-z0-9]`: 6 of the second in which it was made, so that artifacts of one time are
/// neighbours in every index, and 59 bits of randomness. It is not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ArtifactId(String);

/// `lnk_` and 20 characters of `[A-Za-z0-9]`: 119 bits of randomness, because it is the secret that allows reading.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkId(String);

/// `job_` and 16 characters of `[A-Za-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobId(String);

/// `todo_` and 16 characters of `[A-Za-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TodoId(String);

/// `upl_` and 20 characters of `[A-Za-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadId(String);

/// A text that cannot be an identifier of this kind, so nothing has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl ArtifactId {
    const PREFIX: &str = "art_";
    const RANDOM: usize = 16;

    pub(crate) fn fresh() -> Self {
        Self::made_at(Timestamp::now())
    }

    fn made_at(time: Timestamp) -> Self {
        let time = in_time(time);
        let random = Self::RANDOM - time.len();
        Self(fresh(&format!("{}{time}", Self::PREFIX), random))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LinkId {
    const PREFIX: &str = "lnk_";
    const RANDOM: usize = 20;

    pub(crate) fn fresh() -> Self {
        Self(fresh(Self::PREFIX, Self::RANDOM))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UploadId {
    const PREFIX: &str = "upl_";
    const RANDOM: usize = 20;

    pub(crate) fn fresh() -> Self {
        Self(fresh(Self::PREFIX, Self::RANDOM))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JobId {
    const PREFIX: &str = "job_";
    const RANDOM: usize = 16;

    pub(crate) fn fresh() -> Self {
        Self(fresh(Self::PREFIX, Self::RANDOM))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TodoId {
    const PREFIX: &str = "todo_";
    const RANDOM: usize = 16;

    pub(crate) fn fresh() -> Self {
        Self(fresh(Self::PREFIX, Self::RANDOM))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TodoId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        check(text, Self::PREFIX, Self::RANDOM).map(Self)
    }
}

impl FromStr for UploadId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        check(text, Self::PREFIX, Self::RANDOM).map(Self)
    }
}

impl FromStr for JobId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        check(text, Self::PREFIX, Self::RANDOM).map(Self)
    }
}

impl FromStr for ArtifactId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        check(text, Self::PREFIX, Self::RANDOM).map(Self)
    }
}

impl FromStr for LinkId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        check(text, Self::PREFIX, Self::RANDOM).map(Self)
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TodoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The second of a time, in digits that have the same order in every collation; it repeats after 69 years.
fn in_time(time: Timestamp) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    const LENGTH: u32 = 6;
    let second = time.as_second().rem_euclid(36_i64.pow(LENGTH));
    let digit = |place: u32| {
        let digit = second / 36_i64.pow(place) % 36;
        char::from(DIGITS[digit.unsigned_abs() as usize])
    };
    (0..LENGTH).rev().map(digit).collect()
}

fn fresh(prefix: &str, random: usize) -> String {
    let mut id = prefix.to_owned();
    Alphanumeric.append_string(&mut rand::rng(), &mut id, random);
    id
}

fn check(text: &str, prefix: &str, random: usize) -> Result<String, Malformed> {
    match text.strip_prefix(prefix) {
        Some(rest) if rest.len() == random && rest.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Ok(text.to_owned())
        }
        _ => Err(Malformed),
    }
}

/// The texts of ids, as parameters of statements.
pub(crate) fn ids_of(ids: &[ArtifactId]) -> Vec<&str> {
    ids.iter().map(ArtifactId::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_id_is_well_formed_and_another_each_time() {
        let (one, two) = (ArtifactId::fresh(), ArtifactId::fresh());
        assert_ne!(one, two);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
        let link = LinkId::fresh();
        assert_eq!(link.as_str().parse(), Ok(link.clone()));
    }

    #[test]
    fn ids_of_artifacts_are_in_the_order_of_seconds() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let seconds = [1_700_000_000, 1_700_000_001, 1_700_000_036, 2_000_000_000];
        let ids = seconds.map(|second| ArtifactId::made_at(at(second)).0);
        assert!(ids.is_sorted(), "{ids:?}");
        let (one, two) = (ArtifactId::made_at(at(7)), ArtifactId::made_at(at(7)));
        assert_eq!(one.0[..10], two.0[..10]);
        assert_ne!(one, two);
    }

    #[test]
    fn a_text_of_another_shape_is_no_id() {
        for text in [
            "",
            "art_",
            "art_0123456789abcde",
            "art_0123456789abcde/",
            "ART_0123456789abcdef",
        ] {
            assert_eq!(text.parse::<ArtifactId>(), Err(Malformed), "{text}");
        }
    }
}
