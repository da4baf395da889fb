//! What a tenant made, over HTTP.

use harness::{Cairn, Rest, session_spec};
use serde_json::json;

#[tokio::test]
async fn usage_is_told_by_session_in_pages() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for (session, content) in [("a", "xx"), ("a", "xxx"), ("b", "x")] {
        let made = cairn.client.create(session_spec("f", session), content);
        made.await.unwrap();
    }
    let first = rest.get("/v1/usage?by=session&limit=1").await.ok();
    let row = &first["rows"][0];
    assert_eq!(
        (&row["key"], &row["artifacts"], &row["bytes"]),
        (&json!("a"), &json!(2), &json!(5))
    );
    assert_eq!(first["has_more"], true);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/v1/usage?by=session&limit=1&cursor={cursor}");
    assert_eq!(rest.get(&path).await.ok()["rows"][0]["key"], "b");
    for wrong in ["by=hour", "limit=0", "limit=1001", "from_day=monday"] {
        let answer = rest.get(&format!("/v1/usage?{wrong}")).await;
        assert_eq!(answer.refused(), (400, "invalid_request"), "{wrong}");
    }
}
