//! Streams of what happens in a session.

use cairn_proto::v1::{
    self, Artifact, SessionEvent, SessionEventType, WatchSessionRequest, WatchSessionResponse,
};
use cairn_store::{Caller, Error, Event, Happening, Subject, Told, Watch, WatchStart};
use futures_util::{Stream, stream};
use tokio::time::Instant;
use tonic::Status;

use super::{Services, convert};
use crate::{error::to_status, shares::Share};

/// Begins to watch, and tells until the caller ends it, the server stops or the key is revoked.
pub(super) async fn begin(
    services: &Services,
    caller: &Caller,
    secret: String,
    request: WatchSessionRequest,
) -> Result<impl Stream<Item = Result<WatchSessionResponse, Status>> + use<>, Status> {
    let taker = Some(caller.tenant.name.as_str().into());
    let share = services.watchers.take(&taker, 1);
    let share = share.ok_or_else(|| to_status(Error::RateLimited("watchers")))?;
    let from = match (request.only_new, request.after_position) {
        (true, 0) => WatchStart::Now,
        (true, _) => {
            let rule = "must not be given beside after_position";
            return Err(to_status(Error::invalid("only_new", rule)));
        }
        (false, position) => WatchStart::After(position),
    };
    let watch = services
        .store
        .watch_session(
            &caller.tenant,
            &request.session_id,
            from,
            request.until_sealed,
        )
        .await
        .map_err(to_status)?;
    let watching = Watching {
        services: services.clone(),
        tenant: caller.tenant.name.clone(),
        secret,
        trusted: Instant::now(),
        watch,
        _share: share,
    };
    Ok(stream::unfold(Some(watching), next))
}

struct Watching {
    services: Services,
    tenant: String,
    secret: String,
    /// When the credential was last looked at.
    trusted: Instant,
    watch: Watch,
    _share: Share,
}

/// The next message, and who goes on after it; an error is the last.
async fn next(
    watching: Option<Watching>,
) -> Option<(Result<WatchSessionResponse, Status>, Option<Watching>)> {
    let mut watching = watching?;
    match watching.tell().await {
        Ok(None) => None,
        Ok(Some(told)) => Some((Ok(message(told)), Some(watching))),
        Err(e) => Some((Err(to_status(e)), None)),
    }
}

impl Watching {
    async fn tell(&mut self) -> cairn_store::Result<Option<Told>> {
        if self.trusted.elapsed() >= self.services.trust {
            let caller = self.services.authenticator.caller(&self.secret).await?;
            if caller.tenant.name != self.tenant {
                return Err(Error::Unauthenticated);
            }
            self.trusted = Instant::now();
        }
        let stopping = self.services.stopping.clone();
        let told = stopping.run_until_cancelled(self.watch.next()).await;
        told.unwrap_or(Err(Error::Stopping))
    }
}

fn message(told: Told) -> WatchSessionResponse {
    WatchSessionResponse {
        events: told.events.into_iter().map(event).collect(),
        position: told.position,
    }
}

fn event(event: Event) -> SessionEvent {
    let mut message = SessionEvent {
        position: event.position,
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
        Happening::Created => SessionEventType::Created,
        Happening::Deleted => SessionEventType::Deleted,
        Happening::Restored => SessionEventType::Restored,
        Happening::Sealed => SessionEventType::Sealed,
        Happening::Staged { from, to, agent_id } => {
            message.set_from_stage(convert::stage(from));
            message.set_to_stage(convert::stage(to));
            message.agent_id = agent_id;
            SessionEventType::Staged
        }
    };
    message.set_type(kind);
    message
}
