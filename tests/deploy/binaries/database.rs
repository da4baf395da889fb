//! What the programs check in the database before they serve, and how they authenticate.

use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
};

use super::Deployment;
use harness::{
    postgres, program,
    tls_postgres::{NAME, TlsPostgres},
};

/// A Postgres one of whose functions answers like another engine's.
async fn pretending(function: &str) -> Deployment {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let database = postgres::connect(&deployment.database_url).await;
    let sql = format!(
        "CREATE SCHEMA pretended;
         CREATE FUNCTION pretended.{function};
         DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET search_path = pretended, pg_catalog, public', current_database());
         END $$"
    );
    database.batch_execute(&sql).await.unwrap();
    deployment
}

async fn refuses_to_start(deployment: &Deployment, words: &str) {
    for (name, args) in [("cairn-api", &["serve"][..]), ("cairn-gc-worker", &[])] {
        let mut command = deployment.command(name, args).await;
        let done = program::run(&mut command).await.with_code(1);
        done.saying("CAIRN_DATABASE_URL").saying(words);
    }
}

#[tokio::test]
async fn an_engine_whose_locks_do_not_exclude_is_refused() {
    let function = "pg_try_advisory_xact_lock(bigint) RETURNS bool RETURN true";
    let deployment = pretending(function).await;
    refuses_to_start(&deployment, "advisory locks do not exclude").await;
}

#[tokio::test]
async fn an_engine_older_than_postgres_15_is_refused() {
    let function = "current_setting(text) RETURNS text RETURN '140011'";
    let deployment = pretending(function).await;
    refuses_to_start(&deployment, "Postgres 15 or newer").await;
}

#[tokio::test]
async fn the_url_may_be_in_a_file() {
    let deployment = Deployment::new().await;
    let file = deployment.blobs.path().join("url");
    std::fs::write(&file, format!("{}\n", deployment.database_url)).unwrap();
    let migrate = async |url: Option<&str>, file: &str| {
        let mut command = deployment.command("cairn-api", &["migrate"]).await;
        match url {
            Some(url) => command.env("CAIRN_DATABASE_URL", url),
            None => command.env_remove("CAIRN_DATABASE_URL"),
        };
        program::run(command.env("CAIRN_DATABASE_URL_FILE", file)).await
    };
    migrate(None, file.to_str().unwrap()).await.ok();
    let done = migrate(None, "/nowhere").await.with_code(1);
    done.saying("CAIRN_DATABASE_URL_FILE");
    let both = migrate(Some("host=db"), file.to_str().unwrap()).await;
    both.with_code(1).saying("CAIRN_DATABASE_URL_FILE");
}

#[tokio::test]
async fn a_password_that_changes_in_its_file_needs_no_restart() {
    let server = TlsPostgres::start().await;
    let file = server.file("password");
    std::fs::write(&file, "first\n").unwrap();
    let blobs = tempfile::tempdir().unwrap();
    let url = server.pairs(NAME).replace("user=cairn", "user=app");
    let mut config = StoreConfig::new(url, BlobConfig::Fs(blobs.path().to_owned()));
    config.database_password_file = Some(file.clone());
    let store = Store::open(&config).await.unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();

    let change = "ALTER ROLE app PASSWORD 'second';
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'app'";
    server
        .superuser()
        .await
        .batch_execute(change)
        .await
        .unwrap();
    assert!(store.ping().await.is_err());
    std::fs::write(&file, "second\n").unwrap();
    store.ping().await.unwrap();
}

/// The statements of a text: from SELECT or ANALYZE at the start of an indented line to a semicolon.
fn statements(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        if line.starts_with("SELECT ") || line.starts_with("ANALYZE") {
            found.push(String::new());
            open = true;
        }
        if open {
            let (code, ended) = match line.split_once(';') {
                Some((code, _)) => (code, true),
                None => (line, false),
            };
            let last = found.last_mut().unwrap();
            last.push_str(code);
            last.push(' ');
            open = !ended;
        }
    }
    found
}

#[tokio::test]
async fn the_sql_of_the_runbook_runs() {
    let runbooks = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/runbooks.md");
    let statements = statements(&std::fs::read_to_string(runbooks).unwrap());
    assert!(statements.len() > 8, "{statements:#?}");
    let database = postgres::connect(&postgres::database().await).await;
    for statement in statements {
        // A session that does not exist.
        let statement = statement.replace("(PID)", "(0)");
        let done = database.batch_execute(&statement).await;
        assert!(done.is_ok(), "{statement}: {done:?}");
    }
}

#[tokio::test]
async fn migrate_needs_no_credentials_of_s3() {
    let deployment = Deployment::new().await;
    let [nowhere, ..] = program::free_addresses();
    let mut migrate = deployment.command("cairn-api", &["migrate"]).await;
    migrate
        .env_remove("CAIRN_BLOB_DIR")
        .env("CAIRN_S3_BUCKET", "bucket")
        .env("CAIRN_S3_ENDPOINT", format!("http://{nowhere}"))
        .env("AWS_EC2_METADATA_DISABLED", "true");
    program::run(&mut migrate).await.ok();
}
