//! Shared by the benchmarks of calls: a Cairn, optionally an earlier one, and the S3 server of both.

use std::path::PathBuf;

use crate::{
    scale::Scale,
    services::{Api, Bucket, Postgres, S3},
};

/// The options of a run.
pub(crate) struct Plan {
    pub(crate) scale: Scale,
    /// The `cairn-api` that is measured.
    pub(crate) api: PathBuf,
    /// The `cairn` that is measured.
    pub(crate) cairn: PathBuf,
    /// An earlier `cairn-api` to compare with.
    pub(crate) before: Option<PathBuf>,
    /// Whether the wrapper takes its turns.
    pub(crate) wrapper: bool,
}

/// The services, all of them on the same Postgres and S3 server, each with its own database and bucket.
pub(crate) struct World {
    pub(crate) now: Api,
    pub(crate) before: Option<Api>,
    /// The bucket of the raw SDK.
    pub(crate) raw: Bucket,
    pub(crate) postgres: Postgres,
    pub(crate) s3: S3,
}

impl World {
    pub(crate) async fn start(plan: &Plan) -> Self {
        Self::on(Postgres::start(), plan).await
    }

    pub(crate) async fn on(postgres: Postgres, plan: &Plan) -> Self {
        let mut s3 = S3::start().await;
        let raw = s3.bucket("raw").await;
        let bucket = s3.bucket("now").await;
        let now = Api::start(&plan.api, &postgres.database("now").await, &bucket).await;
        let before = match &plan.before {
            Some(program) => {
                let bucket = s3.bucket("before").await;
                let database = postgres.database("before").await;
                Some(Api::start(program, &database, &bucket).await)
            }
            None => None,
        };
        Self {
            now,
            before,
            raw,
            postgres,
            s3,
        }
    }
}

/// Unique bytes: `base` with a random beginning.
pub(crate) fn fresh(base: &[u8]) -> bytes::Bytes {
    let mut content = base.to_vec();
    let beginning = content.len().min(16);
    rand::fill(&mut content[..beginning]);
    content.into()
}

/// Random bytes, which nothing can compress.
pub(crate) fn random(size: usize) -> bytes::Bytes {
    let mut content = vec![0; size];
    rand::fill(&mut content[..]);
    content.into()
}
