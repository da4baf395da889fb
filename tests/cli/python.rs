//! The Python client: its own tests, and that it makes the same writes as the command.

use std::path::Path;

use harness::{Cairn, program};

use super::{start, text};

/// A program of the client's virtual environment, with the client's sources, the address and the key in its environment.
fn command(cairn: &Cairn, name: &str, args: &[&str]) -> tokio::process::Command {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python");
    let mut command = program::command(&program::of_environment("python", name));
    command
        .args(args)
        .env("PYTHONPATH", client.join("src"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CAIRN_ADDR", &cairn.grpc_url)
        .env("CAIRN_API_KEY", &cairn.key)
        .current_dir(client);
    command
}

#[tokio::test]
async fn the_python_client_passes_its_tests() {
    let (cairn, _shell) = start().await;
    // fsspec's own tests are many, and for `make polyglot`.
    let args = [
        "scripts/test",
        "-p",
        "no:cacheprovider",
        "--ignore=tests/test_fsspec.py",
    ];
    let mut pytest = command(&cairn, "python", &args);
    program::run_long(&mut pytest).await.ok();
}

/// A push under a derived key has no second effect in another language, so the keys are the same.
#[tokio::test]
async fn a_push_in_python_is_the_same_as_by_the_command() {
    let (cairn, shell) = start().await;
    shell.write("a.txt", "content");
    let flags = [
        "--session=run",
        "--agent=writer",
        "--meta=b=2",
        "--meta=a=1",
    ];
    let push = [&["push", "a.txt"], &flags[..]].concat();
    let pushed = shell.run(&push).await.ok().json();
    let program = "import cairn_store
run = cairn_store.connect().scope('run', agent='writer')
print(run.push('a.txt', b'content', meta={'a': '1', 'b': '2'}).id, end='')";
    let again = program::run(&mut command(&cairn, "python", &["-c", program])).await;
    assert_eq!(again.ok().text(), text(&pushed["artifact_id"]));
}
