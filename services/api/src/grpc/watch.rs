//! Streams of what happens in a session.

use cairn_proto::v1::{
    self, Artifact, SessionEvent, SessionEventType, WatchSessionRequest, WatchSessionResponse,
    WatchSessionsRequest, WatchSessionsResponse,
};
use cairn_store::{
    Caller, Error, Event, EventBatch, EventKind, Grant, LimitKind, SessionsWatch, Subject, Watch,
    WatchStart, Watched,
};
use futures_util::{Stream, stream};
use tokio::time::Instant;
use tonic::Status;

use super::{Services, convert};
use crate::{error::to_status, limits::Place, shares::Share};

/// Begins to watch a session, and tells until the caller ends it, the server stops or the key is revoked.
pub(super) async fn session(
    services: &Services,
    caller: &Caller,
    secret: String,
    request: WatchSessionRequest,
) -> Result<impl Stream<Item = Result<WatchSessionResponse, Status>> + use<>, Status> {
    let share = share(services, caller)?;
    let start = start(request.only_new, request.after_position)?;
    let (id, until_sealed) = (&request.session_id, request.until_sealed);
    let watch = services
        .store
        .watch_session(caller, id, start, until_sealed);
    let source = Source::Session(watch.await.map_err(to_status)?);
    let message = |told: EventBatch| WatchSessionResponse {
        events: told.events.into_iter().map(event).collect(),
        position: told.position,
    };
    let watching = Watching::new(services, caller, secret, source, share);
    Ok(watching.messages(message))
}

/// As `session`, of many.
pub(super) async fn sessions(
    services: &Services,
    caller: &Caller,
    secret: String,
    request: WatchSessionsRequest,
) -> Result<impl Stream<Item = Result<WatchSessionsResponse, Status>> + use<>, Status> {
    let share = share(services, caller)?;
    let start = start(request.only_new, request.after_position)?;
    let watched = Watched::new(request.session_ids, request.labels, request.until_sealed);
    let watched = watched.map_err(to_status)?;
    let watch = services.store.watch_sessions(caller, watched, start);
    let source = Source::Sessions(watch.await.map_err(to_status)?);
    let message = |told: EventBatch| WatchSessionsResponse {
        events: told.events.into_iter().map(event).collect(),
        position: told.position,
    };
    let watching = Watching::new(services, caller, secret, source, share);
    Ok(watching.messages(message))
}

/// A place among the watchers, of all tenants and of its own.
fn share(services: &Services, caller: &Caller) -> Result<(Vec<Place>, Share), Status> {
    let limited = services.limiter.of(caller);
    let places = limited.places(LimitKind::Watches).map_err(to_status)?;
    let taker = Some(caller.tenant.name.as_str().into());
    let share = services.watchers.take(&taker, 1);
    let share = share.ok_or_else(|| to_status(Error::RateLimited("watchers")))?;
    Ok((places, share))
}

fn start(only_new: bool, after_position: i64) -> Result<WatchStart, Status> {
    match (only_new, after_position) {
        (true, 0) => Ok(WatchStart::Now),
        (true, _) => {
            let rule = "must not be given beside after_position";
            Err(to_status(Error::invalid("only_new", rule)))
        }
        (false, position) => Ok(WatchStart::After(position)),
    }
}

/// What is watched.
enum Source {
    Session(Watch),
    Sessions(SessionsWatch),
}

struct Watching {
    services: Services,
    tenant: String,
    grant: Grant,
    secret: String,
    /// When the credential was last looked at.
    trusted: Instant,
    source: Source,
    _share: (Vec<Place>, Share),
}

impl Watching {
    fn new(
        services: &Services,
        caller: &Caller,
        secret: String,
        source: Source,
        share: (Vec<Place>, Share),
    ) -> Self {
        Self {
            services: services.clone(),
            tenant: caller.tenant.name.clone(),
            grant: caller.grant().clone(),
            secret,
            trusted: Instant::now(),
            source,
            _share: share,
        }
    }

    /// The events, message by message; an error is the last message.
    fn messages<M>(self, message: fn(EventBatch) -> M) -> impl Stream<Item = Result<M, Status>> {
        stream::unfold(Some(self), move |watching| async move {
            let mut watching = watching?;
            match watching.tell().await {
                Ok(None) => None,
                Ok(Some(told)) => Some((Ok(message(told)), Some(watching))),
                Err(e) => Some((Err(to_status(e)), None)),
            }
        })
    }

    async fn tell(&mut self) -> cairn_store::Result<Option<EventBatch>> {
        if self.trusted.elapsed() >= self.services.trust {
            let caller = self.services.authenticator.caller(&self.secret).await?;
            if caller.tenant.name != self.tenant || !caller.grant().covers(&self.grant) {
                return Err(Error::Unauthenticated);
            }
            self.trusted = Instant::now();
        }
        let stopping = self.services.stopping.clone();
        let told = stopping.run_until_cancelled(async {
            match &mut self.source {
                Source::Session(watch) => watch.next().await,
                Source::Sessions(watch) => watch.next().await,
            }
        });
        told.await.unwrap_or(Err(Error::Stopping))
    }
}

fn event(event: Event) -> SessionEvent {
    let mut message = SessionEvent {
        position: event.position,
        session_id: event.session_id,
        occurred_at: Some(convert::timestamp(event.occurred_at)),
        artifact: match event.subject {
            Subject::Session => None,
            Subject::Artifact(artifact, state) => Some(Artifact {
                state: convert::state(state).into(),
                ..convert::artifact(*artifact)
            }),
            Subject::Forgotten(artifact_id) => Some(Artifact {
                artifact_id,
                state: v1::ArtifactState::Deleted.into(),
                ..Artifact::default()
            }),
        },
        ..SessionEvent::default()
    };
    let kind = match event.what {
        EventKind::Created => SessionEventType::Created,
        EventKind::Deleted => SessionEventType::Deleted,
        EventKind::Restored => SessionEventType::Restored,
        EventKind::Sealed => SessionEventType::Sealed,
        EventKind::Staged { from, to, agent_id } => {
            message.set_from_stage(convert::stage(from));
            message.set_to_stage(convert::stage(to));
            message.agent_id = agent_id;
            SessionEventType::Staged
        }
    };
    message.set_type(kind);
    message
}
