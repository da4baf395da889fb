//! The settings of this service, from the environment. Only this file of the crate reads it.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::http::{HeaderValue, Uri};
use cairn_process::{TlsSettings, serve::Bounds};
use cairn_proto::token::SigningKey;
use cairn_store::{
    Error, Result,
    config::{env, env_duration},
};

/// The addresses of the listeners.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// `CAIRN_GRPC_ADDR`: gRPC; default 127.0.0.1:7070.
    pub grpc: SocketAddr,
    /// `CAIRN_HTTP_ADDR`: links and the JSON API; default 127.0.0.1:7071.
    pub http: SocketAddr,
    /// `CAIRN_OPS_ADDR`: probes and metrics; default 127.0.0.1:7072.
    pub ops: SocketAddr,
    /// `CAIRN_ADMIN_ADDR`: OperatorService, which then is served there alone; default: at the gRPC address.
    pub admin: Option<SocketAddr>,
}

impl Addresses {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the invalid variable.
    pub fn from_env() -> Result<Self> {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Self {
            grpc: env("CAIRN_GRPC_ADDR")?.unwrap_or_else(|| local(7070)),
            http: env("CAIRN_HTTP_ADDR")?.unwrap_or_else(|| local(7071)),
            ops: env("CAIRN_OPS_ADDR")?.unwrap_or_else(|| local(7072)),
            admin: env("CAIRN_ADMIN_ADDR")?,
        })
    }
}

/// An error of the settings that every process has, as one of these.
fn setting(e: cairn_process::Error) -> Error {
    match e {
        cairn_process::Error::Setting { variable, rule } => Error::invalid(variable, rule),
        other @ cairn_process::Error::Setup(..) => Error::Internal(other.into()),
    }
}

/// The settings of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `CAIRN_PUBLIC_URL`: the beginning of every link, as the outside world reaches the HTTP listener; default
    /// `http://`, or with TLS `https://`, and its address.
    pub public_url: Option<String>,
    /// `CAIRN_DRAIN_TIMEOUT`: how long running calls may continue after SIGTERM; default 30s.
    pub drain: Duration,
    /// The issuers whose tokens are accepted besides API keys; none: no tokens are.
    pub tokens: Vec<TokenSettings>,
    /// `CAIRN_DELEGATION_KEYS`: what signs delegated tokens; empty: none is made or accepted.
    pub delegation: Vec<SigningKey>,
    /// TLS on the ports, from `CAIRN_TLS_*`; `None`: every port is plain.
    pub tls: Option<TlsSettings>,
    /// The limits of the gRPC port, and of the HTTP port as well. `CAIRN_MAX_CONNECTIONS`: connections to each, default
    /// 1024; `CAIRN_MAX_CONNECTIONS_PER_ADDRESS`: from one address, default 512; `CAIRN_MAX_CONNECTION_AGE`: the age at
    /// which a client is asked to reconnect, default 30m.
    pub bounds: Bounds,
    /// `CAIRN_MAX_CALLS`: maximum running calls, default 2048. One tenant alone may have half of them, one of two a
    /// third, and so on.
    pub max_calls: usize,
    /// `CAIRN_MAX_LISTS`: maximum running lists, lineages and bulk calls, default 16; shared in the same way.
    pub max_lists: usize,
    /// `CAIRN_RECEIVE_BYTES`: the bytes of requests in memory, default 256 MiB; shared in the same way. A running
    /// upload takes 1 MiB of them, another call the length of its message if that is over 64 KiB.
    pub receive_bytes: usize,
    /// `CAIRN_REFLECTION`: whether reflection answers without a credential, default true.
    pub reflection: bool,
    /// `CAIRN_CORS_ORIGINS`: pages of which origins may call the JSON API from a browser, separated by commas; `*` for
    /// all, default none.
    pub cors_origins: Vec<HeaderValue>,
    /// `CAIRN_CONTENT_URL`: the origin from which browsers get the content of links, such as
    /// `https://content.example.com`; `None`: that of the pages.
    pub content_url: Option<HeaderValue>,
    /// How long a request may take to arrive, unless it is a stream.
    pub request_time: Duration,
    /// After how long a watcher's credential is checked again.
    pub trust: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            drain: Duration::from_secs(30),
            tokens: Vec::new(),
            delegation: Vec::new(),
            tls: None,
            bounds: Bounds::default(),
            max_calls: 2048,
            max_lists: 16,
            receive_bytes: 256 << 20,
            reflection: true,
            cors_origins: vec![],
            content_url: None,
            request_time: Duration::from_secs(60),
            trust: Duration::from_secs(15),
        }
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the invalid variable.
    pub fn from_env() -> Result<Self> {
        let defaults = Self::default();
        let bounds = defaults.bounds;
        let age = env_duration("CAIRN_MAX_CONNECTION_AGE")?.unwrap_or(bounds.age);
        if age < Duration::from_secs(60) {
            let rule =
                "must be at least 1m: every connection that goes costs its callers a new one";
            return Err(Error::invalid("CAIRN_MAX_CONNECTION_AGE", rule));
        }
        Ok(Self {
            public_url: env("CAIRN_PUBLIC_URL")?,
            drain: env_duration("CAIRN_DRAIN_TIMEOUT")?.unwrap_or(defaults.drain),
            tokens: TokenSettings::all_from_env()?,
            delegation: match env::<String>(DELEGATION_KEYS)? {
                Some(keys) => delegation_keys(&keys)?,
                None => defaults.delegation,
            },
            tls: TlsSettings::from_env().map_err(setting)?,
            bounds: Bounds {
                connections: at_least(1, "CAIRN_MAX_CONNECTIONS", bounds.connections)?,
                per_address: at_least(1, "CAIRN_MAX_CONNECTIONS_PER_ADDRESS", bounds.per_address)?,
                age,
                ..bounds
            },
            max_calls: at_least(2, "CAIRN_MAX_CALLS", defaults.max_calls)?,
            max_lists: at_least(2, "CAIRN_MAX_LISTS", defaults.max_lists)?,
            receive_bytes: at_least(16 << 20, "CAIRN_RECEIVE_BYTES", defaults.receive_bytes)?,
            reflection: env("CAIRN_REFLECTION")?.unwrap_or(defaults.reflection),
            cors_origins: origins(env("CAIRN_CORS_ORIGINS")?.unwrap_or_default())?,
            content_url: content_url()?,
            ..defaults
        })
    }
}

