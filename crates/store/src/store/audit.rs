//! The audit trail. A change writes its line in its own transaction; reads of content and refused calls go through a queue,
//! because they have none and must not wait for the database.

pub(crate) mod queue;

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{
    meta::{audit as rows, erasures, tenants},
    metrics,
    model::{
        access::Scope,
        audit::{AuditLine, AuditQuery, Deed, OK},
        error::{Error, Result, describe},
        tenant::Caller,
        validate::excerpt,
    },
    store::Store,
};

/// The most lines of one statement.
const AT_ONCE: usize = 1000;
/// How long lines are gathered.
const GATHERED: Duration = Duration::from_millis(200);
/// The pause before lines are tried again that could not be written.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the last lines may take when the process ends.
const LAST: Duration = Duration::from_secs(5);

impl Store {
    /// Notes a call that was refused. It waits for nothing; where the queue is full, the line is lost and counted.
    pub fn note_refusal(&self, deed: Deed) {
        debug_assert_ne!(deed.result, OK);
        self.audit.add(deed);
    }

    /// Writes what is noted until the process stops, and then the rest. Only one task of a process does it.
    pub async fn write_audit(&self, stopping: impl Future<Output = ()>) {
        let mut receiver = self.audit.receiver.lock().await;
        let mut some = Vec::new();
        let write = async {
            loop {
                receiver.recv_many(&mut some, AT_ONCE).await;
                sleep(GATHERED).await;
                while some.len() < AT_ONCE
                    && let Ok(deed) = receiver.try_recv()
                {
                    some.push(deed);
                }
                while let Err(e) = self.add_deeds(&some).await {
                    let again = matches!(e, Error::Unavailable { .. });
                    tracing::warn!(
                        error = describe(&e),
                        again,
                        "the audit trail was not written"
                    );
                    if !again {
                        // Lines that cannot be written must not hold up the others.
                        some.iter().for_each(|_| metrics::lost_audit_line());
                        break;
                    }
                    sleep(AGAIN).await;
                }
                some.clear();
            }
        };
        // A statement that is cut off may have been committed: then its lines are there twice, and none is missing.
        tokio::select! {
            () = write => {}
            () = stopping => {}
        }
        while let Ok(deed) = receiver.try_recv() {
            some.push(deed);
        }
        for some in some.chunks(AT_ONCE) {
            let written = timeout(LAST, self.add_deeds(some)).await;
            if !matches!(written, Ok(Ok(()))) {
                tracing::warn!(
                    lines = some.len(),
                    "the end of the audit trail was not written"
                );
            }
        }
    }

    async fn add_deeds(&self, deeds: &[Deed]) -> Result<()> {
        if deeds.is_empty() {
            return Ok(());
        }
        let client = self.meta.client().await?;
        rows::add(&client, deeds).await
    }

    /// The most lines of a page.
    pub const AUDIT_PAGE: usize = 1000;

    /// Lists lines of the audit trail, oldest first: of the caller's tenant, or for an operator of any tenant or all. Where no
    /// tenant has the name, an operator gets the trail of the one that was erased last under it.
    ///
    /// # Errors
    /// `ScopeMissing`; `TenantNotFound`; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_audit(&self, caller: &Caller, query: &AuditQuery) -> Result<Vec<AuditLine>> {
        let own = query.tenant.as_deref() == Some(&*caller.tenant.name);
        let scope = if own { Scope::Admin } else { Scope::Operator };
        let operates = caller.grant.scopes().has(Scope::Operator);
        if !operates {
            caller.require(scope)?;
        }
        let client = self.meta.client().await?;
        let tenant = match &query.tenant {
            None => None,
            Some(name) => {
                let mut found = tenants::by_name(&client, name).await?;
                if found.is_none() && operates {
                    found = erasures::tenant_of(&client, name).await?;
                }
                Some(found.ok_or_else(|| Error::TenantNotFound(excerpt(name)))?)
            }
        };
        rows::list(&client, tenant, query).await
    }
}
