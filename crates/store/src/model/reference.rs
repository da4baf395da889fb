//! References to artifacts: by id or by name.

use std::fmt;

use serde::Serialize;

use crate::model::{
    error::{Error, Result},
    filter::{Condition, Filter, TextField, TextMatch},
    id::ArtifactId,
    text::{Filename, Identifier, text_of},
    validate::{Violations, excerpt},
};

/// A file in its scope, and optionally one of its versions, unchecked.
#[derive(Debug, Clone, Default)]
pub struct RawName {
    /// Required.
    pub filename: String,
    /// Empty: the file of no session.
    pub session_id: String,
    /// Empty: none.
    pub namespace: String,
    /// Empty: none.
    pub user_id: String,
    /// 0: the latest.
    pub version: i64,
}

/// A reference to an artifact.
#[derive(Debug, Clone, Serialize)]
pub enum ArtifactRef {
    /// The one with this id.
    Id(ArtifactId),
    /// A version of a file.
    Name(FileName, Option<i64>),
}

/// A file in its scope: (namespace, user, session, filename).
#[derive(Debug, Clone, Serialize)]
pub struct FileName {
    pub(crate) filename: Filename,
    pub(crate) session_id: Option<Identifier>,
    pub(crate) namespace: Option<Identifier>,
    pub(crate) user_id: Option<Identifier>,
}

impl ArtifactRef {
    /// Takes either an id or a name.
    ///
    /// # Errors
    /// `Invalid` for both, for neither, and for an invalid name; `ArtifactNotFound` for a malformed id.
    pub fn new(id: &str, name: Option<RawName>) -> Result<Self> {
        match (id, name) {
            ("", None) => Err(Error::invalid("artifact_id", "is required, or a name")),
            ("", Some(name)) => {
                let version = name.version;
                if version < 0 {
                    let rule = "must be 1 or more, or 0 for the latest";
                    return Err(Error::invalid("name.version", rule));
                }
                let version = Some(version).filter(|version| *version > 0);
                Ok(Self::Name(FileName::new("name", name)?, version))
            }
            (_, Some(_)) => Err(Error::invalid("name", "must not be given beside an id")),
            (id, None) => id
                .parse()
                .map(Self::Id)
                .map_err(|_| Error::ArtifactNotFound(excerpt(id))),
        }
    }
}

impl FileName {
    /// Checks a name; faults are named below `field`.
    ///
    /// # Errors
    /// `Invalid`, with every part at fault.
    pub fn new(field: &str, name: RawName) -> Result<Self> {
        let mut faults = Violations::new();
        let at = |part| format!("{field}.{part}");
        let filename = faults.check(&at("filename"), Filename::new(name.filename));
        let mut label = |part, text| {
            faults
                .check(&at(part), Identifier::optional(text))
                .flatten()
        };
        let session_id = label("session_id", name.session_id);
        let namespace = label("namespace", name.namespace);
        let user_id = label("user_id", name.user_id);
        faults.finish(filename.map(|filename| Self {
            filename,
            session_id,
            namespace,
            user_id,
        }))
    }
}

impl FileName {
    /// The condition that exactly its versions meet.
    pub(crate) fn versions(&self) -> Filter {
        let exactly = |field, text: &str| {
            let text = TextMatch::Exactly(text.to_owned());
            Filter::Is(Condition::Text(field, text))
        };
        Filter::All(vec![
            exactly(TextField::Filename, self.filename.as_str()),
            exactly(TextField::SessionId, text_of(&self.session_id)),
            exactly(TextField::Namespace, text_of(&self.namespace)),
            exactly(TextField::UserId, text_of(&self.user_id)),
        ])
    }
}

impl fmt::Display for ArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version) = match self {
            Self::Id(id) => return f.write_str(id.as_str()),
            Self::Name(name, version) => (name, version),
        };
        f.write_str(name.filename.as_str())?;
        if let Some(version) = version {
            write!(f, "@{version}")?;
        }
        for (what, label) in [
            ("session", &name.session_id),
            ("user", &name.user_id),
            ("namespace", &name.namespace),
        ] {
            if label.is_some() {
                write!(f, ", {what} {}", text_of(label))?;
            }
        }
        Ok(())
    }
}

/// An invalid identifier names nothing.
pub(crate) fn artifact_id(text: &str) -> Result<ArtifactId> {
    text.parse()
        .map_err(|_| Error::ArtifactNotFound(excerpt(text)))
}
