//! An OpenID issuer: signs tokens, and serves its keys over HTTP.

use std::{
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// An issuer that is down once it is dropped.
pub struct Issuer {
    /// The issuer's name in tokens.
    pub url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

struct State {
    /// The last one signs.
    keys: Vec<(String, EcdsaKeyPair)>,
    /// The heads of the requests for keys.
    requests: Vec<String>,
    away: bool,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Issuer {
    /// Starts one with one key.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            keys: vec![fresh_key(0)],
            requests: Vec::new(),
            away: false,
        }));
        let (seen, own_url) = (state.clone(), url.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &seen, &own_url).await;
            }
        });
        Self {
            url,
            state,
            serving,
        }
    }

    /// Signs with a new key from now on.
    pub fn rotate(&self) {
        let mut state = self.state.lock().unwrap();
        let key = fresh_key(state.keys.len());
        state.keys.push(key);
    }

    /// Withdraws all keys but the last.
    pub fn forget_old_keys(&self) {
        let mut state = self.state.lock().unwrap();
        let last = state.keys.pop();
        state.keys = last.into_iter().collect();
    }

    /// Answers with an error while this is set.
    pub fn go_away(&self, away: bool) {
        self.state.lock().unwrap().away = away;
    }

    /// The heads of the requests for its keys.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The claims of a token for Cairn that is valid for ten minutes.
    pub fn claims(&self, subject: &str) -> Value {
        let now = now();
        json!({"iss": self.url, "aud": ["cairn", "others"], "sub": subject, "iat": now, "nbf": now, "exp": now + 600})
    }

    /// A token for Cairn that is valid for ten minutes.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&self.header(), &self.claims(subject))
    }

    /// The header of a token that the newest key signs.
    pub fn header(&self) -> Value {
        let state = self.state.lock().unwrap();
        json!({"alg": "ES256", "typ": "JWT", "kid": state.keys.last().unwrap().0})
    }

    /// A token of this header and these claims, signed with the newest key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let state = self.state.lock().unwrap();
        let (_, key) = state.keys.last().unwrap();
        let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64.encode(signature))
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn fresh_key(number: usize) -> (String, EcdsaKeyPair) {
    let (how, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap();
    (format!("key-{number}"), key)
}

fn encode(part: &Value) -> String {
    BASE64.encode(part.to_string())
}

/// Answers one request on a connection, and closes it.
async fn answer(mut stream: TcpStream, state: &Mutex<State>, url: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let (status, answer) = {
        let mut state = state.lock().unwrap();
        if state.away {
            return;
        }
        if head.starts_with("GET /.well-known/openid-configuration ") {
            (
                "200 OK",
                json!({"issuer": url, "jwks_uri": format!("{url}/keys")}),
            )
        } else if head.contains("application/jwk-set+json") {
            state.requests.push(head);
            (
                "200 OK",
                json!({"keys": state.keys.iter().map(jwk).collect::<Vec<_>>()}),
            )
        } else {
            // As Kubernetes does.
            ("406 Not Acceptable", Value::Null)
        }
    };
    let body = answer.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // The client may have disconnected.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn jwk((id, key): &(String, EcdsaKeyPair)) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    json!({"kty": "EC", "use": "sig", "crv": "P-256", "kid": id, "x": BASE64.encode(x), "y": BASE64.encode(y)})
}
