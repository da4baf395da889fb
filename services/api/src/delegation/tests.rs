use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use cairn_fuzz::fuzz;
use cairn_proto::v1::{self, Scope as WireScope};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use super::*;

const NOW: i64 = 1_800_000_000;

fn ring() -> Keyring {
    Keyring::new(vec![SigningKey::new(1, b"a secret of the server")])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn issued(grant: TokenCaveat) -> Token {
    let root = TokenRoot {
        grant: Some(grant),
        ..TokenRoot::default()
    };
    Token::issue(&ring().0[0], &root).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("a"), Just("ab"), Just("b")].prop_map(str::to_owned)
}

fn narrowing() -> impl Strategy<Value = v1::Narrowing> {
    let sessions = prop_oneof![
        Just((vec![], String::new())),
        vec("a|ab|b", 1..3).prop_map(|named| (named, String::new())),
        text().prop_map(|prefix| (vec![], prefix)),
    ];
    (sessions, text(), text(), text(), text()).prop_map(
        |((session_ids, session_prefix), namespace, user_id, agent_id, filename_prefix)| {
            v1::Narrowing {
                session_ids,
                session_prefix,
                namespace,
                user_id,
                agent_id,
                filename_prefix,
            }
        },
    )
}

/// A caveat, of which most narrow one thing and some many.
fn caveat() -> impl Strategy<Value = TokenCaveat> {
    let scopes = vec(1..=7_i32, 0..4);
    let end = prop_oneof![Just(0), NOW - 2..NOW + 9];
    let reach = proptest::option::of(narrowing());
    (scopes, reach, end).prop_map(|(scopes, narrowing, not_after)| TokenCaveat {
        scopes,
        narrowing,
        not_after,
    })
}

proptest! {
    /// Whatever caveat a holder adds, the token allows no verb, no artifact and no moment that it did not allow before, and
    /// nothing that the caveat alone does not allow.
    #[test]
    fn no_added_caveat_widens_what_a_token_allows(
        mut grant in caveat(),
        caveats in vec(caveat(), 1..6),
    ) {
        grant.not_after = NOW + 5;
        let mut token = issued(grant);
        let mut before = ring().check(&token.to_string(), at(NOW)).unwrap().grant;
        for caveat in caveats {
            token = token.narrow(&caveat).unwrap();
            let Ok(after) = ring().check(&token.to_string(), at(NOW)) else {
                // Once a token is refused, no further caveat makes it accepted.
                prop_assert!(ring().check(&token.narrow(&TokenCaveat::default()).unwrap().to_string(), at(NOW)).is_err());
                return Ok(());
            };
            let after = after.grant;
            prop_assert!(before.covers(&after), "{before:?} {caveat:?} {after:?}");
            if !after.scopes().is_empty() {
                prop_assert!(left_by(&caveat).unwrap().covers(&after), "{caveat:?} {after:?}");
            }
            before = after;
        }
    }
}

#[test]
fn the_vectors_are_accepted_and_refused_as_they_say() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/tokens.json")).unwrap();
    let keys = vectors["keys"].as_array().unwrap().iter().map(|key| {
        let id = u8::try_from(key["id"].as_u64().unwrap()).unwrap();
        SigningKey::new(id, key["secret"].as_str().unwrap().as_bytes())
    });
    let ring = Keyring::new(keys.collect());
    let check = |vector: &Value| {
        let now = at(vectors["now"].as_i64().unwrap());
        ring.check(vector["token"].as_str().unwrap(), now)
    };
    for vector in vectors["tokens"].as_array().unwrap() {
        assert!(check(vector).is_ok(), "{}", vector["name"]);
    }
    for vector in vectors["refused"].as_array().unwrap() {
        let refused = matches!(check(vector), Err(Error::TokenRefused(_)));
        assert!(refused, "{}", vector["name"]);
    }
}

#[test]
fn a_token_never_has_the_scope_to_administrate() {
    let all = TokenCaveat {
        scopes: (1..=8).collect(),
        narrowing: None,
        not_after: NOW,
    };
    assert!(all.scopes.contains(&WireScope::Operator.into()));
    let grant = ring()
        .check(&issued(all).to_string(), at(NOW))
        .unwrap()
        .grant;
    assert!(grant.scopes().has(Scope::Hold) && grant.scopes().iter().count() == 6);
}

#[test]
fn a_token_ends_at_the_earliest_of_its_ends() {
    let end = |not_after| TokenCaveat {
        not_after,
        ..TokenCaveat::default()
    };
    let token = issued(end(NOW + 9)).narrow(&end(NOW + 5)).unwrap();
    let token = token.narrow(&end(NOW + 7)).unwrap().to_string();
    assert!(ring().check(&token, at(NOW + 5)).is_ok());
    assert!(ring().check(&token, at(NOW + 6)).is_err());
    assert!(
        Keyring::default().check(&token, at(NOW)).is_err(),
        "no keys"
    );
}

/// The token with any bytes as one more caveat, as a holder can make it.
fn with_part(token: &Token, part: &[u8]) -> String {
    let text = token.to_string();
    let mut bytes = BASE64.decode(&text[3..]).unwrap();
    let tag = bytes.split_off(bytes.len() - 32);
    bytes.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(part);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &tag);
    bytes.extend(ring::hmac::sign(&key, part).as_ref());
    format!("ct_{}", BASE64.encode(bytes))
}

#[test]
fn fuzzed_caveats_are_refused_or_take_away() {
    let all = TokenCaveat {
        scopes: (1..=6).collect(),
        narrowing: None,
        not_after: NOW + 5,
    };
    let token = issued(all);
    let before = ring().check(&token.to_string(), at(NOW)).unwrap().grant;
    fuzz("caveats", |bytes| {
        // As a token, and as a caveat that is signed rightly.
        let sent = ring().check(&String::from_utf8_lossy(bytes), at(NOW));
        assert!(sent.is_err(), "nothing but the server's key signs a token");
        let after = ring().check(&with_part(&token, bytes), at(NOW));
        let after = after.map(|checked| checked.grant);
        if let Ok(after) = &after {
            assert!(before.covers(after), "{after:?}");
        }
        after.map_err(|e| e.to_string())
    });
}
