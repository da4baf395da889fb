//! `cairn-api`: migrate, keys, serve.

use cairn_proto::v1::CreateLinkRequest;
use rustix::process::Signal;
use serde_json::Value;
use tonic::Code;

use super::Deployment;
use harness::{Certificates, Client, eventually, postgres, program, spec};

fn lines(done: &program::Done) -> Vec<String> {
    done.text().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn migrate_says_what_it_applied_and_applies_nothing_twice() {
    let deployment = Deployment::new().await;
    let first = lines(&deployment.api(&["migrate"]).await.ok());
    assert!(!first.is_empty());
    assert!(
        first.iter().all(|line| line.starts_with("applied ")),
        "{first:?}"
    );
    assert_eq!(deployment.api(&["migrate"]).await.ok().text(), "");
}

/// migrate of an older version leaves a newer schema alone.
#[tokio::test]
async fn older_migrate_leaves_a_newer_schema_alone() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let database = postgres::connect(&deployment.database_url).await;
    let newer = "INSERT INTO refinery_schema_history SELECT 9999, 'newer', applied_on, checksum
                 FROM refinery_schema_history LIMIT 1";
    database.batch_execute(newer).await.unwrap();
    assert_eq!(deployment.api(&["migrate"]).await.ok().text(), "");
}

#[tokio::test]
async fn probe_without_a_server_fails_with_a_reason() {
    let deployment = Deployment::new().await;
    let [nobody, ..] = program::free_addresses();
    let mut probe = deployment.command("cairn-api", &["probe"]).await;
    let done = program::run(probe.env("CAIRN_OPS_ADDR", &nobody)).await;
    done.with_code(1).saying("refused");
}

#[tokio::test]
async fn of_many_migrates_at_once_each_migration_is_applied_by_one() {
    let mut expected = lines(&Deployment::new().await.api(&["migrate"]).await.ok());
    expected.sort();
    let deployment = Deployment::new().await;
    let mut running = Vec::new();
    for _ in 0..4 {
        let mut migrate = deployment.command("cairn-api", &["migrate"]).await;
        running.push(migrate.spawn().unwrap());
    }
    let mut applied = Vec::new();
    for migrate in running {
        applied.extend(lines(&program::end_of(migrate).await.ok()));
    }
    applied.sort();
    assert_eq!(applied, expected);
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_without_its_secret() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let mut keys = Vec::new();
    for tenant in ["acme", "acme", "other"] {
        let made = lines(
            &deployment
                .api(&["keys", "create", "--tenant", tenant])
                .await
                .ok(),
        );
        assert_eq!(made.len(), 1, "the key and nothing else");
        keys.push(made[0].clone());
    }
    let list = async |tenant: &str| {
        let done = deployment
            .api(&["keys", "list", "--tenant", tenant])
            .await
            .ok();
        for key in &keys {
            assert!(!done.text().contains(key) && !done.stderr.contains(key));
        }
        lines(&done)
    };
    // Newest first.
    let of_acme = list("acme").await;
    assert_eq!(of_acme.len(), 2);
    for (line, key) in of_acme.iter().zip([&keys[1], &keys[0]]) {
        let end = &key[key.len() - 4..];
        assert!(line.contains(&format!("…{end}")), "{line}");
        assert!(line.ends_with("active"), "{line}");
    }
    assert_eq!(list("other").await.len(), 1);

    let id = of_acme[0].split_whitespace().next().unwrap();
    for _ in 0..2 {
        deployment.api(&["keys", "revoke", id]).await;
        let now = list("acme").await;
        assert!(
            now[0].starts_with(id) && now[0].contains("revoked "),
            "{now:?}"
        );
        assert_eq!(now[1], of_acme[1]);
    }
    let unknown = "00000000-0000-0000-0000-000000000000";
    let done = deployment.api(&["keys", "revoke", unknown]).await;
    done.with_code(1).saying(unknown);

    // The database does not have the secret either.
    let database = postgres::connect(&deployment.database_url).await;
    let rows = database.query("SELECT k::text FROM api_keys k", &[]).await;
    for row in rows.unwrap() {
        let row: String = row.get(0);
        assert!(keys.iter().all(|key| !row.contains(key)), "{row}");
    }
}

