//! The settings of every process, from the environment. Only this file of the crate reads it.

use std::{
    env::{self, VarError},
    fmt::Display,
    io::{IsTerminal, stderr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use crate::{
    error::{Error, Result},
    serve::PortName,
};

/// The settings of logs, traces and metrics.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `CAIRN_LOG`: the log filter, such as `info` or `cairn_store=debug,info`; default `info`.
    pub log: String,
    /// `CAIRN_LOG_FORMAT`: `json` or `human`; default `human` on a terminal and `json` elsewhere.
    pub log_format: LogFormat,
    /// `CAIRN_OTLP_ENDPOINT`: where to send traces and metrics by OTLP over gRPC, such as `http://collector:4317`; by
    /// default they are not sent.
    pub otlp_endpoint: Option<String>,
    /// `CAIRN_TRACE_RATIO`: the share of the traces started here that is sampled, from 0 to 1; default 1. A trace that
    /// the caller started follows the caller's decision.
    pub trace_ratio: f64,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line, with the ids of the trace and the span.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("it is json or human"),
        }
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Setting`, naming the invalid variable.
    pub fn from_env() -> Result<Self> {
        let format = || match stderr().is_terminal() {
            true => LogFormat::Human,
            false => LogFormat::Json,
        };
        let trace_ratio = env("CAIRN_TRACE_RATIO")?.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&trace_ratio) {
            return Err(Error::setting("CAIRN_TRACE_RATIO", "is from 0 to 1"));
        }
        Ok(Self {
            log: env("CAIRN_LOG")?.unwrap_or_else(|| "info".to_owned()),
            log_format: env("CAIRN_LOG_FORMAT")?.unwrap_or_else(format),
            otlp_endpoint: env("CAIRN_OTLP_ENDPOINT")?,
            trace_ratio,
        })
    }
}

/// How the ports of a process speak TLS.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// `CAIRN_TLS_CERT_FILE`: the certificate, and those between it and its authority, in PEM; default: no TLS.
    pub cert_file: PathBuf,
    /// `CAIRN_TLS_KEY_FILE`: the key of the first certificate, in PEM without a password.
    pub key_file: PathBuf,
    /// `CAIRN_TLS_PORTS`: which ports speak TLS and nothing else, such as `grpc,http,ops`; default `grpc,http`.
    pub ports: Vec<PortName>,
    /// Who must show a certificate; default: no client.
    pub clients: Option<ClientCertificates>,
    /// `CAIRN_TLS_RELOAD_INTERVAL`: how long to wait before the files are looked at again; default 10s.
    pub reload: Duration,
}

/// Whose certificates clients must show.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    /// `CAIRN_TLS_CLIENT_CA_FILE`: the authorities that sign the certificates of clients, in PEM.
    pub ca_file: PathBuf,
    /// `CAIRN_TLS_CLIENT_PORTS`: on which ports clients must show one; default `grpc`.
    pub ports: Vec<PortName>,
}

impl TlsSettings {
    /// TLS on the gRPC and the HTTP port, for any client.
    #[must_use]
    pub fn new(cert_file: PathBuf, key_file: PathBuf) -> Self {
        Self {
            cert_file,
            key_file,
            ports: vec![PortName::Grpc, PortName::Http],
            clients: None,
            reload: Duration::from_secs(10),
        }
    }

    /// Reads the environment; `None` where no certificate is given.
    ///
    /// # Errors
    /// `Setting`, naming the variable at fault.
    pub fn from_env() -> Result<Option<Self>> {
        const CERT: &str = "CAIRN_TLS_CERT_FILE";
        const KEY: &str = "CAIRN_TLS_KEY_FILE";
        const PORTS: &str = "CAIRN_TLS_PORTS";
        const CLIENT_CA: &str = "CAIRN_TLS_CLIENT_CA_FILE";
        const CLIENT_PORTS: &str = "CAIRN_TLS_CLIENT_PORTS";
        const RELOAD: &str = "CAIRN_TLS_RELOAD_INTERVAL";
        let (ports, client_ports) = (ports(PORTS)?, ports(CLIENT_PORTS)?);
        let ca_file = env::<PathBuf>(CLIENT_CA)?;
        let pair = match (env(CERT)?, env(KEY)?) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) if ports.is_none() && client_ports.is_none() && ca_file.is_none() => {
                return Ok(None);
            }
            (_, None) => {
                return Err(Error::setting(
                    KEY,
                    "is required with any CAIRN_TLS_ variable",
                ));
            }
            (None, _) => {
                return Err(Error::setting(
                    CERT,
                    "is required with any CAIRN_TLS_ variable",
                ));
            }
        };
        let defaults = Self::new(pair.0, pair.1);
        let reload = env_duration(RELOAD)?.unwrap_or(defaults.reload);
        if reload < Duration::from_millis(1) || reload > Duration::from_secs(3600) {
            return Err(Error::setting(RELOAD, "is from 1ms to 1h"));
        }
        let ports = ports.unwrap_or_else(|| defaults.ports.clone());
        let clients = match (ca_file, client_ports) {
            (None, None) => None,
            (None, Some(_)) => {
                let rule = format!("is required with {CLIENT_PORTS}");
                return Err(Error::setting(CLIENT_CA, rule));
            }
            (Some(ca_file), asked) => Some(ClientCertificates {
                ca_file,
                ports: asked.unwrap_or_else(|| vec![PortName::Grpc]),
            }),
        };
        if let Some(clients) = &clients
            && let Some(plain) = clients.ports.iter().find(|port| !ports.contains(port))
        {
            let rule = format!(
                "has {plain}, which is not among {PORTS}: a port without TLS asks for no certificate"
            );
            return Err(Error::setting(CLIENT_PORTS, rule));
        }
        Ok(Some(Self {
            ports,
            clients,
            reload,
            ..defaults
        }))
    }
}

/// A list of ports such as `grpc,http`.
fn ports(variable: &str) -> Result<Option<Vec<PortName>>> {
    let Some(list) = env::<String>(variable)? else {
        return Ok(None);
    };
    let ports: std::result::Result<Vec<PortName>, _> =
        list.split(',').map(|name| name.trim().parse()).collect();
    ports.map(Some).map_err(|e| Error::setting(variable, e))
}

/// A variable's value; `None` when it is unset or empty.
fn env<T: FromStr<Err: Display>>(variable: &str) -> Result<Option<T>> {
    match env::var(variable) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|e| {
            let rule = format!("'{text}' is not understood: {e}");
            Error::setting(variable, rule)
        }),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::setting(variable, "is not valid UTF-8")),
    }
}

/// A variable's value as a time such as `15m`, `1h`, `7d`.
fn env_duration(variable: &str) -> Result<Option<Duration>> {
    Ok(env::<humantime::Duration>(variable)?.map(Into::into))
}
