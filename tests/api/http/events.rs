//! What happens in a session, as Server-Sent Events.

use harness::{Cairn, Rest, session_spec};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Reads events until one of this type.
async fn until(response: &mut Response, kind: &str) -> Vec<(String, Value)> {
    let mut text = String::new();
    loop {
        let piece = response.chunk().await.unwrap().unwrap();
        text += std::str::from_utf8(&piece).unwrap();
        let events: Vec<_> = text.split_inclusive("\n\n").filter_map(parse).collect();
        if events.iter().any(|(_, data)| data["type"] == kind) {
            return events;
        }
    }
}

/// The id and the data of an event; none of a comment, and of what has not arrived in whole.
fn parse(event: &str) -> Option<(String, Value)> {
    let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ").filter(|_| event.ends_with("\n\n"))?;
    let id = field("id: ").unwrap_or_default();
    Some((id.to_owned(), serde_json::from_str(data).unwrap()))
}

#[tokio::test]
async fn events_come_as_they_happen_and_go_on_where_one_stopped() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let path = "/v1/sessions/run/events";
    for name in ["a", "b"] {
        let made = cairn.client.create(session_spec(name, "run"), name);
        made.await.unwrap();
    }
    let mut first = rest.request(Method::GET, path).send().await.unwrap();
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    cairn.client.seal("run").await.unwrap();
    let events = until(&mut first, "sealed").await;
    let kinds: Vec<_> = events.iter().map(|(_, data)| &data["type"]).collect();
    assert_eq!(kinds, ["created", "created", "sealed"]);
    assert_eq!(events[0].1["artifact"]["filename"], "a");

    let on = rest
        .request(Method::GET, path)
        .header("last-event-id", &events[0].0);
    let mut on = on.send().await.unwrap();
    assert_eq!(until(&mut on, "sealed").await, events[1..]);
    let bad = rest.request(Method::GET, path).header("last-event-id", "x");
    assert_eq!(bad.send().await.unwrap().status(), 400);
}

/// The events of several sessions come in one stream, by their ids or by a label.
#[tokio::test]
async fn one_stream_has_the_events_of_several_sessions() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for session in ["a", "b", "c"] {
        let made = cairn.client.create(session_spec("x", session), session);
        made.await.unwrap();
    }
    let path = "/v1/events?session_id=a&session_id=b";
    let mut both = rest.request(Method::GET, path).send().await.unwrap();
    cairn.client.seal("b").await.unwrap();
    let events = until(&mut both, "sealed").await;
    let sessions: Vec<_> = events.iter().map(|(_, data)| &data["session_id"]).collect();
    assert_eq!(sessions, ["a", "b", "b"]);

    let on = rest
        .request(Method::GET, path)
        .header("last-event-id", &events[0].0);
    let mut on = on.send().await.unwrap();
    assert_eq!(until(&mut on, "sealed").await, events[1..]);
    let label = json!({"labels": ["nightly"]});
    rest.send(Method::PATCH, "/v1/sessions/c", label).await.ok();
    let labelled = rest.request(Method::GET, "/v1/events?label=nightly");
    let mut labelled = labelled.send().await.unwrap();
    let events = until(&mut labelled, "created").await;
    assert_eq!(events[0].1["session_id"], "c");
    let wrong = rest.get("/v1/events?until_sealed=true").await;
    assert_eq!(wrong.refused(), (400, "invalid_request"));
}
