//! Who makes a call.

use std::sync::Arc;

use cairn_store::{Caller, Error, Result, Store};

use crate::tokens::Tokens;

/// Tells callers by what they show.
#[derive(Clone)]
pub(crate) struct Authenticator {
    store: Store,
    tokens: Option<Arc<Tokens>>,
}

impl Authenticator {
    pub(crate) fn new(store: Store, tokens: Option<Tokens>) -> Self {
        let tokens = tokens.map(Arc::new);
        Self { store, tokens }
    }

    /// Whose this is: an API key, or a token of the trusted issuer.
    ///
    /// # Errors
    /// `Unauthenticated`; `TokenRefused`; `UnknownWorkload`; `Unavailable`.
    pub(crate) async fn caller(&self, secret: &str) -> Result<Caller> {
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

/// A JSON Web Token has two dots, and an API key has none.
fn is_token(secret: &str) -> bool {
    secret.bytes().filter(|&byte| byte == b'.').count() == 2
}