#[tokio::test]
async fn a_workload_is_added_listed_and_removed() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let subject = "system:serviceaccount:agents:*";
    let add = ["workloads", "add", "--tenant", "acme", "--subject", subject];
    let done = deployment.api(&add).await.with_code(1);
    done.saying("CAIRN_TOKEN_ISSUER");

    let with_issuer = [&add[..], &["--issuer", "https://cluster.example"]].concat();
    let added = lines(&deployment.api(&with_issuer).await.ok());
    assert!(added[0].contains(subject) && added[0].contains("https://cluster.example"));
    // So that running it twice is harmless.
    assert_eq!(lines(&deployment.api(&with_issuer).await.ok()), added);
    let list = ["workloads", "list", "--tenant", "acme"];
    assert_eq!(lines(&deployment.api(&list).await.ok()), added);

    let id = added[0].split_whitespace().next().unwrap();
    let remove = ["workloads", "remove", id];
    deployment.api(&remove).await.ok();
    assert!(lines(&deployment.api(&list).await.ok()).is_empty());
    deployment.api(&remove).await.with_code(1).saying(id);

    let wrong = [
        "workloads",
        "add",
        "--tenant",
        "acme",
        "--subject",
        "agents*",
        "--issuer",
        "x",
    ];
    let done = deployment.api(&wrong).await.with_code(1);
    done.saying("subject");
}

