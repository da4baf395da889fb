//! The comments of the specification, which say what each call does.

use std::collections::HashMap;

use cairn_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

/// The places of services in a file, and of methods in a service, in the paths of `SourceCodeInfo`.
const SERVICE: i32 = 6;
const METHOD: i32 = 2;

/// The comment of each RPC by its name, such as `ArtifactService/GetArtifact`.
pub(super) struct Comments(HashMap<String, String>);

impl Comments {
    pub(super) fn read() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
        Self(set.file.iter().flat_map(comments).collect())
    }

    /// The comment of an RPC; empty for an unknown one.
    pub(super) fn of(&self, rpc: &str) -> &str {
        self.0.get(rpc).map_or("", String::as_str)
    }
}

fn comments(file: &FileDescriptorProto) -> Vec<(String, String)> {
    let source = file.source_code_info.as_ref();
    let locations = source.map_or(&[][..], |source| &source.location);
    let comment = |location: &prost_types::source_code_info::Location| {
        let &[SERVICE, service, METHOD, method] = location.path.as_slice() else {
            return None;
        };
        let service = file.service.get(usize::try_from(service).ok()?)?;
        let method = service.method.get(usize::try_from(method).ok()?)?;
        let name = format!("{}/{}", service.name(), method.name());
        let lines = location.leading_comments().lines().map(str::trim);
        Some((name, lines.collect::<Vec<_>>().join("\n").trim().to_owned()))
    };
    locations.iter().filter_map(comment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rpc_has_the_comment_of_the_specification() {
        let comments = Comments::read();
        let comment = comments.of("SessionService/SealSession");
        assert!(comment.starts_with("Seals a session"), "{comment}");
        assert_eq!(comments.of("SessionService/Nothing"), "");
    }
}
