//! Admits calls of both faces before any byte of their request is read: authenticates the caller, checks that it may make
//! the call, and checks the limits.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::HeaderMap,
};
use cairn_store::{Caller, Error, Result, Store};
use http_body::{Frame, SizeHint};
use tokio::time::timeout;

use crate::{
    access,
    auth::{Authenticator, bearer},
    config::Settings,
    limits::{CallsLeft, Direction, Limited, Limiter, Metered, Place},
    shares::{Share, Shares, Taker},
};

/// RPCs that may be expensive for the database; a separate limit applies to them.
const COSTLY: [&str; 9] = [
    "cairn.v1.ArtifactService/ListArtifacts",
    "cairn.v1.ArtifactService/DeleteArtifacts",
    "cairn.v1.ArtifactService/SetStage",
    "cairn.v1.ArtifactService/GetLineage",
    "cairn.v1.ArtifactService/DeleteArtifact",
    "cairn.v1.ArtifactService/SetLegalHold",
    "cairn.v1.ArtifactService/RestoreArtifacts",
    "cairn.v1.SessionService/DeleteSession",
    "cairn.v1.TodoService/ListTodos",
];
/// RPCs that look through content. Each keeps at most one processor busy.
const READS: &str = "cairn.v1.ReadService/";
/// How many of them run at once.
const MAX_READS: usize = 16;
/// How long such a call waits for others to end.
const COSTLY_WAIT: Duration = Duration::from_secs(5);
/// The unit in which bytes are counted.
const UNIT: usize = 1 << 10;

/// The policy of admission.
pub(crate) struct Admission {
    authenticator: Authenticator,
    calls: Shares,
    costly: Shares,
    reads: Shares,
    limiter: Arc<Limiter>,
    pub(crate) store: Store,
    pub(crate) memory: Memory,
    /// How long a request that is not a stream may take to arrive.
    pub(crate) request_time: Duration,
}

impl Admission {
    pub(crate) fn new(
        authenticator: Authenticator,
        limiter: Arc<Limiter>,
        store: Store,
        settings: &Settings,
    ) -> Self {
        Self {
            authenticator,
            calls: Shares::new(settings.max_calls),
            costly: Shares::new(settings.max_lists),
            reads: Shares::new(MAX_READS),
            limiter,
            store,
            memory: Memory::new(settings.receive_bytes),
            request_time: settings.request_time,
        }
    }

    /// Finds the caller by the credential in its headers.
    ///
    /// # Errors
    /// What `Authenticator::caller` returns.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller> {
        self.authenticator.caller(bearer(headers)?).await
    }

    /// Admits a call of an RPC by an authenticated caller.
    ///
    /// # Errors
    /// What `access::check` returns; `RateLimited`; `LimitReached`; `Internal` for an RPC without a rule.
    pub(crate) async fn admit(&self, caller: &Caller, rpc: &str) -> Result<(Taker, Admitted)> {
        let rule = access::rule(rpc);
        let rule = rule.ok_or_else(|| Error::internal(format!("no rule names {rpc}")))?;
        access::check(caller, rule)?;
        self.admit_caller(caller, rpc).await
    }

    /// The calls that a caller may still make at once, where they are limited.
    pub(crate) fn calls_left(&self, caller: &Caller) -> Option<CallsLeft> {
        self.limiter.of(caller).calls_left()
    }

    /// Admits a call of an RPC by a caller that is known already, as from a signed URL.
    ///
    /// # Errors
    /// `RateLimited`; `LimitReached`.
    pub(crate) async fn admit_caller(
        &self,
        caller: &Caller,
        rpc: &str,
    ) -> Result<(Taker, Admitted)> {
        let tenant = &caller.tenant;
        tracing::Span::current().record("tenant", &*tenant.name);
        let limited = self.limiter.of(caller);
        let taker: Taker = Some(tenant.name.as_str().into());
        let places = limited.enter()?;
        let call = self.calls.take(&taker, 1);
        let call = call.ok_or(Error::RateLimited("calls under way"))?;
        let scarce = if COSTLY.contains(&rpc) {
            Some((&self.costly, "lists and bulk calls under way"))
        } else if rpc.starts_with(READS) {
            Some((&self.reads, "reads of content under way"))
        } else {
            None
        };
        let costly = match scarce {
            Some((shares, what)) => {
                let wait = timeout(COSTLY_WAIT, shares.wait(&taker)).await;
                Some(wait.map_err(|_| Error::RateLimited(what))?)
            }
            None => None,
        };
        let admitted = Admitted {
            _call: call,
            _costly: costly,
            _places: places,
            limited: Some(limited),
            held: Held::default(),
        };
        Ok((taker, admitted))
    }
}

/// The resources of a call, until it ends.
pub(crate) struct Admitted {
    _call: Share,
    _costly: Option<Share>,
    _places: Vec<Place>,
    /// `None` for a call without a credential.
    limited: Option<Limited>,
    pub(crate) held: Held,
}

impl Admitted {
    /// The resources of a call that needs no credential.
    pub(crate) fn open(call: Share) -> Self {
        Self {
            _call: call,
            _costly: None,
            _places: Vec::new(),
            limited: None,
            held: Held::default(),
        }
    }

    /// The calls that the caller may still make at once, where they are limited.
    pub(crate) fn calls_left(&self) -> Option<CallsLeft> {
        self.limited.as_ref()?.calls_left()
    }

    /// The body of the call's request, at the pace that its caller may have.
    pub(crate) fn received(&self, body: Body) -> Body {
        match &self.limited {
            Some(limited) => Body::new(Metered::new(body, limited.clone(), Direction::Received)),
            None => body,
        }
    }

    /// Keeps the resources of the call until its answer has been sent, at the pace that its caller may have.
    pub(crate) fn until_sent(self, body: Body) -> Body {
        let body = match &self.limited {
            Some(limited) => Body::new(Metered::new(body, limited.clone(), Direction::Sent)),
            None => body,
        };
        Body::new(Answer {
            body,
            _admitted: self,
        })
    }
}

/// Bytes that are reserved for a call, until it ends.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Option<Share>>>);

impl Held {
    /// Records a reservation.
    pub(crate) fn hold(&self, share: Share) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(share);
    }
}

/// The bytes of requests in this process's memory, for all tenants together.
#[derive(Clone)]
pub(crate) struct Memory(Shares);

impl Memory {
    fn new(bytes: usize) -> Self {
        Self(Shares::new(bytes / UNIT))
    }

    /// Reserves so many bytes.
    ///
    /// # Errors
    /// `RateLimited`, if that exceeds the caller's share.
    pub(crate) fn take(&self, taker: &Taker, bytes: usize) -> Result<Share> {
        let share = self.0.take(taker, bytes.div_ceil(UNIT));
        share.ok_or(Error::RateLimited("bytes of requests in memory"))
    }
}

/// The body of an answer, with the resources of its call.
struct Answer {
    body: Body,
    _admitted: Admitted,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
