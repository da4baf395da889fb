//! The kinds and stages of artifacts, by the names that JSON has for them.

use cairn_proto::v1::{ArtifactKind, ArtifactStage};
use clap::ValueEnum;

/// The purpose of an artifact.
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

/// The stage of an artifact.
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

#[cfg(test)]
mod tests {
    use cairn_proto::{
        json,
        v1::{ArtifactKind, ArtifactStage},
    };
    use clap::ValueEnum;

    use super::{Kind, Stage};

    #[test]
    fn what_is_given_and_what_is_printed_have_the_same_names() {
        for kind in Kind::value_variants() {
            let given = kind.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(json::kind(ArtifactKind::from(*kind).into()), given);
        }
        for stage in Stage::value_variants() {
            let given = stage.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(json::stage(ArtifactStage::from(*stage).into()), given);
        }
    }

    #[test]
    fn every_kind_and_stage_of_the_server_can_be_given() {
        for number in 1.. {
            if json::kind(number).is_none() {
                assert_eq!(number as usize, Kind::value_variants().len() + 1);
                break;
            }
        }
        for number in 1.. {
            if json::stage(number).is_none() {
                assert_eq!(number as usize, Stage::value_variants().len() + 1);
                break;
            }
        }
    }
}
