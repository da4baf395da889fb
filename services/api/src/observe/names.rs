use std::{collections::HashSet, sync::LazyLock};

use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::FileDescriptorSet;

/// Every RPC that is served, but for reflection.
static RPCS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let sets = [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    let sets = sets.map(|set| FileDescriptorSet::decode(set).unwrap_or_default());
    let files = sets.into_iter().flat_map(|set| set.file);
    let names = files.flat_map(|file| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let service_name = format!("{package}.{}", service.name());
            let names = service.method.iter();
            let names = names.map(|method| format!("{service_name}/{}", method.name()));
            names.collect::<Vec<_>>()
        })
    });
    names.collect()
});

/// An RPC's name as a label: nobody may fill the metrics with names of their own making.
pub(super) fn label(rpc: &str) -> &str {
    if RPCS.contains(rpc) { rpc } else { "unknown" }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn what_is_served_has_its_name_and_nothing_else_has() {
        for rpc in [
            "cairn.v1.ArtifactService/UploadArtifact",
            "cairn.v1.SessionService/WatchSession",
            "grpc.health.v1.Health/Check",
        ] {
            assert_eq!(label(rpc), rpc);
        }
        for rpc in ["", "cairn.v1.ArtifactService/Nothing", "made.up/Name"] {
            assert_eq!(label(rpc), "unknown");
        }
    }
}
