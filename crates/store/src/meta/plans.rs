//! Rows of plans, and limits as rows have them. Only the names of limits that this release knows are read, so that an
//! older replica beside a newer one leaves the others alone.

use std::collections::BTreeMap;

use tokio_postgres::{Row, types::Json};

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    row::{Damage, at, count},
};
use crate::model::{
    error::Result,
    plan::{LimitChanges, Plan},
};

/// The limits of a column.
pub(super) fn changes(row: &Row, column: &str) -> Result<LimitChanges, Damage> {
    let Json(kept): Json<BTreeMap<String, Option<u64>>> = at(row, column)?;
    let known = kept
        .into_iter()
        .filter_map(|(name, max)| Some((name.parse().ok()?, max)));
    Ok(known.collect())
}

/// How a transaction changes plans and tenants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Administration {
    /// Plans, and with them their tenants.
    OfPlans,
    /// One tenant, and not its plan.
    OfTenant,
}

/// Begins to change plans or a tenant. Called before the rows of either are locked: a change of a plan locks its tenants
/// after it, and a change of a tenant locks its plan after it, so the two would wait for each other.
#[tracing::instrument(target = "postgres", name = "plans.enter", skip_all)]
pub(crate) async fn enter(tx: &Transaction<'_>, to_change: Administration) -> Result<()> {
    let lock = match to_change {
        Administration::OfPlans => "pg_advisory_xact_lock",
        Administration::OfTenant => "pg_advisory_xact_lock_shared",
    };
    let sql = format!("SELECT {lock}(hashtextextended('cairn plans', 0))");
    tx.execute(&sql, &[]).await.map(drop).map_err(from_pg)
}

/// Keeps a plan from being changed or deleted before the transaction ends.
///
/// # Errors
/// `Invalid` for an unknown plan.
pub(super) async fn lock(tx: &Transaction<'_>, name: &str) -> Result<()> {
    let sql = "SELECT FROM plans WHERE name = $1 FOR SHARE";
    let row = tx.query_opt(sql, &[&name]).await.map_err(from_pg)?;
    row.map(drop).ok_or_else(|| Plan::unknown(name))
}

const COLUMNS: &str = "p.name, p.limits, p.created_at, (SELECT count(*) FROM tenants t WHERE t.plan = p.name) AS tenants";

fn read(row: &Row) -> Result<Plan, Damage> {
    Ok(Plan {
        name: at(row, "name")?,
        limits: changes(row, "limits")?.limits(),
        created_at: at(row, "created_at")?,
        tenants: count(row, "tenants")?,
    })
}

/// The plan of this name, or those after one, or all: at most so many, by name.
#[tracing::instrument(target = "postgres", name = "plans.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    name: Option<&str>,
    after: &str,
    most: i64,
) -> Result<Vec<Plan>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM plans p WHERE ($1::text IS NULL OR p.name = $1) AND p.name COLLATE \"C\" > $2
         ORDER BY p.name COLLATE \"C\" LIMIT $3"
    );
    let rows = client.query(&sql, &[&name, &after, &most]).await;
    let rows = rows.map_err(from_pg)?;
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Makes a plan, or gives one that exists these limits, and its tenants with it.
#[tracing::instrument(target = "postgres", name = "plans.set", skip_all)]
pub(crate) async fn set(tx: &Transaction<'_>, name: &str, limits: &LimitChanges) -> Result<()> {
    let set = "INSERT INTO plans (name, limits) VALUES ($1, jsonb_strip_nulls($2))
         ON CONFLICT (name) DO UPDATE SET limits = excluded.limits";
    tx.execute(set, &[&name, &Json(limits)])
        .await
        .map_err(from_pg)?;
    // A trigger takes the limits anew.
    let tenants = "UPDATE tenants SET plan = plan WHERE plan = $1";
    tx.execute(tenants, &[&name]).await.map_err(from_pg)?;
    Ok(())
}

/// Deletes a plan that no tenant has; false if a tenant has it.
///
/// # Errors
/// `Invalid` for an unknown plan.
#[tracing::instrument(target = "postgres", name = "plans.delete", skip_all)]
pub(crate) async fn delete(tx: &Transaction<'_>, name: &str) -> Result<bool> {
    // A transaction that gives a tenant this plan has locked it.
    let lock = "SELECT FROM plans WHERE name = $1 FOR UPDATE";
    let row = tx.query_opt(lock, &[&name]).await.map_err(from_pg)?;
    if row.is_none() {
        return Err(Plan::unknown(name));
    }
    let delete = "DELETE FROM plans p WHERE name = $1 AND NOT EXISTS (SELECT FROM tenants t WHERE t.plan = p.name)";
    Ok(tx.execute(delete, &[&name]).await.map_err(from_pg)? > 0)
}
