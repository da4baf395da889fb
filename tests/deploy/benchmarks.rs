//! The benchmarks still run: a change of the schema could break their database set-up unnoticed.

use harness::program;

#[tokio::test]
async fn a_benchmark_fills_and_lists_the_schema_of_today() {
    let bench = program::program("cairn-bench").await;
    let mut command = program::command(bench);
    if let Some(weed) = std::env::var_os("CAIRN_TEST_WEED") {
        command.env("CAIRN_TEST_WEED", weed);
    }
    command.args(["lists", "--size", "smoke", "--no-wrapper"]);
    let done = program::run(&mut command).await.ok();
    let said = done.text();
    assert!(said.contains("| all, and how many |"), "{said}");
}
