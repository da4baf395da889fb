//! Rows of workloads.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    row::{self, at, legible},
    tenants,
};
use crate::model::{
    error::Result,
    tenant::{Caller, Credential, Workload},
};

/// For whom a subject acts: by the first of the candidates that is a workload.
#[tracing::instrument(target = "postgres", name = "workloads.caller", skip_all)]
pub(crate) async fn caller(
    client: &Connection,
    issuer: &str,
    subject: &str,
    candidates: &[String],
) -> Result<Option<Caller>> {
    let statement = client
        .prepare(&format!(
            "SELECT {} FROM workloads w JOIN tenants t ON t.id = w.tenant_id
             WHERE w.issuer = $1 AND w.subject = ANY ($2)
             ORDER BY array_position($2, w.subject) LIMIT 1",
            tenants::columns()
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&issuer, &candidates])
        .await
        .map_err(from_pg)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Caller {
        tenant: tenants::read(&row)?,
        credential: Credential::Workload(subject.to_owned()),
    }))
}

/// Adds a workload to a tenant, which is made when there is none of that name; `None` when it is another tenant's.
#[tracing::instrument(target = "postgres", name = "workloads.add", skip_all)]
pub(crate) async fn add(
    client: &Connection,
    tenant: &str,
    issuer: &str,
    subject: &str,
) -> Result<Option<Workload>> {
    tenants::ensure(client, tenant).await?;
    client
        .execute(
            "INSERT INTO workloads (id, tenant_id, issuer, subject)
             SELECT $1, id, $3, $4 FROM tenants WHERE name = $2
             ON CONFLICT (issuer, subject) DO NOTHING",
            &[&Uuid::now_v7(), &tenant, &issuer, &subject],
        )
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(
            "SELECT w.id, w.issuer, w.subject, w.created_at
             FROM workloads w JOIN tenants t ON t.id = w.tenant_id
             WHERE w.issuer = $2 AND w.subject = $3 AND t.name = $1",
            &[&tenant, &issuer, &subject],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// A tenant's workloads, newest first.
#[tracing::instrument(target = "postgres", name = "workloads.of_tenant", skip_all)]
pub(crate) async fn of_tenant(client: &Connection, tenant: &str) -> Result<Vec<Workload>> {
    let rows = client
        .query(
            "SELECT w.id, w.issuer, w.subject, w.created_at
             FROM workloads w JOIN tenants t ON t.id = w.tenant_id
             WHERE t.name = $1 ORDER BY w.created_at DESC LIMIT 200",
            &[&tenant],
        )
        .await
        .map_err(from_pg)?;
    legible(&rows, read)
}

/// Removes a workload; false when there is none of that id.
#[tracing::instrument(target = "postgres", name = "workloads.remove", skip_all)]
pub(crate) async fn remove(client: &Connection, id: Uuid) -> Result<bool> {
    let rows = client
        .execute("DELETE FROM workloads WHERE id = $1", &[&id])
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

fn read(row: &Row) -> Result<Workload> {
    let id: Uuid = at(row, 0)?;
    let created_at = row::of("workload", &id.to_string(), at(row, 3))?;
    Ok(Workload {
        id,
        issuer: at(row, 1)?,
        subject: at(row, 2)?,
        created_at,
    })
}
