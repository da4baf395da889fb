//! Which calls take an idempotency key, by the specification.

use std::collections::{HashMap, HashSet};

use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet};

const KEY: &str = "idempotency_key";

/// The RPCs whose request has a key somewhere, by names such as `ArtifactService/CreateArtifact`.
pub(super) struct Keyed(HashSet<String>);

impl Keyed {
    pub(super) fn read() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
        let messages = set.file.iter().flat_map(|file| {
            let package = file.package();
            let named = move |message| (full(package, message), message);
            file.message_type.iter().map(named)
        });
        let messages: HashMap<_, _> = messages.collect();
        let services = set.file.iter().flat_map(|file| &file.service);
        let calls = services.flat_map(|service| {
            let name = |method: &str| format!("{}/{method}", service.name());
            let calls = service.method.iter();
            calls.map(move |it| (name(it.name()), it.input_type().to_owned()))
        });
        let keyed = calls.filter(|(_, request)| has_key(&messages, request, &mut HashSet::new()));
        Self(keyed.map(|(call, _)| call).collect())
    }

    pub(super) fn has(&self, rpc: &str) -> bool {
        self.0.contains(rpc)
    }
}

fn full(package: &str, message: &DescriptorProto) -> String {
    format!(".{package}.{}", message.name())
}

fn has_key<'a>(
    messages: &HashMap<String, &'a DescriptorProto>,
    name: &str,
    seen: &mut HashSet<&'a str>,
) -> bool {
    let Some(message) = messages.get(name) else {
        return false;
    };
    seen.insert(message.name())
        && message
            .field
            .iter()
            .any(|field| field.name() == KEY || has_key(messages, field.type_name(), seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_with_a_key_are_those_whose_request_has_one() {
        let keyed = Keyed::read();
        for (rpc, has) in [
            ("ArtifactService/CreateArtifact", true),
            ("ArtifactService/BatchCreateArtifacts", true),
            ("ArtifactService/BatchGetArtifacts", false),
            ("UploadService/StartUpload", true),
            ("UploadService/WriteUpload", false),
            ("IdentityService/CreateToken", false),
        ] {
            assert_eq!(keyed.has(rpc), has, "{rpc}");
        }
    }
}
