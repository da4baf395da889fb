//! Artifacts over HTTP.

use cairn_proto::v1::ArtifactSpec;
use harness::{Answer, Cairn, Rest, session_spec, spec};
use reqwest::Method;
use serde_json::json;

use super::names;

#[tokio::test]
async fn an_artifact_has_the_fields_of_the_contract() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = ArtifactSpec {
        agent_id: "writer".to_owned(),
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        ..session_spec("a.txt", "run")
    };
    let made = cairn.client.create(made, "hello").await.unwrap();
    let shown = rest
        .get(&format!("/v1/artifacts/{}", made.artifact_id))
        .await
        .ok();
    assert_eq!(shown["artifact_id"], made.artifact_id);
    assert_eq!(shown["filename"], "a.txt");
    assert_eq!(shown["content_type"], "text/plain");
    assert_eq!(shown["size_bytes"], 5);
    assert_eq!(shown["content_hash"], made.content_hash);
    assert_eq!(shown["session_id"], "run");
    assert_eq!(shown["agent_id"], "writer");
    assert_eq!(shown["metadata"], json!({"k": "v"}));
    assert_eq!(
        (&shown["version"], &shown["stage"]),
        (&json!(1), &json!("draft"))
    );
    for time in ["created_at", "expires_at"] {
        assert!(shown[time].as_str().unwrap().ends_with('Z'), "{shown}");
    }
    let bare = cairn.client.create(spec("b"), "b").await.unwrap();
    let shown = rest
        .get(&format!("/v1/artifacts/{}", bare.artifact_id))
        .await
        .ok();
    assert_eq!(
        (&shown["session_id"], &shown["agent_id"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(shown["metadata"], json!({}));
}

#[tokio::test]
async fn a_list_has_what_every_filter_lets_through() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for (name, session, agent, metadata) in [
        ("a.txt", "one", "x", [("k", "1"), ("l", "1")]),
        ("b.json", "one", "y", [("k", "1"), ("l", "2")]),
        ("c.txt", "two two", "x", [("k", "2"), ("l", "2")]),
    ] {
        let made = ArtifactSpec {
            agent_id: agent.to_owned(),
            metadata: metadata
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            labels: vec![format!("of-{agent}")],
            ..session_spec(name, session)
        };
        cairn.client.create(made, "{}").await.unwrap();
    }
    let created = "2000-01-01T00:00:00Z";
    for (query, expected) in [
        ("", vec!["c.txt", "b.json", "a.txt"]),
        ("session_id=one", vec!["b.json", "a.txt"]),
        ("session_id=two+two", vec!["c.txt"]),
        ("session_id=two%20two", vec!["c.txt"]),
        ("agent_id=x", vec!["c.txt", "a.txt"]),
        ("filename=b.json", vec!["b.json"]),
        ("filename_prefix=c", vec!["c.txt"]),
        ("content_type=application/json", vec!["b.json"]),
        ("metadata.k=1", vec!["b.json", "a.txt"]),
        ("metadata.k=1&metadata.l=2", vec!["b.json"]),
        ("label=of-x", vec!["c.txt", "a.txt"]),
        ("filter=agent_id+%3D+%22y%22", vec!["b.json"]),
        (
            &format!("created_after={created}&agent_id=y"),
            vec!["b.json"],
        ),
        (&format!("created_before={created}"), vec![]),
        (
            "created_after=2000-01-01T01:00:00+01:00&agent_id=y",
            vec!["b.json"],
        ),
        ("created_before=2000-01-01", vec![]),
        ("order_by=filename", vec!["a.txt", "b.json", "c.txt"]),
    ] {
        let list = rest.get(&format!("/v1/artifacts?{query}")).await.ok();
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["has_more"], false);
        assert_eq!(list["next_cursor"], json!(null));
    }
}

