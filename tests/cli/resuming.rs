//! Pushes of large files that are cut off go on where they were.

use harness::{Cairn, Proxy, content, eventually, program};
use tokio::process::Child;

use super::{Shell, start, text};

const SIZE: usize = (72 << 20) + 1;

/// Waits until some of the only upload is stored, and returns its id.
async fn some_is_stored(cairn: &Cairn) -> String {
    let database = cairn.database().await;
    let mut id = String::new();
    eventually("some of it is stored", async || {
        let stored = "SELECT id FROM uploads WHERE parts_bytes > 0";
        let rows = database.query(stored, &[]).await.unwrap();
        id = rows.first().map(|row| row.get(0)).unwrap_or_default();
        !id.is_empty()
    })
    .await;
    id
}

async fn one_upload_several_writers(cairn: &Cairn) {
    let fences = "SELECT count(*) FROM uploads WHERE fence > 2";
    assert_eq!(cairn.count(fences).await, 1, "two writes and a finish");
    assert_eq!(cairn.count("SELECT count(*) FROM uploads").await, 1);
}

async fn killed(cairn: &Cairn, shell: &Shell, push: &[&str]) -> String {
    let mut child: Child = shell.cairn(push).spawn().unwrap();
    let id = some_is_stored(cairn).await;
    child.kill().await.unwrap();
    program::end_of(child).await;
    let made = "SELECT count(*) FROM artifacts";
    assert_eq!(cairn.count(made).await, 0, "it was killed in between");
    id
}

#[tokio::test]
async fn push_goes_on_after_a_lost_connection() {
    let (cairn, _) = start().await;
    let proxy = Proxy::before_tcp(cairn.grpc_url.strip_prefix("http://").unwrap()).await;
    let shell = Shell::at(&proxy.address.to_string(), &cairn.key).await;
    shell.write("a.bin", content(SIZE));
    let cut = async {
        some_is_stored(&cairn).await;
        proxy.break_after(1);
        eventually("it breaks", async || proxy.has_broken()).await;
    };
    let push = ["push", "a.bin", "--session=run", "--json"];
    let (done, ()) = tokio::join!(shell.run(&push), cut);
    let made = done.ok().json();
    let stored = cairn.client.download(text(&made["artifact_id"])).await;
    assert!(stored.unwrap() == content(SIZE));
    one_upload_several_writers(&cairn).await;
}

#[tokio::test]
async fn same_push_goes_on_after_its_process_was_killed() {
    let (cairn, shell) = start().await;
    shell.write("a.bin", content(SIZE));
    let push = ["push", "a.bin", "--session=run", "--json"];
    killed(&cairn, &shell, &push).await;
    let made = shell.json(&push).await;
    let stored = cairn.client.download(text(&made["artifact_id"])).await;
    assert!(stored.unwrap() == content(SIZE));
    one_upload_several_writers(&cairn).await;
    let again = shell.json(&push).await;
    assert_eq!(again["artifact_id"], made["artifact_id"]);
}

#[tokio::test]
async fn named_upload_is_resumed_by_another_push() {
    let (cairn, shell) = start().await;
    shell.write("a.bin", content(SIZE));
    let push = ["push", "a.bin", "--no-idempotency-key", "--agent=first"];
    let id = killed(&cairn, &shell, &push).await;
    for other in [vec![7; SIZE], content(SIZE + 1)] {
        shell.write("other.bin", other);
        let other = ["push", "other.bin", "--resume", &id];
        shell.run(&other).await.with_code(1).saying("other content");
    }
    let made = shell
        .json(&["push", "a.bin", "--resume", &id, "--json"])
        .await;
    assert_eq!(text(&made["agent_id"]), "first");
    let stored = cairn.client.download(text(&made["artifact_id"])).await;
    assert!(stored.unwrap() == content(SIZE));
    one_upload_several_writers(&cairn).await;
    let unknown = ["push", "a.bin", "--resume", "upl_00000000000000000000"];
    shell
        .run(&unknown)
        .await
        .with_code(1)
        .saying("does not exist");
}
