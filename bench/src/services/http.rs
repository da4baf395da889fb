//! A client of the JSON API, as curl would be one: forms up and contents down, or signed URLs of S3 for both.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::{Body, Client, RequestBuilder, Response};
use serde_json::{Value, json};

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
        let made = answered(request.body(Body::wrap_stream(stream::iter(pieces)))).await;
        text(&made, "artifact_id")
    }

    /// Puts a content of this size, which repeats a piece, straight into S3, so many parts at a time; returns the artifact's id.
    pub(crate) async fn upload_direct(
        &self,
        filename: &str,
        piece: &Bytes,
        size: u64,
        at_once: usize,
    ) -> String {
        let spec = json!({"filename": filename, "size_bytes": size});
        let upload = text(&self.post("/v1/uploads", &spec).await, "upload_id");
        let path = format!("/v1/uploads/{upload}");
        let mut put = 0;
        loop {
            let wanted = json!({"first_part": put + 1, "part_count": 200});
            let signed = self.post(&format!("{path}/parts"), &wanted).await;
            let parts = signed["parts"].as_array().expect("parts").clone();
            if parts.is_empty() {
                break;
            }
            put += parts.len();
            let bytes_of = |part: &Value| part["size_bytes"].as_u64().expect("a size") as usize;
            // No part is larger than the first.
            let repeats = bytes_of(&parts[0]).div_ceil(piece.len());
            let body = Bytes::from(piece.repeat(repeats));
            let puts = parts.into_iter().map(|part| {
                let put = self.client.put(text(&part, "url"));
                put.body(body.slice(..bytes_of(&part))).send()
            });
            let puts: Vec<_> = puts.collect();
            let mut puts = stream::iter(puts).buffered(at_once);
            while let Some(answer) = puts.next().await {
                checked(answer.expect("an answer"));
            }
        }
        let made = self.post(&format!("{path}/finish"), &json!({})).await;
        text(&made, "artifact_id")
    }

    /// Reads a content to its end; returns its size.
    pub(crate) async fn download(&self, id: &str) -> u64 {
        let url = format!("{}/v1/artifacts/{id}/content", self.url);
        read(self.client.get(url).bearer_auth(&self.key)).await
    }

    /// Asks for the URL of a content in S3, and reads that to its end; returns its size.
    pub(crate) async fn download_direct(&self, id: &str) -> u64 {
        let url = format!("{}/v1/artifacts/{id}/download-url", self.url);
        let signed = answered(self.client.get(url).bearer_auth(&self.key)).await;
        read(self.client.get(text(&signed, "download_url"))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json");
        answered(request.bearer_auth(&self.key).body(body.to_string())).await
    }
}

async fn answered(request: RequestBuilder) -> Value {
    let answer = checked(request.send().await.expect("an answer"));
    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
}

async fn read(request: RequestBuilder) -> u64 {
    let (mut content, mut size) = (checked(request.send().await.expect("an answer")), 0);
    while let Some(piece) = content.chunk().await.expect("a piece") {
        size += piece.len() as u64;
    }
    size
}

fn checked(answer: Response) -> Response {
    answer.error_for_status().expect("a success")
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect("a text").to_owned()
}
