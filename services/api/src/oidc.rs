//! Tokens of OpenID issuers in place of API keys, as Kubernetes gives them to Pods: JSON Web Tokens (RFC 7519), whose
//! signature is checked against the issuer's keys (RFC 7517).

mod fetch;
mod keys;
mod signatures;

use std::io;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use cairn_store::{Error, Result};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;

use self::keys::Keys;
use crate::config::TokenSettings;

/// Those of Kubernetes have some 1 to 2 KiB, and all headers of a call may have 16.
const MAX_BYTES: usize = 8 << 10;

/// The allowed clock skew of the issuer, in seconds.
const LEEWAY: u64 = 30;

/// The longest validity of a token, in seconds: ten years.
const LONGEST_LIFE: i64 = 3653 * 24 * 60 * 60;

/// The accepted signature algorithms. No symmetric one: anyone who can check such a token can create it.
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::ES384,
];

/// Checks the tokens of the trusted issuers.
pub(crate) struct Issuers(Vec<TokenVerifier>);

impl Issuers {
    /// Prepares; the first token of each issuer fetches its keys.
    ///
    /// # Errors
    /// If root certificates cannot be read.
    pub(crate) fn new(settings: &[TokenSettings]) -> io::Result<Self> {
        let each = settings.iter().map(TokenVerifier::new);
        Ok(Self(each.collect::<io::Result<_>>()?))
    }

    /// The issuer and the subject of a valid token, and when it expires.
    ///
    /// # Errors
    /// `TokenRefused`; `Unavailable` if the issuer's keys cannot be fetched.
    pub(crate) async fn subject(&self, token: &str) -> Result<(&str, String, Timestamp)> {
        let verifier = match &*self.0 {
            [] => {
                let why = "this server accepts only API keys, because no token issuer is configured (CAIRN_TOKEN_ISSUER)";
                return Err(refused(why));
            }
            [one] => one,
            several => {
                let issuer = claimed_issuer(token)?;
                let named = several.iter().find(|one| one.issuer == issuer);
                named.ok_or_else(|| {
                    refused("its `iss` is none of the issuers that this server trusts")
                })?
            }
        };
        let (subject, end) = verifier.subject(token).await?;
        Ok((&verifier.issuer, subject, end))
    }
}

/// The issuer that a token claims. The signature is checked afterwards, with that issuer's keys.
///
/// # Errors
/// `TokenRefused`.
fn claimed_issuer(token: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    if token.len() > MAX_BYTES {
        return Err(refused("it is longer than 8 KiB"));
    }
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = BASE64
        .decode(claims)
        .map_err(|_| refused("it is malformed"))?;
    let claimed: Claimed =
        serde_json::from_slice(&claims).map_err(|_| refused("it is malformed, or has no `iss`"))?;
    Ok(claimed.iss)
}

/// Checks the tokens of one issuer.
struct TokenVerifier {
    issuer: String,
    audience: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Claims {
    // The validation checks that it is present.
    #[serde(default)]
    sub: String,
    #[serde(default)]
    exp: serde_json::Value,
}

impl TokenVerifier {
    /// Prepares; the first token fetches the issuer's keys.
    ///
    /// # Errors
    /// If the root certificates cannot be read.
    fn new(settings: &TokenSettings) -> io::Result<Self> {
        signatures::install();
        Ok(Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            keys: Keys::new(settings)?,
        })
    }

    /// The subject of a token that the issuer signed for this audience, and that is valid now, and when it expires.
    ///
    /// # Errors
    /// `TokenRefused`; `Unavailable` if the issuer's keys cannot be fetched.
    async fn subject(&self, token: &str) -> Result<(String, Timestamp)> {
        let (id, algorithm) = header(token)?;
        let Some(key) = self.keys.key(&id, algorithm).await? else {
            return Err(refused("its issuer has no such key for its `alg`"));
        };
        let mut wanted = Validation::new(algorithm);
        wanted.set_issuer(&[&self.issuer]);
        wanted.set_audience(&[&self.audience]);
        wanted.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        wanted.validate_nbf = true;
        wanted.leeway = LEEWAY;
        match decode::<Claims>(token, &key, &wanted) {
            Ok(token) => checked(token.claims),
            Err(e) => Err(refused(self.reason(e.kind()))),
        }
    }

