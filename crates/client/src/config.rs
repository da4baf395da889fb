//! A connection from the environment.

use std::env;

use crate::{Address, ClientCertificate, Connection, Credentials, Error, Tls};

/// Where `cairn dev` listens.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:7070";

impl Connection {
    /// The connection that the environment names: CAIRN_ADDR, or port 7070 of this machine without it; CAIRN_API_KEY or
    /// CAIRN_API_KEY_FILE; for https CAIRN_CA_FILE, CAIRN_CLIENT_CERT_FILE and CAIRN_CLIENT_KEY_FILE. A variable that is set
    /// to nothing counts as unset.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`], which names the variable, for an address that is malformed and for a key that is given twice
    /// or not at all, or half a client certificate.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        let address = variable("CAIRN_ADDR").unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let address: Address = address
            .trim()
            .parse()
            .map_err(|rule| Error::Configuration(format!("CAIRN_ADDR {rule}")))?;
        let credentials = match (variable("CAIRN_API_KEY"), variable("CAIRN_API_KEY_FILE")) {
            (Some(_), Some(_)) => {
                let words = "CAIRN_API_KEY and CAIRN_API_KEY_FILE are both set: unset one of them";
                return Err(Error::Configuration(words.to_owned()));
            }
            (None, Some(file)) => Credentials::File(file.into()),
            (key, None) => Credentials::ApiKey(key.unwrap_or_default()),
        };
        let client = match (
            variable("CAIRN_CLIENT_CERT_FILE"),
            variable("CAIRN_CLIENT_KEY_FILE"),
        ) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(ClientCertificate {
                cert_file: cert.into(),
                key_file: key.into(),
            }),
            _ => {
                let words = "CAIRN_CLIENT_CERT_FILE and CAIRN_CLIENT_KEY_FILE are needed together: set both or neither";
                return Err(Error::Configuration(words.to_owned()));
            }
        };
        let tls = Tls {
            ca_file: variable("CAIRN_CA_FILE").map(Into::into),
            client,
        };
        let connection = Self::new(address, credentials).with_tls(tls);
        Ok(connection.with_traceparent(variable("TRACEPARENT")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Connection, Error> {
        Connection::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_address_is_that_of_cairn_dev_unless_one_is_set() {
        let shown = |variables: &[_]| {
            of(variables)
                .map(|it| format!("{it:?}"))
                .unwrap_or_default()
        };
        assert!(shown(&[("CAIRN_API_KEY", "k")]).contains("127.0.0.1:7070"));
        let other = [("CAIRN_API_KEY", "k"), ("CAIRN_ADDR", "cairn:1")];
        assert!(shown(&other).contains("cairn:1"));
    }

    #[test]
    fn an_error_names_the_variable() {
        for (variables, name) in [
            (&[("CAIRN_ADDR", "ftp://x")][..], "CAIRN_ADDR"),
            (
                &[("CAIRN_API_KEY", "k"), ("CAIRN_API_KEY_FILE", "f")],
                "CAIRN_API_KEY_FILE",
            ),
            (
                &[("CAIRN_API_KEY", "k"), ("CAIRN_CLIENT_CERT_FILE", "f")],
                "CAIRN_CLIENT_KEY_FILE",
            ),
        ] {
            let error = of(variables).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.contains(name)), "{name}");
        }
    }
}
