//! Filter expressions: conditions in one text, which the server parses.

/// A filter that selects artifacts in place of ids. An empty one would select everything and is refused:
/// a script whose variable is not set would pass it.
pub(crate) fn parse_expression(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must be a condition such as 'stage = final AND labels:q3'".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse_expression;

    #[test]
    fn an_expression_is_left_to_the_server_but_never_empty() {
        assert_eq!(parse_expression("kind =").as_deref(), Ok("kind ="));
        for text in ["", " ", "\n\t"] {
            assert!(parse_expression(text).is_err(), "{text:?}");
        }
    }
}
