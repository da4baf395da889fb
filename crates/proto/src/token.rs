//! Delegated tokens: what a credential allows, passed on with less.
//!
//! A token is `ct_` and base64url of a version, the id of the server's key, a root, caveats and a tag. The tag is the last
//! of a chain of HMAC-SHA-256: the first is of version, key id and root under the server's key, and each further one is of
//! a caveat under the tag before it. So any holder can add a caveat without asking the server, and cannot remove one. Only
//! the server can verify a token.
//!
//! `tests/vectors/tokens.json` has examples for other languages.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use prost::Message;
use ring::hmac;

use crate::v1::{TokenCaveat, TokenRoot};

/// The beginning of every token.
pub const PREFIX: &str = "ct_";
/// The maximum characters of a token.
pub const MAX_LENGTH: usize = 2048;
/// The maximum caveats of a token.
pub const MAX_CAVEATS: usize = 16;

const VERSION: u8 = 1;
const TAG: usize = 32;

/// Why a text is not a token, or a token cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text does not have the form of a token.
    #[error("it is not a complete delegated token")]
    Malformed,
    /// It has a version or a field that this build does not know, so it is unknown what the token allows.
    #[error("it has a caveat or a version that is newer than this program: upgrade the program")]
    Unknown,
    /// It exceeds a limit.
    #[error("it has more than {MAX_LENGTH} characters or {MAX_CAVEATS} caveats")]
    TooLong,
    /// No key of the server signed it.
    #[error("no key of this server signed it: it was changed, or the key was replaced")]
    Forged,
}

/// A key that signs tokens, with the id by which tokens name it. `Debug` shows the id only.
#[derive(Clone)]
pub struct SigningKey {
    id: u8,
    key: hmac::Key,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

impl SigningKey {
    /// A key of this secret, which should have at least 32 random bytes.
    #[must_use]
    pub fn new(id: u8, secret: &[u8]) -> Self {
        Self {
            id,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> u8 {
        self.id
    }
}

/// The parts of a token. It is unknown who made it until it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    key_id: u8,
    root: Vec<u8>,
    caveats: Vec<Vec<u8>>,
    tag: [u8; TAG],
}

impl Token {
    /// A token with this root and without a caveat.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn issue(key: &SigningKey, root: &TokenRoot) -> Result<Self, TokenError> {
        let root = root.encode_to_vec();
        let tag = tag_of(&key.key, &head(key.id, &root));
        let token = Self {
            key_id: key.id,
            root,
            caveats: Vec::new(),
            tag,
        };
        token.bounded()
    }

    /// The token with one more caveat. It allows what both the token and the caveat allow.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn narrow(mut self, caveat: &TokenCaveat) -> Result<Self, TokenError> {
        let caveat = caveat.encode_to_vec();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.tag);
        self.tag = tag_of(&key, &caveat);
        self.caveats.push(caveat);
        self.bounded()
    }

    fn bounded(self) -> Result<Self, TokenError> {
        match self.caveats.len() <= MAX_CAVEATS && self.to_string().len() <= MAX_LENGTH {
            true => Ok(self),
            false => Err(TokenError::TooLong),
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// `Malformed`, `Unknown`, `TooLong`.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_LENGTH {
            return Err(TokenError::TooLong);
        }
        let text = text.strip_prefix(PREFIX).ok_or(TokenError::Malformed)?;
        let bytes = BASE64.decode(text).map_err(|_| TokenError::Malformed)?;
        let (signed, tag) = bytes
            .split_last_chunk::<TAG>()
            .ok_or(TokenError::Malformed)?;
        let [version, key_id, rest @ ..] = signed else {
            return Err(TokenError::Malformed);
        };
        if *version != VERSION {
            return Err(TokenError::Unknown);
        }
        let mut parts = parts(rest).ok_or(TokenError::Malformed)?.into_iter();
        let token = Self {
            key_id: *key_id,
            root: parts.next().ok_or(TokenError::Malformed)?,
            caveats: parts.collect(),
            tag: *tag,
        };
        if token.caveats.len() > MAX_CAVEATS {
            return Err(TokenError::TooLong);
        }
        token.root()?;
        token.caveats()?;
        Ok(token)
    }

    /// Checks that one of these keys signed the token, and that no caveat was removed or changed.
    ///
    /// # Errors
    /// `Forged`.
    pub fn verify(&self, keys: &[SigningKey]) -> Result<(), TokenError> {
        let key = keys.iter().find(|key| key.id == self.key_id);
        let mut key = key.ok_or(TokenError::Forged)?.key.clone();
        let mut part = head(self.key_id, &self.root);
        for caveat in &self.caveats {
            key = hmac::Key::new(hmac::HMAC_SHA256, &tag_of(&key, &part));
            part.clone_from(caveat);
        }
        // In constant time.
        hmac::verify(&key, &part, &self.tag).map_err(|_| TokenError::Forged)
    }

    /// What the server wrote.
    ///
    /// # Errors
    /// `Malformed`, `Unknown`.
    pub fn root(&self) -> Result<TokenRoot, TokenError> {
        known(&self.root)
    }

    /// What holders took away, in the order in which they did.
    ///
    /// # Errors
    /// `Malformed`, `Unknown`.
    pub fn caveats(&self) -> Result<Vec<TokenCaveat>, TokenError> {
        self.caveats.iter().map(|caveat| known(caveat)).collect()
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = head(self.key_id, &self.root);
        for caveat in &self.caveats {
            append(&mut bytes, caveat);
        }
        bytes.extend(self.tag);
        write!(f, "{PREFIX}{}", BASE64.encode(bytes))
    }
}

/// The message of the first tag.
fn head(key_id: u8, root: &[u8]) -> Vec<u8> {
    let mut bytes = vec![VERSION, key_id];
    append(&mut bytes, root);
    bytes
}

/// A part after its length. The length of a part that is longer than a token may be does not matter.
fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(part);
}

/// The parts after their lengths; `None` if they end early.
fn parts(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (part, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        parts.push(part.to_vec());
        bytes = rest;
    }
    Some(parts)
}

fn tag_of(key: &hmac::Key, part: &[u8]) -> [u8; TAG] {
    let mut tag = [0; TAG];
    tag.copy_from_slice(hmac::sign(key, part).as_ref());
    tag
}

/// A message without a field that this build does not know: it is unknown what such a field takes away.
fn known<M: Message + Default>(bytes: &[u8]) -> Result<M, TokenError> {
    let message = M::decode(bytes).map_err(|_| TokenError::Malformed)?;
    match message.encode_to_vec() == bytes {
        true => Ok(message),
        false => Err(TokenError::Unknown),
    }
}

#[cfg(test)]
mod tests;
