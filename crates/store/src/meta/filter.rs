//! Filters as SQL.

use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::model::{
    filter::{Comparison, Condition, Filter, TextField, TextMatch},
    id::TenantId,
};

/// A statement that grows by its conditions, and the parameters that they refer to.
///
/// It is sent unnamed, in one flight: it has too many shapes to cache, and Postgres plans an unnamed statement for its
/// values, unlike a generic plan of the same text.
pub(super) struct Query {
    pub(super) sql: String,
    parameters: Vec<(Parameter, Type)>,
}

type Parameter = Box<dyn ToSql + Sync + Send>;

impl Query {
    /// A statement about one tenant, which is `$1`.
    pub(super) fn of(tenant: TenantId) -> Self {
        let mut query = Self {
            sql: String::new(),
            parameters: Vec::new(),
        };
        query.uuid(tenant.0);
        query
    }

    /// What `query_typed` takes.
    pub(super) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.parameters
            .iter()
            .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
            .collect()
    }

    fn bind(&mut self, value: Parameter, kind: Type) -> String {
        self.parameters.push((value, kind));
        format!("${}", self.parameters.len())
    }

    pub(super) fn uuid(&mut self, value: Uuid) -> String {
        self.bind(Box::new(value), Type::UUID)
    }

    pub(super) fn text(&mut self, value: &str) -> String {
        self.bind(Box::new(value.to_owned()), Type::TEXT)
    }

    pub(super) fn texts(&mut self, values: &[String]) -> String {
        self.bind(Box::new(values.to_vec()), Type::TEXT_ARRAY)
    }

    pub(super) fn byte_strings(&mut self, values: Vec<Vec<u8>>) -> String {
        self.bind(Box::new(values), Type::BYTEA_ARRAY)
    }

    pub(super) fn numbers(&mut self, values: Vec<i64>) -> String {
        self.bind(Box::new(values), Type::INT8_ARRAY)
    }

    pub(super) fn number(&mut self, value: i64) -> String {
        self.bind(Box::new(value), Type::INT8)
    }

    pub(super) fn moment(&mut self, value: Timestamp) -> String {
        self.bind(Box::new(value), Type::TIMESTAMPTZ)
    }

    /// That a row of the table or alias `of`, which has the columns of artifacts, matches.
    pub(super) fn matches(&mut self, filter: &Filter, of: &str) -> String {
        match filter {
            Filter::All(parts) => self.joined(parts, " AND ", "true", of),
            Filter::Any(parts) => self.joined(parts, " OR ", "false", of),
            Filter::Not(part) => format!("NOT {}", self.matches(part, of)),
            Filter::Is(condition) => self.condition(condition, of),
        }
    }

    fn joined(&mut self, parts: &[Filter], word: &str, of_none: &str, of: &str) -> String {
        let parts: Vec<_> = parts.iter().map(|part| self.matches(part, of)).collect();
        if parts.is_empty() {
            return of_none.to_owned();
        }
        format!("({})", parts.join(word))
    }

    fn condition(&mut self, condition: &Condition, of: &str) -> String {
        match condition {
            Condition::Text(TextField::SessionId, TextMatch::Exactly(text)) if text.is_empty() => {
                format!("{of}.session_id IS NULL")
            }
            Condition::Text(TextField::Filename, matching) => self.filename(matching, of),
            Condition::Text(field, matching) => {
                let column = format!("{of}.{}", column(*field));
                let matched = self.matching(&column, matching);
                // A comparison with NULL is neither true nor false, and neither is its negation.
                match field {
                    TextField::SessionId => format!("({matched} AND {column} IS NOT NULL)"),
                    _ => matched,
                }
            }
            Condition::Created(comparison, at) => {
                let at = self.moment(*at);
                format!("{of}.created_at {} {at}", operator(*comparison))
            }
            Condition::Size(comparison, size) => {
                let size = self.number(*size);
                format!("{of}.size_bytes {} {size}", operator(*comparison))
            }
            Condition::Version(comparison, version) => {
                let version = self.number(*version);
                format!("{of}.version {} {version}", operator(*comparison))
            }
            Condition::Label(label) => {
                let label = self.text(label);
                format!("{label} = ANY ({of}.labels)")
            }
            Condition::Metadata(key, matching) => {
                let value = format!("({of}.metadata ->> {})", self.text(key));
                format!("coalesce({}, false)", self.matching(&value, matching))
            }
            Condition::Content(hash) => {
                format!("{of}.sha256 = decode({}, 'hex')", self.text(hash))
            }
            Condition::LegalHold => format!("({of}.held OR {of}.session_held)"),
            Condition::Persistent => format!("{of}.persistent"),
            Condition::MetadataKey(key) => {
                let key = self.text(key);
                format!("{of}.metadata ? {key}")
            }
        }
    }

    /// Names are compared by bytes, so that a prefix is a range of an index in any database.
    pub(super) fn filename(&mut self, matching: &TextMatch, of: &str) -> String {
        let column = format!("{of}.filename COLLATE \"C\"");
        let TextMatch::Prefix(prefix) = matching else {
            return self.matching(&column, matching);
        };
        let from = self.text(prefix);
        match behind(prefix) {
            None => format!("{column} >= {from}"),
            Some(until) => {
                let until = self.text(&until);
                format!("({column} >= {from} AND {column} < {until})")
            }
        }
    }

    fn matching(&mut self, value: &str, matching: &TextMatch) -> String {
        match matching {
            TextMatch::Exactly(text) => format!("{value} = {}", self.text(text)),
            TextMatch::Glob(glob) => format!("{value} ~ {}", self.text(glob.regex())),
            TextMatch::Prefix(text) => {
                let mut pattern = String::with_capacity(text.len() + 1);
                for c in text.chars() {
                    if matches!(c, '%' | '_' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(c);
                }
                pattern.push('%');
                format!("{value} LIKE {}", self.text(&pattern))
            }
        }
    }
}

/// The first text after all with this prefix; `None` if there is none.
pub(super) fn behind(prefix: &str) -> Option<String> {
    let mut until: Vec<char> = prefix.chars().collect();
    while let Some(last) = until.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            until.push(next);
            return Some(until.into_iter().collect());
        }
    }
    None
}

fn column(field: TextField) -> &'static str {
    match field {
        TextField::SessionId => "session_id",
        TextField::Namespace => "namespace",
        TextField::UserId => "user_id",
        TextField::AgentId => "agent_id",
        TextField::Filename => "filename",
        TextField::ContentType => "content_type",
        TextField::Title => "title",
        TextField::Language => "language",
        TextField::Kind => "kind",
        TextField::Stage => "stage",
    }
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_names_ends_behind_the_last_that_starts_so() {
        assert_eq!(behind("a/"), Some("a0".to_owned()));
        assert_eq!(behind("a\u{d7ff}"), Some("a\u{e000}".to_owned()));
        assert_eq!(behind("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(behind("\u{10ffff}"), None);
        assert_eq!(behind(""), None);
    }
}
