//! The kind and the stage of an artifact.

use std::str::FromStr;

use serde::Serialize;

/// What an artifact is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Source code.
    Code,
    /// Text for people.
    Document,
    /// Settings of a program.
    Config,
    /// What is to be done.
    Plan,
    /// Figures, tables, records.
    Data,
    /// A picture.
    Image,
    /// Anything else.
    #[default]
    Other,
}

/// How far the work on an artifact has come; any stage may follow any other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Work under way.
    #[default]
    Draft,
    /// Ready for review by somebody else.
    Review,
    /// Done.
    Final,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Code,
        Self::Document,
        Self::Config,
        Self::Plan,
        Self::Data,
        Self::Image,
        Self::Other,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Document => "document",
            Self::Config => "config",
            Self::Plan => "plan",
            Self::Data => "data",
            Self::Image => "image",
            Self::Other => "other",
        }
    }
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Review, Self::Final];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Review => "review",
            Self::Final => "final",
        }
    }
}

impl FromStr for Kind {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        kind.ok_or("must be code, document, config, plan, data, image or other")
    }
}

impl FromStr for Stage {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let stage = Self::ALL.into_iter().find(|stage| stage.as_str() == name);
        stage.ok_or("must be draft, review or final")
    }
}
