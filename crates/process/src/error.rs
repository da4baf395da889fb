//! Why a process cannot start.

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable of the environment has a value that breaks a rule.
    #[error("{variable}: {rule}")]
    Setting {
        /// The variable.
        variable: String,
        /// What its value must be.
        rule: String,
    },
    /// A library refused to set up this part.
    #[error("{0} cannot be set up")]
    Setup(
        &'static str,
        #[source] Box<dyn std::error::Error + Send + Sync>,
    ),
}

impl Error {
    pub(crate) fn setting(variable: &str, rule: impl Into<String>) -> Self {
        Self::Setting {
            variable: variable.to_owned(),
            rule: rule.into(),
        }
    }

    pub(crate) fn setup(
        part: &'static str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Setup(part, cause.into())
    }
}

/// The result of starting a part of a process.
pub type Result<T, E = Error> = std::result::Result<T, E>;
