//! Secrets of this deployment's replicas.

use super::{
    connection::Connection,
    error::from_pg,
    row::{self, at},
};
use crate::model::error::Result;

/// The key that signs page tokens.
#[tracing::instrument(target = "postgres", name = "secrets.page_tokens", skip_all)]
pub(crate) async fn page_tokens(client: &Connection) -> Result<Vec<u8>> {
    let row = client
        .query_one("SELECT page_tokens, 'page_tokens' FROM secrets", &[])
        .await
        .map_err(from_pg)?;
    row::read(&row, "secret", 1, |row| at(row, 0))
}
