//! `cairn url`.

use super::{start, text};

#[tokio::test]
async fn a_url_reads_an_artifact_without_credentials() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "for a program", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let signed = shell.json(&["url", id, "--expires-in=10m"]).await;
    assert_eq!(signed["content_hash"], pushed["content_hash"]);
    let read = reqwest::get(text(&signed["url"])).await.unwrap();
    assert_eq!(read.text().await.unwrap(), "for a program");
    let named = shell.json(&["url", "--name=a.txt"]).await;
    let read = reqwest::get(text(&named["url"])).await.unwrap();
    assert_eq!(read.status(), 200);
    let long = ["url", id, "--expires-in=2h"];
    shell.run(&long).await.with_code(1).saying("1 hour");
}
