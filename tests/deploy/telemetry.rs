//! The telemetry of the processes: traces, metrics, log lines.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use cairn_store::{config::BlobConfig, gc::PASSES};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::{Child, Command};

use harness::{
    Bytes, Cairn, Certificates, Setup, content, eventually, make_many,
    program::{self, program},
    spec,
};

mod collector;

use collector::Collector;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A program with the settings of a Cairn.
async fn command(cairn: &Cairn, name: &str) -> Command {
    let mut command = program::command(program(name).await);
    command.env("CAIRN_DATABASE_URL", &cairn.config.database_url);
    match &cairn.config.blobs {
        BlobConfig::Fs(folder) => command.env("CAIRN_BLOB_DIR", folder),
        BlobConfig::S3(s3) => {
            let credentials = s3.credentials.as_ref().unwrap();
            command
                .env("CAIRN_S3_BUCKET", &s3.bucket)
                .env("CAIRN_S3_ENDPOINT", s3.endpoint.as_ref().unwrap())
                .env("CAIRN_S3_ACCESS_KEY_ID", &credentials.access_key_id)
                .env("CAIRN_S3_SECRET_ACCESS_KEY", &credentials.secret_access_key)
        }
    };
    command
}

/// The metrics of a process, once it serves them.
async fn metrics(ops: &str) -> Option<String> {
    let got = reqwest::get(format!("http://{ops}/metrics")).await.ok()?;
    got.text().await.ok()
}

/// The names and kinds of metrics, and which of those in the chart's list are missing.
fn unlisted_and_missing(told: &[String]) -> (Vec<String>, Vec<String>) {
    let listed = include_str!("chart/metrics.yaml").lines();
    let listed = listed.filter_map(|line| {
        let (name, rest) = line.split_once(": {kind: ")?;
        let kind = rest.split([',', '}']).next()?;
        Some(format!("{name} {kind}"))
    });
    let listed: BTreeSet<_> = listed.collect();
    let told = told.iter().flat_map(|metrics| metrics.lines());
    let told = told.filter_map(|line| line.strip_prefix("# TYPE ").map(str::to_owned));
    let told: BTreeSet<_> = told.collect();
    let without = |all: &BTreeSet<String>, these| all.difference(these).cloned().collect();
    (without(&told, &listed), without(&listed, &told))
}

/// A separate `cairn-api` over the same stores.
pub(crate) struct Api {
    process: Child,
    grpc: String,
    http: String,
    ops: String,
}

