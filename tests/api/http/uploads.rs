//! Artifacts from forms.

use harness::{Answer, Bytes, Cairn, Rest, Setup, content};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

const BOUNDARY: &str = "cairn-boundary";

/// The parts of a form, in their order.
#[derive(Default)]
pub(super) struct Form(Vec<u8>);

impl Form {
    pub(super) fn field(self, name: &str, value: &str) -> Self {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        self.part(&head, value.as_bytes())
    }

    pub(super) fn file(self, name: &str, kind: &str, content: &[u8]) -> Self {
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}"
        );
        self.part(&head, content)
    }

    fn part(mut self, head: &str, content: &[u8]) -> Self {
        self.0
            .extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
        self.0.extend(content);
        self.0.extend(b"\r\n");
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend(format!("--{BOUNDARY}--\r\n").bytes());
        self.0
    }

    pub(super) fn post(self, rest: &Rest) -> RequestBuilder {
        posted(rest, self.end())
    }
}

fn posted(rest: &Rest, body: Vec<u8>) -> RequestBuilder {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = rest.request(Method::POST, "/v1/artifacts");
    request.header("content-type", kind).body(body)
}

#[tokio::test]
async fn a_form_makes_an_artifact_with_its_fields_in_any_order() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let fields = [
        ("session_id", "run"),
        ("agent_id", "writer"),
        ("ttl", "24h"),
        ("metadata", "{\"k\": \"v\"}"),
        ("stage", "review"),
        ("title", "A title"),
        ("labels", "p"),
        ("labels", "q"),
    ];
    // In a row, in the blob store in one request, and in parts.
    for size in [10, 200_000, 9 << 20] {
        let bytes = content(size);
        for before in [0, 4, fields.len()] {
            let add = |form: Form, (name, value): &(&str, &str)| form.field(name, value);
            let form = fields[..before].iter().fold(Form::default(), add);
            let form = form.file("a.bin", "application/x-own", &bytes);
            let form = fields[before..].iter().fold(form, add);
            let made = Answer::to(form.post(&rest)).await;
            assert_eq!(made.status, 201, "{made:?}");
            let made = made.body;
            assert_eq!(made["filename"], "a.bin");
            assert_eq!(made["content_type"], "application/x-own");
            assert_eq!(made["size_bytes"], size);
            for (field, expected) in [
                ("session_id", json!("run")),
                ("agent_id", json!("writer")),
                ("metadata", json!({"k": "v"})),
                ("stage", json!("review")),
                ("title", json!("A title")),
                ("labels", json!(["p", "q"])),
            ] {
                assert_eq!(made[field], expected, "{before} of {size}");
            }
            let id = made["artifact_id"].as_str().unwrap();
            assert!(cairn.client.download(id).await.unwrap() == bytes);
            let shown = rest.get(&format!("/v1/artifacts/{id}")).await.ok();
            let moment = |field: &str| -> jiff::Timestamp {
                shown[field].as_str().unwrap().parse().unwrap()
            };
            let life = moment("expires_at").as_second() - moment("created_at").as_second();
            assert_eq!(life, 86_400);
        }
    }
}

#[tokio::test]
async fn a_name_that_comes_late_decides_the_type() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let head = "Content-Disposition: form-data; name=\"file\"";
    for size in [10, 200_000] {
        let text = "# x\n".repeat(size / 4);
        let form = Form::default().part(head, text.as_bytes());
        let made = Answer::to(form.field("filename", "notes.md").post(&rest))
            .await
            .ok();
        assert_eq!(made["filename"], "notes.md");
        assert_eq!(made["content_type"], "text/markdown", "{size}");
    }
    let unnamed = Form::default().part(head, b"x").post(&rest);
    let unnamed = Answer::to(unnamed).await;
    assert_eq!(unnamed.refused(), (400, "invalid_request"));
    assert_eq!(unnamed.body["error"]["fields"][0]["field"], "filename");
}

#[tokio::test]
async fn a_form_that_is_not_one_leaves_nothing() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let file = || Form::default().file("a", "text/plain", b"a");
    let invalid = (400, "invalid_request");
    for (what, form) in [
        ("no file", Form::default().field("session_id", "run").end()),
        ("two files", file().file("b", "text/plain", b"b").end()),
        ("an unknown field", file().field("sesion_id", "run").end()),
        ("a bad field", file().field("ttl", "soon").end()),
        ("a bad stage", file().field("stage", "done").end()),
        ("no JSON", file().field("metadata", "k=v").end()),
        (
            "a long field",
            file().field("title", &"x".repeat(70 << 10)).end(),
        ),
        ("a late rule", file().field("unpublished", "true").end()),
        ("cut off", file().0),
        ("nothing", vec![]),
        (
            "a head without end",
            Form::default().part(&"x".repeat(200 << 10), b"").end(),
        ),
    ] {
        let answer = Answer::to(posted(&rest, form)).await;
        assert_eq!(answer.refused(), invalid, "{what}");
    }
    let other = rest.request(Method::POST, "/v1/artifacts").json(&json!({}));
    let other = Answer::to(other).await;
    assert_eq!(other.refused(), (415, "unsupported_media_type"));
    assert_eq!(rest.get("/v1/artifacts").await.ok()["artifacts"], json!([]));
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_form_under_a_key_is_stored_once() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let form = |title: &str, bytes: &[u8]| {
        let form = Form::default().file("a", "text/plain", bytes);
        let form = form.field("title", title).post(&rest);
        form.header("idempotency-key", "k")
    };
    for size in [10, 200_000] {
        let bytes = content(size);
        cairn.sql("DELETE FROM idempotency_keys").await;
        let first = Answer::to(form("one", &bytes)).await.ok();
        let again = Answer::to(form("one", &bytes)).await.ok();
        assert_eq!(again["artifact_id"], first["artifact_id"], "{size}");
        // The title comes behind the file, and is compared all the same.
        let reused = (422, "idempotency_key_reused");
        assert_eq!(Answer::to(form("two", &bytes)).await.refused(), reused);
        assert_eq!(Answer::to(form("one", b"other")).await.refused(), reused);
    }
}

#[tokio::test]
async fn a_form_is_refused_as_an_upload_would_be() {
    let setup = Setup::on(Bytes::Files).config(|config| config.upload_max_bytes = 1 << 20);
    let cairn = setup.start().await;
    let rest = Rest::of(&cairn);
    let file = |size| Form::default().file("a", "text/plain", &content(size));
    let long = Answer::to(file(2 << 20).post(&rest)).await;
    assert_eq!(long.refused(), (413, "file_too_large"));
    super::forbid_never(&cairn).await;
    let kept = Answer::to(file(1).field("ttl", "never").post(&rest)).await;
    assert_eq!(kept.refused(), (400, "ttl_exceeds_plan_limit"));

    let first = file(1).field("session_id", "run").post(&rest);
    Answer::to(first).await.ok();
    cairn.client.seal("run").await.unwrap();
    for form in [
        Form::default()
            .field("session_id", "run")
            .file("b", "text/plain", b"b"),
        file(1).field("session_id", "run"),
    ] {
        let sealed = Answer::to(form.post(&rest)).await;
        assert_eq!(sealed.refused(), (409, "session_sealed"));
        let message = &sealed.body["error"]["message"];
        let words = "Session 'run' is sealed. No new artifacts can be added.";
        assert_eq!(message, words);
    }
}
