//! Requests of ReadService.

use cairn_proto::v1::{
    DiffVersionsRequest, EditArtifactRequest, GrepArtifactRequest, GrepQuery, GrepSessionRequest,
    PreviewArtifactRequest, ReadBytesRequest, ReadLinesRequest, ReplaceText, edit_artifact_request,
};
use prost::Message;

use super::{CONTENT, Things};

impl Things<'_> {
    /// The message that calls a method of ReadService.
    pub(super) async fn read(&mut self, method: &str) -> Vec<u8> {
        match method {
            "ReadLines" => ReadLinesRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "ReadBytes" => ReadBytesRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GrepArtifact" => GrepArtifactRequest {
                artifact_id: self.artifact().await,
                query: Some(GrepQuery {
                    pattern: CONTENT.to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            }
            .encode_to_vec(),
            "GrepSession" => GrepSessionRequest {
                session_id: self.filled().await,
                query: Some(GrepQuery {
                    pattern: CONTENT.to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            }
            .encode_to_vec(),
            "PreviewArtifact" => PreviewArtifactRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "DiffVersions" => {
                let id = self.artifact().await;
                DiffVersionsRequest {
                    from_artifact_id: id.clone(),
                    to_artifact_id: id,
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "EditArtifact" => EditArtifactRequest {
                artifact_id: self.artifact().await,
                change: Some(edit_artifact_request::Change::Replace(ReplaceText {
                    old_text: CONTENT.to_owned(),
                    new_text: "new".to_owned(),
                    everywhere: false,
                })),
                agent_id: self.name("a"),
                ..Default::default()
            }
            .encode_to_vec(),
            unknown => panic!("{unknown} is in the specification, and not in this test"),
        }
    }
}
