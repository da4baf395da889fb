//! Whether a file may be executed, which an artifact's metadata carry from upload to download.

use cairn_proto::v1::{Artifact, ArtifactSpec};

/// The metadata key of a file that its owner may execute; the value is "true". Other files have no such pair.
const KEY: &str = "cairn.executable";
const YES: &str = "true";

/// The spec of a file that may be executed, unless the caller's metadata say otherwise.
pub(crate) fn with_executable(mut spec: ArtifactSpec, executable: bool) -> ArtifactSpec {
    if executable {
        let pair = spec.metadata.entry(KEY.to_owned());
        pair.or_insert_with(|| YES.to_owned());
    }
    spec
}

/// Whether the downloaded file may be executed. A hidden file, or one in a hidden folder such as a git hook, may not: other
/// programs would run it without being asked.
#[must_use]
pub fn is_executable(artifact: &Artifact) -> bool {
    let hidden = artifact.filename.split('/').any(|s| s.starts_with('.'));
    !hidden && artifact.metadata.get(KEY).is_some_and(|value| value == YES)
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::{Artifact, ArtifactSpec};

    use super::{is_executable, with_executable};

    fn pulled(spec: ArtifactSpec, filename: &str) -> bool {
        is_executable(&Artifact {
            filename: filename.to_owned(),
            metadata: spec.metadata,
            ..Artifact::default()
        })
    }

    #[test]
    fn what_may_be_run_may_be_run_again_but_for_what_is_hidden() {
        let spec = |executable| with_executable(ArtifactSpec::default(), executable);
        assert!(pulled(spec(true), "bin/run.sh"));
        assert!(!pulled(spec(false), "bin/run.sh"));
        assert!(spec(false).metadata.is_empty());
        assert!(!pulled(spec(true), ".git/hooks/pre-commit"));
        assert!(!pulled(spec(true), "x/.run.sh"));
    }

    #[test]
    fn what_the_caller_says_of_it_holds() {
        let no = ArtifactSpec {
            metadata: [("cairn.executable".to_owned(), "false".to_owned())].into(),
            ..ArtifactSpec::default()
        };
        assert!(!pulled(with_executable(no, true), "run.sh"));
    }
}
