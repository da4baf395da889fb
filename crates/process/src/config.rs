//! The settings of every process, from the environment. Only this file of the crate reads it.

use std::{
    io::{IsTerminal, stderr},
    str::FromStr,
};

use cairn_store::{Error, Result, config::env};

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
    /// `Invalid`, naming the invalid variable.
    pub fn from_env() -> Result<Self> {
        let format = || match stderr().is_terminal() {
            true => LogFormat::Human,
            false => LogFormat::Json,
        };
        let trace_ratio = env("CAIRN_TRACE_RATIO")?.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&trace_ratio) {
            return Err(Error::invalid("CAIRN_TRACE_RATIO", "is from 0 to 1"));
        }
        Ok(Self {
            log: env("CAIRN_LOG")?.unwrap_or_else(|| "info".to_owned()),
            log_format: env("CAIRN_LOG_FORMAT")?.unwrap_or_else(format),
            otlp_endpoint: env("CAIRN_OTLP_ENDPOINT")?,
            trace_ratio,
        })
    }
}
