//! However `cairn dev` ends, none of its processes keeps running.

use std::{fs, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    process::{Child, ChildStdin},
};

use super::{Dev, Place};
use harness::{Shell, content, eventually, program, text};

#[tokio::test]
async fn ctrl_c_stops_everything() {
    let place = Place::open();
    let dev = place.start().await;
    let socket = place.socket();
    assert!(socket.exists());
    dev.ctrl_c();
    dev.end().await.ok();
    // Not only eventually: when the process has ended, no process that it started is running.
    let left = place.processes();
    assert!(left.is_empty() && !socket.exists(), "{left:?}");
}

#[tokio::test]
async fn ctrl_c_while_it_starts_stops_everything() {
    let place = Place::open();
    // While the cluster is created, and while Postgres starts.
    for sign in ["postgres/unfinished", "postgres/log"] {
        let child = place.dev().await.spawn().unwrap();
        let dev = place.data().join(sign);
        eventually("it has begun", async || dev.exists()).await;
        super::interrupt(&child);
        program::end_of(child).await.ok();
        let left = place.processes();
        assert!(left.is_empty(), "{left:?}");
        place.start().await.stop().await;
        fs::remove_dir_all(place.data()).unwrap();
    }
}

#[tokio::test]
async fn sigterm_and_the_end_of_the_terminal_stop_everything() {
    let place = Place::open();
    for signal in [Signal::TERM, Signal::HUP] {
        let dev = place.start().await;
        let socket = place.socket();
        program::signal(&dev.child, signal);
        dev.end().await.ok();
        let left = place.processes();
        assert!(left.is_empty() && !socket.exists(), "{left:?}");
    }
}

#[tokio::test]
async fn killed_it_leaves_no_postgres_behind() {
    let place = Place::open();
    let dev = place.start().await;
    let socket = place.socket();
    program::signal(&dev.child, Signal::KILL);
    assert_eq!(dev.end().await.code, None);
    place.is_quiet(&socket).await;
}

#[tokio::test]
async fn when_postgres_dies_it_says_so_and_ends_by_the_servers_fault() {
    let place = Place::open();
    let dev = place.start().await;
    let socket = place.socket();
    let postmaster = fs::read_to_string(place.postgres().unwrap().join("data/postmaster.pid"));
    let pid = postmaster.unwrap().lines().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    dev.end().await.with_code(2);
    let log = fs::read_to_string(place.folder.path().join("log")).unwrap();
    assert!(log.contains("cairn: Postgres has ended by itself"), "{log}");
    place.is_quiet(&socket).await;
    // And the pause ends.
    place.start().await.stop().await;
}

/// A push of standard input whose first bytes have arrived.
async fn push_under_way(place: &Place, shell: &Shell) -> (Child, ChildStdin) {
    let push = ["push", "-", "--name=slow.bin"];
    let mut push = shell.cairn(&push).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = push.stdin.take().unwrap();
    stdin.write_all(&content(12 << 20)).await.unwrap();
    eventually("bytes have arrived", async || {
        super::store::files_below(&place.data().join("blobs")) > 0
    })
    .await;
    (push, stdin)
}

async fn takes_no_calls(dev: &Dev) {
    let address = dev.grpc.strip_prefix("http://").unwrap();
    eventually("it takes no more calls", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn a_push_that_is_under_way_is_finished_before_it_stops() {
    let place = Place::open();
    let dev = place.start().await;
    let shell = dev.shell().await;
    let (push, mut stdin) = push_under_way(&place, &shell).await;
    dev.ctrl_c();
    takes_no_calls(&dev).await;
    stdin.write_all(b"the rest").await.unwrap();
    drop(stdin);
    let pushed = program::end_of(push).await.ok().json();
    dev.end().await.ok();

    let dev = place.start().await;
    let pull = ["pull", text(&pushed["artifact_id"]), "-o", "back.bin"];
    let shell = dev.shell().await;
    shell.run(&pull).await.ok();
    let expected = [content(12 << 20), b"the rest".to_vec()].concat();
    assert!(shell.read("back.bin") == expected);
}

#[tokio::test]
async fn a_second_ctrl_c_waits_for_no_one() {
    let place = Place::open();
    let mut command = place.dev().await;
    // Otherwise it waits for as long.
    command.env("CAIRN_DRAIN_TIMEOUT", "1h");
    let dev = place.start_as(command).await;
    let socket = place.socket();
    let shell = dev.shell().await;
    let (push, stdin) = push_under_way(&place, &shell).await;
    dev.ctrl_c();
    takes_no_calls(&dev).await;
    dev.ctrl_c();
    dev.end().await.ok();
    place.is_quiet(&socket).await;
    program::end_of(push).await.with_code(3);
    drop(stdin);
}
