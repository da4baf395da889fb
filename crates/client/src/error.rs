//! What can go wrong with a call, and what a program can do about it.

use std::{error::Error as StdError, io, path::PathBuf};

use cairn_proto::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::Refusal;

/// The domain of an `ErrorInfo` that this end of the connection made.
pub(crate) const LOCAL_DOMAIN: &str = "client.cairn.dev";

/// The reason of an error under [`LOCAL_DOMAIN`] whose cause is the address.
pub(crate) const WRONG_ADDRESS: &str = "WRONG_ADDRESS";

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the call, and says why: branch on [`Refusal::reason`].
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// No answer came. Where the call had an idempotency key, it can be repeated; otherwise it is not known whether it took
    /// effect.
    #[error("{0}")]
    Connection(String),
    /// The server answered, but not as the specification says; or what it sent is not what its record says.
    #[error("bad answer from the server: {0}")]
    BadAnswer(String),
    /// Something other than a Cairn listens at the address.
    #[error("{0}")]
    WrongAddress(String),
    /// The API key or the address that was given is of no use.
    #[error("{0}")]
    Configuration(String),
    /// A local file could not be read or written, or changed while it was read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The caller's receiver of downloaded bytes failed.
    #[error("{0}")]
    Receiver(#[source] io::Error),
}

impl Error {
    /// The reason of a refusal: a name of `cairn.v1.ErrorReason` without its prefix, such as `SESSION_SEALED`.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(refusal.reason()),
            _ => None,
        }
    }

    /// The artifact that the server does not know, where that is the error.
    #[must_use]
    pub fn missing_artifact(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.missing_artifact(),
            _ => None,
        }
    }

    /// Makes I/O errors errors of this file.
    pub fn of_file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

impl From<Status> for Error {
    /// A Cairn server signs its errors with an ErrorInfo. What is not signed was made on the way: by our own end of the
    /// connection, which then leaves a source, by a proxy, or by a server that is not a Cairn.
    fn from(status: Status) -> Self {
        match status.get_details_error_info() {
            Some(info) if info.domain == ERROR_DOMAIN => {
                return Self::Refused(Box::new(Refusal::new(&status, info)));
            }
            Some(info) if info.domain == LOCAL_DOMAIN => {
                let message = status.message().to_owned();
                return match info.reason.as_str() {
                    WRONG_ADDRESS => Self::WrongAddress(message),
                    _ => Self::Configuration(message),
                };
            }
            _ => {}
        }
        let lost = matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded
        );
        if let Some(source) = status.source() {
            Self::Connection(format!("lost the server: {}", chain(source)))
        } else if lost {
            Self::Connection(format!("lost the server: {}", status.message()))
        } else {
            Self::BadAnswer(format!("{}: {}", status.code(), status.message()))
        }
    }
}

/// A field of an answer that the specification says is always set.
///
/// # Errors
///
/// [`Error::BadAnswer`] when it is absent.
pub fn required<T>(field: Option<T>, name: &str) -> Result<T, Error> {
    field.ok_or_else(|| Error::BadAnswer(format!("no {name} in it")))
}

/// An error and its causes in one line, without those that only repeat the one above.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_signed_error_is_a_refusal_with_its_reason() {
        let details = ErrorDetails::with_error_info("SESSION_SEALED", "cairn.dev", []);
        let status = Status::with_error_details(Code::FailedPrecondition, "words", details);
        let error = Error::from(status);
        assert_eq!(error.reason(), Some("SESSION_SEALED"));
        assert_eq!(error.to_string(), "words");
    }

    #[test]
    fn an_unsigned_error_is_of_the_connection_or_a_bad_answer() {
        for code in [
            Code::Unavailable,
            Code::Unknown,
            Code::Cancelled,
            Code::DeadlineExceeded,
        ] {
            let error = Error::from(Status::new(code, ""));
            assert!(matches!(error, Error::Connection(_)), "{code:?}");
        }
        for code in [Code::Unimplemented, Code::NotFound, Code::Internal] {
            let error = Error::from(Status::new(code, ""));
            assert!(matches!(error, Error::BadAnswer(_)), "{code:?}");
        }
        let elsewhere = ErrorDetails::with_error_info("REASON", "example.com", []);
        let status = Status::with_error_details(Code::NotFound, "", elsewhere);
        assert!(matches!(Error::from(status), Error::BadAnswer(_)));
    }

    #[test]
    fn a_fault_of_our_own_end_is_of_the_connection() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let error = Error::from(Status::from_error(reset.into()));
        assert!(matches!(error, Error::Connection(_)));
    }
}
