//! What each method needs, and what it touches. Nothing is served that has no row here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use cairn_store::Scope::{self, Admin, Delete, Hold, Link, Operator, Read, Seal, Write};

/// What a caller must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Not even a credential.
    Nothing,
    /// A credential of any scope.
    Credential,
    /// Every one of these scopes.
    All(&'static [Scope]),
    /// One of these scopes at least. Which one, the store knows.
    Any(&'static [Scope]),
}

/// What a method reads or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touches {
    /// Nothing of a tenant's.
    Nothing,
    /// Artifacts that are within the caller's narrowing.
    Artifacts,
    /// Bytes by their hash, as far as such an artifact has them.
    Content,
    /// Sessions as wholes: they must be within the caller's narrowing with everything in them.
    Sessions,
    /// Links to artifacts that are within the caller's narrowing, and to sessions that are so as wholes.
    Links,
    /// Jobs that were started under no wider narrowing than the caller's.
    Jobs,
    /// Todos of plans that are within the caller's narrowing, and of sessions that are within it as wholes.
    Todos,
    /// The keys of the tenant.
    Keys,
    /// What the tenant has altogether.
    Tenant,
    /// Plans, and tenants as wholes.
    Deployment,
}

/// The rule of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) needs: Needs,
    pub(crate) touches: Touches,
}

const fn row(method: &'static str, needs: Needs, touches: Touches) -> (&'static str, Rule) {
    (method, Rule { needs, touches })
}

