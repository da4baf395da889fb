//! What a credential allows, as its row has it.

use tokio_postgres::Row;

use super::row::{Damage, at};
use crate::model::access::{Grant, Narrowing, Scopes};

/// What `read` reads of a key or workload `k`, from a column on.
pub(super) const COLUMNS: &str = "k.scopes, k.narrowing";

/// The grant in the columns from this one on. One that cannot be read allows nothing: it is damaged.
pub(super) fn read(row: &Row, first: usize) -> Result<Grant, Damage> {
    let scopes = match at::<Option<Vec<&str>>>(row, first)? {
        None => Scopes::all(),
        Some(names) => {
            let scopes = names.into_iter().map(str::parse).collect::<Result<_, _>>();
            scopes.map_err(|_| Damage::Malformed("scopes"))?
        }
    };
    let narrowing = narrowing(row, first + 1)?.unwrap_or_else(Narrowing::none);
    Ok(Grant::new(scopes, narrowing, None))
}

/// The narrowing in a column; `None` where there is none.
pub(super) fn narrowing(row: &Row, column: usize) -> Result<Option<Narrowing>, Damage> {
    let Some(value) = at::<Option<serde_json::Value>>(row, column)? else {
        return Ok(None);
    };
    let read = serde_json::from_value(value);
    read.map(Some).map_err(|_| Damage::Malformed("narrowing"))
}

/// The scopes as they are kept.
pub(super) fn scopes(grant: &Grant) -> Vec<&'static str> {
    grant.scopes().iter().map(|scope| scope.as_str()).collect()
}

/// A narrowing as it is kept.
pub(super) fn kept(narrowing: &Narrowing) -> Option<serde_json::Value> {
    let narrows = !narrowing.is_none();
    narrows.then(|| serde_json::json!(narrowing))
}