fn origins(text: String) -> Result<Vec<HeaderValue>> {
    let all = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let rule = "must be origins such as https://app.example.com, separated by commas, or *";
    all.map(|text| match text {
        "*" => Ok(HeaderValue::from_static("*")),
        _ => origin(text).ok_or_else(|| Error::invalid("CAIRN_CORS_ORIGINS", rule)),
    })
    .collect()
}

fn content_url() -> Result<Option<HeaderValue>> {
    const VARIABLE: &str = "CAIRN_CONTENT_URL";
    let Some(text) = env::<String>(VARIABLE)? else {
        return Ok(None);
    };
    let rule = "must be an origin such as https://content.example.com, without a path";
    let origin = origin(text.trim_end_matches('/'));
    origin
        .map(Some)
        .ok_or_else(|| Error::invalid(VARIABLE, rule))
}

/// An origin as browsers send it: a scheme, a host and perhaps a port.
fn origin(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let is_origin = uri.scheme().is_some() && uri.path() == "/" && !text.ends_with('/');
    is_origin.then(|| HeaderValue::from_str(text).ok())?
}

fn at_least(least: usize, variable: &str, default: usize) -> Result<usize> {
    match env(variable)? {
        Some(value) if value < least => Err(Error::invalid(
            variable,
            format!("must be at least {least}"),
        )),
        value => Ok(value.unwrap_or(default)),
    }
}

const DELEGATION_KEYS: &str = "CAIRN_DELEGATION_KEYS";

/// One key, or two during a rotation: the first signs, and both verify.
fn delegation_keys(text: &str) -> Result<Vec<SigningKey>> {
    let key = |pair: &str| {
        let (id, secret) = pair.trim().split_once(':')?;
        let long = secret.len() >= 32;
        Some(SigningKey::new(id.parse().ok()?, secret.as_bytes())).filter(|_| long)
    };
    let keys: Option<Vec<_>> = text.split(',').map(key).collect();
    let keys = keys.filter(|keys| match &keys[..] {
        [_] => true,
        [first, second] => first.id() != second.id(),
        _ => false,
    });
    keys.ok_or_else(|| {
        let rule = "must be ID:SECRET, or two of them separated by a comma: each id another number from 0 to 255, \
                    each secret at least 32 characters";
        Error::invalid(DELEGATION_KEYS, rule)
    })
}

