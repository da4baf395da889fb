//! Uploads whose parts go straight to S3.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use cairn_proto::json;
use cairn_store::{Finish, PartsWanted, PresignedParts, UploadEnd};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    call::{Call, Input, Named},
    uploads::Upload,
};
use crate::{
    grpc::{Services, convert, uploads::finish_upload},
    http::failure::Failure,
};

/// Which parts to sign.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WantedParts {
    /// The number of the first part; 1 unless it is given.
    #[schemars(range(min = 0))]
    first_part: i32,
    /// How many parts; 50 unless it is given.
    #[schemars(range(min = 0, max = 200))]
    part_count: i32,
    /// In seconds: 3600 unless it is given.
    #[schemars(range(min = 1, max = 43200))]
    expires_in: Option<u64>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Parts {
    upload: Upload,
    parts: Vec<Part>,
    total_parts: u64,
    expires_at: Timestamp,
}

#[derive(JsonSchema, Serialize)]
struct Part {
    number: i32,
    offset: u64,
    size_bytes: u64,
    url: String,
}

impl From<PresignedParts> for Parts {
    fn from(signed: PresignedParts) -> Self {
        let parts = signed.parts.into_iter().map(|part| Part {
            number: part.number,
            offset: part.offset,
            size_bytes: part.size_bytes,
            url: part.url,
        });
        Self {
            parts: parts.collect(),
            upload: signed.upload.into(),
            total_parts: signed.total,
            expires_at: signed.expires_at,
        }
    }
}

pub(super) async fn parts(
    State(services): State<Services>,
    call: Call,
    Named(upload_id): Named,
    Input(wanted): Input<WantedParts>,
) -> Result<Json<Parts>, Failure> {
    let life = wanted.expires_in.map(Duration::from_secs);
    let wanted = PartsWanted::new(wanted.first_part, wanted.part_count, life)?;
    let store = &services.store;
    let signed = store.presign_upload_parts(call.caller(), &upload_id, wanted);
    Ok(Json(signed.await?.into()))
}

/// What the content must be, and what is added to the spec.
#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct End {
    content_hash: String,
    size_bytes: Option<i64>,
    metadata: BTreeMap<String, String>,
    labels: Vec<String>,
    stage: String,
}

pub(super) async fn finish(
    State(services): State<Services>,
    call: Call,
    Named(upload_id): Named,
    Input(end): Input<End>,
) -> Result<Json<json::Artifact>, Failure> {
    let finish = Finish {
        end: UploadEnd::new(&end.content_hash, end.size_bytes)?,
        metadata: end.metadata.into_iter().collect(),
        labels: end.labels,
        stage: end.stage,
    };
    let made = finish_upload(&services.store, call.caller(), upload_id, finish).await?;
    Ok(Json(convert::created(made).into()))
}
