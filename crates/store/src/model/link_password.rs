//! Passwords of links: what is allowed, and what is stored of them.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};

use crate::model::error::{Error, Result};

const LEAST_BYTES: usize = 8;
const MOST_BYTES: usize = 128;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// The first byte of what is stored. Another algorithm or other parameters need another one.
const ENCODING: u8 = 1;

/// What a reader of a link must give: 8 to 128 bytes of UTF-8 without control characters. `Debug` does not show it.
#[derive(Clone)]
pub struct LinkPassword(String);

impl LinkPassword {
    /// Checks a password; empty is none.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn optional(text: String) -> Result<Option<Self>, &'static str> {
        if text.is_empty() {
            Ok(None)
        } else if !(LEAST_BYTES..=MOST_BYTES).contains(&text.len())
            || text.chars().any(char::is_control)
        {
            Err("must be 8 to 128 bytes of UTF-8 without control characters")
        } else {
            Ok(Some(Self(text)))
        }
    }

    /// What is stored of it. Takes some 20 ms of processor and 19 MiB of memory.
    pub(crate) fn hash(&self) -> Result<Vec<u8>> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let mut stored = vec![ENCODING];
        stored.extend_from_slice(&salt);
        stored.extend_from_slice(&derive(self.0.as_bytes(), &salt)?);
        Ok(stored)
    }
}

impl fmt::Debug for LinkPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkPassword(…)")
    }
}

/// Whether this is the password of which so much is stored. Takes as long as `hash`.
pub(crate) fn is_right(given: &str, stored: &[u8]) -> Result<bool> {
    let Some((&ENCODING, rest)) = stored.split_first() else {
        return Err(Error::internal("a link's password has an unknown encoding"));
    };
    let Some((salt, hash)) = rest.split_at_checked(SALT_BYTES) else {
        return Err(Error::internal("a link's password is cut short"));
    };
    if given.len() > MOST_BYTES {
        return Ok(false);
    }
    // How far two hashes agree tells nothing of the password: the reader does not know the salt.
    Ok(derive(given.as_bytes(), salt)? == hash)
}

/// Argon2id with the parameters that OWASP recommends first.
fn derive(password: &[u8], salt: &[u8]) -> Result<[u8; HASH_BYTES]> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    let mut hash = [0; HASH_BYTES];
    argon2
        .hash_password_into(password, salt, &mut hash)
        .map_err(|e| Error::internal(e.to_string()))?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::{LinkPassword, is_right};

    fn password(text: &str) -> LinkPassword {
        let password = LinkPassword::optional(text.to_owned());
        password.expect("it is allowed").expect("it is there")
    }

    #[test]
    fn only_the_password_itself_is_right() {
        let stored = password("correct horse").hash().expect("a hash");
        assert!(is_right("correct horse", &stored).expect("a comparison"));
        for wrong in ["", "correct hors", "Correct horse", "correct horse "] {
            assert!(!is_right(wrong, &stored).expect("a comparison"), "{wrong}");
        }
        let again = password("correct horse").hash().expect("a hash");
        assert_ne!(stored, again, "each has a salt of its own");
        assert!(is_right("correct horse", &stored[..20]).is_ok_and(|right| !right));
        assert!(is_right("correct horse", &[]).is_err());
    }

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        for text in [
            "short".to_owned(),
            "x".repeat(129),
            "line\nbreak".to_owned(),
        ] {
            assert!(LinkPassword::optional(text).is_err());
        }
        assert!(LinkPassword::optional(String::new()).is_ok_and(|none| none.is_none()));
    }
}