/// An issuer whose tokens are accepted besides API keys: that of `CAIRN_TOKEN_ISSUER`, or one of the list
/// `CAIRN_TOKEN_ISSUERS`, which is JSON with these fields, named as here.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// `CAIRN_TOKEN_ISSUER`: the `iss` of accepted tokens, which for Kubernetes is the API server's
    /// `--service-account-issuer`; default: no tokens are accepted.
    pub issuer: String,
    /// `CAIRN_TOKEN_AUDIENCE`: the audience that a token's `aud` must contain; default cairn.
    pub audience: String,
    /// `CAIRN_TOKEN_KEYS_URL`: the issuer's keys, as a JWK Set; default: from the issuer's OpenID discovery.
    pub keys_url: Option<Uri>,
    /// A file with the issuer's keys, as a JWK Set, read each time; default: they are fetched. Only in the list.
    pub keys_file: Option<PathBuf>,
    /// `CAIRN_TOKEN_CA_FILE`: PEM file with CA certificates for the issuer and its keys; default: the trusted roots.
    pub ca_file: Option<PathBuf>,
    /// `CAIRN_TOKEN_BEARER_FILE`: a token that is sent to the issuer and its keys' URL, read each time; default: none.
    pub bearer_file: Option<PathBuf>,
    /// The minimum pause between two requests for the issuer's keys.
    pub keys_pause: Duration,
}

impl TokenSettings {
    /// Accepts the tokens of this issuer, with the defaults for everything else.
    #[must_use]
    pub fn new(issuer: String) -> Self {
        Self {
            issuer,
            audience: "cairn".to_owned(),
            keys_url: None,
            keys_file: None,
            ca_file: None,
            bearer_file: None,
            keys_pause: Duration::from_secs(10),
        }
    }

    fn all_from_env() -> Result<Vec<Self>> {
        let mut all = Vec::from_iter(Self::from_env()?);
        if let Some(list) = env::<String>(ISSUERS)? {
            all.extend(Self::listed(&list).map_err(|rule| Error::invalid(ISSUERS, rule))?);
        }
        if all.len() > MOST_ISSUERS {
            let rule =
                format!("must be at most {MOST_ISSUERS} issuers, with that of CAIRN_TOKEN_ISSUER");
            return Err(Error::invalid(ISSUERS, rule));
        }
        for (i, one) in all.iter().enumerate() {
            if all[..i].iter().any(|other| other.issuer == one.issuer) {
                let rule = format!(
                    "has the issuer '{}' twice, or CAIRN_TOKEN_ISSUER has it",
                    one.issuer
                );
                return Err(Error::invalid(ISSUERS, rule));
            }
        }
        Ok(all)
    }

    /// The issuers of a list in JSON.
    fn listed(list: &str) -> std::result::Result<Vec<Self>, String> {
        let listed: Vec<Listed> =
            serde_json::from_str(list).map_err(|e| format!("is not a list of issuers: {e}"))?;
        let settings = |(i, one): (usize, Listed)| {
            let url = |text: String| text.parse().map_err(|e| format!("[{i}].keys_url: {e}"));
            let keys_url: Option<Uri> = one.keys_url.map(url).transpose()?;
            let has_source = match (&keys_url, &one.keys_file) {
                (Some(_), Some(_)) => {
                    return Err(format!("[{i}] has keys_url and keys_file; give one"));
                }
                (Some(url), None) => is_safe(url),
                (None, Some(_)) => true,
                (None, None) => one.issuer.parse().is_ok_and(|url| is_safe(&url)),
            };
            if !has_source {
                return Err(format!(
                    "[{i}] {SAFE}, or keys_url or keys_file must say where its keys are"
                ));
            }
            let defaults = Self::new(one.issuer);
            Ok(Self {
                audience: one.audience.unwrap_or(defaults.audience),
                keys_url,
                keys_file: one.keys_file,
                ca_file: one.ca_file,
                bearer_file: one.bearer_file,
                ..defaults
            })
        };
        listed.into_iter().enumerate().map(settings).collect()
    }