    fn reason(&self, kind: &ErrorKind) -> String {
        match kind {
            ErrorKind::ExpiredSignature => "it has expired; get a fresh one".to_owned(),
            ErrorKind::ImmatureSignature => "it is not valid yet".to_owned(),
            ErrorKind::InvalidIssuer => format!("it is not of issuer '{}'", self.issuer),
            ErrorKind::InvalidAudience => format!("it is not for audience '{}'", self.audience),
            ErrorKind::MissingRequiredClaim(claim) => format!("it has no `{claim}`"),
            ErrorKind::InvalidClaimFormat(claim) => format!("its `{claim}` is malformed"),
            ErrorKind::InvalidAlgorithm => "its `alg` is not that of its key".to_owned(),
            ErrorKind::InvalidSignature => "its signature is wrong".to_owned(),
            _ => "it is malformed".to_owned(),
        }
    }
}

/// The key and the algorithm that a token names, if it is worth a look at its signature.
///
/// # Errors
/// `TokenRefused`.
fn header(token: &str) -> Result<(String, Algorithm)> {
    if token.len() > MAX_BYTES {
        return Err(refused("it is longer than 8 KiB"));
    }
    let header = decode_header(token).map_err(|_| refused("it is malformed"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(refused(format!("it is signed by {:?}", header.alg)));
    }
    let Some(id) = header.kid else {
        return Err(refused("its header names no key (`kid`)"));
    };
    if let Some(name) = header.crit.unwrap_or_default().first() {
        let name: String = name.chars().take(64).collect();
        return Err(refused(format!("its header demands '{name}' (`crit`)")));
    }
    Ok((id, header.alg))
}

/// A subject that no workload can have proves nothing: subjects are visible ASCII, and `:*` at their end means a group.
fn checked(Claims { sub, exp }: Claims) -> Result<(String, Timestamp)> {
    let visible = sub.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(1..=512).contains(&sub.len()) || sub.ends_with(":*") {
        let rule = "its `sub` is not 1 to 512 visible ASCII characters, or ends in \":*\"";
        return Err(refused(rule));
    }
    let latest = (Timestamp::now().as_second() + LONGEST_LIFE) as f64;
    let exp = exp.as_f64().filter(|exp| *exp <= latest);
    let end = exp.and_then(|exp| Timestamp::from_second(exp as i64).ok());
    match end {
        Some(end) => Ok((sub, end)),
        None => Err(refused("its `exp` is more than ten years ahead")),
    }
}

fn refused(why: impl Into<String>) -> Error {
    Error::TokenRefused(why.into())
}

#[cfg(test)]
mod fuzzed {
    use base64::Engine;
    use cairn_fuzz::fuzz;

    use super::{BASE64, Claims, checked, header};

    #[test]
    fn a_token_is_refused_or_names_a_key_and_a_subject() {
        fuzz("tokens", |bytes| {
            // As it came; and its parts as if they had been encoded, which mutations would rarely keep.
            let sent = header(&String::from_utf8_lossy(bytes)).map_err(|e| e.to_string());
            let (head, claims) = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => (&bytes[..at], &bytes[at + 1..]),
                None => (bytes, &[][..]),
            };
            let encoded = format!("{}.{}.AA", BASE64.encode(head), BASE64.encode(claims));
            let encoded = header(&encoded).map_err(|e| e.to_string());
            let claims: Result<Claims, _> = serde_json::from_slice(claims);
            let subject = claims
                .ok()
                .map(|claims| checked(claims).map_err(|e| e.to_string()));
            if let Some(Ok((subject, _))) = &subject {
                assert!(subject.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            (sent, encoded, subject)
        });
    }
}
