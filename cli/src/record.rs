//! The kinds and stages of artifacts, by the names that people and JSON have for them.

use cairn_proto::v1::{ArtifactKind, ArtifactStage, ArtifactState};
use clap::ValueEnum;

/// What an artifact is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Code,
    Document,
    Config,
    Plan,
    Data,
    Image,
    Other,
}

/// How far an artifact has come.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Stage {
    Draft,
    Review,
    Final,
}

impl From<Kind> for ArtifactKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Code => Self::Code,
            Kind::Document => Self::Document,
            Kind::Config => Self::Config,
            Kind::Plan => Self::Plan,
            Kind::Data => Self::Data,
            Kind::Image => Self::Image,
            Kind::Other => Self::Other,
        }
    }
}

impl From<Stage> for ArtifactStage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Draft => Self::Draft,
            Stage::Review => Self::Review,
            Stage::Final => Self::Final,
        }
    }
}

/// "code", "document" …; `None` for one that is newer than this command.
pub(crate) fn kind_name(kind: i32) -> Option<String> {
    match ArtifactKind::try_from(kind).ok()? {
        ArtifactKind::Unspecified => Some("other".to_owned()),
        kind => name(kind.as_str_name(), "ARTIFACT_KIND_"),
    }
}

/// "draft", "review" or "final"; `None` for one that is newer than this command.
pub(crate) fn stage_name(stage: i32) -> Option<String> {
    match ArtifactStage::try_from(stage).ok()? {
        ArtifactStage::Unspecified => Some("draft".to_owned()),
        stage => name(stage.as_str_name(), "ARTIFACT_STAGE_"),
    }
}

/// "visible", "unpublished", "expired" or "deleted"; `None` for one that is newer than this command, or older than the server's telling it.
pub(crate) fn state_name(state: i32) -> Option<String> {
    match ArtifactState::try_from(state).ok()? {
        ArtifactState::Unspecified => None,
        state => name(state.as_str_name(), "ARTIFACT_STATE_"),
    }
}

fn name(name: &str, prefix: &str) -> Option<String> {
    Some(name.strip_prefix(prefix)?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::{ArtifactKind, ArtifactStage};
    use clap::ValueEnum;

    use super::{Kind, Stage, kind_name, stage_name, state_name};

    #[test]
    fn what_is_given_and_what_is_printed_have_the_same_names() {
        for kind in Kind::value_variants() {
            let given = kind.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(kind_name(ArtifactKind::from(*kind).into()), given);
        }
        for stage in Stage::value_variants() {
            let given = stage.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(stage_name(ArtifactStage::from(*stage).into()), given);
        }
    }

    #[test]
    fn every_kind_and_stage_of_the_server_can_be_given() {
        for number in 1.. {
            if kind_name(number).is_none() {
                assert_eq!(number as usize, Kind::value_variants().len() + 1);
                break;
            }
        }
        for number in 1.. {
            if stage_name(number).is_none() {
                assert_eq!(number as usize, Stage::value_variants().len() + 1);
                break;
            }
        }
    }

    #[test]
    fn what_a_server_leaves_out_is_what_the_contract_says() {
        assert_eq!(kind_name(0).as_deref(), Some("other"));
        assert_eq!(stage_name(0).as_deref(), Some("draft"));
        assert_eq!(state_name(0), None);
        assert_eq!(kind_name(99), None);
    }
}
