//! Errors of this command, and the exit code of each.

mod words;

use std::{collections::BTreeMap, io, path::PathBuf, process::ExitCode, time::Duration};

use cairn_client::Refusal;
use cairn_proto::{json::Violation, reason::Retry};
use thiserror::Error;
use tonic::{Code, Status};

/// Whose fault a failure is, which is the exit code. The greater, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Caller = 1,
    Server = 2,
    Network = 3,
    /// A signal ended the command; the code is the one that shells use.
    Interrupt = 130,
}

impl From<Fault> for ExitCode {
    fn from(fault: Fault) -> Self {
        Self::from(fault as u8)
    }
}

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// The command line is wrong, or names something that cannot be used.
    #[error("{0}")]
    Usage(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("standard output: {0}")]
    Stdout(#[source] io::Error),
    /// The server refused the call.
    #[error("{}", words::of(.0))]
    Refused(Box<Refusal>),
    /// The server answered, but not as a Cairn does.
    #[error("bad answer from the server: {0}")]
    BadAnswer(String),
    /// A server of our own could not do its work.
    #[error("{0}")]
    Server(String),
    #[error("{0}")]
    Network(String),
    /// An interrupt ended the waiting, while the work goes on; with a hint.
    #[error("{0}")]
    Interrupted(String),
    /// An error of one of several things.
    #[error("{what}: {error}")]
    About { what: String, error: Box<CliError> },
    /// Each failure was printed when it happened.
    #[error("not everything was done")]
    AlreadyReported(Fault),
}

impl CliError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Usage(_) | Self::File { .. } | Self::Stdout(_) => Fault::Caller,
            Self::Refused(refusal) => fault(refusal),
            Self::BadAnswer(_) | Self::Server(_) => Fault::Server,
            Self::Network(_) => Fault::Network,
            Self::Interrupted(_) => Fault::Interrupt,
            Self::About { error, .. } => error.fault(),
            Self::AlreadyReported(fault) => *fault,
        }
    }

    /// The same error with the name of the thing that it is about. An error of a file has one already.
    pub(crate) fn about(self, what: impl Into<String>) -> Self {
        match self {
            Self::File { .. } => self,
            _ => Self::About {
                what: what.into(),
                error: Box::new(self),
            },
        }
    }

    /// Makes I/O errors errors of this file.
    pub(crate) fn of_file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }

    /// The fields of the request that the server found at fault.
    pub(crate) fn violations(&self) -> &[Violation] {
        match self {
            Self::Refused(refusal) => refusal.violations(),
            Self::About { error, .. } => error.violations(),
            _ => &[],
        }
    }

    /// The metadata of the server's `ErrorInfo`.
    pub(crate) fn details(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Refused(refusal) => Some(refusal.details()),
            Self::About { error, .. } => error.details(),
            _ => None,
        }
    }

    /// The artifact that the server does not know, where that is the error.
    pub(crate) fn missing_artifact(&self) -> Option<&str> {
        let details = self
            .details()
            .filter(|_| self.code() == "artifact_not_found")?;
        details.get("artifact_id").map(String::as_str)
    }

    /// Whether the same call may succeed. Only for calls that may be sent again, whatever became of the first.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Refused(refusal) => refusal.retry(),
            Self::Network(_) => Retry::AfterPause,
            Self::About { error, .. } => error.retry(),
            _ => Retry::No,
        }
    }

    /// The error's code in JSON: that of the HTTP API for an error of the server, and one of ours otherwise.
    pub(crate) fn code(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.mapping().http_code.clone().into_owned(),
            Self::About { error, .. } => error.code(),
            Self::Usage(_) | Self::File { .. } | Self::Stdout(_) | Self::AlreadyReported(_) => {
                "local".into()
            }
            Self::BadAnswer(_) => "bad_answer".into(),
            Self::Server(_) => "server".into(),
            Self::Network(_) => "network".into(),
            Self::Interrupted(_) => "interrupted".into(),
        }
    }

    /// The pause that the server asks for before the next call.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after(),
            Self::About { error, .. } => error.retry_after(),
            _ => None,
        }
    }

    /// The HTTP status of an error of the server; `None` for others.
    pub(crate) fn http_status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.mapping().http.as_u16()),
            Self::About { error, .. } => error.http_status(),
            _ => None,
        }
    }
}

