use cairn_proto::v1::{
    AbortUploadRequest, AbortUploadResponse, FinishUploadRequest, FinishUploadResponse,
    GetUploadRequest, GetUploadResponse, ListUploadsRequest, ListUploadsResponse,
    PresignUploadPartsRequest, PresignUploadPartsResponse, PresignedPart, StartUploadRequest,
    StartUploadResponse, WriteUploadRequest, WriteUploadResponse,
    upload_service_server::UploadService, write_upload_request::Message,
};
use cairn_store::{
    Caller, Created, Error, Finish, OpenUpload, PartsWanted, Result, Store, UploadEnd, UploadWriter,
};
use tonic::{Request, Response, Status, Streaming};

use super::{Services, convert, taken};
use crate::{error::to_status, pace::Pace};

#[tonic::async_trait]
impl UploadService for Services {
    async fn start_upload(
        &self,
        request: Request<StartUploadRequest>,
    ) -> Result<Response<StartUploadResponse>, Status> {
        let (caller, request) = taken(request)?;
        let spec = convert::raw_spec(request.spec).map_err(to_status)?;
        let upload = self.store.start_upload(&caller, spec).await;
        Ok(Response::new(StartUploadResponse {
            upload: Some(convert::upload(upload.map_err(to_status)?)),
        }))
    }

    async fn write_upload(
        &self,
        request: Request<Streaming<WriteUploadRequest>>,
    ) -> Result<Response<WriteUploadResponse>, Status> {
        let arrived = request.extensions().get().cloned().unwrap_or_default();
        let (caller, messages) = taken(request)?;
        let pace = Pace::new(arrived, self.store.limits());
        // The call is dropped when its connection breaks; what has arrived is stored all the same.
        let writing = tokio::spawn(write(self.store.clone(), caller, messages, pace));
        let written = writing.await;
        let written = written.map_err(|e| to_status(Error::Internal(e.into())))??;
        Ok(Response::new(WriteUploadResponse {
            upload: Some(convert::upload(written)),
        }))
    }

