//! The exit code says whose fault it is: 1 the caller's, 2 the server's, 3 the network's.

use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::{Shell, start, started, text};
use harness::{Bytes, Setup, content, eventually, program};

/// Every verb that calls a server.
const VERBS: [&[&str]; 18] = [
    &["push", "a.txt"],
    &["pull", "art_0123456789abcdef", "-o", "x"],
    &["pull", "--session=run", "-o", "in"],
    &["pull", "--name=a.txt"],
    &["ls"],
    &["versions", "a.txt"],
    &["inspect", "art_0123456789abcdef"],
    &["rm", "art_0123456789abcdef"],
    &["link", "art_0123456789abcdef"],
    &["link", "ls"],
    &["session", "ls"],
    &["session", "show", "run"],
    &["session", "seal", "run"],
    &["session", "update", "run", "--label=l"],
    &["session", "commit", "run"],
    &["session", "watch", "run"],
    &["job", "ls"],
    &["whoami"],
];

/// Runs every verb, all of which must end in this way and print no data.
async fn all_fail(shell: &Shell, code: i32, words: &str) {
    shell.write("a.txt", "a");
    for verb in VERBS {
        let done = shell.run(verb).await;
        assert_eq!(done.with_code(code).saying(words).text(), "", "{verb:?}");
    }
    assert_eq!(shell.entries("."), ["a.txt"]);
}

#[tokio::test]
async fn a_wrong_key_is_the_callers_mistake() {
    let (cairn, _) = start().await;
    let wrong = cairn.key.replace(|c: char| c.is_ascii_digit(), "x");
    let shell = Shell::at(&cairn.grpc_url, &wrong).await;
    all_fail(&shell, 1, "key").await;
    let done = shell.run(&["ls", "--json"]).await.with_code(1);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "unauthorized");
    assert_eq!(error["error"]["status"], 401);
}

/// A missing key is the caller's mistake, and the error says where to get one.
#[tokio::test]
async fn missing_key_is_the_callers_mistake() {
    let (cairn, _) = start().await;
    let shell = Shell::at(&cairn.grpc_url, "").await;
    all_fail(&shell, 1, "dev.env").await;
}

/// Without Postgres the error is the server's fault, until Postgres is back.
#[tokio::test]
async fn missing_postgres_is_the_servers_fault() {
    let (cairn, shell) = started(Setup::on(Bytes::Files).proxied()).await;
    cairn.postgres_proxy().cut();
    all_fail(&shell, 2, "").await;
    let done = shell.run(&["ls", "--json"]).await.with_code(2);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "unavailable");
    assert_eq!(error["error"]["status"], 503);
    cairn.postgres_proxy().restore();
    eventually("it works again", async || {
        shell.run(&["ls"]).await.code == Some(0)
    })
    .await;
}

/// Without S3 the error is the server's fault, and content in Postgres can be read.
#[tokio::test]
async fn missing_s3_leaves_inline_content_readable() {
    let (cairn, shell) = started(Setup::on(Bytes::S3).proxied()).await;
    let large = shell.push("large.bin", content(100 << 10), &[]).await;
    let small = shell.push("small.txt", "small", &[]).await;
    cairn.s3_proxy().cut();
    let (large, small) = (text(&large["artifact_id"]), text(&small["artifact_id"]));
    let pull = ["pull", large, "-o", "there.bin"];
    assert_eq!(shell.run(&pull).await.with_code(2).text(), "");
    let push = ["push", "large.bin"];
    // The same bytes are already stored; others are not.
    shell.write("large.bin", content((100 << 10) + 1));
    assert_eq!(shell.run(&push).await.with_code(2).text(), "");
    let done = shell.run(&["pull", small, "-o", "-"]).await.ok();
    assert_eq!(done.text(), "small");
    assert_eq!(shell.entries("."), ["large.bin", "small.txt"]);
}

#[tokio::test]
async fn where_nothing_listens_it_is_the_networks_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let shell = Shell::at(&address, "key").await;
    all_fail(&shell, 3, &format!("cannot reach http://{address}")).await;
    let done = shell.run(&["ls", "--json"]).await.with_code(3);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "network");
}

