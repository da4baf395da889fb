//! The restore of docs/recover.md: the database goes back in time, the blob store does not.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use cairn_cli::cluster::{Cluster, Options};
use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
    gc::{Pass, Policy},
};
use serde_json::Value;
use tokio::task::spawn_blocking;

use harness::{
    Bytes, Cairn, Setup, content, eventually, postgres,
    program::{self, Done},
    spec, text,
};

const SETTINGS: &[&str] = &["fsync=off", "archive_mode=on", "max_connections=100"];

async fn start(folder: &Path) -> Cluster {
    let folder = folder.to_owned();
    let options = Options {
        settings: SETTINGS,
        temporary: false,
    };
    let started = spawn_blocking(move || Cluster::start(&folder, options));
    started.await.unwrap().unwrap()
}

/// As root every file keeps its owner, as Postgres requires.
fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.unwrap().success());
}

/// Writes a file that Postgres can read.
fn write(data: &Path, name: &str, text: &str) {
    let file = data.join(name);
    std::fs::write(&file, text).unwrap();
    let mut chown = Command::new("chown");
    chown.arg("--reference").arg(data).arg(file);
    assert!(chown.status().unwrap().success());
}

/// Copies a running cluster, like a base backup.
async fn back_up(url: &str, cluster: &Path, backup: &Path) {
    let database = postgres::connect(url).await;
    let begin = "SELECT pg_backup_start('drill', true)";
    database.query_one(begin, &[]).await.unwrap();
    copy(cluster, backup);
    let row = database.query_one("SELECT labelfile FROM pg_backup_stop()", &[]);
    let label: String = row.await.unwrap().get(0);
    let data = backup.join("data");
    write(&data, "backup_label", &label);
    std::fs::remove_file(data.join("postmaster.pid")).unwrap();
}

/// Makes a backup recover to the restore point `before` when it starts.
fn recover(backup: &Path, archive: &Path) {
    use std::io::Write;
    let data = backup.join("data");
    let settings = format!(
        "restore_command = 'cp {}/%f %p'\nrecovery_target_name = 'before'\nrecovery_target_action = 'promote'\n\
         archive_command = 'true'\n",
        archive.display()
    );
    let auto = data.join("postgresql.auto.conf");
    let mut auto = std::fs::OpenOptions::new().append(true).open(auto).unwrap();
    auto.write_all(settings.as_bytes()).unwrap();
    write(&data, "recovery.signal", "");
}

/// `cairn admin …` on a database and the blobs.
async fn admin(url: &str, blobs: &Path, args: &[&str]) -> Done {
    let mut command = program::command(program::program("cairn").await);
    command
        .arg("admin")
        .args(args)
        .env("CAIRN_DATABASE_URL", url)
        .env("CAIRN_BLOB_DIR", blobs);
    program::run(&mut command).await
}

async fn serve(url: &str, blobs: PathBuf) -> Cairn {
    let setup = Setup::on(Bytes::Files).database(url.to_owned());
    let setup = setup.config(move |config| {
        config.blobs = BlobConfig::Fs(blobs);
        config.delete_window = Duration::ZERO;
        config.gc_grace = Duration::ZERO;
        config.gc.orphan_age = Duration::ZERO;
        config.gc.orphan_confirm = Duration::ZERO;
        config.gc.orphan_round = Duration::ZERO;
    });
    setup.start().await
}

