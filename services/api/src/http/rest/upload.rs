//! An artifact from a form: multipart/form-data with a file and fields, in any order.

use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
};
use cairn_proto::json;
use cairn_store::{ArtifactSpec, Created, Error, Store, Upload, UploadEnd};
use multer::{Field, Multipart};

use super::{
    answer,
    call::{Call, Entered, Form},
    spec::SpecFields,
};
use crate::{
    grpc::{Services, convert},
    http::{
        failure::Failure,
        rest::form_body::{FormBody, HEAD_BYTES},
    },
    pace::{Arrived, Pace},
};

/// The bytes of memory that a form counts while it is received: what is read at once, and its fields.
const MEMORY: usize = 256 << 10;
/// The largest field beside the file, in bytes.
const FIELD_BYTES: usize = 64 << 10;
/// The most fields.
const MAX_FIELDS: usize = 256;

pub(super) async fn create(
    State(services): State<Services>,
    call: Call,
    Form(request): Form,
) -> Result<answer::Created<json::Artifact>, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let message =
            "the body must be a form, with Content-Type multipart/form-data and its boundary";
        Failure::of_http(status, "unsupported_media_type", message)
    })?;
    if let Some(entered) = request.extensions().get::<Entered>() {
        let share = entered.admission.memory.take(&entered.taker, MEMORY)?;
        entered.held.hold(share);
    }
    let arrived = Arrived::default();
    let pace = Pace::new(arrived.clone(), services.store.limits());
    let body = FormBody::new(arrived.count(request.into_body()));
    let form = Receiving {
        head: body.head(),
        parts: Multipart::new(body, boundary),
        pace,
        fields: SpecFields::default(),
        key: call.idempotency_key()?,
    };
    let created = form.receive(&services.store, &call).await?;
    let artifact = convert::created(created).into();
    Ok(answer::Created(artifact))
}

/// A form that is being received.
struct Receiving {
    parts: Multipart<'static>,
    head: super::form_body::Head,
    pace: Pace,
    fields: SpecFields,
    key: String,
}

impl Receiving {
    async fn receive(mut self, store: &Store, call: &Call) -> Result<Created, Error> {
        let mut upload: Option<Upload> = None;
        let mut count = 0;
        while let Some(part) = self.next_part().await? {
            count += 1;
            if count > MAX_FIELDS {
                let rule = format!("must have at most {MAX_FIELDS} fields");
                return Err(Error::invalid("body", rule));
            }
            let name = part.name().unwrap_or_default().to_owned();
            if name != "file" {
                let text = self.text(&name, part).await?;
                self.fields.set(&name, text)?;
                continue;
            }
            if upload.is_some() {
                return Err(Error::invalid("file", "must be given once"));
            }
            self.describe(&part);
            let known = ArtifactSpec::new(self.fields.known().raw(self.key.clone())?)?;
            let begun = store.begin_upload_with_late_spec(call.caller(), known);
            let begun = upload.insert(begun.await?);
            self.content(part, begun).await?;
        }
        let spec = ArtifactSpec::new(self.fields.raw(self.key)?)?;
        let Some(mut upload) = upload else {
            return Err(Error::invalid("file", "is required"));
        };
        upload.specify(spec).await?;
        upload.finish(UploadEnd::default()).await
    }

    async fn next_part(&mut self) -> Result<Option<Field<'static>>, Error> {
        self.head.expect(HEAD_BYTES);
        let part = self.pace.wait_for(self.parts.next_field()).await?;
        self.head.end();
        part.map_err(|e| unreadable(&e))
    }

    async fn piece(&mut self, part: &mut Field<'static>) -> Result<Option<Bytes>, Error> {
        let piece = self.pace.wait_for(part.chunk()).await?;
        piece.map_err(|e| unreadable(&e))
    }

    async fn text(&mut self, name: &str, mut part: Field<'static>) -> Result<String, Error> {
        let mut text = Vec::new();
        while let Some(piece) = self.piece(&mut part).await? {
            text.extend_from_slice(&piece);
            if text.len() > FIELD_BYTES {
                let rule = format!("must be at most {} KiB", FIELD_BYTES >> 10);
                return Err(Error::invalid(name, rule));
            }
        }
        String::from_utf8(text).map_err(|_| Error::invalid(name, "must be UTF-8"))
    }

    /// What the part of the file says of it, unless a field says otherwise.
    fn describe(&mut self, part: &Field<'_>) {
        if self.fields.filename.is_empty() {
            let name = part.file_name().unwrap_or_default();
            name.clone_into(&mut self.fields.filename);
        }
        if self.fields.content_type.is_empty()
            && let Some(kind) = part.headers().get(header::CONTENT_TYPE)
        {
            let kind = kind.to_str().unwrap_or_default();
            kind.clone_into(&mut self.fields.content_type);
        }
    }

    async fn content(
        &mut self,
        mut part: Field<'static>,
        upload: &mut Upload,
    ) -> Result<(), Error> {
        while let Some(piece) = self.piece(&mut part).await? {
            upload.write(piece).await?;
        }
        Ok(())
    }
}

fn unreadable(error: &multer::Error) -> Error {
    Error::invalid("body", format!("is not a complete form: {error}"))
}
