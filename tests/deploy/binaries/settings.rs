//! A missing or invalid setting is refused at once, by its name.

use super::Deployment;
use harness::{Certificates, program};
use tokio::net::TcpListener;

/// Runs a program with a setting changed, which must refuse it before it listens: its ports are in use.
async fn refuses(name: &str, args: &[&str], variable: &str, value: Option<&str>) {
    let deployment = Deployment::new().await;
    let mut command = deployment.command(name, args).await;
    let in_use = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for port in ["CAIRN_GRPC_ADDR", "CAIRN_HTTP_ADDR", "CAIRN_OPS_ADDR"] {
        command.env(port, in_use.local_addr().unwrap().to_string());
    }
    match value {
        Some(value) => command.env(variable, value),
        None => command.env_remove(variable),
    };
    let done = program::run(&mut command).await.with_code(1);
    assert_eq!(done.saying(variable).text(), "", "{name} {args:?}");
}

/// Every way to run the programs.
const RUNS: [(&str, &[&str]); 5] = [
    ("cairn-api", &["serve"]),
    ("cairn-api", &["migrate"]),
    ("cairn-api", &["keys", "list", "--tenant", "acme"]),
    ("cairn-gc-worker", &[]),
    ("cairn-gc-worker", &["--once"]),
];

#[tokio::test]
async fn without_a_database_nothing_runs() {
    for (name, args) in RUNS {
        refuses(name, args, "CAIRN_DATABASE_URL", None).await;
        refuses(name, args, "CAIRN_DATABASE_URL", Some("")).await;
    }
}

#[tokio::test]
async fn with_no_place_for_the_bytes_or_with_two_nothing_runs() {
    for (name, args) in RUNS {
        refuses(name, args, "CAIRN_BLOB_DIR", None).await;
        refuses(name, args, "CAIRN_S3_BUCKET", Some("bucket")).await;
    }
}

#[tokio::test]
async fn a_value_that_is_none_is_named() {
    let of_the_store = [
        ("CAIRN_DATABASE_URL", "nonsense://"),
        ("CAIRN_DATABASE_CONNECTIONS", "0"),
        ("CAIRN_DATABASE_CONNECTIONS", "many"),
        ("CAIRN_INLINE_MAX_BYTES", "131073"),
        ("CAIRN_UPLOAD_MAX_BYTES", "0"),
        ("CAIRN_UPLOAD_BUFFER_BYTES", "1"),
        ("CAIRN_UPLOAD_PATIENCE", "0s"),
        ("CAIRN_UPLOAD_BYTES_PER_SECOND", "0"),
        ("CAIRN_UPLOAD_LEASE", "0s"),
        ("CAIRN_DELETE_WINDOW", "a week"),
        ("CAIRN_GC_GRACE", "-1s"),
        ("CAIRN_GC_DELETES_PER_SECOND", "0"),
        ("CAIRN_GC_ORPHAN_AGE", "23h"),
        ("CAIRN_GC_ORPHAN_CONFIRM", "1h"),
        ("CAIRN_GC_ORPHAN_ROUND", "1m"),
        ("CAIRN_GC_ORPHAN_LIMIT", "few"),
        ("CAIRN_GC_REHASH_BYTES", "-1"),
        ("CAIRN_RECORD_RETENTION", "29d"),
        ("CAIRN_URL_KEYS", "short"),
        ("CAIRN_LEDGER_RETENTION", "1d"),
        ("CAIRN_BLOB_DIR", "/dev/null/x"),
        ("CAIRN_LOG", "cairn=loud"),
        ("CAIRN_LOG_FORMAT", "xml"),
        ("CAIRN_OTLP_ENDPOINT", "not a url"),
        ("CAIRN_TRACE_RATIO", "2"),
    ];
    for (variable, value) in of_the_store {
        refuses("cairn-api", &["serve"], variable, Some(value)).await;
        refuses("cairn-gc-worker", &["--once"], variable, Some(value)).await;
    }
    for (variable, value) in [
        ("CAIRN_GRPC_ADDR", "here"),
        ("CAIRN_HTTP_ADDR", "127.0.0.1"),
        ("CAIRN_OPS_ADDR", "127.0.0.1:99999"),
        ("CAIRN_DRAIN_TIMEOUT", "soon"),
        ("CAIRN_MAX_CONNECTIONS", "0"),
        ("CAIRN_MAX_CONNECTIONS_PER_ADDRESS", "many"),
        ("CAIRN_MAX_CONNECTION_AGE", "1s"),
        ("CAIRN_MAX_CALLS", "1"),
        ("CAIRN_MAX_LISTS", "-1"),
        ("CAIRN_RECEIVE_BYTES", "1"),
        ("CAIRN_REFLECTION", "perhaps"),
        ("CAIRN_CORS_ORIGINS", "example.com"),
        ("CAIRN_CONTENT_URL", "https://example.com/content"),
        ("CAIRN_DELEGATION_KEYS", "1:short"),
        ("CAIRN_TOKEN_ISSUER", "kubernetes"),
        ("CAIRN_TOKEN_ISSUER", "http://cluster.example"),
    ] {
        refuses("cairn-api", &["serve"], variable, Some(value)).await;
    }
    refuses("cairn-gc-worker", &[], "CAIRN_OPS_ADDR", Some("here")).await;
    refuses("cairn-gc-worker", &[], "CAIRN_GC_INTERVAL", Some("soon")).await;
}

