//! Delegated tokens: what a caller passes on of what it may do.

use std::time::Duration;

use cairn_proto::{
    token::{SigningKey, Token},
    v1::{CreateTokenRequest, CreateTokenResponse, TokenCaveat, TokenRoot},
};
use cairn_store::{Caller, Error, Grant, Narrowing, Result, Scope, Scopes, Store};
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use crate::grpc::{convert, grants};

/// The longest life of a token, and the life of one whose maker gives none.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const DEFAULT: Duration = Duration::from_secs(3600);

/// Signs tokens with the first of its keys, and accepts those of all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyring(Vec<SigningKey>);

impl Keyring {
    pub(crate) fn new(keys: Vec<SigningKey>) -> Self {
        Self(keys)
    }

    /// Makes a token that allows no more than its caller may do.
    ///
    /// # Errors
    /// `TokensDisabled` without a key; `ScopeMissing`; `Invalid`.
    pub(crate) fn issue(
        &self,
        caller: &Caller,
        request: CreateTokenRequest,
    ) -> Result<CreateTokenResponse> {
        let key = self.0.first().ok_or(Error::TokensDisabled)?;
        let now = Timestamp::now();
        let end = end(now, request.expires_in.map(convert::duration))?;
        let wanted = grants::at_most(&request.scopes, request.narrowing, Some(end))?;
        for scope in wanted
            .scopes()
            .iter()
            .filter(|_| !request.scopes.is_empty())
        {
            caller.require(scope)?;
            if matches!(scope, Scope::Admin | Scope::Operator) {
                let rule = "must have neither admin nor operator: make a key for that";
                return Err(Error::invalid("scopes", rule));
            }
        }
        let grant = delegable().meet(&wanted).meet(caller.grant());
        if grant.scopes().is_empty() {
            let rule = "must leave something of what the caller may do: `cairn whoami` shows that";
            return Err(Error::invalid("narrowing", rule));
        }
        if grant.not_after().is_none_or(|end| end <= now) {
            return Err(Error::TokenRefused(EXPIRED.to_owned()));
        }
        let id = fresh_id()?;
        let root = TokenRoot {
            credential_id: caller.credential_id().as_bytes().to_vec().into(),
            workload: caller.credential.workload().to_owned(),
            issued_at: now.as_second(),
            grant: Some(TokenCaveat {
                scopes: grants::scopes(&grant),
                narrowing: grants::narrowing(&grant),
                not_after: grant.not_after().map_or(0, Timestamp::as_second),
            }),
            token_id: id.to_vec().into(),
        };
        let token = Token::issue(key, &root).map_err(|_| {
            let rule = "is too long: a token has at most 2,048 characters; name fewer sessions, or a prefix of them";
            Error::invalid("narrowing", rule)
        })?;
        Ok(CreateTokenResponse {
            token: token.to_string(),
            token_id: hex::encode(id),
            scopes: grants::scopes(&grant),
            narrowing: grants::narrowing(&grant),
            expires_at: grant.not_after().map(convert::timestamp),
        })
    }

    /// The caller that sends a token.
    ///
    /// # Errors
    /// `TokenRefused`; `Unavailable`; `RateLimited`.
    pub(crate) async fn caller(&self, store: &Store, text: &str) -> Result<Caller> {
        let Checked { root, grant } = self.check(text, Timestamp::now())?;
        let row = Uuid::from_slice(&root.credential_id).map_err(|e| refused(&e))?;
        let caller = match &*root.workload {
            "" => store.authenticate_token_of_key(row).await?,
            subject => store.authenticate_token_of_workload(row, subject).await?,
        };
        Ok(caller.narrowed(&grant).through(hex::encode(&root.token_id)))
    }

    /// Checks all of a token except whether its credential still works.
    fn check(&self, text: &str, now: Timestamp) -> Result<Checked> {
        if self.0.is_empty() {
            return Err(refused(&"this server has no keys for delegated tokens"));
        }
        let token = Token::read(text).map_err(|e| refused(&e))?;
        token.verify(&self.0).map_err(|e| refused(&e))?;
        let root = token.root().map_err(|e| refused(&e))?;
        let caveats = token.caveats().map_err(|e| refused(&e))?;
        let mut all = root.grant.iter().chain(&caveats);
        let grant = all.try_fold(delegable(), |grant, caveat| {
            Ok::<_, Error>(grant.meet(&left_by(caveat)?))
        })?;
        // A root without a grant has no end either.
        match grant.not_after() {
            Some(end) if now <= end => Ok(Checked { root, grant }),
            _ => Err(refused(&EXPIRED)),
        }
    }
}

/// A token that the server signed.
struct Checked {
    root: TokenRoot,
    /// What its caveats leave.
    grant: Grant,
}

const EXPIRED: &str = "it has expired; get a fresh one";

fn refused(why: &impl std::fmt::Display) -> Error {
    Error::TokenRefused(why.to_string())
}

/// The most that a token allows: keys are not administered with one.
fn delegable() -> Grant {
    let scopes = Scopes::all().iter().filter(|scope| *scope != Scope::Admin);
    Grant::new(scopes.collect(), Narrowing::none(), None)
}

/// What a caveat leaves.
///
/// # Errors
/// `TokenRefused` for a caveat that this server does not understand.
fn left_by(caveat: &TokenCaveat) -> Result<Grant> {
    let end = match caveat.not_after {
        0 => None,
        second => Some(Timestamp::from_second(second).map_err(|e| refused(&e))?),
    };
    let grant = grants::at_most(&caveat.scopes, caveat.narrowing.clone(), end);
    grant.map_err(|e| {
        refused(&format!(
            "it has a caveat that this server does not know: {e}"
        ))
    })
}

/// When a token ends that is to live so long, in whole seconds.
fn end(now: Timestamp, life: Option<Duration>) -> Result<Timestamp> {
    let life = life.unwrap_or(DEFAULT);
    if !(Duration::from_secs(1)..=LONGEST).contains(&life) {
        return Err(Error::invalid("expires_in", "must be 1 second to 24 hours"));
    }
    let end = now.saturating_add(SignedDuration::try_from(life).unwrap_or_default());
    let end = end.map(|end| end.as_second());
    end.and_then(Timestamp::from_second)
        .map_err(|e| Error::Internal(e.into()))
}

fn fresh_id() -> Result<[u8; 8]> {
    let mut id = [0; 8];
    let filled = SystemRandom::new().fill(&mut id);
    filled.map_err(|e| Error::Internal(e.to_string().into()))?;
    Ok(id)
}

#[cfg(test)]
mod tests;
