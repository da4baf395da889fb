use serde_json::Value;

use super::*;
use crate::v1::{Narrowing, Scope};

/// The vectors, which other programs use as well.
fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/tokens.json")).unwrap()
}

fn keys(vectors: &Value) -> Vec<SigningKey> {
    let key = |key: &Value| {
        let id = u8::try_from(key["id"].as_u64().unwrap()).unwrap();
        SigningKey::new(id, text(&key["secret"]).as_bytes())
    };
    list(&vectors["keys"]).iter().map(key).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn caveat(of: &Value) -> TokenCaveat {
    let scope = |name: &Value| {
        let name = format!("SCOPE_{}", text(name).to_ascii_uppercase());
        Scope::from_str_name(&name).unwrap().into()
    };
    let word = |of: &Value, field: &str| text(&of[field]).to_owned();
    let narrowing = |of: &Value| Narrowing {
        session_ids: (list(&of["session_ids"]).iter())
            .map(|session| text(session).to_owned())
            .collect(),
        session_prefix: word(of, "session_prefix"),
        namespace: word(of, "namespace"),
        user_id: word(of, "user_id"),
        agent_id: word(of, "agent_id"),
        filename_prefix: word(of, "filename_prefix"),
    };
    TokenCaveat {
        scopes: list(&of["scopes"]).iter().map(scope).collect(),
        narrowing: of.get("narrowing").map(narrowing),
        not_after: of["not_after"].as_i64().unwrap_or_default(),
    }
}

#[test]
fn tokens_are_made_and_read_as_the_vectors_have_them() {
    let vectors = vectors();
    let keys = keys(&vectors);
    for vector in list(&vectors["tokens"]) {
        let name = text(&vector["name"]);
        let root = &vector["root"];
        let root = TokenRoot {
            credential_id: bytes(&root["credential_id"]).into(),
            workload: text(&root["workload"]).to_owned(),
            issued_at: root["issued_at"].as_i64().unwrap(),
            grant: Some(caveat(&root["grant"])),
            token_id: bytes(&root["token_id"]).into(),
        };
        let caveats: Vec<_> = list(&vector["caveats"]).iter().map(caveat).collect();
        let key = keys.iter().find(|key| vector["key_id"] == key.id());
        let mut made = Token::issue(key.unwrap(), &root).unwrap();
        for caveat in &caveats {
            made = made.narrow(caveat).unwrap();
        }
        assert_eq!(made.to_string(), text(&vector["token"]), "{name}");

        let read = Token::read(text(&vector["token"])).unwrap();
        assert_eq!((&read, read.verify(&keys)), (&made, Ok(())), "{name}");
        assert_eq!(read.root(), Ok(root), "{name}");
        assert_eq!(read.caveats(), Ok(caveats), "{name}");
    }
}

#[test]
fn tokens_are_refused_as_the_vectors_have_them() {
    let vectors = vectors();
    let keys = keys(&vectors);
    for vector in list(&vectors["refused"]) {
        let expected = match text(&vector["because"]) {
            "malformed" => Err(TokenError::Malformed),
            "unknown" => Err(TokenError::Unknown),
            "too_long" => Err(TokenError::TooLong),
            "forged" => Err(TokenError::Forged),
            _ => Ok(()),
        };
        let read = Token::read(text(&vector["token"]));
        let verified = read.and_then(|token| token.verify(&keys));
        assert_eq!(verified, expected, "{}", vector["name"]);
    }
}

#[test]
fn a_token_has_at_most_16_caveats_and_2048_characters() {
    let key = SigningKey::new(1, b"secret");
    let mut token = Token::issue(&key, &TokenRoot::default()).unwrap();
    let long = TokenCaveat {
        narrowing: Some(Narrowing {
            filename_prefix: "x".repeat(1024),
            ..Narrowing::default()
        }),
        ..TokenCaveat::default()
    };
    let longer = token.clone().narrow(&long).unwrap();
    assert_eq!(longer.narrow(&long), Err(TokenError::TooLong));
    for _ in 0..MAX_CAVEATS {
        token = token.narrow(&TokenCaveat::default()).unwrap();
    }
    assert_eq!(
        token.narrow(&TokenCaveat::default()),
        Err(TokenError::TooLong)
    );
}

#[test]
fn a_token_with_any_character_changed_is_refused() {
    let key = SigningKey::new(1, b"secret");
    let token = Token::issue(&key, &TokenRoot::default()).unwrap();
    let text = token.narrow(&TokenCaveat::default()).unwrap().to_string();
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let read = Token::read(&changed).and_then(|it| it.verify(std::slice::from_ref(&key)));
        assert!(read.is_err(), "{place}");
    }
}
