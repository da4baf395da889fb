//! What `cairn dev` keeps, and what it does not.

use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path};

use reqwest::StatusCode;
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::{FREE_PORTS, Place};
use harness::{Shell, content, each, eventually, program, text};

#[tokio::test]
async fn it_says_where_it_listens_and_everything_works_there() {
    let place = Place::open();
    let dev = place.start().await;
    let shell = dev.shell().await;
    let content = content(200 << 10);
    let pushed = shell.push("a.bin", &content, &["--link"]).await;
    shell
        .json(&["pull", text(&pushed["artifact_id"]), "-o", "b.bin"])
        .await;
    assert!(shell.read("b.bin") == content);

    let url = text(&pushed["link"]["url"]);
    assert!(url.starts_with(&dev.links), "{url}");
    let answer = reqwest::get(url).await.unwrap();
    assert!(answer.bytes().await.unwrap() == content);
    eventually("it is ready", async || {
        let answer = reqwest::get(&dev.probes).await.unwrap();
        answer.status() == StatusCode::OK
    })
    .await;
    let me = shell.json(&["whoami"]).await;
    assert_eq!(me["tenant_name"], "dev");
}

/// dev.env has all that the command needs, and only its owner may read it.
#[tokio::test]
async fn dev_env_has_all_settings_for_its_owner_only() {
    let place = Place::open();
    let dev = place.start().await;
    let target = dev.grpc.strip_prefix("http://").unwrap();
    let expected = format!(
        "export CAIRN_ADDR={}\nexport CAIRN_GRPC_TARGET={target}\nexport CAIRN_API_KEY={}\n",
        dev.grpc, dev.key
    );
    assert_eq!(place.file("dev.env"), expected);
    // Its output may end in a log that others read.
    assert!(!dev.said.contains(&dev.key), "{}", dev.said);
    let path = place.data().join("dev.env");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut sh = program::command("sh".as_ref());
    sh.args(["-c", ". \"$1\" && \"$2\" whoami", "sh"]);
    sh.arg(path).arg(program::program("cairn").await);
    let me = program::run(&mut sh).await.ok().json();
    assert_eq!(me["tenant_name"], "dev");
}

/// The bytes and the records are in the data folder, which only its owner may read.
#[tokio::test]
async fn data_folder_is_private_to_its_owner() {
    let place = Place::open();
    let dev = place.start().await;
    let shell = dev.shell().await;
    shell.push("a.bin", content(100 << 10), &[]).await;
    assert_eq!(files_below(&place.data().join("blobs")), 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(&place.postgres().unwrap()), 0);
    assert_eq!(mode(&place.socket()), 0);
    for name in ["blobs", "dev.env", "lock"] {
        assert_eq!(mode(&place.data().join(name)), 0, "{name}");
    }
    // The user that runs Postgres for root may enter it.
    assert_eq!(mode(&place.data()) & !0o011, 0);
}