fn fault(refusal: &Refusal) -> Fault {
    let mapping = refusal.mapping();
    match mapping.grpc {
        // Others keep it busy.
        _ if mapping.retry.needs_pause() => Fault::Server,
        Code::InvalidArgument
        | Code::NotFound
        | Code::FailedPrecondition
        | Code::Unauthenticated
        | Code::PermissionDenied
        | Code::Aborted
        | Code::ResourceExhausted => Fault::Caller,
        _ => Fault::Server,
    }
}

impl From<cairn_client::Error> for CliError {
    fn from(error: cairn_client::Error) -> Self {
        use cairn_client::Error;
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::Connection(words) => Self::Network(words),
            Error::BadAnswer(words) => Self::BadAnswer(words),
            Error::WrongAddress(words) => {
                Self::Usage(format!("{words} (the address is --addr or CAIRN_ADDR)"))
            }
            Error::File { path, source } => Self::File { path, source },
            // Content goes nowhere else by way of a receiver.
            Error::Receiver(source) => Self::Stdout(source),
            error => Self::Usage(error.to_string()),
        }
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        cairn_client::Error::from(status).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::{CliError, Fault};

    fn signed(code: Code, reason: &str) -> CliError {
        let mut details = ErrorDetails::with_error_info(reason, "cairn.dev", []);
        details.add_bad_request_violation("spec.filename", "must not be empty");
        Status::with_error_details(code, "words", details).into()
    }

    #[test]
    fn an_error_of_the_request_is_the_callers_fault() {
        for code in [
            Code::InvalidArgument,
            Code::NotFound,
            Code::FailedPrecondition,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::Aborted,
            Code::ResourceExhausted,
        ] {
            assert_eq!(signed(code, "REASON").fault(), Fault::Caller, "{code:?}");
        }
    }

    #[test]
    fn an_error_of_the_server_is_the_servers_fault() {
        for code in [Code::Unavailable, Code::Internal, Code::DataLoss] {
            assert_eq!(signed(code, "REASON").fault(), Fault::Server, "{code:?}");
        }
        let busy = signed(Code::ResourceExhausted, "RATE_LIMITED");
        assert_eq!(busy.fault(), Fault::Server);
    }

    #[test]
    fn an_unsigned_error_is_the_networks_or_a_bad_answer() {
        for code in [
            Code::Unavailable,
            Code::Unknown,
            Code::Cancelled,
            Code::DeadlineExceeded,
        ] {
            assert_eq!(
                CliError::from(Status::new(code, "")).fault(),
                Fault::Network,
                "{code:?}"
            );
        }
        for code in [Code::Unimplemented, Code::NotFound, Code::Internal] {
            assert_eq!(
                CliError::from(Status::new(code, "")).fault(),
                Fault::Server,
                "{code:?}"
            );
        }
        let elsewhere = ErrorDetails::with_error_info("REASON", "example.com", []);
        let status = Status::with_error_details(Code::NotFound, "", elsewhere);
        assert_eq!(CliError::from(status).fault(), Fault::Server);
    }

    #[test]
    fn a_fault_of_our_own_end_is_the_networks_fault() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let status = Status::from_error(reset.into());
        assert_eq!(CliError::from(status).fault(), Fault::Network);
    }

    #[test]
    fn an_error_about_one_thing_keeps_message_and_fields() {
        let error = signed(Code::InvalidArgument, "INVALID_ARGUMENT").about("a.txt");
        assert_eq!(error.to_string(), "a.txt: words");
        assert_eq!(error.violations().len(), 1);
        assert_eq!(error.fault(), Fault::Caller);
    }

    #[test]
    fn errors_have_the_codes_of_the_http_api() {
        for (code, reason, name, status) in [
            (
                Code::NotFound,
                "ARTIFACT_DELETED",
                "artifact_already_deleted",
                410,
            ),
            (Code::NotFound, "NEWER_REASON", "newer_reason", 404),
        ] {
            let error = signed(code, reason);
            assert_eq!(error.code(), name);
            assert_eq!(error.http_status(), Some(status), "{reason}");
        }
    }
}
