//! Malformed requests: each has an answer that says whose fault it is.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Service, http::Request},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use crate::auth::every_method;
use harness::{Cairn, Setup};

const GET: &str = "/cairn.v1.ArtifactService/GetArtifact";
const UPLOAD: &str = "/cairn.v1.ArtifactService/UploadArtifact";

/// A request of gRPC, except for what a test changes.
fn request(cairn: &Cairn, path: &str, body: Body, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(format!("{}{path}", cairn.grpc_url));
    let usual = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", &*format!("Bearer {}", cairn.key)),
    ];
    let map = request.headers_mut().unwrap();
    for (name, value) in usual.iter().chain(headers) {
        let name: tonic::codegen::http::HeaderName = name.parse().unwrap();
        match *value {
            "" => map.remove(name),
            value => map.insert(name, value.parse().unwrap()),
        };
    }
    request.body(body).unwrap()
}

pub(super) async fn channel(url: &str) -> Channel {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    endpoint.connect().await.unwrap()
}

pub(super) async fn answer(channel: &mut Channel, request: Request<Body>) -> (u16, Status) {
    std::future::poll_fn(|context| channel.poll_ready(context))
        .await
        .unwrap();
    let answer = channel.call(request).await.unwrap();
    let http = answer.status().as_u16();
    let head = Status::from_header_map(answer.headers());
    let body = answer.into_body().collect().await.unwrap();
    let end = body.trailers().and_then(Status::from_header_map);
    (http, head.or(end).expect("a status"))
}

fn whole(bytes: &[u8]) -> Body {
    Body::new(Full::new(Bytes::copy_from_slice(bytes)))
}

/// A body of these bytes that does not end.
pub(super) fn unfinished(bytes: Bytes) -> Body {
    let first = http_body::Frame::data(bytes);
    let frames = futures_util::stream::once(async move { Ok::<_, Status>(first) });
    let forever = futures_util::StreamExt::chain(frames, futures_util::stream::pending());
    Body::new(StreamBody::new(forever))
}

#[tokio::test]
async fn what_is_no_grpc_request_is_the_callers_fault() {
    let cairn = Setup::on(harness::Bytes::Files).start().await;
    let mut channel = channel(&cairn.grpc_url).await;
    let cut: &[u8] = &[0, 0, 0, 0, 10, 1, 2];
    let gzip = ("grpc-encoding", "gzip");
    for (path, body, header, code, reason) in [
        (
            GET,
            &[][..],
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            cut,
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &cut[..3],
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            UPLOAD,
            cut,
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &[7, 0, 0, 0, 0],
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &[1, 0, 0, 0, 0],
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &[1, 0, 0, 0, 2, 9, 9],
            gzip,
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &[0, 0, 0, 0, 2, 9, 9],
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &[0, 255, 0, 0, 0],
            ("x", "y"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            UPLOAD,
            &[0, 255, 0, 0, 0],
            ("x", "y"),
            Code::InvalidArgument,
            "FILE_TOO_LARGE",
        ),
        (
            GET,
            &[0; 5],
            ("grpc-encoding", "zstd"),
            Code::Unimplemented,
            "UNIMPLEMENTED",
        ),
        (
            "/cairn.v1.ArtifactService/No",
            &[0; 5],
            ("x", "y"),
            Code::Unimplemented,
            "UNIMPLEMENTED",
        ),
        (
            "/no",
            &[0; 5],
            ("x", "y"),
            Code::Unimplemented,
            "UNIMPLEMENTED",
        ),
        (
            GET,
            &[0; 5],
            ("content-type", "application/json"),
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
        ),
        (
            GET,
            &[0; 5],
            ("authorization", ""),
            Code::Unauthenticated,
            "UNAUTHENTICATED",
        ),
    ] {
        let request = request(&cairn, path, whole(body), &[header]);
        let (_, status) = answer(&mut channel, request).await;
        let info = status.get_details_error_info();
        let info = info.unwrap_or_else(|| panic!("{path} {body:?}: {status:?}"));
        assert_eq!(
            (status.code(), &*info.reason),
            (code, reason),
            "{path} {body:?}: {status:?}"
        );
    }
}

#[tokio::test]
async fn without_a_credential_no_method_waits_for_a_body() {
    let cairn = Setup::on(harness::Bytes::Files).start().await;
    let mut channel = channel(&cairn.grpc_url).await;
    for path in every_method() {
        let mut bytes = vec![0, 0, 0x30, 0, 0];
        bytes.resize(60_000, 1);
        let body = unfinished(bytes.into());
        let request = request(&cairn, &path, body, &[("authorization", "")]);
        let (_, status) = answer(&mut channel, request).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{path}");
    }
}

#[tokio::test]
async fn a_request_has_its_time_to_arrive() {
    let setup = Setup::on(harness::Bytes::Files);
    let setup =
        setup.settings(|settings| settings.request_time = std::time::Duration::from_millis(200));
    let cairn = setup.start().await;
    let mut channel = channel(&cairn.grpc_url).await;
    let body = unfinished(vec![0, 0, 0, 0, 10, 1].into());
    let (_, status) = answer(&mut channel, request(&cairn, GET, body, &[])).await;
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (status.code(), &*info.reason),
        (Code::Aborted, "UPLOAD_EXPIRED")
    );
}
