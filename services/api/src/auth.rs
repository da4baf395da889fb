//! Authenticates callers.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use cairn_proto::token::PREFIX;
use cairn_store::{Caller, Error, Grant, Narrowing, Result, Scopes, Store};

use crate::{delegation::Keyring, oidc::Issuers};

/// Authenticates callers from their API key or token.
#[derive(Clone)]
pub(crate) struct Authenticator {
    store: Store,
    tokens: Arc<Issuers>,
    /// What signs delegated tokens.
    pub(crate) keyring: Keyring,
}

impl Authenticator {
    pub(crate) fn new(store: Store, tokens: Issuers, keyring: Keyring) -> Self {
        Self {
            store,
            tokens: Arc::new(tokens),
            keyring,
        }
    }

    /// The caller of a credential: an API key, a delegated token, or a token of a trusted issuer.
    ///
    /// # Errors
    /// `Unauthenticated`; `TokenRefused`; `UnknownWorkload`; `Unavailable`; `RateLimited`.
    pub(crate) async fn caller(&self, secret: &str) -> Result<Caller> {
        if secret.starts_with(PREFIX) {
            return self.keyring.caller(&self.store, secret).await;
        }
        if !is_token(secret) {
            return self.store.authenticate(secret).await;
        }
        let (issuer, subject, end) = self.tokens.subject(secret).await?;
        let caller = self.store.authenticate_workload(issuer, &subject).await?;
        let proven = Grant::new(Scopes::all(), Narrowing::none(), Some(end));
        Ok(caller.narrowed(&proven))
    }
}

/// The credential in a request.
///
/// # Errors
/// `Unauthenticated` if there is none.
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
