//! What happens in sessions, as Server-Sent Events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use cairn_proto::{
    json,
    v1::{
        SessionEvent, WatchSessionRequest, WatchSessionsRequest,
        session_service_server::SessionService,
    },
};
use cairn_store::Error;
use futures_util::{Stream, StreamExt, stream};
use schemars::JsonSchema;
use serde::Deserialize;
use tonic::Status;

use super::{
    answer::Events,
    call::{Call, Named},
    query::Query,
};
use crate::{error::to_json, grpc::Services, http::failure::Failure};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How often a stream on which nothing happens shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WatchQuery {
    /// The position after which to begin; the header `Last-Event-ID` goes before it.
    after_position: i64,
    only_new: bool,
    until_sealed: bool,
}

/// Each event has its position as its id, so that a browser that lost the stream goes on where it was.
pub(super) async fn watch(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Query(query): Query<WatchQuery>,
) -> Result<Events, Failure> {
    let last = last_event(&call)?;
    let request = WatchSessionRequest {
        session_id,
        after_position: last.unwrap_or(query.after_position),
        only_new: query.only_new && last.is_none(),
        until_sealed: query.until_sealed,
    };
    let answer = services.watch_session(call.request(request)).await?;
    let messages = answer.into_inner();
    Ok(streamed(messages.map(|message| {
        message.map(|message| (message.position, message.events))
    })))
}

/// Which sessions to watch: those with these ids, or with all of these labels; without either, all of the tenant.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WatchManyQuery {
    session_id: Vec<String>,
    label: Vec<String>,
    /// The position after which to begin; the header `Last-Event-ID` goes before it.
    after_position: i64,
    only_new: bool,
    until_sealed: bool,
}

pub(super) async fn watch_many(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<WatchManyQuery>,
) -> Result<Events, Failure> {
    let last = last_event(&call)?;
    let request = WatchSessionsRequest {
        session_ids: query.session_id,
        labels: query.label,
        after_position: last.unwrap_or(query.after_position),
        only_new: query.only_new && last.is_none(),
        until_sealed: query.until_sealed,
    };
    let answer = services.watch_sessions(call.request(request)).await?;
    let messages = answer.into_inner();
    Ok(streamed(messages.map(|message| {
        message.map(|message| (message.position, message.events))
    })))
}

/// The position that the header `Last-Event-ID` has.
fn last_event(call: &Call) -> Result<Option<i64>, Error> {
    match call.header(&LAST_EVENT_ID) {
        "" => Ok(None),
        last => {
            let rule = "must be the id of an event of this stream";
            let position = last.parse::<i64>();
            position
                .map(Some)
                .map_err(|_| Error::invalid("last-event-id", rule))
        }
    }
}

/// A position, and the events up to it.
type Told = Result<(i64, Vec<SessionEvent>), Status>;

fn streamed(messages: impl Stream<Item = Told> + Send + 'static) -> Events {
    let events = messages.flat_map(|told| stream::iter(events(told)));
    let alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut answer = Sse::new(events).keep_alive(alive).into_response();
    let unbuffered = HeaderValue::from_static("no");
    answer.headers_mut().insert(ACCEL_BUFFERING, unbuffered);
    Events(answer)
}

/// The events of one message; an error is the last one, of type `error`.
fn events(told: Told) -> Vec<Result<Event, Infallible>> {
    let (position, told) = match told {
        Ok(told) => told,
        Err(status) => {
            let (_, error, _) = to_json(&status);
            return vec![Ok(event("error", None, &error))];
        }
    };
    let known = told.into_iter().filter_map(json::Event::known);
    let mut events: Vec<_> = known
        .map(|it| Ok(event(&it.r#type, Some(it.position), &it)))
        .collect();
    if events.is_empty() {
        // A position without an event: where to go on after what was skipped.
        let at = Event::default()
            .id(position.to_string())
            .comment("position");
        events.push(Ok(at));
    }
    events
}

fn event(kind: &str, position: Option<i64>, data: &impl serde::Serialize) -> Event {
    let event = Event::default().event(kind);
    let event = match position {
        Some(position) => event.id(position.to_string()),
        None => event,
    };
    let plain = event.clone();
    event.json_data(data).unwrap_or(plain)
}
