//! `key=value` pairs of the command line.

use std::collections::{HashMap, hash_map::Entry};

use crate::error::CliError;

/// One `--meta key=value`.
pub(crate) type Pair = (String, String);

/// Splits at the first "=", so that a value may contain more of them. The server checks keys and values.
pub(crate) fn parse_pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be key=value".to_owned()),
    }
}

/// Refuses a key that is given twice: one of the two values would be lost without a word.
pub(crate) fn into_map(pairs: Vec<Pair>) -> Result<HashMap<String, String>, CliError> {
    let mut map = HashMap::with_capacity(pairs.len());
    for (key, value) in pairs {
        match map.entry(key) {
            Entry::Vacant(slot) => slot.insert(value),
            Entry::Occupied(slot) => {
                return Err(CliError::Usage(format!(
                    "--meta {} is given twice",
                    slot.key()
                )));
            }
        };
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::{into_map, parse_pair};

    #[test]
    fn a_value_may_be_empty_or_hold_an_equals_sign() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_pair("a="), Ok(("a".to_owned(), String::new())));
    }

    #[test]
    fn a_pair_without_a_key_or_an_equals_sign_is_refused() {
        assert!(parse_pair("=b").is_err());
        assert!(parse_pair("ab").is_err());
        assert!(parse_pair("").is_err());
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert!(into_map(vec![pair("a", "1"), pair("b", "2")]).is_ok_and(|map| map.len() == 2));
        assert!(into_map(vec![pair("a", "1"), pair("a", "1")]).is_err());
    }
}
