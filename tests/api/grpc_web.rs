//! gRPC-Web on the HTTP port, as a page calls it: HTTP/1.1, and the trailers as the last frame of the body.

use cairn_proto::v1::{
    DownloadArtifactRequest, DownloadArtifactResponse, GetArtifactRequest, GetArtifactResponse,
    download_artifact_response::Message as Piece,
};
use prost::Message;
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};

use harness::{Bytes, Cairn, Setup, content, spec};

const KIND: &str = "application/grpc-web+proto";

fn calling(cairn: &Cairn, rpc: &str, message: &impl Message) -> RequestBuilder {
    let message = message.encode_to_vec();
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend_from_slice(&message);
    Client::builder()
        .http1_only()
        .build()
        .unwrap()
        .post(format!("{}/cairn.v1.{rpc}", cairn.http_url))
        .header("content-type", KIND)
        .header("x-grpc-web", "1")
        .body(body)
}

/// The messages of an answer, and the status that ends it.
async fn answered(request: RequestBuilder) -> (Vec<Vec<u8>>, String, HeaderMap) {
    let answer = request.send().await.unwrap();
    let headers = answer.headers().clone();
    assert_eq!(answer.status(), 200);
    let status = |headers: &HeaderMap| {
        let status = headers.get("grpc-status");
        status.map(|status| status.to_str().unwrap().to_owned())
    };
    let body = answer.bytes().await.unwrap();
    let (mut messages, mut ended) = (Vec::new(), status(&headers));
    let mut rest = &body[..];
    while let Some((head, more)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let (frame, more) = more.split_at(length);
        rest = more;
        if head[0] & 0x80 == 0 {
            messages.push(frame.to_vec());
            continue;
        }
        let trailers = String::from_utf8(frame.to_vec()).unwrap();
        let line = trailers
            .lines()
            .find_map(|line| line.strip_prefix("grpc-status:"));
        ended = Some(line.unwrap().trim().to_owned());
    }
    (messages, ended.expect("a status"), headers)
}

#[tokio::test]
async fn a_page_makes_unary_calls_and_reads_streams() {
    let cairn = Cairn::start().await;
    let whole = content(700_000);
    let made = cairn.client.upload(spec("a"), whole.clone()).await.unwrap();
    let get = GetArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        ..GetArtifactRequest::default()
    };
    let request = calling(&cairn, "ArtifactService/GetArtifact", &get).bearer_auth(&cairn.key);
    let (messages, status, headers) = answered(request).await;
    assert_eq!((messages.len(), &*status), (1, "0"));
    assert_eq!(headers["content-type"], KIND);
    let record = GetArtifactResponse::decode(&messages[0][..]).unwrap();
    assert_eq!(record.artifact.unwrap().content_hash, made.content_hash);

    let read = DownloadArtifactRequest {
        artifact_id: made.artifact_id,
        ..DownloadArtifactRequest::default()
    };
    let request = calling(&cairn, "ArtifactService/DownloadArtifact", &read);
    let (messages, status, _) = answered(request.bearer_auth(&cairn.key)).await;
    assert_eq!(status, "0");
    let mut received = Vec::new();
    for message in messages {
        let message = DownloadArtifactResponse::decode(&message[..]).unwrap();
        if let Some(Piece::Data(data)) = message.message {
            received.extend_from_slice(&data);
        }
    }
    assert!(received == whole);
}

/// The rules are those of gRPC: credentials, what does not exist, and services that are not for tenants.
#[tokio::test]
async fn a_page_is_refused_as_any_other_caller_is() {
    let cairn = Cairn::start().await;
    let get = GetArtifactRequest {
        artifact_id: "art_0000000000000000".to_owned(),
        ..GetArtifactRequest::default()
    };
    let get = |rpc| calling(&cairn, rpc, &get);
    let (_, status, _) = answered(get("ArtifactService/GetArtifact")).await;
    assert_eq!(status, "16", "without a credential");
    let known = get("ArtifactService/GetArtifact").bearer_auth(&cairn.key);
    assert_eq!(answered(known).await.1, "5", "what does not exist");
    let unknown = get("ArtifactService/Nothing").bearer_auth(&cairn.key);
    assert_eq!(answered(unknown).await.1, "12", "an unknown RPC");
    for (rpc, kind, refused) in [
        ("OperatorService/ListTenants", KIND, 404),
        ("ArtifactService/GetArtifact", "application/json", 415),
        ("ArtifactService/GetArtifact", "application/grpc", 415),
    ] {
        let request = get(rpc).bearer_auth(&cairn.key);
        let (client, request) = request.build_split();
        let mut request = request.unwrap();
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        let answer = client.execute(request).await.unwrap();
        assert_eq!(answer.status(), refused, "{rpc} {kind}");
    }
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_call() {
    let origin = "https://app.example.com";
    let setup = Setup::on(Bytes::Files);
    let setup = setup.settings(|settings| settings.cors_origins = vec![origin.parse().unwrap()]);
    let cairn = setup.start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let url = format!("{}/cairn.v1.ArtifactService/GetArtifact", cairn.http_url);
    for (from, allowed) in [(origin, true), ("https://other.example.com", false)] {
        let preflight = Client::new().request(Method::OPTIONS, &url);
        let preflight = preflight
            .header("origin", from)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,x-grpc-web",
            );
        let answer = preflight.send().await.unwrap();
        let told = answer.headers().get("access-control-allow-origin");
        assert_eq!(told.is_some_and(|told| told == from), allowed, "{from}");
    }
    let get = GetArtifactRequest {
        artifact_id: made.artifact_id,
        ..GetArtifactRequest::default()
    };
    let request = calling(&cairn, "ArtifactService/GetArtifact", &get);
    let request = request.bearer_auth(&cairn.key).header("origin", origin);
    let (_, status, headers) = answered(request).await;
    assert_eq!(status, "0");
    assert_eq!(headers["access-control-allow-origin"], origin);
    assert_eq!(headers["access-control-expose-headers"], "*");
}