/// A blob store that accepts calls and answers none does not keep the ports closed.
#[tokio::test]
async fn hanging_blob_store_keeps_no_port_closed() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    // A connection waits in the listener's queue.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let [grpc, http, ops] = program::free_addresses();
    let mut serve = deployment.command("cairn-api", &["serve"]).await;
    let serve = serve
        .env_remove("CAIRN_BLOB_DIR")
        .env("CAIRN_S3_ENDPOINT", endpoint)
        .env("CAIRN_S3_BUCKET", "bucket")
        .env("CAIRN_S3_ACCESS_KEY_ID", "id")
        .env("CAIRN_S3_SECRET_ACCESS_KEY", "secret")
        .env("CAIRN_GRPC_ADDR", &grpc)
        .env("CAIRN_HTTP_ADDR", &http)
        .env("CAIRN_OPS_ADDR", &ops);
    let _serving = serve.spawn().unwrap();
    eventually("it says that it lives", async || {
        let lives = reqwest::get(format!("http://{ops}/livez")).await;
        lives.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let ready = reqwest::get(format!("http://{ops}/readyz")).await;
    assert_eq!(ready.unwrap().status(), 503);
}

/// serve answers at its configured addresses until SIGTERM.
#[tokio::test]
async fn serve_listens_at_its_addresses_until_sigterm() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let key = ["keys", "create", "--tenant", "acme"];
    let key = lines(&deployment.api(&key).await.ok())[0].clone();
    let [grpc, http, ops] = program::free_addresses();
    let mut serve = deployment.command("cairn-api", &["serve"]).await;
    serve
        .env("CAIRN_GRPC_ADDR", &grpc)
        .env("CAIRN_HTTP_ADDR", &http)
        .env("CAIRN_OPS_ADDR", &ops)
        .env("CAIRN_PUBLIC_URL", "https://files.example.com/")
        .env("CAIRN_INLINE_MAX_BYTES", "0");
    for stop in [Signal::TERM, Signal::INT] {
        let serving = serve.spawn().unwrap();
        eventually("it is ready", async || {
            let ready = reqwest::get(format!("http://{ops}/readyz")).await;
            ready.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        let mut probe = deployment.command("cairn-api", &["probe"]).await;
        program::run(probe.env("CAIRN_OPS_ADDR", &ops)).await.ok();
        let client = Client::connect(&format!("http://{grpc}"), Some(&key)).await;
        let artifact = client.create(spec("a.txt"), "text").await.unwrap();
        let content = client.download(&artifact.artifact_id).await.unwrap();
        assert_eq!(content, b"text");
        // Nothing is inline, as the settings say.
        assert!(std::fs::read_dir(&deployment.blobs).unwrap().count() > 0);
        let request = CreateLinkRequest {
            artifact_id: artifact.artifact_id,
            ..CreateLinkRequest::default()
        };
        let link = client.links.clone().create_link(request).await;
        let link = link.unwrap().into_inner().link.unwrap();
        let expected = format!("https://files.example.com/{}", link.link_id);
        assert_eq!(link.url, expected);
        let opened = reqwest::get(format!("http://{http}/{}", link.link_id)).await;
        assert_eq!(opened.unwrap().text().await.unwrap(), "text");

        program::signal(&serving, stop);
        let done = program::end_of(serving).await.ok();
        assert_eq!(done.text(), "");
        for line in done.stderr.lines() {
            let said: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert!(
                said["level"].is_string() && said["message"].is_string(),
                "{line}"
            );
        }
        assert!(!done.stderr.contains(&key));
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_while_it_is_served_opens_nothing_more() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let key = ["keys", "create", "--tenant", "acme"];
    let key = lines(&deployment.api(&key).await.ok())[0].clone();
    let addresses = program::free_addresses();
    let mut serve = deployment.command("cairn-api", &["serve"]).await;
    for (variable, address) in ["CAIRN_GRPC_ADDR", "CAIRN_HTTP_ADDR", "CAIRN_OPS_ADDR"]
        .into_iter()
        .zip(&addresses)
    {
        serve.env(variable, address);
    }
    serve.env("CAIRN_CREDENTIAL_TRUST", "0s");
    let serving = serve.spawn().unwrap();
    let client = Client::connect(&format!("http://{}", addresses[0]), Some(&key)).await;
    eventually("it takes calls", async || {
        client.create(spec("a.txt"), "text").await.is_ok()
    })
    .await;
    let listed = deployment
        .api(&["keys", "list", "--tenant", "acme"])
        .await
        .ok();
    let id = listed.text().split_whitespace().next().unwrap();
    deployment.api(&["keys", "revoke", id]).await.ok();
    eventually("the key is refused", async || {
        let answer = client.create(spec("b.txt"), "text").await;
        answer.is_err_and(|refusal| refusal.code() == Code::Unauthenticated)
    })
    .await;
    drop(serving);
}

/// tenants shows what each stores and may store, and sets quotas.
#[tokio::test]
async fn tenants_list_usage_and_set_quotas() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    for name in ["acme", "other"] {
        deployment
            .api(&["keys", "create", "--tenant", name])
            .await
            .ok();
    }
    let tenants = async |args: &[&str]| deployment.api(&[&["tenants"], args].concat()).await;
    let set = [
        "set",
        "--tenant=acme",
        "--max-stored-bytes=10GiB",
        "--max-artifacts=5",
    ];
    let keeping = "default-ttl 30d  max-ttl none  never-expires true";
    let acme =
        format!("acme  0 of 5 artifacts  0 of 10737418240 bytes  0 physical bytes  {keeping}");
    let links = |policy: &str| format!("acme  links {policy}");
    let unlimited = links("true  max-link-ttl none  max-link-downloads none");
    assert_eq!(lines(&tenants(&set).await.ok()), [&*acme, &*unlimited]);
    let other = format!("other  0 artifacts  0 bytes  0 physical bytes  {keeping}");
    assert_eq!(lines(&tenants(&["list"]).await.ok()), [&*acme, &*other]);
    // Settings that are not given stay.
    tenants(&["set", "--tenant=acme", "--max-stored-bytes=none"])
        .await
        .ok();
    let shown = tenants(&["show", "--tenant=acme"]).await.ok();
    let acme = format!("acme  0 of 5 artifacts  0 bytes  0 physical bytes  {keeping}");
    assert_eq!(lines(&shown), [acme.clone(), unlimited]);
    let set = [
        "set",
        "--tenant=acme",
        "--links=false",
        "--max-link-ttl=1d",
        "--max-link-downloads=3",
    ];
    let limited = links("false  max-link-ttl 1d  max-link-downloads 3");
    assert_eq!(lines(&tenants(&set).await.ok()), [acme, limited]);

    let database = postgres::connect(&deployment.database_url).await;
    let many = "INSERT INTO tenants (id, name) SELECT gen_random_uuid(), 'b' || n FROM generate_series(1, 999) n";
    database.batch_execute(many).await.unwrap();
    let page = tenants(&["list"]).await.ok();
    assert_eq!(lines(&page).len(), 1000);
    page.saying("more: --after b999");
    let rest = tenants(&["list", "--after=b999"]).await.ok();
    assert_eq!((lines(&rest), &*rest.stderr), (vec![other], ""));

    for (wrong, words) in [
        (
            &["set", "--tenant=unknown", "--max-artifacts=5"][..],
            "there is no tenant 'unknown'",
        ),
        (
            &["show", "--tenant=unknown"],
            "there is no tenant 'unknown'",
        ),
        (
            &["set", "--tenant=acme", "--max-artifacts=0"],
            "max_artifacts: must be 1 to",
        ),
        (
            &["set", "--tenant=acme", "--max-stored-bytes=1.5GB"],
            "a number of bytes such as",
        ),
        (&["set", "--tenant=acme"], "--max-stored-bytes"),
        (
            &["set", "--tenant=acme", "--max-link-downloads=0"],
            "max_link_downloads: must be 1 to",
        ),
        (
            &["set", "--tenant=acme", "--max-ttl=1d"],
            "default_ttl: must not be longer than max_ttl",
        ),
    ] {
        let done = tenants(wrong).await;
        assert_ne!(done.code, Some(0), "{wrong:?}");
        assert!(done.stderr.contains(words), "{words} in {}", done.stderr);
    }
}

#[tokio::test]
async fn a_probe_speaks_tls_where_the_ops_port_does() {
    let certificates = Certificates::of_a_server();
    let file = |name| certificates.file(name).to_str().unwrap().to_owned();
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let open = vec![
        ("CAIRN_TLS_CERT_FILE", file("server.crt")),
        ("CAIRN_TLS_KEY_FILE", file("server.key")),
        ("CAIRN_TLS_PORTS", "ops".to_owned()),
    ];
    let mutual = [
        ("CAIRN_TLS_CLIENT_CA_FILE", file("ca.crt")),
        ("CAIRN_TLS_CLIENT_PORTS", "ops".to_owned()),
    ];
    let mutual = [&open[..], &mutual].concat();
    for (name, args) in [("cairn-api", &["serve"][..]), ("cairn-gc-worker", &[])] {
        for settings in [&open, &mutual] {
            let [grpc, http, ops] = program::free_addresses();
            let addresses = [
                ("CAIRN_GRPC_ADDR", grpc),
                ("CAIRN_HTTP_ADDR", http),
                ("CAIRN_OPS_ADDR", ops.clone()),
            ];
            let command = async |name, args: &[&str]| {
                let mut command = deployment.command(name, args).await;
                command.envs(addresses.clone()).envs(settings.clone());
                command
            };
            let serving = command(name, args).await.spawn().unwrap();
            eventually("the probe finds it ready", async || {
                let probed = program::run(&mut command("cairn-api", &["probe"]).await).await;
                probed.code == Some(0)
            })
            .await;
            assert!(reqwest::get(format!("http://{ops}/readyz")).await.is_err());
            program::signal(&serving, Signal::TERM);
            program::end_of(serving).await.ok();
        }
    }
}
