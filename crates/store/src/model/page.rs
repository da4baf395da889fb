//! Pages of lists: how large, from where, and the opaque token between two of them.

use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{
    canonical,
    error::{Error, Result},
};

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Range<T> {
    /// Included.
    pub from: Option<T>,
    /// Excluded.
    pub until: Option<T>,
}

impl<T> Range<T> {
    /// Changes both ends.
    pub(crate) fn map<U>(self, change: impl Fn(T) -> U) -> Range<U> {
        Range {
            from: self.from.map(&change),
            until: self.until.map(change),
        }
    }
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

/// Where an item stands in a list that is ordered by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdPosition {
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

/// The most bytes of the items of one page, well below what clients of gRPC take by default, which is 4 MiB: the encoding
/// adds to each item.
pub(crate) const MAX_PAGE_BYTES: usize = 3 << 20;

/// The list that a token belongs to: what is listed, for whom, under which filters. A token that is used on another list
/// would silently skip items there, so it is refused, as is one that was not made here.
pub(crate) struct Listing {
    key: hmac::Key,
    /// What is signed with every position.
    list: Vec<u8>,
}

/// The bytes of a signature.
const TAG: usize = 32;
/// No token that was made here is longer: a position has a name and ids of at most 2 KiB, each byte of which JSON may escape.
const MAX_TOKEN: usize = 32 << 10;

/// How tokens are made. Another version signs otherwise.
const VERSION: &[u8] = b"cairn page 3";

impl Listing {
    /// A list by what it lists, encoded so that replicas of two releases agree.
    pub(crate) fn new(key: &hmac::Key, filters: &impl Serialize) -> Result<Self> {
        let encoded = canonical::encode(filters).map_err(|e| Error::Internal(e.into()))?;
        let encoded = encoded.to_string();
        let mut list = VERSION.to_vec();
        list.extend((encoded.len() as u64).to_be_bytes());
        list.extend(encoded.bytes());
        Ok(Self {
            key: key.clone(),
            list,
        })
    }

    fn signed(&self, position: &[u8]) -> Vec<u8> {
        [&self.list, position].concat()
    }

    /// The token of any bytes as a position.
    #[cfg(test)]
    pub(crate) fn token_of(&self, position: &[u8]) -> String {
        let tag = hmac::sign(&self.key, &self.signed(position));
        hex::encode([tag.as_ref(), position].concat())
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
        if token.len() > MAX_TOKEN {
            return Err(refuse());
        }
        let bytes = hex::decode(token).map_err(|_| refuse())?;
        let (tag, position) = bytes.split_at_checked(TAG).ok_or_else(refuse)?;
        hmac::verify(&self.key, &self.signed(position), tag).map_err(|_| refuse())?;
        serde_json::from_slice(position)
            .map(Some)
            .map_err(|_| refuse())
    }

    /// Makes a page of the rows that were read, of which there is one too many when another page follows. It ends early
    /// where its items, which `weigh` weighs in bytes, would be too large for one answer. A row without an item is damaged
    /// and has its place alone.
    pub(crate) fn page<T, P: Serialize>(
        &self,
        rows: Vec<(Option<T>, P)>,
        size: PageSize,
        weigh: impl Fn(&T) -> usize,
    ) -> Page<T> {
        let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
        let mut more = false;
        for (i, (item, position)) in rows.into_iter().enumerate() {
            bytes += item.as_ref().map_or(0, &weigh);
            more = i == usize::from(size.0) || (bytes > MAX_PAGE_BYTES && last.is_some());
            if more {
                break;
            }
            items.extend(item);
            last = Some(position);
        }
        let next = last.filter(|_| more).map(|position| self.token(position));
        Page { items, next }
    }

    /// The token that leads on from a position.
    pub(crate) fn token<P: Serialize>(&self, position: P) -> String {
        let position = serde_json::to_vec(&position).unwrap_or_default();
        let tag = hmac::sign(&self.key, &self.signed(&position));
        hex::encode([tag.as_ref(), &position].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(secret: u8, of: u8) -> Listing {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[secret; 32]);
        Listing::new(&key, &("artifacts", of)).expect("a list")
    }

    fn row(id: &str) -> (Option<()>, Position) {
        let at = Timestamp::from_microsecond(1_700_000_000_000_001).expect("a time");
        let id = id.to_owned();
        (Some(()), Position { at, id })
    }

    fn size(size: i32) -> PageSize {
        PageSize::new(size).expect("a size")
    }

    #[test]
    fn a_token_leads_on_in_its_own_list_alone() {
        let list = listing(1, 1);
        let page = list.page(vec![row("b"), row("a")], size(1), |()| 0);
        assert_eq!(page.items.len(), 1);
        let token = page.next.expect("a second page");
        assert_eq!(list.position(&token).expect("ours"), Some(row("b").1));
        for another in [listing(1, 2), listing(2, 1)] {
            assert!(another.position::<Position>(&token).is_err());
        }
        assert!(list.page(vec![row("a")], size(1), |()| 0).next.is_none());
    }

    #[test]
    fn a_token_that_was_changed_is_refused() {
        let list = listing(1, 1);
        let page = list.page(vec![row("b"), row("a")], size(1), |()| 0);
        let token = page.next.expect("a second page");
        let bytes = hex::decode(&token).expect("hex");
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert!(list.position::<Position>(&hex::encode(changed)).is_err());
        }
        for other in ["zz", "é", "00", &token[..64], &"0".repeat(1 << 20)] {
            assert!(list.position::<Position>(other).is_err());
        }
    }

    #[test]
    fn a_page_ends_where_its_bytes_do() {
        let list = listing(1, 1);
        let half = |()| MAX_PAGE_BYTES / 2;
        let rows = || ["d", "c", "b", "a"].map(row).to_vec();
        let page = list.page(rows(), size(200), |()| half(()));
        assert_eq!(page.items.len(), 2);
        let token = page.next.expect("a second page");
        assert_eq!(list.position(&token).expect("ours"), Some(row("c").1));
        let page = list.page(rows(), size(200), |()| 2 * MAX_PAGE_BYTES);
        assert_eq!(page.items.len(), 1, "there is always one");
    }

    #[test]
    fn a_damaged_row_ends_no_list() {
        let list = listing(1, 1);
        let rows = vec![(None, row("b").1), row("a")];
        let page = list.page(rows, size(1), |()| 0);
        assert!(page.items.is_empty());
        let token = page.next.expect("a second page");
        assert_eq!(list.position(&token).expect("ours"), Some(row("b").1));
    }

    #[test]
    fn a_page_has_at_most_two_hundred_items() {
        assert_eq!(PageSize::new(0).expect("default").rows(), 51);
        assert!(PageSize::new(200).is_ok());
        assert!(PageSize::new(201).is_err());
        assert!(PageSize::new(-1).is_err());
    }
}
