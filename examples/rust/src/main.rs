//! Streams a file up, finds it, reads it back, seals the session and reads what happened in it: main FILE

use std::{env, error::Error, path::PathBuf};

use cairn_client::{
    ArtifactRef, Connection, Content, IdempotencyMode, Observer, UploadOptions, pages, retry,
    unary,
    v1::{ArtifactSpec, ListArtifactsRequest, SealSessionRequest, WatchSessionRequest},
};
use uuid::Uuid;

/// Hears why a call is repeated.
fn tell(reason: &str) {
    eprintln!("{reason}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(env::args_os().nth(1).ok_or("which file?")?);
    let session = format!("rust-{}", Uuid::new_v4());
    // CAIRN_ADDR and CAIRN_API_KEY, or CAIRN_API_KEY_FILE.
    let client = Connection::from_env()?.connect().await?;
    let mut watch = client.watch(WatchSessionRequest {
        session_id: session.clone(),
        until_sealed: true,
        ..WatchSessionRequest::default()
    });

    let spec = ArtifactSpec {
        filename: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into(),
        session_id: session.clone(),
        agent_id: "example".to_owned(),
        ..ArtifactSpec::default()
    };
    // What may have happened is repeated: under its key it happens once.
    let options = UploadOptions {
        idempotency: IdempotencyMode::Given(Uuid::new_v4().to_string()),
        ..UploadOptions::default()
    };
    let made = client
        .upload(spec.clone(), Content::file(&path), &options)
        .await?;
    let again = client
        .upload(spec.clone(), Content::file(&path), &options)
        .await?;
    assert_eq!(
        again.artifact_id, made.artifact_id,
        "the same key is the same artifact"
    );

    let found = pages::read_all(async |page_size, page_token| {
        let request = ListArtifactsRequest {
            page_size,
            page_token,
            session_id: session.clone(),
            ..ListArtifactsRequest::default()
        };
        let page = client
            .artifacts
            .clone()
            .list_artifacts(unary(request))
            .await?;
        let page = page.into_inner();
        Ok((page.artifacts, page.next_page_token))
    });
    for artifact in found.await? {
        println!(
            "{} v{}, {} bytes",
            artifact.filename, artifact.version, artifact.size_bytes
        );
    }

    // Verified: bytes that are not those of the record are an error.
    let wanted = ArtifactRef::Id(made.artifact_id);
    let content = client
        .download(wanted, Observer::default())
        .await?
        .bytes()
        .await?;
    assert_eq!(content.len() as i64, made.size_bytes);

    let seal = SealSessionRequest {
        session_id: session,
        ..SealSessionRequest::default()
    };
    retry(tell, async || {
        Ok(client
            .sessions
            .clone()
            .seal_session(unary(seal.clone()))
            .await?)
    })
    .await?;
    let late = client
        .upload(spec, Content::bytes("late"), &UploadOptions::default())
        .await;
    match late {
        Err(error) if error.reason() == Some("SESSION_SEALED") => {
            println!("sealed: nothing more goes in")
        }
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("a sealed session took an artifact".into()),
    }

    while let Some(event) = watch.next(tell).await? {
        let filename = event
            .artifact
            .as_ref()
            .map_or("", |artifact| &artifact.filename);
        println!(
            "{} {} {filename}",
            event.position,
            event.r#type().as_str_name()
        );
    }
    Ok(())
}
