//! Messages of callers, mutated as bytes of the wire and turned into what the store takes.

use bytes::Buf;
use cairn_fuzz::fuzz;
use cairn_proto::v1;
use prost::Message;

use super::convert;

fn decode<M: Message + Default>(mut bytes: &[u8]) -> Result<M, String> {
    M::decode(bytes.copy_to_bytes(bytes.len())).map_err(|e| e.to_string())
}

#[test]
fn any_message_is_taken_or_refused() {
    fuzz("messages", |bytes| {
        let Some((kind, bytes)) = bytes.split_first() else {
            return Ok(());
        };
        let taken = match kind % 4 {
            0 => convert::spec(Some(decode(bytes)?)).map(drop),
            1 => convert::list(decode(bytes)?).map(drop),
            2 => {
                let request: v1::DeleteArtifactsRequest = decode(bytes)?;
                convert::selection(request.artifact_ids, request.filter, request.matching).map(drop)
            }
            _ => {
                let request: v1::CreateLinkRequest = decode(bytes)?;
                convert::reference(&request.artifact_id, request.name)
                    .and(convert::new_link(
                        request.expires_in,
                        request.max_downloads,
                        request.password,
                    ))
                    .map(drop)
            }
        };
        taken.map_err(|e| e.to_string())
    });
}