#[tokio::test]
async fn pages_of_a_list_lead_from_one_to_the_next() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for number in 0..5 {
        let made = cairn.client.create(spec(&format!("{number}")), "x");
        made.await.unwrap();
    }
    let (mut path, mut seen) = ("/v1/artifacts?limit=2".to_owned(), Vec::new());
    loop {
        let list = rest.get(&path).await.ok();
        seen.extend(names(&list).into_iter().map(str::to_owned));
        if list["has_more"] == false {
            break;
        }
        let cursor = list["next_cursor"].as_str().unwrap();
        path = format!("/v1/artifacts?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
}

#[tokio::test]
async fn a_deleted_artifact_is_gone_and_says_since_when() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn.client.create(spec("a"), "a").await.unwrap();
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    let deleted = rest.delete(&path).await.ok();
    assert_eq!(deleted["artifact_id"], made.artifact_id);
    assert_eq!(deleted["deleted"], true);
    for answer in [rest.delete(&path).await, rest.get(&path).await] {
        assert_eq!(answer.refused(), (410, "artifact_already_deleted"));
        assert_eq!(answer.body["error"]["deleted_at"], deleted["deleted_at"]);
    }
    let missing = rest.get("/v1/artifacts/art_0000000000000000").await;
    assert_eq!(missing.refused(), (404, "artifact_not_found"));
    let missing = rest.get("/v1/artifacts/nonsense").await;
    assert_eq!(missing.refused(), (404, "artifact_not_found"));

    let made = cairn.client.create(spec("b"), "b").await.unwrap();
    cairn.let_time_pass().await;
    cairn
        .sql("UPDATE artifacts SET expires_at = now() WHERE filename = 'b'")
        .await;
    let expired = rest
        .get(&format!("/v1/artifacts/{}", made.artifact_id))
        .await;
    assert_eq!(expired.refused(), (410, "artifact_expired"));
    assert!(expired.body["error"]["expires_at"].is_string());
}

#[tokio::test]
async fn another_tenants_artifact_is_not_found() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "a").await.unwrap();
    let key = cairn.store.create_api_key("other").await.unwrap();
    let rest = Rest::with_key(&cairn, key.reveal());
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    for answer in [
        rest.get(&path).await,
        rest.delete(&path).await,
        rest.post(&format!("{path}/links"), json!({})).await,
        rest.send(Method::PATCH, &path, json!({"title": "mine"}))
            .await,
    ] {
        assert_eq!(answer.refused(), (404, "artifact_not_found"));
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = ArtifactSpec {
        title: "old".to_owned(),
        metadata: [("k", "1"), ("l", "1")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        ..spec("a")
    };
    let made = cairn.client.create(made, "a").await.unwrap();
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    let change = json!({"stage": "final", "metadata": {"k": null, "m": "3"}, "labels": ["p"]});
    let changed = rest.send(Method::PATCH, &path, change).await.ok();
    assert_eq!(changed["title"], "old");
    assert_eq!(changed["stage"], "final");
    assert_eq!(changed["metadata"], json!({"l": "1", "m": "3"}));
    assert_eq!(changed["labels"], json!(["p"]));
    for bad in [
        json!({"stage": "done"}),
        json!({"ttl": "soon"}),
        json!({"titel": "x"}),
        json!({}),
    ] {
        let refused = rest.send(Method::PATCH, &path, bad.clone()).await;
        assert_eq!(refused.refused(), (400, "invalid_request"), "{bad}");
    }
    let stages = rest.get(&format!("{path}/stages")).await.ok();
    assert_eq!(stages["changes"][0]["to"], "final");
}

#[tokio::test]
async fn a_record_that_is_known_is_not_sent_again() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn.client.create(spec("a"), "a").await.unwrap();
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    let first = rest.get(&path).await;
    let etag = first.header("etag").to_owned();
    assert_eq!(etag, format!("W/\"{}\"", made.etag));
    let again = rest
        .request(Method::GET, &path)
        .header("if-none-match", &etag);
    let again = Answer::to(again).await;
    assert_eq!((again.status, again.header("etag")), (304, &*etag));

    let titled = |title: &str| {
        let request = rest.request(Method::PATCH, &path).header("if-match", &etag);
        request.json(&json!({ "title": title }))
    };
    Answer::to(titled("first")).await.ok();
    let stale = Answer::to(titled("second")).await;
    assert_eq!(stale.refused(), (409, "version_conflict"));
}

