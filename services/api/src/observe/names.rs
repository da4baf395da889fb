use std::{collections::HashMap, sync::LazyLock};

use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::FileDescriptorSet;

/// Every served RPC except reflection, and whether its caller sends a stream.
static RPCS: LazyLock<HashMap<String, bool>> = LazyLock::new(|| {
    let sets = [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    let sets = sets.map(|set| FileDescriptorSet::decode(set).unwrap_or_default());
    let files = sets.into_iter().flat_map(|set| set.file);
    let names = files.flat_map(|file| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let service_name = format!("{package}.{}", service.name());
            let names = service.method.iter();
            let names = names.map(|method| {
                let name = format!("{service_name}/{}", method.name());
                (name, method.client_streaming())
            });
            names.collect::<Vec<_>>()
        })
    });
    names.collect()
});

/// An RPC's name as a label: callers cannot add labels with invented names.
pub(crate) fn label(rpc: &str) -> &str {
    if RPCS.contains_key(rpc) {
        rpc
    } else {
        "unknown"
    }
}

/// Whether the caller of an RPC sends a stream of messages instead of one.
pub(crate) fn takes_stream(rpc: &str) -> bool {
    RPCS.get(rpc).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::{label, takes_stream};

    #[test]
    fn uploads_are_sent_as_streams() {
        assert!(takes_stream("cairn.v1.ArtifactService/UploadArtifact"));
        assert!(!takes_stream("cairn.v1.ArtifactService/CreateArtifact"));
        assert!(!takes_stream("made.up/Name"));
    }

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
