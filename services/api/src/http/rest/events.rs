//! What happens in a session, as Server-Sent Events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use cairn_proto::{
    json,
    v1::{WatchSessionRequest, WatchSessionResponse, session_service_server::SessionService},
};
use cairn_store::Error;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use tonic::Status;

use super::{
    call::{Call, Named},
    query::Query,
};
use crate::{error::to_json, grpc::Services, http::failure::Failure};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How often a stream on which nothing happens shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Default, Deserialize)]
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
) -> Result<Response, Failure> {
    let last = match call.header(&LAST_EVENT_ID) {
        "" => None,
        last => {
            let rule = "must be the id of an event of this stream";
            let position = last.parse::<i64>();
            Some(position.map_err(|_| Error::invalid("last-event-id", rule))?)
        }
    };
    let request = WatchSessionRequest {
        session_id,
        after_position: last.unwrap_or(query.after_position),
        only_new: query.only_new && last.is_none(),
        until_sealed: query.until_sealed,
    };
    let answer = services.watch_session(call.request(request)).await?;
    let events = answer
        .into_inner()
        .flat_map(|told| stream::iter(events(told)));
    let mut answer = sse(events).into_response();
    let unbuffered = HeaderValue::from_static("no");
    answer.headers_mut().insert(ACCEL_BUFFERING, unbuffered);
    Ok(answer)
}

fn sse(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// The events of one message; an error is the last one, of type `error`.
fn events(told: Result<WatchSessionResponse, Status>) -> Vec<Result<Event, Infallible>> {
    let told = match told {
        Ok(told) => told,
        Err(status) => {
            let (_, error, _) = to_json(&status);
            return vec![Ok(event("error", None, &error))];
        }
    };
    let position = told.position;
    let known = told.events.into_iter().filter_map(json::Event::known);
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