impl Api {
    pub(crate) async fn start(cairn: &Cairn, environment: &[(&str, &str)]) -> Self {
        let [grpc, http, ops] = program::free_addresses();
        let mut serve = command(cairn, "cairn-api").await;
        serve
            .arg("serve")
            .env("CAIRN_GRPC_ADDR", &grpc)
            .env("CAIRN_HTTP_ADDR", &http)
            .env("CAIRN_OPS_ADDR", &ops)
            .envs(environment.iter().copied())
            .stdout(Stdio::null());
        let process = serve.spawn().unwrap();
        eventually("it is ready", async || {
            let ready = reqwest::get(format!("http://{ops}/readyz")).await;
            ready.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        Self {
            process,
            grpc,
            http,
            ops,
        }
    }

    async fn metrics(&self) -> String {
        metrics(&self.ops).await.unwrap()
    }

    /// The lines of its log, once it has ended.
    async fn log(self) -> Vec<Value> {
        program::signal(&self.process, Signal::TERM);
        let done = program::end_of(self.process).await.ok();
        let lines = done.stderr.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A push of a file, whatever comes of it.
pub(crate) async fn pushing(cairn: &Cairn, api: &Api, file: &Path) -> Command {
    let mut push = program::command(program("cairn").await);
    push.arg("push")
        .arg(file)
        .env("CAIRN_ADDR", &api.grpc)
        .env("CAIRN_API_KEY", &cairn.key);
    push
}

/// Runs the `cairn` command as a caller that is part of a trace.
async fn call(cairn: &Cairn, api: &Api, args: &[&str]) -> String {
    let mut call = program::command(program("cairn").await);
    call.args(args)
        .env("CAIRN_ADDR", &api.grpc)
        .env("CAIRN_API_KEY", &cairn.key)
        .env("TRACEPARENT", format!("00-{TRACE}-{CALLER}-01"));
    program::run(&mut call).await.ok().text().trim().to_owned()
}

/// Stores something, reads it back, follows a link that does not exist; returns the artifact.
async fn push_and_pull(cairn: &Cairn, api: &Api, name: &str, content: Vec<u8>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("file"), folder.path().join("out"));
    std::fs::write(&file, content).unwrap();
    let pushed = call(
        cairn,
        api,
        &["push", file.to_str().unwrap(), "--name", name],
    )
    .await;
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    let id = pushed["artifact_id"].as_str().unwrap();
    call(cairn, api, &["pull", id, "-o", out.to_str().unwrap()]).await;
    let missing = reqwest::get(format!("http://{}/lnk_nosuchlink", api.http)).await;
    assert_eq!(missing.unwrap().status(), 404);
    id.to_owned()
}

#[tokio::test]
async fn an_upload_is_one_trace_from_the_caller_to_postgres_and_s3() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let (collector, endpoint) = Collector::start().await;
    let api = Api::start(&cairn, &[("CAIRN_OTLP_ENDPOINT", &endpoint)]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.bin");
    std::fs::write(&file, content(9 << 20)).unwrap();
    call(&cairn, &api, &["push", file.to_str().unwrap()]).await;
    api.log().await;
    let trace = collector.trace(TRACE);
    for (span, above) in [
        ("commit.commit", "finish"),
        (
            "CreateMultipartUpload",
            "cairn.v1.ArtifactService/UploadArtifact",
        ),
        ("CompleteMultipartUpload", "finish"),
        ("begin_upload", "cairn.v1.ArtifactService/UploadArtifact"),
    ] {
        let path = trace.path(span, CALLER);
        let path = path.unwrap_or_else(|| panic!("{span} hangs together with its caller"));
        assert!(path.contains(&above), "{path:?}");
    }
}

#[tokio::test]
async fn a_reader_of_a_link_does_not_decide_about_traces() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let (collector, endpoint) = Collector::start().await;
    let api = Api::start(&cairn, &[("CAIRN_OTLP_ENDPOINT", &endpoint)]).await;
    let made = cairn.client.upload(spec("a"), content(100_000)).await;
    let link = cairn.client.link(&made.unwrap().artifact_id).await.unwrap();
    let url = format!("http://{}/{}", api.http, link.link_id);
    let read = reqwest::Client::new().get(url);
    let read = read.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let body = read.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(body.len(), 100_000);
    api.log().await;
    let trace = collector.trace(TRACE);
    for span in ["links.follow", "GetObject"] {
        assert!(trace.path(span, CALLER).is_none());
    }
}

#[tokio::test]
async fn a_job_goes_on_in_the_trace_of_the_call_that_started_it() {
    let cairn = Setup::on(Bytes::Files).start().await;
    make_many(&cairn).await;
    let (collector, endpoint) = Collector::start().await;
    let api = Api::start(&cairn, &[("CAIRN_OTLP_ENDPOINT", &endpoint)]).await;
    let delete = ["rm", "--filter", "session_id = bulk", "--yes", "--no-wait"];
    call(&cairn, &api, &delete).await;
    api.log().await;
    let mut worker = command(&cairn, "cairn-gc-worker").await;
    worker
        .args(["--only", "jobs"])
        .env("CAIRN_OTLP_ENDPOINT", &endpoint);
    program::run(&mut worker).await.ok();
    let trace = collector.trace(TRACE);
    let path = trace.path("artifacts.delete_all", CALLER).unwrap();
    assert!(path.contains(&"job batch"), "{path:?}");
    let call = "cairn.v1.ArtifactService/DeleteArtifacts";
    assert!(path.contains(&call), "{path:?}");
}

#[tokio::test]
async fn calls_bytes_and_what_they_waited_for_are_counted() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let api = Api::start(&cairn, &[]).await;
    for (name, size) in [("small", 100), ("large", 100_000), ("again", 100_000)] {
        push_and_pull(&cairn, &api, name, content(size)).await;
    }
    let metrics = api.metrics().await;
    let has = |start: &str| {
        let found = metrics.lines().any(|line| line.starts_with(start));
        assert!(found, "{start} in {metrics}");
    };
    has(
        "cairn_rpc_duration_seconds_bucket{code=\"OK\",reason=\"\",rpc=\"cairn.v1.ArtifactService/",
    );
    has("cairn_http_duration_seconds_count{method=\"GET\",route=\"/{link}\",status=\"404\"} 3");
    has("cairn_uploads_total{outcome=\"stored\"} 2");
    has("cairn_uploads_total{outcome=\"deduplicated\"} 1");
    has("cairn_upload_bytes_total{kept=\"inline\"} 100");
    has("cairn_upload_bytes_total{kept=\"object\"} 100000");
    has("cairn_upload_bytes_total{kept=\"deduplicated\"} 100000");
    has("cairn_download_bytes_total{from=\"object\"} 200000");
    has("cairn_s3_duration_seconds_count{operation=\"PutObject\",outcome=\"ok\"}");
    has("cairn_db_pool_wait_seconds_count");
    has("cairn_db_pool_connections{state=\"idle\"}");
    has("cairn_build_info{commit=");
    has("cairn_ready 1");
    has("cairn_rpc_in_flight 0");
}

/// Every call is one line in the log, with its trace and its tenant.
#[tokio::test]
async fn every_call_logs_one_line_with_trace_and_tenant() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let api = Api::start(&cairn, &[]).await;
    call(&cairn, &api, &["ls"]).await;
    let log = api.log().await;
    let calls: Vec<_> = log
        .iter()
        .filter(|line| line["message"] == "call")
        .collect();
    assert_eq!(calls.len(), 1, "{log:#?}");
    let line = calls[0];
    assert_eq!(line["rpc"], "cairn.v1.ArtifactService/ListArtifacts");
    assert_eq!(
        (&line["code"], &line["tenant"]),
        (&"OK".into(), &"acme".into())
    );
    assert_eq!(line["openTelemetry"]["traceId"], TRACE, "{line:#}");
}

