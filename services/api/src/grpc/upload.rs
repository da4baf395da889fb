//! The messages of an upload: the spec, then data, then the end, in this order and no other.

use cairn_proto::v1::{UploadArtifactRequest, upload_artifact_request::Message};
use cairn_store::{Caller, Created, Error, Result, Store, UploadEnd};
use tonic::{Status, Streaming};

use super::convert;
use crate::{error::to_status, pace::Pace};

/// Receives an artifact. Every end of the stream other than its close after `end` leaves nothing visible: the upload is
/// dropped.
pub(super) async fn receive(
    store: &Store,
    caller: &Caller,
    mut messages: Streaming<UploadArtifactRequest>,
    mut pace: Pace,
) -> Result<Created, Status> {
    let spec = match next(&mut messages, &mut pace).await? {
        Some(Message::Spec(spec)) => convert::spec(Some(spec)).map_err(to_status)?,
        Some(Message::Data(_) | Message::End(_)) => {
            return Err(out_of_order("the first message must carry the spec"));
        }
        None => {
            let rule = "is required: the stream was empty, its first message must carry the spec";
            return Err(to_status(Error::invalid("spec", rule)));
        }
    };
    let mut upload = store.begin_upload(caller, spec).await.map_err(to_status)?;
    if let Some(created) = upload.finish_early().await.map_err(to_status)? {
        return Ok(created);
    }
    let end = loop {
        match next(&mut messages, &mut pace).await? {
            Some(Message::Data(piece)) => upload.write(piece).await.map_err(to_status)?,
            Some(Message::Spec(_)) => {
                return Err(out_of_order("only the first message may carry the spec"));
            }
            Some(Message::End(end)) => break end,
            None => return Err(to_status(upload.incomplete())),
        }
    };
    let end = UploadEnd::new(&end.content_hash, end.size_bytes).map_err(to_status)?;
    if next(&mut messages, &mut pace).await?.is_some() {
        return Err(out_of_order("no message may follow the end"));
    }
    upload.finish(end).await.map_err(to_status)
}

async fn next(
    messages: &mut Streaming<UploadArtifactRequest>,
    pace: &mut Pace,
) -> Result<Option<Message>, Status> {
    let received = pace.wait_for(messages.message()).await;
    match received.map_err(to_status)?? {
        None => Ok(None),
        Some(UploadArtifactRequest { message: Some(m) }) => Ok(Some(m)),
        Some(UploadArtifactRequest { message: None }) => Err(out_of_order(
            "every message must carry the spec, data or the end",
        )),
    }
}

fn out_of_order(rule: &str) -> Status {
    to_status(Error::invalid("message", rule))
}
