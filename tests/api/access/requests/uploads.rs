//! Requests about resumable uploads.

use cairn_proto::v1::*;
use prost::Message;

use super::Things;

impl Things<'_> {
    /// The message that calls a method of `UploadService`.
    pub(super) async fn upload_request(&mut self, method: &str) -> Vec<u8> {
        match method {
            "StartUpload" => StartUploadRequest {
                spec: Some(self.spec()),
            }
            .encode_to_vec(),
            "PresignUploadParts" => PresignUploadPartsRequest {
                upload_id: self.presignable().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GetUpload" => GetUploadRequest {
                upload_id: self.upload().await,
            }
            .encode_to_vec(),
            "ListUploads" => {
                self.upload().await;
                ListUploadsRequest::default().encode_to_vec()
            }
            "FinishUpload" => FinishUploadRequest {
                upload_id: self.upload().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "AbortUpload" => AbortUploadRequest {
                upload_id: self.upload().await,
            }
            .encode_to_vec(),
            _ => panic!("{method} is none of UploadService"),
        }
    }
}
