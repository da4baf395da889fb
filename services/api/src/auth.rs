//! Who makes a call.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use cairn_store::{Caller, Error, Result, Store};

use tokio::{sync::Semaphore, time::timeout};

use crate::tokens::Tokens;

/// How many credentials are looked at at once: invented ones take no more of the database than this.
const LOOKING: usize = 8;
/// How many more wait for that, and for how long.
const WAITING: usize = 256;
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells callers by what they show.
#[derive(Clone)]
pub(crate) struct Authenticator {
    store: Store,
    tokens: Option<Arc<Tokens>>,
    looking: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Authenticator {
    pub(crate) fn new(store: Store, tokens: Option<Tokens>) -> Self {
        Self {
            store,
            tokens: tokens.map(Arc::new),
            looking: Arc::new(Semaphore::new(LOOKING)),
            waiting: Arc::new(Semaphore::new(LOOKING + WAITING)),
        }
    }

    /// Whose this is: an API key, or a token of the trusted issuer.
    ///
    /// # Errors
    /// `Unauthenticated`; `TokenRefused`; `UnknownWorkload`; `Unavailable`; `RateLimited`.
    pub(crate) async fn caller(&self, secret: &str) -> Result<Caller> {
        let full = |_| Error::RateLimited("credentials to look at");
        let _waits = self.waiting.try_acquire().map_err(full)?;
        let looks = timeout(PATIENCE, self.looking.acquire()).await;
        let _looks = looks.map_err(|_| Error::RateLimited("credentials to look at"))?;
        self.look(secret).await
    }

    async fn look(&self, secret: &str) -> Result<Caller> {
        if !is_token(secret) {
            return self.store.authenticate(secret).await;
        }
        let Some(tokens) = &self.tokens else {
            let why = "this server takes API keys alone, for it was told of no issuer (CAIRN_TOKEN_ISSUER)";
            return Err(Error::TokenRefused(why.to_owned()));
        };
        let subject = tokens.subject(secret).await?;
        self.store
            .authenticate_workload(tokens.issuer(), &subject)
            .await
    }
}

/// What a caller shows.
///
/// # Errors
/// `Unauthenticated`, when it shows nothing.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim())
        .ok_or(Error::Unauthenticated)
}

/// A JSON Web Token has two dots, and an API key has none.
fn is_token(secret: &str) -> bool {
    secret.bytes().filter(|&byte| byte == b'.').count() == 2
}
