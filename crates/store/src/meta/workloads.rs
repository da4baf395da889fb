//! Rows of workloads.

use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    grants,
    row::{self, Damage, at, legible},
    tenants,
};
use crate::model::{
    access::Grant,
    call_origin::CallOrigin,
    error::Result,
    plan::PlanLimits,
    tenant::{Caller, Credential, Workload},
};

/// The tenant of a subject: that of the first candidate that is a workload.
#[tracing::instrument(target = "postgres", name = "workloads.caller", skip_all)]
pub(crate) async fn caller(
    client: &Connection,
    issuer: &str,
    subject: &str,
    candidates: &[String],
) -> Result<Option<Caller>> {
    first(client, ("$1", &issuer), subject, candidates).await
}

/// The tenant of a subject of the issuer that a workload has: that of the first candidate that is a workload, whose row may
/// be another one.
#[tracing::instrument(target = "postgres", name = "workloads.caller_by_id", skip_all)]
pub(crate) async fn caller_by_id(
    client: &Connection,
    id: Uuid,
    subject: &str,
    candidates: &[String],
) -> Result<Option<Caller>> {
    let issuer = "(SELECT issuer FROM workloads WHERE id = $1)";
    first(client, (issuer, &id), subject, candidates).await
}

/// The caller of the first candidate that is a workload of an issuer, which is an expression of $1.
async fn first(
    client: &Connection,
    (issuer, parameter): (&str, &(dyn ToSql + Sync)),
    subject: &str,
    candidates: &[String],
) -> Result<Option<Caller>> {
    let statement = client
        .prepare(&format!(
            "SELECT {}, {}, k.id AS credential_id FROM workloads k JOIN tenants t ON t.id = k.tenant_id
             WHERE k.issuer = {issuer} AND k.subject = ANY ($2)
             ORDER BY array_position($2, k.subject) LIMIT 1",
            tenants::columns(),
            grants::COLUMNS
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[parameter, &candidates])
        .await
        .map_err(from_pg)?;
    row.map(|row| read_caller(&row, subject)).transpose()
}

fn read_caller(row: &Row, subject: &str) -> Result<Caller> {
    let caller = || {
        Ok::<_, Damage>(Caller {
            tenant: tenants::read(row)?,
            row: at(row, "credential_id")?,
            credential: Credential::Workload(subject.to_owned()),
            grant: grants::read(row)?,
            token_id: String::new(),
            limits: PlanLimits::default(),
            origin: CallOrigin::default(),
        })
    };
    row::of("workload", subject, caller())
}

/// Adds a workload to a tenant, which is made when there is none of that name, or gives one that it has another grant;
/// `None` when it is another tenant's.
#[tracing::instrument(target = "postgres", name = "workloads.add", skip_all)]
pub(crate) async fn add(
    client: &Connection,
    tenant: &str,
    issuer: &str,
    subject: &str,
    grant: &Grant,
) -> Result<Option<Workload>> {
    tenants::ensure(client, tenant).await?;
    let row = client
        .query_opt(
            &format!(
                "INSERT INTO workloads AS k (id, tenant_id, issuer, subject, scopes, narrowing)
                 SELECT $1, id, $3, $4, $5, $6 FROM tenants WHERE name = $2
                 ON CONFLICT (issuer, subject) DO UPDATE
                     SET scopes = excluded.scopes, narrowing = excluded.narrowing
                     WHERE k.tenant_id = excluded.tenant_id
                 RETURNING {COLUMNS}"
            ),
            &[
                &Uuid::now_v7(),
                &tenant,
                &issuer,
                &subject,
                &grants::scopes(grant),
                &grants::kept(grant.narrowing()),
            ],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// A tenant's workload of this issuer and subject.
#[tracing::instrument(target = "postgres", name = "workloads.named", skip_all)]
pub(crate) async fn named(
    client: &Connection,
    tenant: &str,
    issuer: &str,
    subject: &str,
) -> Result<Option<Workload>> {
    let row = client
        .query_opt(
            &format!(
                "SELECT {COLUMNS} FROM workloads k JOIN tenants t ON t.id = k.tenant_id
                 WHERE t.name = $1 AND k.issuer = $2 AND k.subject = $3"
            ),
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
            &format!(
                "SELECT {COLUMNS} FROM workloads k JOIN tenants t ON t.id = k.tenant_id
                 WHERE t.name = $1 ORDER BY k.created_at DESC LIMIT 200"
            ),
            &[&tenant],
        )
        .await
        .map_err(from_pg)?;
    legible(&rows, read)
}

/// Removes a workload; false if there is none with that id.
#[tracing::instrument(target = "postgres", name = "workloads.remove", skip_all)]
pub(crate) async fn remove(client: &Connection, id: Uuid) -> Result<bool> {
    let rows = client
        .execute("DELETE FROM workloads WHERE id = $1", &[&id])
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// What `read` reads of a workload `k`.
const COLUMNS: &str = "k.id, k.issuer, k.subject, k.created_at, k.scopes, k.narrowing";

fn read(row: &Row) -> Result<Workload> {
    let id: Uuid = at(row, 0)?;
    let workload = || {
        Ok::<_, Damage>(Workload {
            id,
            issuer: at(row, 1)?,
            subject: at(row, 2)?,
            created_at: at(row, 3)?,
            grant: grants::read(row)?,
        })
    };
    row::of("workload", &id.to_string(), workload())
}
