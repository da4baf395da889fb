//! A client library for Cairn, the artifact store for AI agents.
//!
//! [`Connection`] connects to a server, and [`Client`] has the generated clients of every service beside what programs
//! would otherwise write themselves: uploads and downloads of any size that are verified and go on after a lost connection,
//! retries under idempotency keys, lists across pages, watches that reconnect, manifests, and jobs.
//!
//! ```no_run
//! use cairn_client::{ArtifactRef, Connection, Content, Observer, UploadOptions, v1::ArtifactSpec};
//!
//! # async fn example() -> Result<(), cairn_client::Error> {
//! let client = Connection::from_env()?.connect().await?;
//! let spec = ArtifactSpec {
//!     filename: "report.md".to_owned(),
//!     session_id: "run-7".to_owned(),
//!     ..ArtifactSpec::default()
//! };
//! let content = Content::file("out/report.md");
//! let made = client.upload(spec, content, &UploadOptions::default()).await?;
//!
//! let wanted = ArtifactRef::Id(made.artifact_id);
//! let download = client.download(wanted, Observer::default()).await?;
//! let bytes = download.bytes().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Every call fails with an [`Error`]. A refusal of the server has a [reason](Error::reason) to branch on, such as
//! `SESSION_SEALED`; `error_reason.proto` lists them.
//!
//! # Calls that have no method here
//!
//! The services are public fields of [`Client`]. [`unary`] gives a request a deadline, [`retry`] repeats a call whose answer is
//! lost, and [`required`] reads a field that an answer always has:
//!
//! ```no_run
//! use cairn_client::{Client, Error, required, retry, unary, v1::GetSessionRequest};
//!
//! # async fn example(client: Client) -> Result<(), Error> {
//! let session = retry(|why| eprintln!("{why}"), async || {
//!     let request = GetSessionRequest { session_id: "run-7".to_owned() };
//!     let answer = client.sessions.clone().get_session(unary(request)).await?;
//!     required(answer.into_inner().session, "session")
//! })
//! .await?;
//! # Ok(())
//! # }
//! ```
//!
//! All of it runs in a Tokio runtime.

mod batch;
mod config;
mod connect;
mod content;
mod create;
mod digest;
mod download;
mod error;
mod executable;
mod jobs;
pub mod keys;
mod manifest;
mod observer;
pub mod pages;
mod reference;
mod refusal;
mod resumable;
mod retry;
mod room;
mod stamp;
mod upload;
#[cfg(test)]
mod vectors;
mod watch;

pub use cairn_proto::v1;

pub use self::{
    batch::{CreateBatches, ReadBatches},
    connect::{
        Address, Authenticated, Client, ClientCertificate, Connection, Credentials, Tls, unary,
    },
    content::{Content, is_changed},
    digest::{Digest, Hashing},
    download::Download,
    error::{Error, chain, required},
    executable::is_executable,
    manifest::VerifiedManifest,
    observer::{Observer, Progress},
    reference::ArtifactRef,
    refusal::Refusal,
    retry::{Retries, retry},
    room::Room,
    stamp::Stamp,
    upload::{IdempotencyMode, UploadOptions, has_ended},
    watch::Watch,
};
