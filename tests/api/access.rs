//! Which credential may do what, of every method of the specification: docs/access.md says it, and the server does it.

mod keys;
mod narrowing;
mod reach;
mod requests;
mod rules;
mod scopes;
mod tokens;

use bytes::Bytes;
use cairn_proto::{
    token::Token,
    v1::{self, CreateTokenRequest, TokenCaveat},
};
use cairn_store::{Grant, Narrowing, NewApiKey, RawNarrowing, Scope, Scopes};
use prost::Message;
use tokio_stream::iter;
use tonic::{Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Endpoint};
use tonic_prost::ProstCodec;

use harness::{Cairn, Client};

/// A message of any type: fields are kept as they come.
#[derive(Clone, Default, Debug)]
struct Any(Vec<u8>);

impl Message for Any {
    fn encode_raw(&self, buffer: &mut impl bytes::BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: prost::encoding::WireType,
        buffer: &mut impl bytes::Buf,
        context: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        use prost::encoding::{WireType, bytes, encode_key, skip_field};
        if wire_type != WireType::LengthDelimited {
            return skip_field(wire_type, tag, buffer, context);
        }
        let mut value = Bytes::new();
        bytes::merge(wire_type, &mut value, buffer, context)?;
        encode_key(tag, wire_type, &mut self.0);
        prost::encoding::encode_varint(value.len() as u64, &mut self.0);
        self.0.extend_from_slice(&value);
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Calls a method by its path, and returns the bytes of all answers, but for numbers and times.
async fn call(
    cairn: &Cairn,
    path: &str,
    key: &str,
    messages: Vec<Vec<u8>>,
) -> Result<Vec<u8>, Status> {
    let channel = Endpoint::from_shared(cairn.grpc_url.clone())
        .unwrap()
        .connect_lazy();
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let mut request = Request::new(iter(messages.into_iter().map(Any)));
    let value = format!("Bearer {key}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    let path = path.parse::<PathAndQuery>().unwrap();
    let codec = ProstCodec::<Any, Any>::default();
    let mut answers = grpc.streaming(request, path, codec).await?.into_inner();
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await? {
        all.extend(answer.0);
    }
    Ok(all)
}

/// A key of a tenant with these scopes and this narrowing.
async fn key_of(cairn: &Cairn, tenant: &str, scopes: &[Scope], narrowing: RawNarrowing) -> String {
    let scopes: Scopes = scopes.iter().copied().collect();
    let grant = Grant::new(scopes, Narrowing::new(narrowing).unwrap(), None);
    let new = NewApiKey::new("test".to_owned(), grant, None).unwrap();
    let (_, secret) = cairn.store.issue_api_key(tenant, &new).await.unwrap();
    secret.reveal().to_owned()
}

/// A token with these scopes, but for the one that no token has, and this narrowing: made with a key that may do everything,
/// and narrowed without the server.
async fn token_of(cairn: &Cairn, scopes: &[Scope], narrowing: &RawNarrowing) -> String {
    let mut client = cairn.client.identity.clone();
    let made = client.create_token(CreateTokenRequest::default()).await;
    let token = Token::read(&made.unwrap().into_inner().token).unwrap();
    let number = |scope: &Scope| {
        let name = format!("SCOPE_{}", scope.as_str().to_ascii_uppercase());
        v1::Scope::from_str_name(&name).unwrap().into()
    };
    let scopes = TokenCaveat {
        scopes: scopes.iter().map(number).collect(),
        ..TokenCaveat::default()
    };
    let narrowing = TokenCaveat {
        narrowing: Some(v1::Narrowing {
            session_ids: narrowing.sessions.clone(),
            session_prefix: narrowing.session_prefix.clone(),
            namespace: narrowing.namespace.clone(),
            user_id: narrowing.user_id.clone(),
            agent_id: narrowing.agent_id.clone(),
            filename_prefix: narrowing.filename_prefix.clone(),
        }),
        ..TokenCaveat::default()
    };
    let token = token.narrow(&scopes).unwrap().narrow(&narrowing).unwrap();
    token.to_string()
}

/// A client with such a key of acme.
pub(crate) async fn client_of(cairn: &Cairn, scopes: &[Scope], narrowing: RawNarrowing) -> Client {
    let key = key_of(cairn, "acme", scopes, narrowing).await;
    Client::connect(&cairn.grpc_url, Some(&key)).await
}

/// Only this session.
pub(crate) fn session(id: &str) -> RawNarrowing {
    RawNarrowing {
        sessions: vec![id.to_owned()],
        ..RawNarrowing::default()
    }
}

/// Only what this agent makes.
fn agent(id: &str) -> RawNarrowing {
    RawNarrowing {
        agent_id: id.to_owned(),
        ..RawNarrowing::default()
    }
}