#[tokio::test]
async fn a_data_folder_that_others_could_read_is_closed() {
    let place = Place::open();
    place.start().await.stop().await;
    let lock = place.data().join("lock");
    for (path, open) in [(&place.data(), 0o755), (&lock, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(open)).unwrap();
    }
    place.start().await.stop().await;
    for path in [&place.data(), &lock] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o066, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn a_file_that_waits_for_the_key_does_not_get_it() {
    let place = Place::open();
    fs::create_dir(place.data()).unwrap();
    let waiting = place.data().join("dev.env.new");
    fs::write(&waiting, "").unwrap();
    fs::set_permissions(&waiting, fs::Permissions::from_mode(0o666)).unwrap();
    let mut reader = fs::File::open(&waiting).unwrap();
    let dev = place.start().await;
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "");
    let mode = fs::metadata(place.data().join("dev.env"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    dev.stop().await;
}

#[tokio::test]
async fn started_again_it_has_the_artifacts_and_the_key_of_before() {
    let place = Place::open();
    let dev = place.start().await;
    let shell = dev.shell().await;
    shell.push("small.txt", "small", &["--session=run"]).await;
    shell
        .push("large.bin", content(100 << 10), &["--session=run"])
        .await;
    let listed = shell.json(&["ls"]).await;
    let token = shell.json(&["token", "create", "--scopes=read"]).await;
    let key = dev.key.clone();
    dev.stop().await;

    let dev = place.start().await;
    assert_eq!(dev.key, key);
    let shell = dev.shell().await;
    assert_holds(&shell, &listed).await;
    let with_token = ["whoami", "--api-key", text(&token["token"])];
    assert_eq!(shell.json(&with_token).await["token_id"], token["token_id"]);
    let file = fs::metadata(place.data().join("delegation.key")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

/// Killed and started again at once, cairn dev has the earlier artifacts.
#[tokio::test]
async fn dev_restarted_after_kill_keeps_artifacts() {
    let place = Place::open();
    let dev = place.start().await;
    let shell = dev.shell().await;
    shell.push("small.txt", "small", &["--session=run"]).await;
    shell
        .push("large.bin", content(100 << 10), &["--session=run"])
        .await;
    let listed = shell.json(&["ls"]).await;
    let key = dev.key.clone();
    program::signal(&dev.child, Signal::KILL);
    assert_eq!(dev.end().await.code, None);

    let dev = place.start().await;
    assert_eq!(dev.key, key);
    assert_holds(&dev.shell().await, &listed).await;
}

#[tokio::test]
async fn a_postgres_that_was_left_behind_is_taken_over() {
    let place = Place::open();
    let dev = place.start().await;
    let shell = dev.shell().await;
    shell.push("small.txt", "small", &["--session=run"]).await;
    shell
        .push("large.bin", content(100 << 10), &["--session=run"])
        .await;
    let listed = shell.json(&["ls"]).await;
    // The process that would stop Postgres is stopped itself, then killed with `cairn dev`.
    let keepers: Vec<_> = place
        .processes()
        .into_iter()
        .filter(|(_, command)| command.starts_with("/bin/sh"))
        .collect();
    assert!(!keepers.is_empty());
    for (pid, _) in &keepers {
        kill_process(*pid, Signal::STOP).unwrap();
    }
    program::signal(&dev.child, Signal::KILL);
    dev.end().await;
    for (pid, _) in &keepers {
        kill_process(*pid, Signal::KILL).unwrap();
    }
    assert!(!place.processes().is_empty(), "Postgres still runs");
    let orphaned = place.socket();

    let dev = place.start().await;
    // The process that would have removed it was killed above.
    fs::remove_dir(orphaned).unwrap();
    assert_holds(&dev.shell().await, &listed).await;
    let socket = place.socket();
    dev.stop().await;
    place.is_quiet(&socket).await;
}

/// A data folder that only its owner may enter works, and keeps its content.
#[tokio::test]
async fn dev_works_in_a_private_data_folder() {
    let place = Place::closed();
    let dev = place.start().await;
    let shell = dev.shell().await;
    shell
        .push("a.bin", content(100 << 10), &["--session=run"])
        .await;
    let listed = shell.json(&["ls"]).await;
    let socket = place.socket();
    dev.stop().await;
    place.is_quiet(&socket).await;
    let dev = place.start().await;
    assert_holds(&dev.shell().await, &listed).await;
}

#[tokio::test]
async fn without_a_word_about_it_the_data_is_in_cairn_data_here() {
    let place = Place::open();
    let mut command = place.bare_dev().await;
    command.args(FREE_PORTS);
    place.start_as(command).await.stop().await;
    assert!(place.data().join("dev.env").is_file());
}

/// The bytes of expired artifacts are deleted without a command, and the others stay.
#[tokio::test]
async fn dev_collects_expired_artifacts_by_itself() {
    let place = Place::open();
    let mut command = place.dev().await;
    command
        .env("CAIRN_GC_INTERVAL", "100ms")
        .env("CAIRN_DELETE_WINDOW", "100ms")
        .env("CAIRN_GC_GRACE", "100ms");
    let dev = place.start_as(command).await;
    let shell = dev.shell().await;
    let blobs = place.data().join("blobs");
    let kept = shell.push("kept.bin", content(100 << 10), &[]).await;
    let brief = ["--ttl=2s"];
    let expired = shell.push("brief.bin", content(200 << 10), &brief).await;
    assert_eq!(files_below(&blobs), 2);

    eventually("one blob is left", async || files_below(&blobs) == 1).await;
    let done = shell.run(&["inspect", text(&expired["artifact_id"])]).await;
    done.with_code(1);
    let pull = ["pull", text(&kept["artifact_id"]), "-o", "back.bin"];
    shell.run(&pull).await.ok();
    assert!(shell.read("back.bin") == content(100 << 10));
}

/// Checks that a shell lists the same artifacts of the session `run` as before, with their bytes.
async fn assert_holds(shell: &Shell, listed: &Value) {
    assert_eq!(shell.json(&["ls"]).await, *listed);
    let pull = ["pull", "--session=run", "-o", "in"];
    let pulled = shell.json(&pull).await;
    let filenames = |list: &Value| each(&list["artifacts"], "filename").len();
    assert_eq!(filenames(&pulled), filenames(listed));
}

pub(super) fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        // The mark of the deployment is not a blob.
        .filter(|path| !path.ends_with("_deployment_id"))
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}