    async fn presign_upload_parts(
        &self,
        request: Request<PresignUploadPartsRequest>,
    ) -> Result<Response<PresignUploadPartsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let life = request.expires_in.map(convert::duration);
        let wanted = PartsWanted::new(request.first_part, request.part_count, life);
        let wanted = wanted.map_err(to_status)?;
        let signed = self
            .store
            .presign_upload_parts(&caller, &request.upload_id, wanted);
        let signed = signed.await.map_err(to_status)?;
        let parts = signed.parts.into_iter().map(|part| PresignedPart {
            number: part.number,
            offset: convert::size(part.offset),
            size_bytes: convert::size(part.size_bytes),
            url: part.url,
        });
        Ok(Response::new(PresignUploadPartsResponse {
            upload: Some(convert::upload(signed.upload)),
            parts: parts.collect(),
            total_parts: i32::try_from(signed.total).unwrap_or(i32::MAX),
            expire_time: Some(convert::timestamp(signed.expires_at)),
        }))
    }

    async fn get_upload(
        &self,
        request: Request<GetUploadRequest>,
    ) -> Result<Response<GetUploadResponse>, Status> {
        let (caller, request) = taken(request)?;
        let upload = self.store.get_upload(&caller, &request.upload_id).await;
        Ok(Response::new(GetUploadResponse {
            upload: Some(convert::upload(upload.map_err(to_status)?)),
        }))
    }

    async fn list_uploads(
        &self,
        request: Request<ListUploadsRequest>,
    ) -> Result<Response<ListUploadsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let page = self.store.list_uploads(&caller, size, &request.page_token);
        let page = page.await.map_err(to_status)?;
        Ok(Response::new(ListUploadsResponse {
            uploads: page.items.into_iter().map(convert::upload).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn finish_upload(
        &self,
        request: Request<FinishUploadRequest>,
    ) -> Result<Response<FinishUploadResponse>, Status> {
        let (caller, request) = taken(request)?;
        let end = request.end.unwrap_or_default();
        let end = UploadEnd::new(&end.content_hash, end.size_bytes).map_err(to_status)?;
        let finish = Finish {
            end,
            metadata: request.metadata.into_iter().collect(),
            labels: request.labels,
            stage: convert::stage_name(request.stage),
        };
        let created = finish_upload(&self.store, &caller, request.upload_id, finish);
        Ok(Response::new(FinishUploadResponse {
            artifact: Some(convert::created(created.await.map_err(to_status)?)),
        }))
    }

    async fn abort_upload(
        &self,
        request: Request<AbortUploadRequest>,
    ) -> Result<Response<AbortUploadResponse>, Status> {
        let (caller, request) = taken(request)?;
        let upload = self.store.abort_upload(&caller, &request.upload_id).await;
        Ok(Response::new(AbortUploadResponse {
            upload: Some(convert::upload(upload.map_err(to_status)?)),
        }))
    }
}

/// Finishes an upload. The call is dropped when its connection breaks; it goes on all the same, because the outcome of a
/// request to combine parts that was given up is unknown for minutes.
pub(crate) async fn finish_upload(
    store: &Store,
    caller: &Caller,
    id: String,
    finish: Finish,
) -> Result<Created> {
    let (store, caller) = (store.clone(), caller.clone());
    to_its_end(async move { store.finish_upload(&caller, &id, finish).await }).await
}

/// Runs what must not end with the connection of its caller.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let done = tokio::spawn(work).await;
    done.map_err(|e| Error::Internal(e.into()))?
}

/// Writes what arrives. However the stream ends, what has arrived by then is stored.
async fn write(
    store: Store,
    caller: Caller,
    mut messages: Streaming<WriteUploadRequest>,
    mut pace: Pace,
) -> Result<OpenUpload, Status> {
    let position = match next(&mut messages, &mut pace).await?? {
        Some(Message::Position(position)) => position,
        Some(Message::Data(_)) | None => {
            return Err(out_of_order("the first message must carry the position"));
        }
    };
    let offset = u64::try_from(position.offset)
        .map_err(|_| to_status(Error::invalid("position.offset", "must be 0 or more")))?;
    let writer = store.write_upload(&caller, &position.upload_id, offset);
    let mut writer = writer.await.map_err(to_status)?;
    let received = receive(&mut writer, &mut messages, &mut pace).await;
    match received {
        Ok(()) => writer.pause().await.map_err(to_status),
        Err(Failed::Caller(status)) => {
            if let Err(e) = writer.pause().await {
                tracing::debug!(error = %e, "the bytes of an interrupted write were not stored");
            }
            Err(status)
        }
        Err(Failed::Write(status)) => Err(status),
    }
}

enum Failed {
    /// The caller's stream ended in another way than by its close.
    Caller(Status),
    /// The bytes were refused.
    Write(Status),
}

async fn receive(
    writer: &mut UploadWriter,
    messages: &mut Streaming<WriteUploadRequest>,
    pace: &mut Pace,
) -> Result<(), Failed> {
    loop {
        match next(messages, pace).await {
            Ok(Ok(Some(Message::Data(piece)))) => {
                let written = writer.write(piece).await;
                written.map_err(|e| Failed::Write(to_status(e)))?;
            }
            Ok(Ok(Some(Message::Position(_)))) => {
                let rule = "only the first message may carry the position";
                return Err(Failed::Caller(out_of_order(rule)));
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(status)) => return Err(Failed::Caller(status)),
            Err(_) => return Err(Failed::Caller(to_status(writer.stalled()))),
        }
    }
}

/// The next message; the outer error is that the caller was too slow.
async fn next(
    messages: &mut Streaming<WriteUploadRequest>,
    pace: &mut Pace,
) -> Result<Result<Option<Message>, Status>, Status> {
    let received = pace.wait_for(messages.message()).await;
    Ok(match received.map_err(to_status)? {
        Err(status) => Err(status),
        Ok(None) => Ok(None),
        Ok(Some(WriteUploadRequest { message: Some(m) })) => Ok(Some(m)),
        Ok(Some(WriteUploadRequest { message: None })) => Err(out_of_order(
            "every message must carry the position or data",
        )),
    })
}

fn out_of_order(rule: &str) -> Status {
    to_status(Error::invalid("message", rule))
}
