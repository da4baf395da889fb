use std::time::Duration;

use cairn_proto::v1::{
    self, ApplyRequest, ApplyResponse, DeletePlanRequest, DeletePlanResponse, EraseTenantRequest,
    EraseTenantResponse, GetErasureRequest, GetErasureResponse, GetTenantRequest,
    GetTenantResponse, GetTenantUsageRequest, GetTenantUsageResponse, ListPlansRequest,
    ListPlansResponse, ListTenantsRequest, ListTenantsResponse, ListWorkloadsRequest,
    ListWorkloadsResponse, RemoveWorkloadRequest, RemoveWorkloadResponse, SetPlanRequest,
    SetPlanResponse, SetTenantRequest, SetTenantResponse, SetWorkloadRequest, SetWorkloadResponse,
    operator_service_server::OperatorService,
};
use cairn_store::{
    Declared, Erasure, Error, LimitChanges, Plan, PlanLimits, Result as StoreResult, Store,
    TenantUpdate, TenantUsage, Workload,
};
use tonic::{Request, Response, Status};

use super::{Services, convert, grants, plan_limits as limits, taken, usage};
use crate::error::to_status;

#[tonic::async_trait]
impl OperatorService for Services {
    async fn set_plan(
        &self,
        request: Request<SetPlanRequest>,
    ) -> Result<Response<SetPlanResponse>, Status> {
        let (caller, request) = taken(request)?;
        let limits = limits::wanted("limits", &request.limits).map_err(to_status)?;
        let limits = LimitChanges::new("limits", limits).map_err(to_status)?;
        let set = self
            .store
            .set_plan(Some(&caller), &request.name, &limits)
            .await;
        Ok(Response::new(SetPlanResponse {
            plan: Some(plan(set.map_err(to_status)?)),
        }))
    }

    async fn list_plans(
        &self,
        request: Request<ListPlansRequest>,
    ) -> Result<Response<ListPlansResponse>, Status> {
        let (_, request) = taken(request)?;
        let size = page_size(request.page_size, Store::PLANS_PAGE).map_err(to_status)?;
        let found = self.store.list_plans(&request.page_token, size).await;
        let found = found.map_err(to_status)?;
        let last = (found.len() == size).then(|| found.last()).flatten();
        Ok(Response::new(ListPlansResponse {
            next_page_token: last.map_or_else(String::new, |plan| plan.name.clone()),
            plans: found.into_iter().map(plan).collect(),
        }))
    }

    async fn delete_plan(
        &self,
        request: Request<DeletePlanRequest>,
    ) -> Result<Response<DeletePlanResponse>, Status> {
        let (caller, request) = taken(request)?;
        let deleted = self.store.delete_plan(Some(&caller), &request.name).await;
        deleted.map_err(to_status)?;
        Ok(Response::new(DeletePlanResponse {}))
    }

    async fn set_tenant(
        &self,
        request: Request<SetTenantRequest>,
    ) -> Result<Response<SetTenantResponse>, Status> {
        let (caller, request) = taken(request)?;
        let name = request.name.clone();
        let update = update(request).map_err(to_status)?;
        let set = self.store.set_tenant(Some(&caller), &name, update).await;
        Ok(Response::new(SetTenantResponse {
            tenant: Some(tenant(set.map_err(to_status)?)),
        }))
    }

    async fn get_tenant(
        &self,
        request: Request<GetTenantRequest>,
    ) -> Result<Response<GetTenantResponse>, Status> {
        let (_, request) = taken(request)?;
        let found = self.store.get_tenant(&request.name).await;
        let missing = || to_status(Error::TenantNotFound(request.name.clone()));
        let found = found.map_err(to_status)?.ok_or_else(missing)?;
        Ok(Response::new(GetTenantResponse {
            tenant: Some(tenant(found)),
        }))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        let (_, request) = taken(request)?;
        let size = page_size(request.page_size, Store::TENANTS_PAGE).map_err(to_status)?;
        let after = (!request.page_token.is_empty()).then_some(&*request.page_token);
        let found = self.store.list_some_tenants(after, size).await;
        let found = found.map_err(to_status)?;
        let last = (found.len() == size).then(|| found.last()).flatten();
        Ok(Response::new(ListTenantsResponse {
            next_page_token: last.map_or_else(String::new, |tenant| tenant.tenant.clone()),
            tenants: found.into_iter().map(tenant).collect(),
        }))
    }

