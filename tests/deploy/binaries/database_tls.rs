//! TLS to a Postgres whose certificate a private CA has signed, as operators in a cluster create it.

use harness::{
    postgres,
    program::{self, Done, program},
    tls_postgres::{NAME, TlsPostgres},
};

/// Runs a program that lists tenants from the database.
async fn tenants(url: &str, settings: &[(&str, &str)]) -> Done {
    cairn(&["tenants", "list"], url, settings).await
}

async fn cairn(args: &[&str], url: &str, settings: &[(&str, &str)]) -> Done {
    let blobs = tempfile::tempdir().unwrap();
    let mut command = program::command(program("cairn-api").await);
    command
        .args(args)
        .env("CAIRN_DATABASE_URL", url)
        .env("CAIRN_BLOB_DIR", blobs.path())
        .envs(settings.iter().copied());
    program::run(&mut command).await
}

async fn migrated() -> TlsPostgres {
    let postgres = TlsPostgres::start().await;
    cairn(&["migrate"], &postgres.url(""), &[]).await.ok();
    postgres
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_given() {
    let postgres = migrated().await;
    let ca = postgres.file("ca.crt");
    let ca = ca.to_str().unwrap();
    let given = [("CAIRN_DATABASE_CA_FILE", ca)];
    let named = format!("&sslrootcert={}", ca.replace('/', "%2F"));
    for parameters in ["", "&sslmode=prefer"] {
        // With TLS, because the server accepts nothing else; without any check that needs a CA.
        tenants(&postgres.url(parameters), &[]).await.ok();
        tenants(&postgres.url(parameters), &given).await.ok();
        let url = postgres.url(&format!("{parameters}{named}"));
        tenants(&url, &[]).await.ok();
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = postgres.url(&format!("&sslmode={mode}"));
        tenants(&url, &given).await.ok();
        tenants(&format!("{url}{named}"), &[]).await.ok();
        let pairs = postgres.pairs(NAME);
        tenants(&format!("{pairs} sslmode={mode} sslrootcert='{ca}'"), &[])
            .await
            .ok();
    }
    // The CA is enough for verify-ca.
    let elsewhere = postgres.pairs("127.0.0.1");
    tenants(&format!("{elsewhere} sslmode=verify-ca"), &given)
        .await
        .ok();
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_refused_with_a_reason() {
    let postgres = migrated().await;
    let (ca, other) = (postgres.file("ca.crt"), postgres.file("other.crt"));
    let ca = [("CAIRN_DATABASE_CA_FILE", ca.to_str().unwrap())];
    let other = [("CAIRN_DATABASE_CA_FILE", other.to_str().unwrap())];
    let nothing: &[(&str, &str)] = &[];
    let url = |parameters| postgres.url(parameters);
    let elsewhere = postgres.pairs("elsewhere.cairn.test");
    let unsigned = "no trusted authority has signed";
    for (url, settings, words) in [
        (url("&sslmode=require"), nothing, unsigned),
        (url("&sslmode=require"), nothing, "CAIRN_DATABASE_CA_FILE"),
        (url("&sslmode=verify-full"), nothing, unsigned),
        (
            url("&sslmode=verify-full&sslrootcert=system"),
            nothing,
            unsigned,
        ),
        (url(""), &other, unsigned),
        (url("&sslmode=prefer"), &other, unsigned),
        (url("&sslmode=verify-ca"), &other, unsigned),
        (url("&sslmode=verify-ca"), nothing, "CAIRN_DATABASE_CA_FILE"),
        (url("&sslmode=allow"), nothing, "verify-full"),
        (url("&sslrootcert=/nowhere"), nothing, "/nowhere"),
        (url("&sslrootcert=/dev/null"), nothing, "/dev/null"),
        (elsewhere.clone(), &ca, "not valid for name"),
        (
            format!("{elsewhere} sslmode=verify-full"),
            &ca,
            "not valid for name",
        ),
    ] {
        tenants(&url, settings).await.with_code(1).saying(words);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_taken_only_by_prefer() {
    let (url, _proxy) = postgres::proxied(&postgres::database().await).await;
    tenants(&url, &[]).await.ok();
    tenants(&format!("{url} sslmode=prefer"), &[]).await.ok();
    tenants(&format!("{url} sslmode=disable"), &[]).await.ok();
    let postgres = TlsPostgres::start().await;
    let ca = postgres.file("ca.crt");
    let given = [("CAIRN_DATABASE_CA_FILE", ca.to_str().unwrap())];
    for url in [
        url.clone(), // a CA implies TLS
        format!("{url} sslmode=require"),
        format!("{url} sslmode=verify-ca"),
        format!("{url} sslmode=verify-full"),
    ] {
        let done = tenants(&url, &given).await.with_code(1);
        done.saying("server does not support TLS");
    }
}
