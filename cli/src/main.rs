//! The `cairn` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cairn: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cairn_cli::run(std::env::args_os()));
    // A thread may still wait for standard input; do not wait for that thread.
    runtime.shutdown_background();
    code
}
