//! The keys of an issuer, as they were when it was last asked.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cairn_store::{Error, Result, describe};
use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use tokio::{sync::Mutex, time::Instant};

use super::fetch::Source;
use crate::config::TokenSettings;

/// Issuers publish a key long before they sign with it, and take it back long after.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The keys that are known, by their ids, and when they were read.
struct Known {
    keys: HashMap<String, DecodingKey>,
    at: Instant,
}

/// Asks the issuer for its keys with the first token, when they are old, and when a token names another one: then not
/// more often than the pause, so that tokens with invented ids make no storm. Keys that were read once are good until
/// the issuer answers otherwise: it may be away.
pub(super) struct Keys {
    source: Source,
    pause: Duration,
    known: RwLock<Option<Arc<Known>>>,
    /// When the issuer was last asked. Whoever holds this asks, and nobody else.
    asked: Mutex<Option<Instant>>,
}

impl Keys {
    pub(super) fn new(settings: &TokenSettings) -> io::Result<Self> {
        Ok(Self {
            source: Source::new(settings)?,
            pause: settings.keys_pause,
            known: RwLock::default(),
            asked: Mutex::default(),
        })
    }

    /// The key of this id, if the issuer has it.
    ///
    /// # Errors
    /// `Unavailable` when the issuer would have to be asked and does not answer.
    pub(super) async fn key(&self, id: &str) -> Result<Option<DecodingKey>> {
        if let Some(known) = self.known()
            && let Some(key) = known.keys.get(id)
        {
            // One call waits for the fresh ones; all others go on with these.
            if known.at.elapsed() > MAX_AGE
                && let Ok(mut asked) = self.asked.try_lock()
            {
                return match self.ask(&mut asked).await {
                    Ok(fresh) => Ok(fresh.keys.get(id).cloned()),
                    Err(_) => Ok(Some(key.clone())),
                };
            }
            return Ok(Some(key.clone()));
        }
        let mut asked = self.asked.lock().await;
        // Somebody may have asked since.
        let known = match self.known() {
            Some(known) if known.keys.contains_key(id) => known,
            _ => self.ask(&mut asked).await?,
        };
        Ok(known.keys.get(id).cloned())
    }

    fn known(&self) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Asks the issuer, or answers as it did a moment ago.
    async fn ask(&self, asked: &mut Option<Instant>) -> Result<Arc<Known>> {
        if asked.is_some_and(|at| at.elapsed() < self.pause) {
            return self.known().ok_or_else(|| {
                unavailable("its issuer did not answer a moment ago, and is given a pause".into())
            });
        }
        let answer = self.source.keys().await;
        *asked = Some(Instant::now());
        let set = answer.map_err(|error| {
            tracing::warn!(
                error = describe(&*error),
                "the token issuer's keys cannot be had"
            );
            unavailable(error)
        })?;
        let known = Arc::new(Known {
            keys: usable(&set),
            at: Instant::now(),
        });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }
}

/// The keys of a set by their ids. What has none, or is of a kind that is not known here, can be no token's.
fn usable(set: &JwkSet) -> HashMap<String, DecodingKey> {
    set.keys
        .iter()
        .filter_map(|key| {
            let id = key.common.key_id.clone()?;
            Some((id, DecodingKey::from_jwk(key).ok()?))
        })
        .collect()
}

fn unavailable(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Unavailable {
        dependency: "token issuer",
        source,
    }
}
