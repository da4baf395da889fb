//! What a credential allows, as its row has it.

use tokio_postgres::Row;

use super::row::{Damage, at};
use crate::model::access::{Grant, Narrowing, Scopes};

/// The columns that `read` reads, of a key or workload `k`.
pub(super) const COLUMNS: &str = "k.scopes, k.narrowing";

/// The grant of a row that has `COLUMNS`. One that cannot be read allows nothing: it is damaged.
pub(super) fn read(row: &Row) -> Result<Grant, Damage> {
    let scopes = match at::<Option<Vec<&str>>>(row, "scopes")? {
        None => Scopes::all(),
        Some(names) => {
            let scopes = names.into_iter().map(str::parse).collect::<Result<_, _>>();
            scopes.map_err(|_| Damage::Malformed("scopes"))?
        }
    };
    let narrowing = narrowing(row)?.unwrap_or_else(Narrowing::none);
    Ok(Grant::new(scopes, narrowing, None))
}

/// The narrowing of a row that has one; `None` where it is NULL.
pub(super) fn narrowing(row: &Row) -> Result<Option<Narrowing>, Damage> {
    let Some(value) = at::<Option<serde_json::Value>>(row, "narrowing")? else {
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
