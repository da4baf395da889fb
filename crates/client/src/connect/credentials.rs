//! The API key or the token on every call, and the trace that the call belongs to.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cairn_proto::ERROR_DOMAIN;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
};
use tonic_types::{ErrorDetails, StatusExt};

use crate::Error;

/// Puts the key and the trace on every call.
#[derive(Debug, Clone)]
pub struct Headers {
    key: Key,
    traceparent: Option<MetadataValue<Ascii>>,
}

#[derive(Debug, Clone)]
pub(super) enum Key {
    Known(MetadataValue<Ascii>),
    /// In this file, which may be replaced at any time: a kubelet replaces the tokens that it mounts.
    File(PathBuf),
}

impl Key {
    pub(super) fn of_text(key: &str) -> Result<Self, Error> {
        bearer(key.trim()).map(Self::Known)
    }

    /// Fails when the file has no usable key now.
    pub(super) fn of_file(path: PathBuf) -> Result<Self, Error> {
        read_key(&path)?;
        Ok(Self::File(path))
    }

    fn value(&self) -> Result<MetadataValue<Ascii>, Error> {
        match self {
            Self::Known(value) => Ok(value.clone()),
            Self::File(path) => read_key(path),
        }
    }
}

fn read_key(path: &Path) -> Result<MetadataValue<Ascii>, Error> {
    let fail = |error| Error::of_file(path)(error);
    let key = fs::read_to_string(path).map_err(fail)?;
    let key = key.trim();
    if key.is_empty() {
        return Err(fail(io::Error::other("there is no API key in it")));
    }
    bearer(key).map_err(|error| fail(io::Error::other(error.to_string())))
}

fn bearer(key: &str) -> Result<MetadataValue<Ascii>, Error> {
    if key.is_empty() {
        return Err(Error::Configuration(
            "no API key: start `cairn dev` and run `. ./cairn-data/dev.env`, or set CAIRN_API_KEY or \
             CAIRN_API_KEY_FILE"
                .to_owned(),
        ));
    }
    let value = format!("Bearer {key}").parse();
    let mut value: MetadataValue<Ascii> = value.map_err(|_| {
        Error::Configuration("the API key holds characters that no key has".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl Headers {
    /// A trace that is malformed is left out: no trace is worth a failed call.
    pub(super) fn new(key: Key, traceparent: Option<&str>) -> Self {
        Self {
            key,
            traceparent: traceparent.and_then(|text| text.parse().ok()),
        }
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        // A Status is all that passes from here to the caller: the one of a server that got no key.
        let key = self.key.value().map_err(|error| {
            let details = ErrorDetails::with_error_info("UNAUTHENTICATED", ERROR_DOMAIN, []);
            Status::with_error_details(Code::Unauthenticated, error.to_string(), details)
        })?;
        let metadata = request.metadata_mut();
        metadata.insert("authorization", key);
        if let Some(traceparent) = &self.traceparent {
            metadata.insert("traceparent", traceparent.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn a_missing_key_says_where_to_get_one() {
        let words = bearer("").err().map(|error| error.to_string());
        assert!(words.is_some_and(|w| w.contains("dev.env") && w.contains("CAIRN_API_KEY")));
        assert!(bearer("two\nlines").is_err());
    }
}
