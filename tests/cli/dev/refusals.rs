//! When `cairn dev` refuses to start, and its errors.

use std::{fs, os::unix::fs::PermissionsExt};

use tokio::net::TcpListener;

use super::{FREE_PORTS, Place};
use harness::program;

/// A second cairn dev on the same folder is refused, and the first continues.
#[tokio::test]
async fn second_dev_on_a_folder_is_refused() {
    let place = Place::open();
    let dev = place.start().await;
    let env = place.file("dev.env");
    let second = place.refused().await.with_code(1);
    let folder = place.data();
    let words = format!("another cairn dev runs on {}", folder.display());
    assert_eq!(second.saying(&words).saying("--data-dir").text(), "");
    assert_eq!(place.file("dev.env"), env);
    dev.shell().await.run(&["whoami"]).await.ok();
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_in_words_that_name_the_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--grpc", "--http", "--ops"] {
        let place = Place::open();
        let mut command = place.bare_dev().await;
        let others = FREE_PORTS.iter().filter(|given| !given.starts_with(flag));
        command.args(others).arg(flag).arg(&address);
        let done = program::run(&mut command).await.with_code(1);
        let done = done.saying(&format!("cannot listen on {address}"));
        assert_eq!(done.saying(flag).text(), "");
        assert!(place.processes().is_empty());
    }
}

/// An invalid setting is refused by its name, and nothing keeps running.
#[tokio::test]
async fn invalid_setting_is_refused_by_its_name() {
    let place = Place::open();
    for (variable, value) in [
        ("CAIRN_GC_INTERVAL", "soon"),
        ("CAIRN_GC_GRACE", "-1s"),
        ("CAIRN_DRAIN_TIMEOUT", "x"),
        ("CAIRN_INLINE_MAX_BYTES", "1000000000"),
    ] {
        let mut command = place.dev().await;
        command.env(variable, value);
        let done = program::run(&mut command).await.with_code(1);
        assert_eq!(done.saying(variable).text(), "");
        let left = place.processes();
        assert!(left.is_empty(), "{variable}: {left:?}");
    }
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_refused() {
    let place = Place::open();
    fs::write(place.data(), "precious").unwrap();
    let done = place.refused().await.with_code(1);
    done.saying(place.data().to_str().unwrap());
    assert_eq!(fs::read(place.data()).unwrap(), b"precious");
}

/// A Postgres that cannot start is the server's fault, and the error shows the end of its log.
#[tokio::test]
async fn failed_postgres_start_shows_its_log() {
    let place = Place::open();
    place.start().await.stop().await;
    let settings = place.postgres().unwrap().join("data/postgresql.conf");
    fs::write(settings, "nonsense = yes\n").unwrap();
    let done = place.refused().await.with_code(2);
    let done = done.saying("nonsense").saying("postgres/log");
    assert_eq!(done.text(), "");
    assert!(place.processes().is_empty());
}

#[tokio::test]
async fn a_data_folder_that_every_user_may_write_to_is_refused() {
    let place = Place::open();
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o777)).unwrap();
    let done = place.refused().await.with_code(1);
    done.saying("may be written to by every user");
    assert!(!place.data().join("lock").exists());
}

#[tokio::test]
async fn a_lock_that_is_a_link_is_not_followed() {
    let place = Place::open();
    fs::create_dir(place.data()).unwrap();
    let precious = place.data().join("precious");
    fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, place.data().join("lock")).unwrap();
    place.refused().await.with_code(1).saying("lock");
    assert_eq!(fs::read(precious).unwrap(), b"precious");
}
