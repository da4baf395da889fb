//! A client of the JSON API, as curl would be one: forms up, signed URLs down.

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client, Response};

const BOUNDARY: &str = "cairn-bench";

/// A client with a key. Its requests have connections of their own.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client,
    url: String,
    key: String,
}

impl HttpClient {
    pub(super) fn new(url: &str, key: &str) -> Self {
        Self {
            client: Client::new(),
            url: url.to_owned(),
            key: key.to_owned(),
        }
    }

    /// Sends a piece again and again as the file of a form; returns the artifact's id.
    pub(crate) async fn upload(&self, filename: &str, piece: Bytes, pieces: u64) -> String {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\r\n"
        );
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let pieces = (0..pieces).map(move |_| piece.clone());
        let pieces = [head.into()].into_iter().chain(pieces).chain([end.into()]);
        let pieces = pieces.map(Ok::<Bytes, std::io::Error>);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.client.post(format!("{}/v1/artifacts", self.url));
        let request = request.bearer_auth(&self.key).header("content-type", kind);
        let answer = request.body(Body::wrap_stream(stream::iter(pieces))).send();
        let answer = checked(answer.await.expect("an answer"));
        field(&answer.text().await.expect("JSON"), "artifact_id")
    }

    /// Asks for the URL of a content, and reads that to its end; returns its size.
    pub(crate) async fn download(&self, id: &str) -> u64 {
        let url = format!("{}/v1/artifacts/{id}/download-url", self.url);
        let answer = self.client.get(url).bearer_auth(&self.key).send().await;
        let answer = checked(answer.expect("an answer"));
        let url = field(&answer.text().await.expect("JSON"), "download_url");
        let content = self.client.get(url).send().await.expect("an answer");
        let (mut content, mut size) = (checked(content), 0);
        while let Some(piece) = content.chunk().await.expect("a piece") {
            size += piece.len() as u64;
        }
        size
    }
}

fn checked(answer: Response) -> Response {
    answer.error_for_status().expect("a success")
}

/// The text of a field of JSON that has no escapes.
fn field(json: &str, name: &str) -> String {
    let (_, rest) = json
        .split_once(&format!("\"{name}\":\""))
        .expect("the field");
    rest.split('"').next().unwrap_or_default().to_owned()
}
