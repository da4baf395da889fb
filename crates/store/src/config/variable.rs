//! Reading one variable of the environment.

use std::{fmt::Display, str::FromStr, time::Duration};

use crate::model::error::{Error, Result};

/// A variable's value; `None` when it is unset or empty.
///
/// # Errors
/// `Invalid`, naming the variable.
pub fn env<T: FromStr<Err: Display>>(variable: &str) -> Result<Option<T>> {
    match std::env::var(variable) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|e| {
            let rule = format!("'{text}' is not understood: {e}");
            Error::invalid(variable, rule)
        }),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::invalid(variable, "is not valid UTF-8"))
        }
    }
}

/// A variable's value as a time such as `15m`, `1h`, `7d`.
///
/// # Errors
/// `Invalid`, naming the variable.
pub fn env_duration(variable: &str) -> Result<Option<Duration>> {
    Ok(env::<humantime::Duration>(variable)?.map(Into::into))
}

pub(crate) fn override_by<T: FromStr<Err: Display>>(value: &mut T, variable: &str) -> Result<()> {
    if let Some(given) = env(variable)? {
        *value = given;
    }
    Ok(())
}

pub(crate) fn override_duration(value: &mut Duration, variable: &str) -> Result<()> {
    if let Some(given) = env_duration(variable)? {
        *value = given;
    }
    Ok(())
}
