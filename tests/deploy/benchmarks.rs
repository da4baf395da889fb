//! The benchmarks still run: a change of the schema could break their database set-up unnoticed.

use std::time::Duration;

use tokio::time::timeout;

use harness::program::{self, Done};

/// A benchmark starts its own services and takes half a minute, longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_benchmark_fills_and_lists_the_schema_of_today() {
    let bench = program::program("cairn-bench").await;
    let mut command = program::command(bench);
    if let Some(weed) = std::env::var_os("CAIRN_TEST_WEED") {
        command.env("CAIRN_TEST_WEED", weed);
    }
    command.args(["lists", "--size", "smoke", "--no-wrapper"]);
    let ended = timeout(PATIENCE, command.spawn().unwrap().wait_with_output());
    let done = Done::from(ended.await.expect("the benchmark ends").unwrap()).ok();
    let said = done.text();
    assert!(said.contains("| all, and how many |"), "{said}");
}