#[tokio::test]
async fn an_encryption_that_s3_does_not_have_is_refused() {
    for (settings, named) in [
        (vec![("CAIRN_S3_SSE", "rot13")], "CAIRN_S3_SSE"),
        (
            vec![("CAIRN_S3_SSE_KMS_KEY_ID", "k")],
            "CAIRN_S3_SSE_KMS_KEY_ID",
        ),
        (
            vec![("CAIRN_S3_SSE", "AES256"), ("CAIRN_S3_SSE_KMS_KEY_ID", "k")],
            "CAIRN_S3_SSE_KMS_KEY_ID",
        ),
    ] {
        let deployment = Deployment::new().await;
        let mut command = deployment.command("cairn-api", &["serve"]).await;
        command
            .env_remove("CAIRN_BLOB_DIR")
            .env("CAIRN_S3_BUCKET", "bucket")
            .envs(settings);
        program::run(&mut command).await.with_code(1).saying(named);
    }
}

#[tokio::test]
async fn half_a_pair_of_s3_credentials_is_refused() {
    for (given, missing) in [
        ("CAIRN_S3_ACCESS_KEY_ID", "CAIRN_S3_SECRET_ACCESS_KEY"),
        ("CAIRN_S3_SECRET_ACCESS_KEY", "CAIRN_S3_ACCESS_KEY_ID"),
    ] {
        let deployment = Deployment::new().await;
        let mut command = deployment.command("cairn-api", &["serve"]).await;
        command
            .env_remove("CAIRN_BLOB_DIR")
            .env("CAIRN_S3_BUCKET", "bucket")
            .env(given, "a-secret");
        let done = program::run(&mut command).await.with_code(1);
        let done = done.saying(missing).saying("is required");
        assert!(!done.stderr.contains("a-secret"));
    }
}

/// Settings of a token issuer are refused without an issuer, and when they are invalid.
#[tokio::test]
async fn token_settings_need_an_issuer_and_valid_values() {
    let issuer = ("CAIRN_TOKEN_ISSUER", "https://cluster.example");
    for (settings, named) in [
        (vec![("CAIRN_TOKEN_AUDIENCE", "us")], "CAIRN_TOKEN_ISSUER"),
        (
            vec![
                issuer,
                ("CAIRN_TOKEN_KEYS_URL", "http://cluster.example/keys"),
            ],
            "CAIRN_TOKEN_KEYS_URL",
        ),
        (
            vec![("CAIRN_TOKEN_ISSUERS", r#"[{"issuer": "unreachable"}]"#)],
            "CAIRN_TOKEN_ISSUERS",
        ),
        (
            vec![
                issuer,
                (
                    "CAIRN_TOKEN_ISSUERS",
                    r#"[{"issuer": "https://cluster.example"}]"#,
                ),
            ],
            "twice",
        ),
        (
            vec![issuer, ("CAIRN_TOKEN_CA_FILE", "/dev/null/ca.crt")],
            "CAIRN_TOKEN_CA_FILE",
        ),
    ] {
        let deployment = Deployment::new().await;
        deployment.api(&["migrate"]).await.ok();
        let mut command = deployment.command("cairn-api", &["serve"]).await;
        let done = program::run(command.envs(settings)).await.with_code(1);
        done.saying(named);
    }
}

#[tokio::test]
async fn half_of_what_tls_needs_is_refused() {
    let certificates = Certificates::of_a_server();
    let [cert, key, ca] = ["server.crt", "server.key", "ca.crt"].map(|name| {
        let file = certificates.file(name);
        file.to_str().unwrap().to_owned()
    });
    let pair = [
        ("CAIRN_TLS_CERT_FILE", &*cert),
        ("CAIRN_TLS_KEY_FILE", &*key),
    ];
    let with = |more: &[(&'static str, &str)]| {
        let owned = pair.iter().chain(more);
        owned
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect::<Vec<_>>()
    };
    let alone = |name, value: &str| vec![(name, value.to_owned())];
    for (settings, named) in [
        (alone("CAIRN_TLS_CERT_FILE", &cert), "CAIRN_TLS_KEY_FILE"),
        (alone("CAIRN_TLS_KEY_FILE", &key), "CAIRN_TLS_CERT_FILE"),
        (alone("CAIRN_TLS_CLIENT_CA_FILE", &ca), "CAIRN_TLS_KEY_FILE"),
        (with(&[("CAIRN_TLS_PORTS", "grpc,smtp")]), "CAIRN_TLS_PORTS"),
        (
            with(&[("CAIRN_TLS_CLIENT_PORTS", "grpc")]),
            "CAIRN_TLS_CLIENT_CA_FILE",
        ),
        (
            with(&[
                ("CAIRN_TLS_CLIENT_CA_FILE", &ca),
                ("CAIRN_TLS_CLIENT_PORTS", "ops"),
            ]),
            "CAIRN_TLS_CLIENT_PORTS",
        ),
        (
            with(&[("CAIRN_TLS_RELOAD_INTERVAL", "0s")]),
            "CAIRN_TLS_RELOAD_INTERVAL",
        ),
        (
            with(&[("CAIRN_TLS_CERT_FILE", &key)]),
            "CAIRN_TLS_CERT_FILE",
        ),
        (
            with(&[("CAIRN_TLS_KEY_FILE", "/dev/null")]),
            "CAIRN_TLS_KEY_FILE",
        ),
        (
            with(&[("CAIRN_TLS_CLIENT_CA_FILE", "/nowhere")]),
            "CAIRN_TLS_CLIENT_CA_FILE",
        ),
    ] {
        let deployment = Deployment::new().await;
        deployment.api(&["migrate"]).await.ok();
        let mut command = deployment.command("cairn-api", &["serve"]).await;
        let done = program::run(command.envs(settings)).await.with_code(1);
        done.saying(named);
    }
}
