//! The keys of an issuer, cached.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cairn_store::{Error, Result, describe};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{CommonParameters, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use tokio::{
    sync::{Mutex, Semaphore},
    time::{Instant, timeout},
};

use super::fetch::Source;
use crate::config::TokenSettings;

/// Issuers publish a key long before they sign with it, and withdraw it long after.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// How many calls wait for the issuer's answer, and for how long besides their own request.
const WAITING: usize = 16_384;
const PATIENCE: Duration = Duration::from_secs(5);

/// The known keys, by id, and when they were read.
struct CachedKeys {
    keys: HashMap<String, Usable>,
    at: Instant,
}

/// A key, and the only algorithm with which it signs, if its issuer says so.
struct Usable {
    key: DecodingKey,
    algorithm: Option<KeyAlgorithm>,
}

impl Usable {
    fn with(&self, algorithm: Algorithm) -> Option<DecodingKey> {
        let fits = self.algorithm.is_none_or(|own| own == named(algorithm));
        fits.then(|| self.key.clone())
    }
}

/// Fetches the issuer's keys with the first token, when they are old, and when a token names an unknown one: then at
/// most once in the pause, so that tokens with invented ids cause no storm. CachedKeys keys stay valid until the issuer
/// answers otherwise, because it may be down.
pub(super) struct Keys {
    source: Source,
    pause: Duration,
    cached: RwLock<Option<Arc<CachedKeys>>>,
    /// When the issuer was last asked. Only the holder of this lock asks.
    asked: Mutex<Option<Instant>>,
    waiting: Semaphore,
}

impl Keys {
    pub(super) fn new(settings: &TokenSettings) -> io::Result<Self> {
        Ok(Self {
            source: Source::new(settings)?,
            pause: settings.keys_pause,
            cached: RwLock::default(),
            asked: Mutex::default(),
            waiting: Semaphore::new(WAITING),
        })
    }

    /// The key of this id, if the issuer has it and signs with it in this way.
    ///
    /// # Errors
    /// `Unavailable` if the issuer must be asked and does not answer; `RateLimited` if too many wait for that, or too
    /// long.
    pub(super) async fn key(&self, id: &str, algorithm: Algorithm) -> Result<Option<DecodingKey>> {
        let usable = |known: &CachedKeys| known.keys.get(id).and_then(|key| key.with(algorithm));
        if let Some(known) = self.cached()
            && known.keys.contains_key(id)
        {
            // One call waits for the fresh keys; the others continue with the cached ones.
            if known.at.elapsed() > MAX_AGE
                && let Ok(mut asked) = self.asked.try_lock()
            {
                return match self.ask(&mut asked).await {
                    Ok(fresh) => Ok(usable(&fresh)),
                    Err(_) => Ok(usable(&known)),
                };
            }
            return Ok(usable(&known));
        }
        let limited = || Error::RateLimited("tokens to look at");
        let _waits = self.waiting.try_acquire().map_err(|_| limited())?;
        let asked = timeout(PATIENCE, self.asked.lock()).await;
        let mut asked = asked.map_err(|_| limited())?;
        // Another call may have asked since.
        let known = match self.cached() {
            Some(known) if known.keys.contains_key(id) => known,
            _ => self.ask(&mut asked).await?,
        };
        Ok(usable(&known))
    }

    fn cached(&self) -> Option<Arc<CachedKeys>> {
        let known = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Asks the issuer, or repeats its last answer within the pause.
    async fn ask(&self, asked: &mut Option<Instant>) -> Result<Arc<CachedKeys>> {
        if asked.is_some_and(|at| at.elapsed() < self.pause) {
            return self.cached().ok_or_else(|| {
                issuer_unavailable(
                    "its issuer did not answer a moment ago, and is given a pause".into(),
                )
            });
        }
        let answer = self.source.keys().await;
        *asked = Some(Instant::now());
        let set = answer.map_err(|error| {
            tracing::warn!(
                error = describe(&*error),
                "the token issuer's keys cannot be had"
            );
            issuer_unavailable(error)
        })?;
        let known = Arc::new(CachedKeys {
            keys: usable(&set),
            at: Instant::now(),
        });
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }
}

/// The keys of a set, by id. A key without an id, not for signatures, or of an unknown kind cannot belong to a token.
fn usable(set: &JwkSet) -> HashMap<String, Usable> {
    let signs = |key: &&Jwk| {
        let CommonParameters {
            public_key_use,
            key_operations,
            ..
        } = &key.common;
        let of_use = public_key_use.as_ref();
        let operations = key_operations.as_ref();
        of_use.is_none_or(|of| *of == PublicKeyUse::Signature)
            && operations.is_none_or(|all| all.contains(&KeyOperations::Verify))
    };
    set.keys
        .iter()
        .filter(signs)
        .filter_map(|key| {
            let usable = Usable {
                key: DecodingKey::from_jwk(key).ok()?,
                algorithm: key.common.key_algorithm,
            };
            Some((key.common.key_id.clone()?, usable))
        })
        .collect()
}

/// An algorithm as keys name it.
fn named(algorithm: Algorithm) -> KeyAlgorithm {
    match algorithm {
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::RS384 => KeyAlgorithm::RS384,
        Algorithm::RS512 => KeyAlgorithm::RS512,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        Algorithm::ES384 => KeyAlgorithm::ES384,
        _ => KeyAlgorithm::UNKNOWN_ALGORITHM,
    }
}

fn issuer_unavailable(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Unavailable {
        dependency: "token issuer",
        source,
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::json;

    use super::usable;

    #[test]
    fn a_key_is_used_as_its_issuer_says_alone() {
        let key = |id: &str, more: serde_json::Value| {
            let mut key = json!({"kty": "RSA", "kid": id, "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp", "e": "AQAB"});
            if let (Some(key), Some(more)) = (key.as_object_mut(), more.as_object()) {
                key.extend(more.clone());
            }
            key
        };
        let set = json!({"keys": [
            key("any", json!({})),
            key("signs", json!({"use": "sig", "alg": "RS256", "key_ops": ["verify"]})),
            key("encrypts", json!({"use": "enc"})),
            key("wraps", json!({"key_ops": ["wrapKey"]})),
        ]});
        let known = usable(&serde_json::from_value(set).expect("a set of keys"));
        let with = |id, algorithm| {
            known
                .get(id)
                .is_some_and(|key| key.with(algorithm).is_some())
        };
        assert!(with("any", Algorithm::RS256) && with("any", Algorithm::RS512));
        assert!(with("signs", Algorithm::RS256) && !with("signs", Algorithm::RS512));
        assert_eq!(known.len(), 2, "those for signatures");
    }
}