#[tokio::test]
async fn a_key_makes_a_repeated_write_one() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn.client.create(spec("a"), "a").await.unwrap();
    let path = format!("/v1/artifacts/{}/links", made.artifact_id);
    let link = |seconds: u32| {
        let request = rest
            .request(Method::POST, &path)
            .header("idempotency-key", "k");
        request.json(&json!({ "expires_in": seconds }))
    };
    let first = Answer::to(link(60)).await;
    assert_eq!(first.status, 201);
    let again = Answer::to(link(60)).await.ok();
    assert_eq!(again, first.body);
    let other = Answer::to(link(61)).await;
    assert_eq!(other.refused(), (422, "idempotency_key_reused"));
    let long = rest
        .request(Method::POST, &path)
        .header("idempotency-key", "k".repeat(257));
    assert_eq!(Answer::to(long).await.refused(), (400, "invalid_request"));
}

#[tokio::test]
async fn a_link_lives_as_long_as_it_was_asked_to() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let made = cairn.client.create(spec("a"), "hello").await.unwrap();
    let path = format!("/v1/artifacts/{}/links", made.artifact_id);
    // A request without a body, as clients send it that have nothing to say.
    let link = Answer::to(rest.request(Method::POST, &path)).await;
    assert_eq!(link.status, 201);
    let link = link.body;
    assert_eq!(link["artifact_id"], made.artifact_id);
    let moment =
        |field: &str| -> jiff::Timestamp { link[field].as_str().unwrap().parse().unwrap() };
    let life = moment("expires_at").as_second() - moment("created_at").as_second();
    assert_eq!(life, 604_800);
    let read = reqwest::get(link["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(read.text().await.unwrap(), "hello");
    for seconds in [0, -1, i64::MAX] {
        let refused = rest.post(&path, json!({ "expires_in": seconds })).await;
        assert_eq!(refused.refused(), (400, "invalid_request"), "{seconds}");
    }
    let links = rest.get(&path).await.ok();
    assert_eq!(links["links"].as_array().unwrap().len(), 1);
    let one = format!("/v1/links/{}", link["link_id"].as_str().unwrap());
    assert_eq!(rest.get(&one).await.ok(), link);
    let whoami = rest.get("/v1/whoami").await.ok();
    assert_eq!(whoami["active_links"], 1);
    assert!(rest.delete(&one).await.ok()["revoked_at"].is_string());
    assert_eq!(rest.get("/v1/whoami").await.ok()["active_links"], 0);
}

#[tokio::test]
async fn who_i_am_is_told_in_numbers_that_are_never_null() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    cairn.client.create(spec("a"), "hello").await.unwrap();
    let whoami = rest.get("/v1/whoami").await.ok();
    assert_eq!(whoami["tenant_name"], "acme");
    assert_eq!(whoami["api_key_last_4"], &cairn.key[cairn.key.len() - 4..]);
    assert!(whoami["plan"].is_string());
    assert_eq!(whoami["usage_storage_bytes"], 5);
    for unlimited in [
        "plan_requests_limit_month",
        "plan_storage_limit_bytes",
        "max_active_links",
        "rate_limit_sustained",
        "rate_limit_burst",
    ] {
        assert_eq!(whoami[unlimited], (1_i64 << 53) - 1, "{unlimited}");
    }
    for number in ["usage_requests_month", "active_links"] {
        assert!(whoami[number].is_i64(), "{number}");
    }
}
