//! Narrowings: what a caller does not reach is the same to it as what is not there, in every method.

use cairn_store::{Narrowing, RawNarrowing, Scope};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use harness::{Bytes, Cairn, Setup};

use super::{
    call, key_of,
    requests::{Owner, Things},
    rules::rules,
    token_of,
};

/// What was answered, with nothing of it that names the thing that was asked about.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done(Vec<u8>),
    Refused(Code, String, Vec<(String, String)>),
}

impl Outcome {
    fn of(answer: Result<Vec<u8>, Status>, things: &Things<'_>) -> Self {
        let hidden = |text: String| {
            let mut text = text.replace(things.owner.label(), "****");
            for id in &things.ids {
                text = text.replace(id, &"*".repeat(id.len()));
            }
            // The number of a session.
            let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
            text.chars().map(digits).collect::<String>()
        };
        match answer {
            Ok(body) => {
                let text = body.iter().map(|byte| char::from(*byte)).collect();
                Self::Done(hidden(text).into_bytes())
            }
            Err(status) => {
                let details = status.get_error_details();
                let info = details.error_info().unwrap();
                let mut metadata: Vec<_> = info
                    .metadata
                    .iter()
                    .map(|(key, value)| (key.clone(), hidden(value.clone())))
                    .collect();
                metadata.push(("reason".to_owned(), info.reason.clone()));
                metadata.sort();
                Self::Refused(status.code(), hidden(status.message().to_owned()), metadata)
            }
        }
    }
}

/// What is narrowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Key,
    Token,
}

/// Calls every method with a key of this narrowing, about what is its own and about what is not.
async fn hold(narrow: impl Fn(RawNarrowing, &Things<'_>) -> RawNarrowing, of_sessions: bool) {
    hold_with(Kind::Key, narrow, of_sessions).await;
}

async fn hold_with(
    kind: Kind,
    narrow: impl Fn(RawNarrowing, &Things<'_>) -> RawNarrowing,
    of_sessions: bool,
) {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let clients = [cairn.client.clone(), cairn.client_of("globex").await];
    for (method, rule) in rules() {
        let mut own = Things::of(&cairn, Owner::Own, &clients, Narrowing::none());
        let raw = narrow(RawNarrowing::default(), &own);
        let narrowing = Narrowing::new(raw.clone()).unwrap();
        own = own.under(narrowing.clone());
        let key = match kind {
            Kind::Key => key_of(&cairn, "acme", &Scope::EVERY, raw).await,
            Kind::Token => token_of(&cairn, &Scope::EVERY, &raw).await,
        };

        let mut outcomes = Vec::new();
        for owner in [Owner::Missing, Owner::Other, Owner::Foreign] {
            let things = Things::of(&cairn, owner, &clients, narrowing.clone());
            let mut things = things.copied_to(own.spec());
            let request = things.request(&method).await;
            let made = census(&cairn).await;
            let answer = call(&cairn, &method, &key, request).await;
            assert_eq!(
                census(&cairn).await,
                made,
                "{method} of {owner:?} did something"
            );
            tells_nothing(&method, &things, answer.as_deref());
            outcomes.push((owner, Outcome::of(answer, &things)));
        }
        let (_, missing) = &outcomes[0];
        for (owner, outcome) in &outcomes[1..] {
            assert_eq!(outcome, missing, "{method} of {owner:?}");
        }

        let request = own.request(&method).await;
        let answer = call(&cairn, &method, &key, request).await;
        tells_nothing(&method, &own, answer.as_deref());
        let denied = matches!(&*rule.about, "keys" | "the deployment" | "the tenant")
            || rule.about == "sessions" && !of_sessions;
        match answer {
            Ok(_) => assert!(!denied, "{method} is allowed"),
            Err(status) => {
                assert!(denied, "{method} of its own: {status:?}");
                assert_eq!(status.code(), Code::PermissionDenied, "{method}");
            }
        }
    }
}

/// All that outsiders could change.
async fn census(cairn: &Cairn) -> String {
    let count = "SELECT coalesce(sum(hashtext(t.r)), 0)::bigint FROM (
        SELECT a::text r FROM artifacts a UNION ALL SELECT p::text FROM pending_artifacts p
        UNION ALL SELECT s::text FROM sessions s UNION ALL SELECT l::text FROM links l
        UNION ALL SELECT j::text FROM jobs j
        UNION ALL SELECT (u.id, u.fence, u.parts_bytes, u.tail)::text FROM uploads u
        UNION ALL SELECT (o.id, o.state)::text FROM objects o
        UNION ALL SELECT (k.id, k.revoked_at, k.expires_at)::text FROM api_keys k) t";
    cairn.count(count).await.to_string()
}

/// Nothing that an answer has is of somebody else than the request was about, or of the caller.
fn tells_nothing(method: &str, things: &Things<'_>, answer: Result<&[u8], &Status>) {
    let Ok(body) = answer else { return };
    let text = String::from_utf8_lossy(body);
    for owner in [Owner::Other, Owner::Foreign] {
        let echoed = owner == things.owner;
        assert!(
            echoed || !text.contains(owner.label()),
            "{method} of {:?} names what {owner:?} has: {text}",
            things.owner
        );
    }
}

#[tokio::test]
async fn a_key_of_one_session_reaches_nothing_else() {
    let of_session = |raw, things: &Things<'_>| RawNarrowing {
        sessions: vec![things.session()],
        ..raw
    };
    hold(of_session, true).await;
}

#[tokio::test]
async fn a_token_of_one_session_reaches_nothing_else() {
    let of_session = |raw, things: &Things<'_>| RawNarrowing {
        sessions: vec![things.session()],
        ..raw
    };
    hold_with(Kind::Token, of_session, true).await;
}

#[tokio::test]
async fn a_token_of_an_agent_and_its_files_reaches_nothing_else() {
    let of_agent = |raw, _: &Things<'_>| RawNarrowing {
        agent_id: "a-mine".to_owned(),
        filename_prefix: "f-mine/".to_owned(),
        ..raw
    };
    hold_with(Kind::Token, of_agent, false).await;
}

#[tokio::test]
async fn a_key_of_a_session_prefix_reaches_nothing_else() {
    let of_prefix = |raw, _: &Things<'_>| RawNarrowing {
        session_prefix: "s-mine".to_owned(),
        ..raw
    };
    hold(of_prefix, true).await;
}

#[tokio::test]
async fn a_key_of_a_namespace_reaches_nothing_else() {
    let of_namespace = |raw, _: &Things<'_>| RawNarrowing {
        namespace: "n-mine".to_owned(),
        ..raw
    };
    hold(of_namespace, false).await;
}

#[tokio::test]
async fn a_key_of_a_user_reaches_nothing_else() {
    let of_user = |raw, _: &Things<'_>| RawNarrowing {
        user_id: "u-mine".to_owned(),
        ..raw
    };
    hold(of_user, false).await;
}

#[tokio::test]
async fn a_key_of_an_agent_reaches_nothing_else() {
    let of_agent = |raw, _: &Things<'_>| RawNarrowing {
        agent_id: "a-mine".to_owned(),
        ..raw
    };
    hold(of_agent, false).await;
}

#[tokio::test]
async fn a_key_of_a_filename_prefix_reaches_nothing_else() {
    let of_names = |raw, _: &Things<'_>| RawNarrowing {
        filename_prefix: "f-mine/".to_owned(),
        ..raw
    };
    hold(of_names, false).await;
}
