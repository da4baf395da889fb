//! The encoding of requests, the same in every release with the same version of it: what is recorded under an
//! idempotency key and signed into a page token outlives the replica that wrote it.
//!
//! Fields have names, and members of objects have one order. A field at its default is left out, so that a release that
//! knows one more field encodes requests without it as before. Defaults are null, false, and empty texts, lists and
//! objects; a field whose default is another value is left out with [`unless_default`].

use serde::Serialize;
use serde_json::Value;

/// Encodes a value.
pub(crate) fn encode(value: &impl Serialize) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(value)?;
    leave_defaults_out(&mut value);
    value.sort_all_objects();
    Ok(value)
}

/// Whether an encoded value is a default. Numbers never are: if 0 means "not given", it is not in the request.
pub(crate) fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// A value, unless it is its type's default.
pub(crate) fn unless_default<T: Default + PartialEq>(value: &T) -> Option<&T> {
    Some(value).filter(|value| **value != T::default())
}

/// Items of a list stay: their positions identify them.
fn leave_defaults_out(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(leave_defaults_out),
        Value::Object(members) => {
            members.values_mut().for_each(leave_defaults_out);
            members.retain(|_, member| !is_default(member));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_at_their_default_are_left_out() {
        let asked = json!({
            "text": "", "flag": false, "none": null, "list": [], "deep": {"list": [{"text": ""}]},
            "number": 0, "given": [""],
        });
        let encoded = encode(&asked).expect("an encoding");
        assert_eq!(
            encoded.to_string(),
            r#"{"deep":{"list":[{}]},"given":[""],"number":0}"#
        );
    }

    #[test]
    fn only_the_default_of_a_type_is_left_out() {
        assert_eq!(unless_default(&0), None);
        assert_eq!(unless_default(&1), Some(&1));
    }
}