    async fn erase_tenant(
        &self,
        request: Request<EraseTenantRequest>,
    ) -> Result<Response<EraseTenantResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (name, dry_run) = (&request.name, request.dry_run);
        let erased = self.store.erase_tenant(Some(&caller), name, dry_run).await;
        Ok(Response::new(EraseTenantResponse {
            erasure: Some(erasure(erased.map_err(to_status)?)),
        }))
    }

    async fn get_erasure(
        &self,
        request: Request<GetErasureRequest>,
    ) -> Result<Response<GetErasureResponse>, Status> {
        let (_, request) = taken(request)?;
        let found = self.store.get_erasure(&request.tenant_name).await;
        Ok(Response::new(GetErasureResponse {
            erasure: Some(erasure(found.map_err(to_status)?)),
        }))
    }

    async fn get_tenant_usage(
        &self,
        request: Request<GetTenantUsageRequest>,
    ) -> Result<Response<GetTenantUsageResponse>, Status> {
        let (_, request) = taken(request)?;
        let query = usage::query(&request.usage.unwrap_or_default()).map_err(to_status)?;
        let rows = self.store.usage_days_of(&request.tenant_name, &query).await;
        Ok(Response::new(GetTenantUsageResponse {
            usage: Some(usage::page(&query, rows.map_err(to_status)?)),
        }))
    }

    async fn set_workload(
        &self,
        request: Request<SetWorkloadRequest>,
    ) -> Result<Response<SetWorkloadResponse>, Status> {
        let (caller, request) = taken(request)?;
        let grant = grants::grant(&request.scopes, request.narrowing).map_err(to_status)?;
        let (tenant, issuer) = (&request.tenant_name, &request.issuer);
        let added =
            self.store
                .set_workload(Some(&caller), tenant, issuer, &request.subject, &grant);
        Ok(Response::new(SetWorkloadResponse {
            workload: Some(workload(added.await.map_err(to_status)?)),
        }))
    }

    async fn list_workloads(
        &self,
        request: Request<ListWorkloadsRequest>,
    ) -> Result<Response<ListWorkloadsResponse>, Status> {
        let (_, request) = taken(request)?;
        let found = self.store.list_workloads(&request.tenant_name).await;
        let found = found.map_err(to_status)?.into_iter();
        Ok(Response::new(ListWorkloadsResponse {
            workloads: found.map(workload).collect(),
        }))
    }

    async fn remove_workload(
        &self,
        request: Request<RemoveWorkloadRequest>,
    ) -> Result<Response<RemoveWorkloadResponse>, Status> {
        let (caller, request) = taken(request)?;
        let removed = match request.workload_id.parse() {
            Ok(id) => self
                .store
                .drop_workload(Some(&caller), id)
                .await
                .map_err(to_status)?,
            Err(_) => false,
        };
        Ok(Response::new(RemoveWorkloadResponse { removed }))
    }

    async fn apply(
        &self,
        request: Request<ApplyRequest>,
    ) -> Result<Response<ApplyResponse>, Status> {
        let (caller, request) = taken(request)?;
        let declared = Declared::read(&request.document).map_err(to_status)?;
        let changes = self
            .store
            .apply(Some(&caller), &declared, request.dry_run)
            .await;
        Ok(Response::new(ApplyResponse {
            changes: changes.map_err(to_status)?,
        }))
    }
}

/// The size of a page; all when none is given.
fn page_size(wanted: i32, most: usize) -> StoreResult<usize> {
    match usize::try_from(wanted) {
        Ok(0) => Ok(most),
        Ok(size) if size <= most => Ok(size),
        _ => Err(Error::invalid(
            "page_size",
            format!("must be 1 to {most}, or 0 for {most}"),
        )),
    }
}

fn update(request: SetTenantRequest) -> StoreResult<TenantUpdate> {
    // Zero is none.
    let ttl = |ttl| {
        let ttl: Duration = convert::duration(ttl);
        (!ttl.is_zero()).then_some(ttl)
    };
    limits::check_count("reset_limits", request.reset_limits.len())?;
    let reset = request.reset_limits.iter().enumerate();
    let reset = reset.map(|(i, number)| limits::kind(&format!("reset_limits[{i}]"), *number));
    let set = limits::wanted("set_limits", &request.set_limits)?;
    Ok(TenantUpdate {
        plan: request.plan,
        limits: LimitChanges::new("set_limits", set)?,
        reset: reset.collect::<StoreResult<_>>()?,
        default_ttl: request.default_ttl.map(ttl),
        max_ttl: request.max_ttl.map(ttl),
        never_expires_allowed: request.never_expires_allowed,
        ..TenantUpdate::default()
    })
}

fn set(limits: &PlanLimits) -> Vec<v1::Limit> {
    limits::limits(limits.iter().map(|(kind, max)| (kind, Some(max))))
}

fn plan(plan: Plan) -> v1::Plan {
    v1::Plan {
        limits: set(&plan.limits),
        tenant_count: convert::size(plan.tenants),
        created_at: Some(convert::timestamp(plan.created_at)),
        name: plan.name,
    }
}

fn tenant(tenant: TenantUsage) -> v1::Tenant {
    let keeping = tenant.keeping;
    v1::Tenant {
        overrides: limits::limits(tenant.overrides.iter()),
        limits: set(&tenant.limits),
        default_ttl: keeping.default_ttl.map(convert::proto_duration),
        max_ttl: keeping.max_ttl.map(convert::proto_duration),
        never_expires_allowed: keeping.never_expires_allowed,
        stored_artifacts: convert::size(tenant.usage.stored_artifacts),
        stored_bytes: convert::size(tenant.usage.stored_bytes),
        physical_bytes: convert::size(tenant.usage.physical_bytes),
        name: tenant.tenant,
        plan: tenant.plan,
    }
}

fn erasure(erasure: Erasure) -> v1::Erasure {
    let deleted = erasure.deleted.into_iter();
    v1::Erasure {
        erasure_id: match erasure.id.is_nil() {
            true => String::new(),
            false => erasure.id.to_string(),
        },
        tenant_name: erasure.tenant,
        requested_at: Some(convert::timestamp(erasure.requested_at)),
        finished_at: erasure.finished_at.map(convert::timestamp),
        deleted: deleted
            .map(|(kind, count)| (kind, convert::size(count)))
            .collect(),
        released_bytes: convert::size(erasure.released_bytes),
        remaining_objects: convert::size(erasure.remaining_objects),
        remaining_bytes: convert::size(erasure.remaining_bytes),
        last_error: erasure.last_error,
    }
}

fn workload(workload: Workload) -> v1::Workload {
    v1::Workload {
        workload_id: workload.id.to_string(),
        scopes: grants::scopes(&workload.grant),
        narrowing: grants::narrowing(&workload.grant),
        created_at: Some(convert::timestamp(workload.created_at)),
        issuer: workload.issuer,
        subject: workload.subject,
    }
}
