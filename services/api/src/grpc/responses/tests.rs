use axum::{Router, middleware::from_fn, routing::post};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tonic_types::StatusExt;
use tower::ServiceExt;

use super::*;

async fn answer(router: Router, timeout: &'static str) -> (Option<Status>, Option<Status>) {
    let request = Request::post("/x").header("grpc-timeout", timeout);
    let request = request.body(Body::empty()).expect("a request");
    let router = router.layer(from_fn(finish));
    let answer = router.oneshot(request).await.expect("an answer");
    let head = Status::from_header_map(answer.headers());
    let end = answer.into_body().collect().await.expect("a body");
    let end = end.trailers().and_then(Status::from_header_map);
    (head, end)
}

fn assert_is(status: Option<Status>, code: Code, reason: &str) {
    let status = status.expect("a status");
    assert_eq!(status.code(), code);
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.reason, reason);
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let router = Router::new().route("/x", post(async || -> &str { panic!("secret") }));
    let (head, _) = answer(router, "1S").await;
    assert_is(head, Code::Internal, "INTERNAL");
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_it_with_an_internal_error() {
    let messages = || {
        let first = stream::iter([Ok::<_, axum::Error>("first")]);
        Body::from_stream(first.chain(stream::once(async { panic!("secret") })))
    };
    let router = Router::new().route("/x", post(async move || messages()));
    let (head, end) = answer(router, "1S").await;
    assert!(head.is_none());
    assert_is(end, Code::Internal, "INTERNAL");
}

#[tokio::test]
async fn a_call_past_its_deadline_says_so() {
    let router = Router::new().route("/x", post(async || std::future::pending::<&str>().await));
    let (head, _) = answer(router, "1m").await;
    assert_is(head, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[test]
fn deadlines_are_read_as_grpc_writes_them() {
    let of = |text: &str| {
        let value = text.parse().expect("a value");
        deadline(&HeaderMap::from_iter([(
            "grpc-timeout".parse().expect("a name"),
            value,
        )]))
    };
    assert_eq!(
        of("99999999H"),
        Some(Duration::from_secs(99_999_999 * 3600))
    );
    assert_eq!(of("5M"), Some(Duration::from_secs(300)));
    assert_eq!(of("250m"), Some(Duration::from_millis(250)));
    assert_eq!(of("7u"), Some(Duration::from_micros(7)));
    for odd in ["", "S", "1", "123456789S", "-1S", "1X", "1 S"] {
        assert_eq!(of(odd), None, "{odd}");
    }
}
