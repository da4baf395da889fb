//! Credentials of every kind, by their rows.

use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    grants, plans,
    row::{self, Damage, at},
    tenants,
};
use crate::model::{
    access::Grant,
    call_origin::CallOrigin,
    error::Result,
    tenant::{Caller, Credential},
};

/// The caller of an API key or a workload, by the id of its row; `None` if it was revoked or has expired.
#[tracing::instrument(target = "postgres", name = "credentials.by_row", skip_all)]
pub(crate) async fn by_row(client: &Connection, id: Uuid) -> Result<Option<Caller>> {
    let statement = client
        .prepare(&format!(
            "SELECT {}, {}, k.last_4, k.subject, k.expires_at, k.limits AS key_limits
             FROM (SELECT id, tenant_id, scopes, narrowing, last_4, '' AS subject, expires_at, limits
                   FROM api_keys WHERE revoked_at IS NULL
                   UNION ALL
                   SELECT id, tenant_id, scopes, narrowing, '', subject, NULL, '{{}}' FROM workloads) k
             JOIN tenants t ON t.id = k.tenant_id
             WHERE k.id = $1 AND (k.expires_at IS NULL OR k.expires_at > now())",
            tenants::columns(),
            grants::COLUMNS
        ))
        .await
        .map_err(from_pg)?;
    let found = client
        .query_opt(&statement, &[&id])
        .await
        .map_err(from_pg)?;
    let Some(found) = found else {
        return Ok(None);
    };
    let read = || {
        let grant = grants::read(&found)?;
        let not_after = at(&found, "expires_at")?;
        Ok::<_, Damage>(Caller {
            tenant: tenants::read(&found)?,
            row: id,
            credential: Credential::new(at(&found, "last_4")?, at(&found, "subject")?),
            grant: Grant::new(grant.scopes(), grant.narrowing().clone(), not_after),
            token_id: String::new(),
            limits: plans::changes(&found, "key_limits")?.limits(),
            origin: CallOrigin::default(),
        })
    };
    row::of("credential", &id.to_string(), read()).map(Some)
}
