//! An idempotency key of the caller's own.

use cairn_client::{Error, retry};
use clap::builder::NonEmptyStringValueParser;

use crate::{error::CliError, terminal::output::Output};

/// A key of the caller's own.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Key {
    /// The caller's own name for this call, which takes effect once however often it is sent with it
    #[arg(long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) idempotency_key: Option<String>,
}

impl Key {
    /// The field `idempotency_key` of a request.
    pub(crate) fn field(&self) -> String {
        self.idempotency_key.clone().unwrap_or_default()
    }

    /// This key, or one of ours.
    pub(crate) fn or_else(self, ours: impl FnOnce() -> String) -> Self {
        let key = self.idempotency_key.unwrap_or_else(ours);
        Self {
            idempotency_key: Some(key),
        }
    }

    /// Makes a call with this key; several times when there is one and the answer is lost.
    pub(crate) async fn call<T>(
        &self,
        output: Output,
        mut call: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, CliError> {
        let answer = match self.idempotency_key {
            Some(_) => retry(|words| output.progress(words), call).await,
            None => call().await,
        };
        Ok(answer?)
    }
}