/// A database that goes back in time gets its bytes back, and shuts out the previous one.
#[tokio::test]
async fn restored_database_shuts_out_the_previous_one() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    // Postgres runs under another account when this is root.
    let open = |folder: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(folder).unwrap();
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    };
    open(place.path());
    let (archive, blobs) = (path("archive"), path("blobs"));
    open(&archive);
    let cluster = start(&path("old")).await;
    let old_url = cluster.url("postgres");
    let database = postgres::connect(&old_url).await;
    let archive_command = format!(
        "ALTER SYSTEM SET archive_command = 'cp %p {}/%f'",
        archive.display()
    );
    for sql in [&*archive_command, "SELECT pg_reload_conf()"] {
        database.batch_execute(sql).await.unwrap();
    }
    let config = StoreConfig::new(old_url.clone(), BlobConfig::Fs(blobs.clone()));
    Store::open(&config).await.unwrap().migrate().await.unwrap();
    let old = serve(&old_url, blobs.clone()).await;
    let made = async |name: &str, size: usize| {
        let made = old.client.upload(spec(name), content(size)).await;
        made.unwrap().artifact_id
    };
    let kept = made("kept", 100_000).await;
    let doomed = made("doomed", 100_001).await;
    let small = made("small", 10).await;
    back_up(&old_url, &path("old"), &path("new")).await;
    let after_backup = made("after the backup", 100_002).await;
    database
        .batch_execute("SELECT pg_create_restore_point('before')")
        .await
        .unwrap();

    // A bucket with versioning keeps what is deleted from now on.
    copy(&blobs, &path("versions"));
    let late = made("late", 100_003).await;
    old.client.delete(&doomed).await.unwrap();
    old.collect_everything().await;
    assert!(old.client.download(&doomed).await.is_err());
    let row = database.query_one("SELECT pg_walfile_name(pg_switch_wal())", &[]);
    let last: String = row.await.unwrap().get(0);
    eventually("the log is archived", async || archive.join(&last).exists()).await;

    // 1. Everything is stopped, 2. the database is restored.
    recover(&path("new"), &archive);
    let restored = start(&path("new")).await;
    let new_url = restored.url("postgres");
    eventually("it has been promoted", async || {
        let database = postgres::connect(&new_url).await;
        let row = database.query_one("SELECT pg_is_in_recovery()", &[]).await;
        !row.unwrap().get::<_, bool>(0)
    })
    .await;

    // 3. The blob store is adopted: the previous database is shut out, in case it still runs.
    admin(&new_url, &blobs, &["gc", "adopt", "--by=kim"])
        .await
        .ok();
    let shut_out = old.pass("orphans").await;
    assert!(shut_out.failures[0].error.contains("adopt"), "{shut_out:?}");
    assert!(old.store.preflight().await.is_err());
    old.stop().await;
    let status = admin(&new_url, &blobs, &["gc", "status"]).await.ok().json();
    assert_eq!(status["paused"]["by"], "kim");

    // 4. Artifacts without their bytes are found, and the bytes are brought back.
    let report = admin(&new_url, &blobs, &["fsck"]).await.with_code(2).json();
    assert_eq!(
        (&report["ghost_count"], &report["orphan_count"]),
        (&1.into(), &1.into())
    );
    let lacking: &Value = &report["ghosts"][0];
    assert_eq!(text(&lacking["artifacts"][0]), doomed);
    let object = text(&lacking["object"]).to_owned();
    let tenants = path("versions").join("v1");
    let found = Command::new("find")
        .arg(&tenants)
        .arg("-name")
        .arg(&object)
        .output();
    let found = PathBuf::from(String::from_utf8(found.unwrap().stdout).unwrap().trim());
    let key = found.strip_prefix(path("versions")).unwrap();
    copy(&found, &blobs.join(key));
    let sound = admin(&new_url, &blobs, &["fsck", "--hash"])
        .await
        .ok()
        .json();
    assert_eq!(
        (&sound["sound"], &sound["orphan_count"]),
        (&true.into(), &1.into())
    );

    // 5. It serves again: everything from that time, and nothing later.
    let new = serve(&new_url, blobs.clone()).await;
    for (id, size) in [
        (&kept, 100_000),
        (&doomed, 100_001),
        (&small, 10),
        (&after_backup, 100_002),
    ] {
        assert!(new.client.download(id).await.unwrap() == content(size));
    }
    assert!(new.client.get(&late).await.is_err());
    let paused = new.collector.run(Policy::default()).await;
    assert!(paused.paused.is_some() && paused.is_idle(), "{paused:?}");

    // 6. The collector continues; the bytes of what was lost are deleted in time.
    admin(&new_url, &blobs, &["gc", "resume"]).await.ok();
    for orphans in [0, 1] {
        let report = new
            .collector
            .run_passes(Policy::default(), Pass::named("orphans"))
            .await;
        assert_eq!(report.count("orphans"), orphans, "{report:?}");
    }
    let sound = admin(&new_url, &blobs, &["fsck", "--hash"])
        .await
        .ok()
        .json();
    assert_eq!(sound["orphan_count"], 0);
    new.stop().await;
    spawn_blocking(move || (cluster.stop().unwrap(), restored.stop().unwrap()))
        .await
        .unwrap();
}
