//! `cairn-api` and `cairn-gc-worker` as processes, configured only by the environment.

use tempfile::TempDir;
use tokio::process::Command;

use harness::{
    postgres,
    program::{self, Done, program},
};

mod admin;
mod api;
mod bootstrap;
mod database;
mod database_tls;
mod gc_worker;
mod migrate;
mod secrets;
mod settings;

/// An empty database and a folder for the bytes.
struct Deployment {
    database_url: String,
    blobs: TempDir,
}

impl Deployment {
    async fn new() -> Self {
        Self {
            database_url: postgres::empty_database().await,
            blobs: tempfile::tempdir().unwrap(),
        }
    }

    /// A program with its required settings.
    async fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = program::command(program(name).await);
        command
            .args(args)
            .current_dir(&self.blobs)
            .env("CAIRN_DATABASE_URL", &self.database_url)
            .env("CAIRN_BLOB_DIR", self.blobs.path());
        command
    }

    async fn api(&self, args: &[&str]) -> Done {
        program::run(&mut self.command("cairn-api", args).await).await
    }
}
