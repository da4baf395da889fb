//! Links.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{
        CreateLinkRequest, GetLinkRequest, Link, ListLinksRequest, RevokeLinkRequest,
        link_service_server::LinkService,
    },
};
use prost_types::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::Created,
    call::{Call, Input, Named},
    query::Query,
    value::page_size,
};
use crate::{grpc::Services, http::failure::Failure};

#[derive(Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewLink {
    /// In seconds; seven days when it is not given.
    expires_in: Option<i64>,
    /// 0: no limit of its own.
    max_downloads: i64,
    /// Empty: none.
    password: String,
}

#[derive(Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewSessionLink {
    /// A folder of the session, such as "reports/"; empty: the whole session.
    folder: String,
    /// In seconds; seven days when it is not given.
    expires_in: Option<i64>,
    /// 0: no limit of its own.
    max_downloads: i64,
    /// Empty: none.
    password: String,
}

fn shown(link: Option<Link>) -> Json<json::Link> {
    Json(link.unwrap_or_default().into())
}

pub(super) async fn create(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Input(new): Input<NewLink>,
) -> Result<Created<json::Link>, Failure> {
    let request = CreateLinkRequest {
        artifact_id,
        expires_in: new.expires_in.map(seconds),
        max_downloads: new.max_downloads,
        password: new.password,
        ..CreateLinkRequest::default()
    };
    make(&services, call, request).await
}

pub(super) async fn create_of_session(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Input(new): Input<NewSessionLink>,
) -> Result<Created<json::Link>, Failure> {
    let request = CreateLinkRequest {
        session_id,
        folder: new.folder,
        expires_in: new.expires_in.map(seconds),
        max_downloads: new.max_downloads,
        password: new.password,
        ..CreateLinkRequest::default()
    };
    make(&services, call, request).await
}

fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

async fn make(
    services: &Services,
    call: Call,
    request: CreateLinkRequest,
) -> Result<Created<json::Link>, Failure> {
    let request = CreateLinkRequest {
        idempotency_key: call.idempotency_key()?,
        ..request
    };
    let answer = services.create_link(call.request(request)).await?;
    Ok(Created(shown(answer.into_inner().link).0))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Links {
    links: Vec<json::Link>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<ListQuery>,
) -> Result<Json<Links>, Failure> {
    page(&services, call, query, ListLinksRequest::default()).await
}

pub(super) async fn list_of_artifact(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<ListQuery>,
) -> Result<Json<Links>, Failure> {
    let of = ListLinksRequest {
        artifact_id,
        ..ListLinksRequest::default()
    };
    page(&services, call, query, of).await
}

pub(super) async fn list_of_session(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Query(query): Query<ListQuery>,
) -> Result<Json<Links>, Failure> {
    let of = ListLinksRequest {
        session_id,
        ..ListLinksRequest::default()
    };
    page(&services, call, query, of).await
}

async fn page(
    services: &Services,
    call: Call,
    query: ListQuery,
    of: ListLinksRequest,
) -> Result<Json<Links>, Failure> {
    let request = ListLinksRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        ..of
    };
    let answer = services.list_links(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Links {
        links: answer.links.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Named(link_id): Named,
) -> Result<Json<json::Link>, Failure> {
    let request = GetLinkRequest { link_id };
    let answer = services.get_link(call.request(request)).await?;
    Ok(shown(answer.into_inner().link))
}

pub(super) async fn revoke(
    State(services): State<Services>,
    call: Call,
    Named(link_id): Named,
) -> Result<Json<json::Link>, Failure> {
    let request = RevokeLinkRequest {
        link_id,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.revoke_link(call.request(request)).await?;
    Ok(shown(answer.into_inner().link))
}