#[tokio::test]
async fn a_name_that_no_one_has_is_the_networks_fault() {
    let shell = Shell::at("http://cairn.invalid:7070", "key").await;
    let done = shell.run(&["ls"]).await.with_code(3);
    done.saying("cannot reach http://cairn.invalid:7070");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_the_networks_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let rude = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // It may already be gone.
            let _ = stream.shutdown().await;
        }
    });
    let shell = Shell::at(&address, "key").await;
    all_fail(&shell, 3, "").await;
    rude.abort();
}

#[tokio::test]
async fn push_cut_in_midstream_is_the_networks_fault() {
    let (cairn, shell) = start().await;
    let proxy = harness::Proxy::before_tcp(cairn.grpc_url.strip_prefix("http://").unwrap());
    let proxy = proxy.await;
    let mut push = shell.cairn(&["push", "-", "--name=a.bin"]);
    push.env("CAIRN_ADDR", proxy.address.to_string());
    let mut push = push.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = push.stdin.take().unwrap();
    stdin.write_all(&content(12 << 20)).await.unwrap();
    eventually("bytes have arrived", async || {
        !cairn.stored().await.is_empty()
    })
    .await;
    proxy.cut();
    let done = program::end_of(push).await.with_code(3);
    assert_eq!(done.saying("lost the server").text(), "");
    assert_eq!(super::artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn an_address_that_is_none_is_the_callers_mistake() {
    for address in ["nonsense://x", "127.0.0.1:7070/path", ""] {
        let shell = Shell::at(address, "key").await;
        shell.run(&["ls"]).await.with_code(1).saying("--addr");
    }
}

#[tokio::test]
async fn the_flags_of_the_server_go_before_the_environment() {
    let (cairn, _) = start().await;
    let shell = Shell::at("127.0.0.1:1", "wrong").await;
    let flags = ["--addr", &cairn.grpc_url, "--api-key", &cairn.key];
    let me = shell.json(&[&["whoami"], &flags[..]].concat()).await;
    assert_eq!(me["tenant_name"], "acme");
}

/// Every verb reads its key from a file, and says what is wrong with the file.
#[tokio::test]
async fn every_verb_reads_its_key_from_a_file() {
    let (cairn, shell) = start().await;
    let with = async |key: &str, file: &str| {
        let mut command = shell.cairn(&["whoami"]);
        command
            .env("CAIRN_API_KEY", key)
            .env("CAIRN_API_KEY_FILE", file);
        program::run(&mut command).await
    };
    // As editors and secrets leave it, from a file and from the environment alike.
    for key in ["{}\r\n", "{}\n\n", " {} ", "\t{}"] {
        let key = key.replace("{}", &cairn.key);
        shell.write("key", &key);
        assert_eq!(with("", "key").await.ok().json()["tenant_name"], "acme");
        assert_eq!(with(&key, "").await.ok().json()["tenant_name"], "acme");
    }
    with(" \n", "").await.with_code(1).saying("no API key");
    let both = with(&cairn.key, "key").await.with_code(1);
    both.saying("drop --api-key and CAIRN_API_KEY, or --api-key-file and CAIRN_API_KEY_FILE");
    let missing = with("", "no-such-key").await.with_code(1);
    missing.saying("no-such-key: No such file or directory");
    shell.write("empty", "\n");
    with("", "empty")
        .await
        .with_code(1)
        .saying("empty: there is no API key in it");
    shell.write("two", "one\ntwo\n");
    with("", "two")
        .await
        .with_code(1)
        .saying("two: the API key holds characters");
}

/// Help and version go to standard output, and an unknown verb is a mistake.
#[tokio::test]
async fn help_is_output_and_an_unknown_verb_an_error() {
    let shell = Shell::at("127.0.0.1:1", "a-secret-key").await;
    let help = shell.run(&["--help"]).await.ok();
    assert!(help.text().contains("push") && help.stderr.is_empty());
    let version = shell.run(&["--version"]).await.ok();
    let expected = format!("cairn {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(version.text(), expected);
    for args in [&[][..], &["steal"], &["ls", "extra"]] {
        assert_eq!(shell.run(args).await.with_code(1).text(), "", "{args:?}");
    }
    // The key of the environment is not printed.
    let help = shell.run(&["push", "--help"]).await.ok();
    assert!(!help.text().contains("a-secret-key"));
}