#[tokio::test]
async fn no_word_of_a_caller_stands_in_the_log() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let api = Api::start(&cairn, &[("CAIRN_LOG", "debug")]).await;
    let word = "gpj.\u{202e}exe";
    std::fs::write(cairn.folder().unwrap().join("a"), "a").unwrap();
    let file = cairn.folder().unwrap().join("a");
    let mut push = vec!["push", file.to_str().unwrap()];
    for option in ["--name", "--session", "--agent", "--user", "--namespace"] {
        push.extend([option, word]);
    }
    let meta = format!("k={word}");
    push.extend(["--meta", &meta]);
    call(&cairn, &api, &push).await;
    call(&cairn, &api, &["session", "seal", word]).await;
    let mut late = program::command(program("cairn").await);
    late.args(&push).arg("--no-idempotency-key");
    late.env("CAIRN_ADDR", &api.grpc)
        .env("CAIRN_API_KEY", &cairn.key);
    program::run(&mut late).await.with_code(1);
    for line in api.log().await {
        assert!(!line.to_string().contains("gpj."), "{line:#}");
    }
}

/// The worker exports its backlog and when each pass last succeeded.
#[tokio::test]
async fn worker_exports_backlog_and_pass_times() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let api = Api::start(&cairn, &[]).await;
    let id = push_and_pull(&cairn, &api, "a", content(100_000)).await;
    cairn.client.delete(&id).await.unwrap();
    cairn.let_time_pass().await;
    cairn.collect().await;
    let [ops, ..] = program::free_addresses();
    let mut worker = command(&cairn, "cairn-gc-worker").await;
    let worker = worker.env("CAIRN_OPS_ADDR", &ops).spawn().unwrap();
    let expected = [
        "cairn_gc_condemned_objects 1",
        "cairn_gc_condemned_bytes 100000",
        "cairn_gc_queue_depth 0",
        "cairn_gc_paused 0",
        "cairn_gc_ghosts 0",
        "cairn_gc_pass_last_success_timestamp_seconds{pass=\"reclaim\"}",
        "cairn_gc_pass_duration_seconds_count{outcome=\"ok\",pass=\"reclaim\"}",
        "cairn_gc_items_total{pass=\"purge\",what=\"purged\"} 0",
        "cairn_ready 1",
    ];
    eventually("it tells what it did and what waits", async || {
        let metrics = metrics(&ops).await.unwrap_or_default();
        let told = |start: &&str| metrics.lines().any(|line| line.starts_with(start));
        expected.iter().all(told)
    })
    .await;
    let certificates = Certificates::of_a_server();
    let [cert, key] = ["server.crt", "server.key"].map(|name| certificates.file(name));
    let tls = [
        ("CAIRN_TLS_CERT_FILE", cert.to_str().unwrap()),
        ("CAIRN_TLS_KEY_FILE", key.to_str().unwrap()),
    ];
    let secure = Api::start(&cairn, &tls).await;
    let all = [
        metrics(&ops).await.unwrap(),
        api.metrics().await,
        secure.metrics().await,
    ];
    let nothing = (Vec::<String>::new(), Vec::<String>::new());
    assert_eq!(
        unlisted_and_missing(&all),
        nothing,
        "what alerts may use is what there is"
    );
    program::signal(&worker, Signal::TERM);
    program::end_of(worker).await.ok();
}

#[tokio::test]
async fn pass_that_never_succeeded_exports_0() {
    let cairn = Setup::on(Bytes::Files).start().await;
    // So that no pass has succeeded.
    cairn.store.pause_gc("kim", "a test").await.unwrap();
    let [ops, ..] = program::free_addresses();
    let mut worker = command(&cairn, "cairn-gc-worker").await;
    let worker = worker.env("CAIRN_OPS_ADDR", &ops).spawn().unwrap();
    eventually("every pass tells when it succeeded", async || {
        let metrics = metrics(&ops).await.unwrap_or_default();
        PASSES.iter().all(|pass| {
            let name = pass.name;
            let never =
                format!("cairn_gc_pass_last_success_timestamp_seconds{{pass=\"{name}\"}} 0");
            metrics.lines().any(|line| line == never)
        })
    })
    .await;
    program::signal(&worker, Signal::TERM);
    program::end_of(worker).await.ok();
}
