//! What every answer of this face has: an id of its request, and errors in the form that the caller asked for.

use axum::{
    Json,
    extract::Request,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use cairn_proto::json;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::failure::ErrorAnswer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id of a caller's own that is kept, in bytes.
const LONGEST_ID: usize = 128;
/// RFC 9457.
const PROBLEM: &str = "application/problem+json";

/// Names the request in its answer and in the log, by the caller's `X-Request-Id` where that is a short word.
pub(super) async fn keep(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    if let Ok(id) = id.to_str() {
        tracing::Span::current().record("request_id", id);
    }
    let wants_problem = wants_problem(request.headers());
    let mut answer = next.run(request).await;
    if wants_problem && let Some(ErrorAnswer(error)) = answer.extensions_mut().remove() {
        answer = as_problem(answer, &error);
    }
    answer.headers_mut().insert(REQUEST_ID, id);
    answer
}

/// Whether an answer is JSON of the API, which is worth compressing. The content of artifacts is not: it has a length,
/// ranges and a strong etag.
pub(super) fn is_json(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind == "application/json" || kind == PROBLEM);
    is_json && !headers.contains_key(header::CONTENT_DISPOSITION)
}

fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| {
        let id = id.as_bytes();
        (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let id = Uuid::now_v7().simple().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
    })
}

fn wants_problem(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    accepted.any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(PROBLEM)
    })
}

/// The same error as RFC 9457 has it; our own members ride along.
fn as_problem(answer: Response, error: &json::Error) -> Response {
    let mut members = match serde_json::to_value(&error.error) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = text(members.get("code"));
    let detail = members.remove("message");
    members.insert("type".to_owned(), json!(format!("urn:cairn:error:{code}")));
    members.insert("title".to_owned(), json!(code.replace('_', " ")));
    members.insert("detail".to_owned(), detail.unwrap_or_default());
    let (mut parts, _) = answer.into_parts();
    let kind = HeaderValue::from_static(PROBLEM);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut problem = Json(members).into_response();
    *problem.status_mut() = parts.status;
    parts.headers.insert(header::CONTENT_TYPE, kind);
    *problem.headers_mut() = parts.headers;
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_break_a_log_is_replaced() {
        for (given, kept) in [("run-7", true), ("a b", false), ("", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(given));
            assert_eq!(request_id(&headers) == given, kept, "{given}");
        }
        let mut headers = HeaderMap::new();
        let long = HeaderValue::from_str(&"x".repeat(129)).expect("a value");
        headers.insert(REQUEST_ID, long);
        assert_eq!(request_id(&headers).len(), 32);
    }

    #[test]
    fn a_problem_is_sent_to_who_accepts_one() {
        for (accept, wants) in [
            ("application/problem+json", true),
            ("application/json, Application/Problem+JSON;q=0.9", true),
            ("*/*", false),
            ("application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_problem(&headers), wants, "{accept}");
        }
    }
}
