//! Makes todos of the steps of final plans.
//!
//! Whatever makes a plan final also queues it, in the same transaction. The call that did it reads it at once, if that
//! is quick; the collector reads what is left. Reading takes the bytes as any download does, with no transaction open,
//! and writes what it found only if the plan is still visible and final.

use std::time::Duration;

use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    meta::{artifacts, todos::reading as rows, update},
    model::{
        artifact::Artifact,
        error::{Error, Result, describe},
        id::{ArtifactId, TenantId},
        reading::Reading,
        record::{Kind, Stage},
        steps::{MAX_PLAN_BYTES, MAX_STEPS, Steps, steps_of},
    },
    store::{Store, audit::queue::ReadLine, read::Download},
};

/// How long a call may read the plans that it made final.
const MOST_TIME: Duration = Duration::from_secs(2);
/// How many of them it reads.
const MOST_PLANS: usize = 10;
/// How many plans one run of the collector takes at once.
const AT_ONCE: i64 = 20;

/// What was made of the plans that a call made final.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlansRead {
    /// How many todos.
    pub todos: u64,
    /// Why there are none, and what to do; empty if there are some, and if no plan became final.
    pub hint: &'static str,
}

/// What was made of one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlanRead {
    /// So many new todos.
    Made(u64),
    /// All its steps have todos.
    Known,
    NoSteps,
    /// There are as many todos as there may be.
    Full,
    LaterIsFinal,
    /// It is no longer visible and final.
    Gone,
}

impl PlanRead {
    fn hint(self) -> &'static str {
        match self {
            Self::Made(_) | Self::Gone => "",
            Self::Known => "every step of the plan has a todo already: ListTodos shows them",
            Self::NoSteps => {
                "the plan has no steps: store a version with list items, checkboxes or numbered headings, or use AddTodo"
            }
            Self::Full => {
                "the plan has 1000 todos in all its versions, as many as it may: delete versions, or use another file"
            }
            Self::LaterIsFinal => {
                "a later version of the plan is final and has the todos: ListTodos shows them"
            }
        }
    }
}

/// Why a call left the reading to the collector.
const LATER: &str = "the todos are made within seconds: ListTodos shows them then";

impl Store {
    /// Makes todos of plans that have just become final, as far as that is quick. It never fails: the collector does the
    /// rest.
    pub(crate) async fn read_final_plans(
        &self,
        tenant: TenantId,
        plans: &[ArtifactId],
    ) -> PlansRead {
        if plans.is_empty() {
            return PlansRead::default();
        }
        let mut read = PlansRead {
            todos: 0,
            hint: LATER,
        };
        let few = &plans[..plans.len().min(MOST_PLANS)];
        let all_read = few.len() == plans.len();
        let work = async {
            let client = self.meta.client().await?;
            let claimed = rows::claim(&client, tenant, few).await?;
            drop(client);
            let (mut hint, mut failed) = ("", None);
            for (tenant, plan) in claimed {
                match self.read_plan(tenant, &plan).await {
                    Ok(PlanRead::Made(count)) => read.todos += count,
                    Ok(other) => hint = other.hint(),
                    Err(e) => failed = Some(e),
                }
            }
            failed.map_or(Ok(hint), Err)
        };
        match timeout(MOST_TIME, work).await {
            Ok(Ok(hint)) if all_read => read.hint = hint,
            Ok(Ok(_)) => {}
            Ok(Err(e)) => tracing::warn!(
                error = describe(&e),
                "a final plan was not read; the collector tries it again"
            ),
            Err(_) => tracing::info!("final plans are left to the collector: reading takes long"),
        }
        if read.todos > 0 && read.hint != LATER {
            read.hint = "";
        }
        read
    }

    /// Makes todos of plans that are due, and returns how many plans it read, and the errors of others.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn read_due_plans(&self) -> Result<(u64, Vec<Error>)> {
        let client = self.meta.client().await?;
        let (due, given_up) = rows::claim_due(&client, AT_ONCE).await?;
        drop(client);
        for (tenant, plan) in given_up {
            tracing::error!(
                tenant = %tenant.0,
                plan = plan.as_str(),
                attempts = rows::ATTEMPTS,
                "a final plan cannot be read: it gets no todos until it becomes final again"
            );
        }
        let (mut read, mut errors) = (0, Vec::new());
        for (tenant, plan) in due {
            match self.read_plan(tenant, &plan).await {
                Ok(_) => read += 1,
                Err(e) => errors.push(e),
            }
        }
        Ok((read, errors))
    }

    async fn read_plan(&self, tenant: TenantId, id: &ArtifactId) -> Result<PlanRead> {
        let client = self.meta.client().await?;
        let located = match artifacts::locate(&client, tenant, id).await {
            Ok(located) if is_final_plan(&located.0) => Some(located),
            Ok(_) => None,
            Err(e) if is_gone(&e) => None,
            Err(e) => return Err(e),
        };
        let Some((artifact, location)) = located else {
            rows::note_read(&client, tenant, id).await?;
            return Ok(PlanRead::Gone);
        };
        drop(client);
        let steps = self
            .steps(Download::new(
                self,
                tenant,
                artifact.clone(),
                location,
                ReadLine::NONE,
            ))
            .await?;
        self.write_todos(tenant, &artifact, steps).await
    }

    async fn steps(&self, download: Download) -> Result<Steps> {
        let size = download.artifact().size_bytes;
        let whole = size <= MAX_PLAN_BYTES;
        let bytes = download.read(0, Some(MAX_PLAN_BYTES)).all().await?;
        let read = spawn_blocking(move || steps_of(&bytes, whole));
        read.await.map_err(|e| Error::Internal(e.into()))
    }

    async fn write_todos(
        &self,
        tenant: TenantId,
        plan: &Artifact,
        steps: Steps,
    ) -> Result<PlanRead> {
        debug_assert!(steps.steps.len() <= MAX_STEPS);
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let later = rows::lock_file(&tx, plan, tenant).await?;
        update::lock(&tx, tenant, &plan.id).await?;
        let now = match artifacts::get(&tx, tenant, &plan.id).await {
            Ok(now) => is_final_plan(&now),
            Err(e) if is_gone(&e) => false,
            Err(e) => return Err(e),
        };
        let had_steps = !steps.steps.is_empty();
        let read = match (now, later) {
            (false, _) => PlanRead::Gone,
            (true, true) => PlanRead::LaterIsFinal,
            (true, false) => {
                let known = rows::known(&tx, plan, tenant).await?;
                let reading = Reading::of(steps, known);
                rows::write(&tx, tenant, plan, &reading).await?;
                match reading.new.len() {
                    0 if reading.is_full => PlanRead::Full,
                    0 if had_steps => PlanRead::Known,
                    0 => PlanRead::NoSteps,
                    made => PlanRead::Made(made as u64),
                }
            }
        };
        rows::note_read(&tx, tenant, &plan.id).await?;
        tx.commit().await?;
        Ok(read)
    }
}

fn is_final_plan(artifact: &Artifact) -> bool {
    artifact.kind == Kind::Plan && artifact.stage == Stage::Final
}

fn is_gone(e: &Error) -> bool {
    matches!(
        e,
        Error::ArtifactNotFound(_) | Error::ArtifactExpired { .. } | Error::ArtifactDeleted { .. }
    )
}
