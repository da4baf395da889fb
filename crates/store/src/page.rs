//! Pages of lists: how large, from where, and the opaque token between two of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// How many items a page has at the most: 1 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// The most items of a page.
    pub const MAX: i32 = 200;
    /// A page of one item.
    pub(crate) const ONE: Self = Self(1);
    /// The size of a page whose reader did not say.
    pub const DEFAULT: i32 = 50;

    /// Checks a size; 0 is the default.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(size: i32) -> Result<Self, String> {
        match size {
            0 => Ok(Self(Self::DEFAULT as u8)),
            1..=Self::MAX => Ok(Self(size as u8)),
            _ => Err(format!(
                "must be 1 to {}, or 0 for {}",
                Self::MAX,
                Self::DEFAULT
            )),
        }
    }

    /// How many rows to read: one more than the page, which tells whether another page follows.
    pub(crate) fn rows(self) -> i64 {
        i64::from(self.0) + 1
    }
}

/// A half-open range; a missing end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range<T> {
    /// Included.
    pub from: Option<T>,
    /// Excluded.
    pub until: Option<T>,
}

/// Where an item stands in a list that is ordered by time and id, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    #[serde(
        rename = "t",
        with = "jiff::fmt::serde::timestamp::microsecond::required"
    )]
    pub(crate) at: Timestamp,
    #[serde(rename = "i")]
    pub(crate) id: String,
}

/// Where an item stands in a list that is ordered by filename: its file, and its version in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamePosition {
    #[serde(rename = "n")]
    pub(crate) filename: String,
    #[serde(rename = "s")]
    pub(crate) session: String,
    #[serde(rename = "u")]
    pub(crate) user: String,
    #[serde(rename = "a")]
    pub(crate) namespace: String,
    #[serde(rename = "v")]
    pub(crate) version: i64,
}

impl NamePosition {
    /// Before all files of this name or a later one.
    pub(crate) fn before(name: &str) -> Self {
        Self {
            filename: name.to_owned(),
            session: String::new(),
            user: String::new(),
            namespace: String::new(),
            version: 0,
        }
    }

    /// Where a list of one session alone goes on, when the position is of a file of any session.
    pub(crate) fn as_seen_from(&self, session: &str) -> Self {
        match self.session.as_str().cmp(session) {
            std::cmp::Ordering::Less => Self::before(&self.filename),
            std::cmp::Ordering::Equal => self.clone(),
            // No name has a character below a space.
            std::cmp::Ordering::Greater => Self::before(&format!("{}\u{1}", self.filename)),
        }
    }

    /// By what two sessions' files are put in order; the end of a folder comes before a file that has its name.
    pub(crate) fn file(&self) -> (&str, &str, bool) {
        (&self.filename, &self.session, self.version > 0)
    }

    /// Behind all files of a folder, whose name ends in "/": before the first name that sorts behind theirs.
    pub(crate) fn behind_folder(folder: &str) -> Self {
        let name = folder.strip_suffix('/').unwrap_or(folder);
        Self::before(&format!("{name}0"))
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The token of the next page; `None` on the last.
    pub next: Option<String>,
}

/// The list that a token belongs to: what is listed, for whom, under which filters. A token that is used on another list
/// would silently skip items there, so it is refused.
pub(crate) struct Listing([u8; 8]);

#[derive(Serialize, Deserialize)]
struct Token<P> {
    #[serde(rename = "l")]
    listing: String,
    #[serde(rename = "p")]
    position: P,
}

impl Listing {
    pub(crate) fn new(filters: impl std::fmt::Debug) -> Self {
        let digest = Sha256::digest(format!("{filters:?}"));
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&digest[..8]);
        Self(fingerprint)
    }

    /// Reads a token; empty for the first page.
    pub(crate) fn position<P: DeserializeOwned>(&self, token: &str) -> Result<Option<P>> {
        if token.is_empty() {
            return Ok(None);
        }
        let refuse = || {
            let rule = "must be the next_page_token of a list with the same filters";
            Error::invalid("page_token", rule)
        };
        let bytes = hex::decode(token).map_err(|_| refuse())?;
        let token: Token<P> = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        if token.listing != hex::encode(self.0) {
            return Err(refuse());
        }
        Ok(Some(token.position))
    }

    /// Makes a page of the rows that were read, of which there is one too many when another page follows.
    pub(crate) fn page<T, P: Serialize>(&self, mut rows: Vec<(T, P)>, size: PageSize) -> Page<T> {
        let more = rows.len() > usize::from(size.0);
        rows.truncate(usize::from(size.0));
        let next = rows.last().filter(|_| more).map(|(_, p)| self.token(p));
        Page {
            items: rows.into_iter().map(|(item, _)| item).collect(),
            next,
        }
    }

    fn token<P: Serialize>(&self, position: P) -> String {
        let token = Token {
            listing: hex::encode(self.0),
            position,
        };
        hex::encode(serde_json::to_vec(&token).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_on_in_its_own_list_alone() {
        let size = PageSize::new(1).expect("a size");
        let list = Listing::new(("artifacts", 1));
        let at = Timestamp::from_microsecond(1_700_000_000_000_001).expect("a time");
        let row = |id: &str| {
            let id = id.to_owned();
            ((), Position { at, id })
        };
        let page = list.page(vec![row("b"), row("a")], size);
        assert_eq!(page.items.len(), 1);
        let token = page.next.expect("a second page");
        assert_eq!(list.position(&token).expect("ours"), Some(row("b").1));
        assert!(
            Listing::new(("artifacts", 2))
                .position::<Position>(&token)
                .is_err()
        );
        assert!(list.position::<Position>("zz").is_err());
        assert!(list.page(vec![row("a")], size).next.is_none());
    }

    #[test]
    fn a_page_has_at_most_two_hundred_items() {
        assert_eq!(PageSize::new(0).expect("default").rows(), 51);
        assert!(PageSize::new(200).is_ok());
        assert!(PageSize::new(201).is_err());
        assert!(PageSize::new(-1).is_err());
    }
}
