//! Tickets: what a signed URL allows its holder, until it expires or the credential that asked for it does.

use jiff::Timestamp;
use ring::hmac;
use uuid::Uuid;

/// What a ticket is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Reading the content of an artifact.
    Read,
    /// Sending the content of a reserved artifact.
    Write,
}

/// What S3 says of an object that is read by a signed URL.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// The header `Content-Type`.
    pub content_type: String,
    /// The header `Content-Disposition`.
    pub content_disposition: String,
}

/// The layout of tickets: a ticket of another release that changed it is refused.
const VERSION: u8 = 2;
/// The version, the permission, the row of the credential, and the second in which it expires.
const HEAD: usize = 2 + 16 + 8;

/// A ticket that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The row of the API key or workload that asked for it.
    pub(crate) credential: Uuid,
    pub(crate) expires_at: Timestamp,
}

impl Permission {
    fn code(self) -> u8 {
        match self {
            Self::Read => b'r',
            Self::Write => b'w',
        }
    }
}

impl Ticket {
    /// The ticket as text for a URL.
    pub(crate) fn sign(&self, key: &hmac::Key, permission: Permission, artifact: &str) -> String {
        let mut bytes = vec![VERSION, permission.code()];
        bytes.extend_from_slice(self.credential.as_bytes());
        bytes.extend_from_slice(&self.expires_at.as_second().to_be_bytes());
        let tag = hmac::sign(key, &signed(&bytes, artifact));
        bytes.extend_from_slice(tag.as_ref());
        hex::encode(bytes)
    }

    /// Reads a ticket for this permission and this artifact; `None` for any that was not signed for them.
    pub(crate) fn read(
        text: &str,
        keys: &[hmac::Key],
        permission: Permission,
        artifact: &str,
    ) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        let (head, tag) = bytes.split_at_checked(HEAD)?;
        let message = signed(head, artifact);
        let genuine = |key| hmac::verify(key, &message, tag).is_ok();
        if !keys.iter().any(genuine) || head[..2] != [VERSION, permission.code()] {
            return None;
        }
        let credential = Uuid::from_slice(&head[2..18]).ok()?;
        let second = i64::from_be_bytes(head[18..].try_into().ok()?);
        Some(Self {
            credential,
            expires_at: Timestamp::from_second(second).ok()?,
        })
    }
}

/// What is signed: the artifact stands in the URL beside the ticket.
fn signed(head: &[u8], artifact: &str) -> Vec<u8> {
    [b"cairn url\0", head, artifact.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &[u8]) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, secret)
    }

    #[test]
    fn a_ticket_is_good_for_what_it_was_signed_for_alone() {
        let ticket = Ticket {
            credential: Uuid::from_u128(7),
            expires_at: Timestamp::from_second(1_800_000_000).expect("a time"),
        };
        let text = ticket.sign(&key(b"new"), Permission::Read, "art_1");
        let read = |text: &str, keys: &[hmac::Key], permission, artifact| {
            Ticket::read(text, keys, permission, artifact)
        };
        let keys = [key(b"newer"), key(b"new")];
        assert_eq!(read(&text, &keys, Permission::Read, "art_1"), Some(ticket));
        assert_eq!(read(&text, &keys, Permission::Write, "art_1"), None);
        assert_eq!(read(&text, &keys, Permission::Read, "art_2"), None);
        assert_eq!(read(&text, &keys[..1], Permission::Read, "art_1"), None);
        assert_eq!(read("", &keys, Permission::Read, "art_1"), None);
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).expect("text");
            let read = read(&forged, &keys, Permission::Read, "art_1");
            assert_eq!(read, None, "{place}");
        }
    }
}
