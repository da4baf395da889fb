//! The oracle: reads the database and every byte, and checks them with the model's functions.

use aws_sdk_s3::error::SdkError;
use cairn_model::invariants::{Snapshot, Violation, leaks, regressions, violations};
use cairn_store::{GcConfig, Store, gc::Collector};
use sha2::{Digest, Sha256};

use super::tally::{Broken, Tally};
use harness::{
    oracle::{AnyError, Rows},
    postgres,
    s3::{Bucket, UNFINISHED},
};

pub(super) struct Oracle {
    pub(super) store: Store,
    pub(super) collector: Collector,
    pub(super) url: String,
    pub(super) bucket: Bucket,
    before: Option<Snapshot<String>>,
}

impl Oracle {
    pub(super) fn new(store: Store, config: GcConfig, url: String, bucket: Bucket) -> Self {
        Self {
            collector: Collector::new(store.clone(), config),
            store,
            url,
            bucket,
            before: None,
        }
    }

    /// Checks while everything is running.
    pub(super) async fn look(&mut self, tally: &Tally) -> Result<(), AnyError> {
        let mut database = postgres::connect(&self.url).await;
        let rows = Rows::read(&mut database, &self.store).await?;
        let stored = self.hashes().await?;
        let later = Rows::read(&mut database, &self.store).await?;
        let now = rows.that_pin_until(&later).with(stored);
        self.judge(now, tally);
        self.check_usage(tally).await?;
        tally.add("check: look at all rows and all bytes");
        Ok(())
    }

    /// The final check, when nothing runs and everything is collected.
    pub(super) async fn look_at_the_rest(&mut self, tally: &Tally) -> Result<(), AnyError> {
        let mut database = postgres::connect(&self.url).await;
        let rows = Rows::read(&mut database, &self.store).await?;
        let now = rows.with(self.hashes().await?);
        self.check_usage(tally).await?;
        for leak in leaks(&now) {
            tally.broken(Broken::Leak, format!("{leak:?}"));
        }
        self.judge(now, tally);
        tally.add("check: look at all rows and all bytes");
        Ok(())
    }

    /// Adds up what is stored, and compares it with the usage of every tenant.
    async fn check_usage(&self, tally: &Tally) -> Result<(), AnyError> {
        for miscount in self.store.miscounts().await? {
            tally.broken(Broken::Other, format!("{miscount:?}"));
        }
        tally.add("check: usage of every tenant is what it stores");
        Ok(())
    }

    fn judge(&mut self, now: Snapshot<String>, tally: &Tally) {
        let mut found = violations(&now);
        if let Some(before) = &self.before {
            found.extend(regressions(before, &now));
        }
        for violation in found {
            let promise = match &violation {
                Violation::NotLive(_) | Violation::BytesMissing(_) | Violation::BytesWrong(_) => {
                    Broken::Lost
                }
                Violation::SealBroken(_) | Violation::SealTakenBack(_) => Broken::Seal,
                _ => Broken::Other,
            };
            tally.broken(promise, format!("{violation:?}"));
        }
        self.before = Some(now);
    }

    /// The content of the bucket, by hash. An object that vanishes while it is listed was to be deleted, or the rows
    /// miss it.
    async fn hashes(&self) -> Result<Vec<(String, String)>, AnyError> {
        let mut hashes = Vec::new();
        for key in self.bucket.try_keys().await? {
            if key.starts_with(UNFINISHED) {
                hashes.push((key, "no bytes".to_owned()));
                continue;
            }
            let get = self.bucket.client.get_object();
            match get.bucket(&self.bucket.name).key(&key).send().await {
                Ok(got) => {
                    let bytes = got.body.collect().await?.into_bytes();
                    hashes.push((key, hex::encode(Sha256::digest(&bytes))));
                }
                Err(SdkError::ServiceError(e)) if e.err().is_no_such_key() => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(hashes)
    }
}
