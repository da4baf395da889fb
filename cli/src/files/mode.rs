//! Whether a file may be run, which an artifact's record carries from push to pull.

use cairn_proto::v1::{Artifact, ArtifactSpec};

/// The key of the metadata of a file that its owner may run; the value is "true". Others have no such pair.
const KEY: &str = "cairn.executable";
const YES: &str = "true";

/// The spec with what is to be told of the file, unless the caller says it.
pub(crate) fn told(mut spec: ArtifactSpec, executable: bool) -> ArtifactSpec {
    if executable {
        let pair = spec.metadata.entry(KEY.to_owned());
        pair.or_insert_with(|| YES.to_owned());
    }
    spec
}

/// Whether what is pulled may be run. What a hidden folder holds, such as a hook of git, would be run by others unasked.
pub(crate) fn is_executable(artifact: &Artifact) -> bool {
    let hidden = artifact.filename.split('/').any(|s| s.starts_with('.'));
    !hidden && artifact.metadata.get(KEY).is_some_and(|value| value == YES)
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::{Artifact, ArtifactSpec};

    use super::{is_executable, told};

    fn pulled(spec: ArtifactSpec, filename: &str) -> bool {
        is_executable(&Artifact {
            filename: filename.to_owned(),
            metadata: spec.metadata,
            ..Artifact::default()
        })
    }

    #[test]
    fn what_may_be_run_may_be_run_again_but_for_what_is_hidden() {
        let spec = |executable| told(ArtifactSpec::default(), executable);
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
        assert!(!pulled(told(no, true), "run.sh"));
    }
}
