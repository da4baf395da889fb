//! A client of the JSON API.

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

use super::Cairn;

/// Sends requests with a key.
pub struct Rest {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, where it is JSON.
    pub body: Value,
}

impl Rest {
    /// A client with the key of `acme`.
    pub fn of(cairn: &Cairn) -> Self {
        Self::with_key(cairn, &cairn.key)
    }

    /// A client with another key.
    pub fn with_key(cairn: &Cairn, key: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: cairn.http_url.clone(),
            key: key.to_owned(),
        }
    }

    /// A request with the key, that is still to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).bearer_auth(&self.key)
    }

    /// The same without a key.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::to(self.request(method, path).json(&body)).await
    }

    /// Sends JSON with POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }
}

impl Answer {
    /// The answer to a request.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Self {
            status,
            headers,
            body,
        }
    }

    /// The body of a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }

    /// The status and code of an error, which has the shape that all errors have.
    pub fn refused(&self) -> (u16, &str) {
        let error = &self.body["error"];
        assert_eq!(error["status"], self.status, "{self:?}");
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{self:?}");
        (self.status, error["code"].as_str().unwrap())
    }

    /// A header; empty without one.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}
