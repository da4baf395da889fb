//! Reading a part of an artifact's content, and showing it as text.

use bytes::BytesMut;
use cairn_client::{ArtifactRef, required, unary};
use cairn_proto::v1::{Artifact, DownloadArtifactRequest, download_artifact_response::Message};

use super::{Mcp, answer::ToolError};

/// The record of an artifact and its bytes from an offset on, at most so many.
pub(super) async fn part(
    mcp: &Mcp,
    wanted: ArtifactRef,
    offset: i64,
    limit: i64,
) -> Result<(Artifact, Vec<u8>), ToolError> {
    let (artifact_id, name) = wanted.into_fields();
    let request = DownloadArtifactRequest {
        artifact_id,
        name,
        offset,
        limit,
    };
    let mut client = mcp.client.artifacts.clone();
    let answer = client.download_artifact(unary(request)).await?;
    let mut stream = answer.into_inner();
    let (mut artifact, mut bytes) = (None, BytesMut::new());
    while let Some(part) = stream.message().await? {
        match part.message {
            Some(Message::Artifact(record)) => artifact = Some(record),
            Some(Message::Data(data)) => bytes.extend_from_slice(&data),
            _ => {}
        }
    }
    Ok((required(artifact, "artifact")?, bytes.into()))
}

/// A part of a text, from an offset on: without the rest of a character at its beginning, and, unless the text ends there,
/// without the beginning of one at its end. Returns the text and the offset behind it; `None` if it is not UTF-8.
pub(super) fn text_of(bytes: &[u8], offset: i64, size: i64) -> Option<(&str, i64)> {
    let is_rest = |byte: &&u8| **byte & 0xc0 == 0x80;
    let skipped = match offset {
        0 => 0,
        _ => bytes.iter().take(3).take_while(is_rest).count(),
    };
    let bytes = &bytes[skipped..];
    let end = |length: usize| offset + (skipped + length) as i64;
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((text, end(text.len()))),
        Err(e) if e.error_len().is_none() && end(bytes.len()) < size => {
            let text = std::str::from_utf8(&bytes[..e.valid_up_to()]).ok()?;
            Some((text, end(text.len())))
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn a_part_begins_and_ends_with_whole_characters() {
        let bytes = "aéb€".as_bytes();
        let size = bytes.len() as i64;
        assert_eq!(text_of(bytes, 0, size), Some(("aéb€", 7)));
        assert_eq!(text_of(&bytes[..2], 0, size), Some(("a", 1)));
        assert_eq!(text_of(&bytes[2..5], 2, size), Some(("b", 4)));
        assert_eq!(text_of(&[], 7, size), Some(("", 7)));
        assert_eq!(text_of(&bytes[..2], 0, 2), None, "the text ends there");
        assert_eq!(text_of(&[0xff, b'a'], 0, size), None);
    }
}