    fn from_env() -> Result<Option<Self>> {
        const ISSUER: &str = "CAIRN_TOKEN_ISSUER";
        const KEYS_URL: &str = "CAIRN_TOKEN_KEYS_URL";
        let (audience, keys_url) = (env("CAIRN_TOKEN_AUDIENCE")?, env::<Uri>(KEYS_URL)?);
        let ca_file = env::<PathBuf>("CAIRN_TOKEN_CA_FILE")?;
        let bearer_file = env::<PathBuf>("CAIRN_TOKEN_BEARER_FILE")?;
        let Some(issuer) = env::<String>(ISSUER)? else {
            if audience.is_some()
                || keys_url.is_some()
                || ca_file.is_some()
                || bearer_file.is_some()
            {
                return Err(Error::invalid(
                    ISSUER,
                    "is required with any CAIRN_TOKEN_ variable",
                ));
            }
            return Ok(None);
        };
        match &keys_url {
            Some(url) if !is_safe(url) => return Err(Error::invalid(KEYS_URL, SAFE)),
            None if !issuer.parse().is_ok_and(|url| is_safe(&url)) => {
                let rule = format!("{SAFE}, or {KEYS_URL} must say where its keys are");
                return Err(Error::invalid(ISSUER, rule));
            }
            _ => {}
        }
        let defaults = Self::new(issuer);
        Ok(Some(Self {
            audience: audience.unwrap_or(defaults.audience),
            keys_url,
            ca_file,
            bearer_file,
            ..defaults
        }))
    }
}

/// The variable with the list of issuers, and how many there can be in all.
const ISSUERS: &str = "CAIRN_TOKEN_ISSUERS";
const MOST_ISSUERS: usize = 16;
const SAFE: &str = "must be a URL with https: anyone who can change the answer can make tokens";

/// An issuer of the list.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    issuer: String,
    audience: Option<String>,
    keys_url: Option<String>,
    keys_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    bearer_file: Option<PathBuf>,
}

/// Whether no attacker on the network can change what is read from there.
pub(crate) fn is_safe(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => address.is_ok_and(|address: IpAddr| address.is_loopback()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenSettings, delegation_keys, is_safe};

    #[test]
    fn delegation_keys_are_one_or_two_long_secrets_with_ids() {
        let secret = "0123456789abcdef0123456789abcdef";
        let read = |text: &str| {
            let keys = delegation_keys(&text.replace('S', secret)).ok()?;
            Some(keys.iter().map(|key| key.id()).collect::<Vec<_>>())
        };
        assert_eq!(read("1:S"), Some(vec![1]));
        assert_eq!(read("255:S, 0:S"), Some(vec![255, 0]));
        for wrong in [
            "",
            "S",
            "1:S,1:S",
            "1:S,2:S,3:S",
            "256:S",
            "1:short",
            "1:S,",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_listed_issuer_says_where_its_keys_are() {
        let read = |text: &str| TokenSettings::listed(text).map_err(drop);
        let two = r#"[{"issuer": "https://a.example"},
            {"issuer": "b", "audience": "us", "keys_file": "/keys.json"}]"#;
        let two = read(two).unwrap();
        let audiences = two.iter().map(|one| &*one.audience);
        assert!(audiences.eq(["cairn", "us"]));
        for wrong in [
            r#"{"issuer": "https://a.example"}"#,
            r#"[{"issuer": "http://a.example"}]"#,
            r#"[{"issuer": "b"}]"#,
            r#"[{"issuer": "b", "keys_url": "http://a.example/keys"}]"#,
            r#"[{"issuer": "b", "keys_url": "https://a.example/keys", "keys_file": "/keys.json"}]"#,
            r#"[{"issuer": "https://a.example", "audiences": ["a"]}]"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for (url, safe) in [
            ("https://kubernetes.default.svc/openid/v1/jwks", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://[::1]:8080/keys", true),
            ("http://kubernetes.default.svc/keys", false),
            ("http://127.0.0.1.example.com/", false),
            ("https:///keys", false),
            ("/keys", false),
        ] {
            assert_eq!(url.parse().is_ok_and(|url| is_safe(&url)), safe, "{url}");
        }
    }
}
