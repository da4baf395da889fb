//! Reads that are sized for a model.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{
        DiffVersionsRequest, EditArtifactRequest, GrepArtifactRequest, GrepQuery,
        GrepSessionRequest, PreviewArtifactRequest, ReadBytesRequest, ReadLinesRequest,
        ReplaceLines, ReplaceText, edit_artifact_request::Change, read_service_server::ReadService,
    },
};
use cairn_store::Error;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    answer::Created,
    call::{Call, Input, Named},
    query::Query,
};
use crate::{grpc::Services, http::failure::Failure};

/// Which lines to read; a cursor goes on where an earlier answer ended.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LinesQuery {
    #[schemars(range(min = 1))]
    first_line: i64,
    #[schemars(range(min = 1, max = 10_000))]
    limit: i32,
    #[schemars(range(min = 256, max = 262_144))]
    max_bytes: i64,
    #[schemars(range(min = 1_048_576, max = 1_073_741_824))]
    max_scan_bytes: i64,
    cursor: String,
}

pub(super) async fn lines(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<LinesQuery>,
) -> Result<Json<json::LinesRead>, Failure> {
    let request = ReadLinesRequest {
        artifact_id,
        name: None,
        first_line: query.first_line,
        limit: query.limit,
        max_bytes: query.max_bytes,
        max_scan_bytes: query.max_scan_bytes,
        page_token: query.cursor,
    };
    call.answer(request, |request| services.read_lines(request))
        .await
}

/// Which bytes to read.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BytesQuery {
    #[schemars(range(min = 0))]
    offset: i64,
    #[schemars(range(min = 1, max = 262_144))]
    limit: i64,
}

pub(super) async fn bytes(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<BytesQuery>,
) -> Result<Json<json::BytesRead>, Failure> {
    let request = ReadBytesRequest {
        artifact_id,
        name: None,
        offset: query.offset,
        limit: query.limit,
    };
    call.answer(request, |request| services.read_bytes(request))
        .await
}

/// What to search for.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FindQuery {
    #[schemars(length(min = 1, max = 1000))]
    pattern: String,
    fixed_strings: bool,
    ignore_case: bool,
    #[schemars(range(min = 0, max = 10))]
    context: i32,
    #[schemars(range(min = 1, max = 1000))]
    max_count: i32,
    count_only: bool,
    #[schemars(range(min = 256, max = 262_144))]
    max_bytes: i64,
    #[schemars(range(min = 1_048_576, max = 1_073_741_824))]
    max_scan_bytes: i64,
    cursor: String,
}

pub(super) async fn grep(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<FindQuery>,
) -> Result<Json<json::LinesFound>, Failure> {
    let request = GrepArtifactRequest {
        artifact_id,
        name: None,
        query: Some(GrepQuery {
            pattern: query.pattern,
            fixed_strings: query.fixed_strings,
            ignore_case: query.ignore_case,
            context: query.context,
            max_count: query.max_count,
            count_only: query.count_only,
        }),
        max_bytes: query.max_bytes,
        max_scan_bytes: query.max_scan_bytes,
        page_token: query.cursor,
    };
    call.answer(request, |request| services.grep_artifact(request))
        .await
}

/// What to search for, and in which files of the session.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SessionQuery {
    #[schemars(length(min = 1, max = 1000))]
    pattern: String,
    fixed_strings: bool,
    ignore_case: bool,
    #[schemars(range(min = 0, max = 10))]
    context: i32,
    #[schemars(range(min = 1, max = 1000))]
    max_count: i32,
    count_only: bool,
    filename_glob: String,
    filename_prefix: String,
    namespace: String,
    user_id: String,
    include_user_scope: bool,
    #[schemars(range(min = 256, max = 262_144))]
    max_bytes: i64,
    #[schemars(range(min = 1_048_576, max = 1_073_741_824))]
    max_scan_bytes: i64,
    cursor: String,
}

pub(super) async fn grep_session(
    State(services): State<Services>,
    call: Call,
    Named(session_id): Named,
    Query(query): Query<SessionQuery>,
) -> Result<Json<json::FilesFound>, Failure> {
    let request = GrepSessionRequest {
        session_id,
        query: Some(GrepQuery {
            pattern: query.pattern,
            fixed_strings: query.fixed_strings,
            ignore_case: query.ignore_case,
            context: query.context,
            max_count: query.max_count,
            count_only: query.count_only,
        }),
        filename_glob: query.filename_glob,
        filename_prefix: query.filename_prefix,
        namespace: query.namespace,
        user_id: query.user_id,
        include_user_scope: query.include_user_scope,
        max_bytes: query.max_bytes,
        max_scan_bytes: query.max_scan_bytes,
        page_token: query.cursor,
    };
    call.answer(request, |request| services.grep_session(request))
        .await
}

/// How long the description may be.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PreviewQuery {
    #[schemars(range(min = 256, max = 262_144))]
    max_bytes: i64,
}

pub(super) async fn preview(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Query(query): Query<PreviewQuery>,
) -> Result<Json<json::Preview>, Failure> {
    let request = PreviewArtifactRequest {
        artifact_id,
        name: None,
        max_bytes: query.max_bytes,
    };
    call.answer(request, |request| services.preview_artifact(request))
        .await
}

/// The other version, and how much to show.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DiffQuery {
    /// The id of the version that is compared with the one in the path, and that came after it.
    to: String,
    #[schemars(range(min = 0, max = 10))]
    context: Option<i32>,
    #[schemars(range(min = 256, max = 262_144))]
    max_bytes: i64,
}

pub(super) async fn diff(
    State(services): State<Services>,
    call: Call,
    Named(from_artifact_id): Named,
    Query(query): Query<DiffQuery>,
) -> Result<Json<json::Difference>, Failure> {
    let request = DiffVersionsRequest {
        from_artifact_id,
        to_artifact_id: query.to,
        context: query.context,
        max_bytes: query.max_bytes,
        ..DiffVersionsRequest::default()
    };
    call.answer(request, |request| services.diff_versions(request))
        .await
}

/// What to change: exactly one of the two is given.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Edit {
    replace: Option<Replace>,
    lines: Option<Lines>,
    if_version: Option<i64>,
    agent_id: String,
    change_summary: String,
}

/// A text that becomes another; it must be in the content once, or `everywhere` is set.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Replace {
    old_text: String,
    new_text: String,
    everywhere: bool,
}

/// Whole lines that become others.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lines {
    first_line: i64,
    last_line: i64,
    text: String,
}

pub(super) async fn edit(
    State(services): State<Services>,
    call: Call,
    Named(artifact_id): Named,
    Input(edit): Input<Edit>,
) -> Result<Created<json::Edited>, Failure> {
    let change = match (edit.replace, edit.lines) {
        (Some(_), Some(_)) => {
            let rule = "must not be given beside replace";
            return Err(Error::invalid("lines", rule).into());
        }
        (Some(it), None) => Some(Change::Replace(ReplaceText {
            old_text: it.old_text,
            new_text: it.new_text,
            everywhere: it.everywhere,
        })),
        (None, Some(it)) => Some(Change::Lines(ReplaceLines {
            first_line: it.first_line,
            last_line: it.last_line,
            text: it.text,
        })),
        (None, None) => None,
    };
    let request = EditArtifactRequest {
        artifact_id,
        name: None,
        change,
        if_version: edit.if_version,
        agent_id: edit.agent_id,
        change_summary: edit.change_summary,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.edit_artifact(call.request(request)).await?;
    Ok(Created(answer.into_inner().into()))
}