/// Anyone who has a link can read its artifact, so making or showing one needs the scope to read too. Callers that push
/// use FindMissingContent; to a caller without the scope to read, all content is missing.
#[rustfmt::skip]
const TABLE: [(&str, Rule); 79] = [
    row("cairn.v1.ArtifactService/CreateArtifact", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/BatchCreateArtifacts", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/UploadArtifact", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/CopyArtifact", Needs::All(&[Read, Write]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/FindMissingContent", Needs::All(&[Write]), Touches::Content),
    row("cairn.v1.ArtifactService/DownloadArtifact", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/CreateDownloadUrl", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/GetArtifact", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/BatchGetArtifacts", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/DownloadArtifacts", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/ListArtifacts", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/ListVersions", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/DeleteArtifact", Needs::All(&[Delete]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/DeleteArtifacts", Needs::All(&[Delete]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/RestoreArtifacts", Needs::All(&[Delete]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/UpdateArtifact", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/SetLegalHold", Needs::All(&[Hold]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/SetStage", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/ListStageChanges", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ArtifactService/GetLineage", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.UploadService/StartUpload", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.UploadService/WriteUpload", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.UploadService/PresignUploadParts", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.UploadService/GetUpload", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.UploadService/ListUploads", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.UploadService/FinishUpload", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.UploadService/AbortUpload", Needs::All(&[Write]), Touches::Artifacts),
    row("cairn.v1.ReadService/ReadLines", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ReadService/ReadBytes", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ReadService/GrepArtifact", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ReadService/GrepSession", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ReadService/PreviewArtifact", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ReadService/DiffVersions", Needs::All(&[Read]), Touches::Artifacts),
    row("cairn.v1.ReadService/EditArtifact", Needs::All(&[Read, Write]), Touches::Artifacts),
    row("cairn.v1.SessionService/GetSession", Needs::All(&[Read]), Touches::Sessions),
    row("cairn.v1.SessionService/ListSessions", Needs::All(&[Read]), Touches::Sessions),
    row("cairn.v1.SessionService/UpdateSession", Needs::All(&[Write]), Touches::Sessions),
    row("cairn.v1.SessionService/CommitSession", Needs::All(&[Write]), Touches::Sessions),
    row("cairn.v1.SessionService/WatchSession", Needs::All(&[Read]), Touches::Sessions),
    row("cairn.v1.SessionService/WatchSessions", Needs::All(&[Read]), Touches::Sessions),
    row("cairn.v1.SessionService/SealSession", Needs::All(&[Seal]), Touches::Sessions),
    row("cairn.v1.SessionService/SetSessionLegalHold", Needs::All(&[Hold]), Touches::Sessions),
    row("cairn.v1.SessionService/DeleteSession", Needs::All(&[Delete]), Touches::Sessions),
    row("cairn.v1.SessionService/ListManifest", Needs::All(&[Read]), Touches::Sessions),
    row("cairn.v1.LinkService/CreateLink", Needs::All(&[Link, Read]), Touches::Links),
    row("cairn.v1.LinkService/GetLink", Needs::All(&[Link, Read]), Touches::Links),
    row("cairn.v1.LinkService/ListLinks", Needs::All(&[Link, Read]), Touches::Links),
    row("cairn.v1.LinkService/RevokeLink", Needs::All(&[Link]), Touches::Links),
    row("cairn.v1.JobService/GetJob", Needs::All(&[Read]), Touches::Jobs),
    row("cairn.v1.JobService/ListJobs", Needs::All(&[Read]), Touches::Jobs),
    row("cairn.v1.JobService/CancelJob", Needs::Any(&[Delete, Write, Hold]), Touches::Jobs),
    row("cairn.v1.TodoService/ListTodos", Needs::All(&[Read]), Touches::Todos),
    row("cairn.v1.TodoService/AddTodo", Needs::All(&[Write]), Touches::Todos),
    row("cairn.v1.TodoService/UpdateTodo", Needs::All(&[Write]), Touches::Todos),
    row("cairn.v1.IdentityService/WhoAmI", Needs::Credential, Touches::Nothing),
    row("cairn.v1.IdentityService/CreateToken", Needs::Credential, Touches::Nothing),
    row("cairn.v1.IdentityService/GetUsage", Needs::All(&[Read]), Touches::Tenant),
    row("cairn.v1.AdminService/CreateKey", Needs::All(&[Admin]), Touches::Keys),
    row("cairn.v1.AdminService/ListKeys", Needs::All(&[Admin]), Touches::Keys),
    row("cairn.v1.AdminService/RotateKey", Needs::All(&[Admin]), Touches::Keys),
    row("cairn.v1.AdminService/RevokeKey", Needs::All(&[Admin]), Touches::Keys),
    row("cairn.v1.AdminService/ListAudit", Needs::Any(&[Admin, Operator]), Touches::Tenant),
    row("cairn.v1.OperatorService/SetPlan", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/ListPlans", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/DeletePlan", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/SetTenant", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/GetTenant", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/ListTenants", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/EraseTenant", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/GetErasure", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/GetTenantUsage", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/SetWorkload", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/ListWorkloads", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/RemoveWorkload", Needs::All(&[Operator]), Touches::Deployment),
    row("cairn.v1.OperatorService/Apply", Needs::All(&[Operator]), Touches::Deployment),
    row("grpc.health.v1.Health/Check", Needs::Nothing, Touches::Nothing),
    row("grpc.health.v1.Health/Watch", Needs::Nothing, Touches::Nothing),
    row("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Needs::Nothing, Touches::Nothing),
    row("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Needs::Nothing, Touches::Nothing),
];

static RULES: LazyLock<HashMap<&str, Rule>> = LazyLock::new(|| TABLE.into_iter().collect());

/// The rule of a method, by its name as `package.Service/Method`; `None`: it is not served.
pub(crate) fn rule(method: &str) -> Option<&'static Rule> {
    RULES.get(method)
}

/// The services of Cairn that have a method here.
pub(crate) fn services() -> BTreeSet<&'static str> {
    let services = TABLE
        .iter()
        .filter_map(|(method, _)| method.split('/').next());
    services.filter(|name| name.starts_with("cairn.")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cairn_proto::FILE_DESCRIPTOR_SET;
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::TABLE;

    #[test]
    fn every_method_that_is_served_has_a_rule_and_no_other_has() {
        let sets = [
            FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let mut served = BTreeSet::new();
        for file in sets
            .map(|set| FileDescriptorSet::decode(set).unwrap().file)
            .concat()
        {
            for service in &file.service {
                for method in &service.method {
                    let (package, service) = (file.package(), service.name());
                    served.insert(format!("{package}.{service}/{}", method.name()));
                }
            }
        }
        let named: BTreeSet<_> = TABLE
            .iter()
            .map(|(method, _)| (*method).to_owned())
            .collect();
        assert_eq!(named.len(), TABLE.len(), "a method has two rules");
        assert_eq!(named, served);
    }
}
