//! Compiles proto/ with protox, so that protoc need not be installed.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: [&str; 17] = [
    "cairn/v1/access.proto",
    "cairn/v1/admin_service.proto",
    "cairn/v1/artifact.proto",
    "cairn/v1/artifact_service.proto",
    "cairn/v1/error_reason.proto",
    "cairn/v1/identity_service.proto",
    "cairn/v1/job.proto",
    "cairn/v1/job_service.proto",
    "cairn/v1/limit.proto",
    "cairn/v1/link_service.proto",
    "cairn/v1/operator_service.proto",
    "cairn/v1/read_service.proto",
    "cairn/v1/session_service.proto",
    "cairn/v1/todo.proto",
    "cairn/v1/todo_service.proto",
    "cairn/v1/token.proto",
    "cairn/v1/upload_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = "../../proto";
    println!("cargo:rerun-if-changed={root}");
    let descriptors = protox::compile(FILES, [root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("descriptors.bin"),
        prost::Message::encode_to_vec(&descriptors),
    )?;
    // `Bytes`, so that content is a slice of the received buffer and not a copy of it.
    tonic_prost_build::configure()
        .bytes(".cairn.v1")
        .compile_fds(descriptors)?;
    Ok(())
}
