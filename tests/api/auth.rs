//! Every call needs a valid key, and bytes that are not a message are the caller's fault.

use std::time::Duration;

use cairn_proto::FILE_DESCRIPTOR_SET;
use cairn_proto::v1::{CreateArtifactResponse, WhoAmIRequest};
use futures_util::future::join_all;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{
    Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Endpoint,
};
use tonic_prost::ProstCodec;

use harness::{Bytes, Cairn, Client, Setup, eventually, refused, spec};

/// Every method of every service, from the specification, so that new ones are tested too.
pub(crate) fn every_method() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let ours = files.iter().filter(|file| file.package() == "cairn.v1");
    ours.flat_map(|file| &file.service)
        .flat_map(|service| {
            let path = |method: &str| format!("/cairn.v1.{}/{method}", service.name());
            service.method.iter().map(move |method| path(method.name()))
        })
        .collect()
}

/// A message with bytes under the first two tags, whatever they mean.
#[derive(Clone, PartialEq, prost::Message)]
struct Raw {
    #[prost(bytes = "vec", tag = "1")]
    first: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    second: Vec<u8>,
}

async fn call(cairn: &Cairn, path: &str, key: Option<&str>, message: Raw) -> Result<(), Status> {
    let channel = Endpoint::from_shared(cairn.grpc_url.clone())
        .unwrap()
        .connect_lazy();
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let mut request = Request::new(tokio_stream::once(message));
    if let Some(key) = key {
        let value = key.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let path = path.parse::<PathAndQuery>().unwrap();
    let codec = ProstCodec::<Raw, CreateArtifactResponse>::default();
    let mut answers = grpc.streaming(request, path, codec).await?.into_inner();
    answers.message().await.map(drop)
}

#[tokio::test]
async fn no_method_answers_without_a_key_that_works() {
    let cairn = Cairn::start().await;
    let revoked = cairn.store.create_api_key("acme").await.unwrap();
    let keys = cairn.store.list_api_keys("acme").await.unwrap();
    assert!(cairn.store.revoke_api_key(keys[0].id).await.unwrap());
    let of_revoked = format!("Bearer {}", revoked.reveal());
    let without_scheme = cairn.key.clone();
    let cut_short = format!("Bearer {}", &cairn.key[..42]);
    let methods = every_method();
    assert!(methods.len() >= 14, "{methods:?}");
    for method in methods {
        for key in [
            None,
            Some("Bearer cairn_0000000000000000000000000000000000000000"),
            Some("Bearer "),
            Some("Basic Zm9vOmJhcg=="),
            Some(&*without_scheme),
            Some(&*cut_short),
            Some(&*of_revoked),
        ] {
            let refusal = refused(call(&cairn, &method, key, Raw::default()).await);
            assert_eq!(
                (refusal.code, &*refusal.reason),
                (Code::Unauthenticated, "UNAUTHENTICATED"),
                "{method} with {key:?}"
            );
        }
        let key = format!("bearer {}", cairn.key);
        if let Err(status) = call(&cairn, &method, Some(&key), Raw::default()).await {
            assert_ne!(status.code(), Code::Unauthenticated, "{method}");
        }
    }
}

#[tokio::test]
async fn a_revoked_key_stops_working_at_once() {
    let cairn = Cairn::start().await;
    let key = cairn.store.create_api_key("acme").await.unwrap();
    let client = Client::connect(&cairn.grpc_url, Some(key.reveal())).await;
    client.create(spec("a"), "").await.unwrap();
    let listed = cairn.store.list_api_keys("acme").await.unwrap();
    assert!(key.reveal().ends_with(&listed[0].last_4));
    assert!(cairn.store.revoke_api_key(listed[0].id).await.unwrap());
    let refusal = refused(client.create(spec("a"), "").await);
    assert_eq!(refusal.reason, "UNAUTHENTICATED");
    cairn.client.create(spec("a"), "").await.unwrap();
}

#[tokio::test]
async fn a_caller_can_ask_who_it_is() {
    let cairn = Cairn::start().await;
    let me = cairn
        .client
        .identity
        .clone()
        .who_am_i(WhoAmIRequest {})
        .await;
    let me = me.unwrap().into_inner();
    assert_eq!(me.tenant_name, "acme");
    assert!(cairn.key.ends_with(&me.api_key_last_4) && me.api_key_last_4.len() == 4);
    assert_eq!(me.default_ttl.unwrap().seconds, 30 * 24 * 3600);
    assert_eq!(me.max_ttl, None);
    assert!(me.never_expires_allowed);
    assert_eq!(me.max_create_bytes, 3 << 20);
}

#[tokio::test]
async fn keys_are_kept_as_hashes_alone() {
    let cairn = Cairn::start().await;
    let database = cairn.database().await;
    let rows = database
        .query("SELECT k::text FROM api_keys k", &[])
        .await
        .unwrap();
    let secret = cairn.key.trim_start_matches("ck_");
    assert!(!rows.is_empty());
    assert!(
        rows.iter()
            .all(|row| !row.get::<_, String>(0).contains(&secret[..10]))
    );
}

/// One string field of a message.
fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2, value.len() as u8];
    bytes.extend_from_slice(value);
    bytes
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_the_callers_fault() {
    let cairn = Cairn::start().await;
    let key = format!("Bearer {}", cairn.key);
    let bad_filename = field(1, b"\xff\xfe");
    let pair = [field(1, b"k"), field(2, b"\xff")].concat();
    let bad_metadata = [field(1, b"a"), field(7, &pair)].concat();
    for spec in [bad_filename, bad_metadata] {
        for method in ["CreateArtifact", "UploadArtifact"] {
            let message = Raw {
                first: spec.clone(),
                second: vec![],
            };
            let path = format!("/cairn.v1.ArtifactService/{method}");
            let refusal = refused(call(&cairn, &path, Some(&key), message).await);
            assert_eq!(
                (refusal.code, &*refusal.reason),
                (Code::InvalidArgument, "INVALID_ARGUMENT"),
                "{method}"
            );
            assert!(refusal.message.contains("UTF-8"), "{}", refusal.message);
        }
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
}

#[tokio::test]
async fn a_revoked_key_is_refused_once_trust_is_over() {
    let trust = Duration::from_secs(1);
    let setup = Setup::on(Bytes::Files).config(move |config| config.credential_trust = trust);
    let cairn = setup.start().await;
    cairn.client.create(spec("a"), "x").await.unwrap();
    let key = &cairn.store.list_api_keys("acme").await.unwrap()[0];
    assert!(cairn.store.revoke_api_key(key.id).await.unwrap());
    eventually("the key is refused", async || {
        let answer = cairn.client.create(spec("a"), "x").await;
        answer.is_err_and(|refusal| refusal.code() == Code::Unauthenticated)
    })
    .await;
}

#[tokio::test]
async fn an_invented_key_asks_postgres_once() {
    let trust = Duration::from_secs(60);
    let setup = Setup::on(Bytes::Files).config(move |config| config.credential_trust = trust);
    let cairn = setup.proxied().start().await;
    let stranger = Client::connect(&cairn.grpc_url, Some("cairn_invented")).await;
    let first = refused(stranger.create(spec("a"), "x").await);
    cairn.postgres_proxy().cut();
    let second = refused(stranger.create(spec("a"), "x").await);
    assert_eq!(
        (first.code, second.code),
        (Code::Unauthenticated, Code::Unauthenticated)
    );
}

/// More first calls than a process looks credentials up for at a time. They are not many more, because each waits for its
/// connection for five seconds at most.
#[tokio::test]
async fn hundreds_of_first_calls_of_one_key_all_succeed() {
    let trust = Duration::from_secs(60);
    let setup = Setup::on(Bytes::Files).config(move |config| config.credential_trust = trust);
    let cairn = setup.start().await;
    let calls = (0..300).map(|_| {
        let mut identity = cairn.client.identity.clone();
        async move { identity.who_am_i(WhoAmIRequest {}).await }
    });
    for answer in join_all(calls).await {
        answer.unwrap();
    }
}
