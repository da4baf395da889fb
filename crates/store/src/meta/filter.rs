//! Filters as SQL.

use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::artifacts::VISIBLE;
use crate::{
    filter::{Comparison, Condition, Filter, TextField, TextMatch},
    id::TenantId,
};

/// A statement on artifacts `a` that grows by its conditions, and the parameters that they refer to. It is sent
/// unprepared, in one flight, since there are too many shapes of it to cache.
pub(super) struct Query {
    pub(super) sql: String,
    parameters: Vec<(Parameter, Type)>,
}

type Parameter = Box<dyn ToSql + Sync + Send>;

impl Query {
    /// The visible artifacts of a tenant that match.
    pub(super) fn visible(select: &str, tenant: TenantId, filter: &Filter) -> Self {
        let mut query = Self {
            sql: String::new(),
            parameters: Vec::new(),
        };
        let tenant = query.uuid(tenant.0);
        query.sql = format!("{select} WHERE a.tenant_id = {tenant} AND {VISIBLE} AND ");
        query.filter(filter);
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

    pub(super) fn number(&mut self, value: i64) -> String {
        self.bind(Box::new(value), Type::INT8)
    }

    pub(super) fn moment(&mut self, value: Timestamp) -> String {
        self.bind(Box::new(value), Type::TIMESTAMPTZ)
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(parts) => self.joined(parts, " AND ", "true"),
            Filter::Any(parts) => self.joined(parts, " OR ", "false"),
            Filter::Not(part) => {
                self.sql += "NOT ";
                self.filter(part);
            }
            Filter::Is(condition) => {
                let sql = self.condition(condition);
                self.sql += &sql;
            }
        }
    }

    fn joined(&mut self, parts: &[Filter], word: &str, of_none: &str) {
        self.sql += "(";
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                self.sql += word;
            }
            self.filter(part);
        }
        if parts.is_empty() {
            self.sql += of_none;
        }
        self.sql += ")";
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Text(TextField::SessionId, TextMatch::Exactly(text)) if text.is_empty() => {
                "a.session_id IS NULL".to_owned()
            }
            Condition::Text(field, matching) => {
                let operand = self.matching(matching);
                // A comparison with NULL is neither true nor false, and so would be its negation.
                match field {
                    TextField::SessionId => {
                        format!("(a.session_id {operand} AND a.session_id IS NOT NULL)")
                    }
                    _ => format!("{} {operand}", column(*field)),
                }
            }
            Condition::Created(comparison, at) => {
                let at = self.moment(*at);
                format!("a.created_at {} {at}", operator(*comparison))
            }
            Condition::Size(comparison, size) => {
                let size = self.number(*size);
                format!("a.size_bytes {} {size}", operator(*comparison))
            }
            Condition::Version(comparison, version) => {
                let version = self.number(*version);
                format!("a.version {} {version}", operator(*comparison))
            }
            Condition::Label(label) => {
                let label = self.text(label);
                format!("{label} = ANY (a.labels)")
            }
            Condition::Metadata(key, matching) => {
                let key = self.text(key);
                let operand = self.matching(matching);
                format!("coalesce(a.metadata ->> {key} {operand}, false)")
            }
            Condition::LegalHold => "(a.held OR a.session_held)".to_owned(),
            Condition::MetadataKey(key) => {
                let key = self.text(key);
                format!("a.metadata ? {key}")
            }
        }
    }

    fn matching(&mut self, matching: &TextMatch) -> String {
        match matching {
            TextMatch::Exactly(text) => format!("= {}", self.text(text)),
            TextMatch::Prefix(text) => {
                let mut pattern = String::with_capacity(text.len() + 1);
                for c in text.chars() {
                    if matches!(c, '%' | '_' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(c);
                }
                pattern.push('%');
                format!("LIKE {}", self.text(&pattern))
            }
        }
    }
}

fn column(field: TextField) -> &'static str {
    match field {
        TextField::SessionId => "a.session_id",
        TextField::Namespace => "a.namespace",
        TextField::UserId => "a.user_id",
        TextField::AgentId => "a.agent_id",
        TextField::Filename => "a.filename",
        TextField::ContentType => "a.content_type",
        TextField::Title => "a.title",
        TextField::Language => "a.language",
        TextField::Kind => "a.kind",
        TextField::Stage => "a.stage",
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
