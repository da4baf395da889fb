//! Descriptions of contents of each kind, also of broken ones.

use cairn_proto::v1::{
    BatchCreateArtifactsRequest, CreateArtifactRequest, PreviewArtifactRequest,
    PreviewArtifactResponse, PreviewFormat,
};

use harness::{Bytes, Cairn, Rest, Setup, refused, spec};

async fn preview(
    cairn: &Cairn,
    filename: &str,
    content: impl Into<bytes::Bytes>,
    max_bytes: i64,
) -> PreviewArtifactResponse {
    let made = cairn.client.upload(spec(filename), content).await.unwrap();
    let request = PreviewArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        max_bytes,
        ..PreviewArtifactRequest::default()
    };
    let answer = cairn.client.reads.clone().preview_artifact(request).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(
        (&answer.artifact_id, answer.size_bytes),
        (&made.artifact_id, made.size_bytes)
    );
    let most = if max_bytes == 0 {
        16 << 10
    } else {
        max_bytes as usize
    };
    assert!(answer.text.len() <= most + 100, "{}", answer.text);
    answer
}

/// A tar archive with a large member before a small one.
pub(crate) fn tar() -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, size) in [("large.bin", 1_000_000_usize), ("small.txt", 3)] {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        header[257..262].copy_from_slice(b"ustar");
        tar.extend(header);
        tar.resize(tar.len() + size.div_ceil(512) * 512, b'x');
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

#[tokio::test]
async fn a_content_is_described_by_its_kind() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let text: String = (1..=60_000).map(|n| format!("line {n}\n")).collect();
    let found = preview(&cairn, "a.log", text, 0).await;
    assert_eq!(
        (found.format(), found.is_whole, found.encoding.as_str()),
        (PreviewFormat::Text, false, "utf-8")
    );
    assert!(found.text.starts_with("line 1\n") && found.text.ends_with("line 60000\n"));

    let found = preview(&cairn, "a.csv", "id,name\n1,x\n2,y\n".repeat(500), 600).await;
    assert_eq!(found.format(), PreviewFormat::Table);
    assert!(found.text.starts_with("2 columns\n"), "{}", found.text);
    let found = preview(&cairn, "a.json", "{\"a\": [1, 2]}", 0).await;
    assert_eq!(
        (found.format(), found.is_whole),
        (PreviewFormat::Json, true)
    );
    let found = preview(&cairn, "a.tar", tar(), 0).await;
    assert_eq!(found.format(), PreviewFormat::Tar);
    assert!(
        found.text.contains("1000000 large.bin\n") && found.text.contains("3 small.txt\n"),
        "{}",
        found.text
    );
    let found = preview(&cairn, "a.bin", "\0\x01", 0).await;
    assert_eq!(found.format(), PreviewFormat::Binary);
    let found = preview(&cairn, "empty", "", 0).await;
    assert_eq!((found.text.as_str(), found.is_whole), ("", true));

    let rest = Rest::of(&cairn);
    let path = format!("/v1/artifacts/{}/preview?max_bytes=256", found.artifact_id);
    assert_eq!(rest.get(&path).await.ok()["format"], "text");
}

/// Files that claim to be what they are not, or more than they are: each has an answer of its size.
#[tokio::test]
async fn a_hostile_content_is_described_within_the_bounds() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0xff; 8]);
    let mut zip = b"PK\x03\x04PK\x05\x06\0\0\0\0\xff\xfe\xff\xfe".to_vec();
    zip.extend([0xfe; 10]);
    let mut endless_tar = tar();
    endless_tar[124..135].copy_from_slice(b"77777777777");
    for (name, content) in [
        ("a.png", png),
        ("a.zip", zip),
        ("a.tar", endless_tar),
        ("a.json", b"[".repeat(1 << 20)),
        (
            "b.json",
            format!("{{\"{}\": 1}}", "k".repeat(1 << 20)).into_bytes(),
        ),
        (
            "c.json",
            (0..50_000)
                .map(|n| format!("{{\"k{n}\": 0}}\n"))
                .collect::<String>()
                .into_bytes(),
        ),
        ("a.csv", b",".repeat(1 << 20)),
        ("b.csv", format!("\"{}", "x\n".repeat(1 << 19)).into_bytes()),
        (
            "a.ipynb",
            format!("{{\"cells\": [{}", " ".repeat(1000)).into_bytes(),
        ),
        ("a.md", b"# x\n".repeat(1 << 18)),
        ("b.md", vec![b'#'; 1 << 20]),
        ("a.txt", vec![b'\n'; 1 << 20]),
        ("b.txt", vec![0xff; 1 << 20]),
    ] {
        let found = preview(&cairn, name, content, 300).await;
        assert!(!found.is_whole, "{name}");
    }
}

/// Storing a large result and getting a handle and a preview of it is one call.
#[tokio::test]
async fn a_create_returns_a_preview_when_it_is_asked_for() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut artifacts = cairn.client.artifacts.clone();
    let request = |filename: &str, preview_bytes| CreateArtifactRequest {
        spec: Some(spec(filename)),
        content: "line\n".repeat(1000).into(),
        preview_bytes,
    };
    let made = artifacts.create_artifact(request("a", 300)).await.unwrap();
    let made = made.into_inner();
    let (preview, made) = (made.preview.unwrap(), made.artifact.unwrap());
    assert_eq!(preview.artifact_id, made.artifact_id);
    assert!(preview.text.starts_with("line\n") && preview.text.len() <= 400);
    let later = PreviewArtifactRequest {
        artifact_id: made.artifact_id,
        max_bytes: 300,
        ..PreviewArtifactRequest::default()
    };
    let later = cairn.client.reads.clone().preview_artifact(later).await;
    assert_eq!(later.unwrap().into_inner(), preview);
    // Of a content that is there, only the hash is sent.
    let mut declared = request("declared", 300);
    declared.content = bytes::Bytes::new();
    declared.spec.as_mut().unwrap().content_hash = made.content_hash;
    declared.spec.as_mut().unwrap().size_bytes = Some(made.size_bytes);
    let declared = artifacts.create_artifact(declared).await.unwrap();
    assert_eq!(declared.into_inner().preview.unwrap().text, preview.text);
    let without = artifacts.create_artifact(request("b", 0)).await.unwrap();
    assert_eq!(without.into_inner().preview, None);
    let batch = BatchCreateArtifactsRequest {
        requests: vec![request("c", 0), request("d", 300)],
    };
    let batch = artifacts.batch_create_artifacts(batch).await.unwrap();
    let names = batch
        .into_inner()
        .previews
        .into_iter()
        .map(|preview| preview.filename);
    assert_eq!(names.collect::<Vec<_>>(), ["d"]);
    let refusal = refused(artifacts.create_artifact(request("e", 1)).await);
    assert_eq!(refusal.fields, ["preview_bytes"]);
}
