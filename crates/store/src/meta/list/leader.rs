//! The leader of a search: the index, or the side table, that has the artifacts of one condition in the order of a
//! page.

use crate::{
    meta::filter::Query,
    model::{
        filter::{Comparison, Condition, Filter, TextField, TextMatch},
        page::Position,
        record::{Kind, Stage},
    },
};

/// A source of artifacts in the order of their creation, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::meta) enum Leader<'a> {
    Tenant,
    Namespace(&'a str),
    User(&'a str),
    Agent(&'a str),
    Session(&'a str),
    Label(&'a str),
    Metadata(&'a str, &'a str),
    Content(&'a str),
    /// Of any kind but `other`, which is the default.
    Kind(&'a str),
    /// Of any stage but `draft`, which is the first.
    Stage(&'a str),
    Held,
    Persistent,
}

/// The values that most artifacts have. Their indexes leave these out, so that most creates write no entry.
const OTHER: &str = Kind::Other.as_str();
const DRAFT: &str = Stage::Draft.as_str();

/// The conditions that must all hold.
pub(super) fn conditions(filter: &Filter) -> Vec<&Condition> {
    match filter {
        Filter::All(parts) => parts.iter().flat_map(conditions).collect(),
        Filter::Is(condition) => vec![condition],
        Filter::Any(_) | Filter::Not(_) => Vec::new(),
    }
}

/// All possible leaders, with the probably most selective first; the tenant if there is no other.
pub(in crate::meta) fn leaders(filter: &Filter) -> Vec<Leader<'_>> {
    let mut all: Vec<_> = conditions(filter).into_iter().filter_map(leader).collect();
    if all.is_empty() {
        all.push(Leader::Tenant);
    }
    let rank = |leader: &Leader<'_>| match leader {
        Leader::Metadata(..) | Leader::Content(_) => 0,
        Leader::Label(_) | Leader::Held => 1,
        Leader::Session(_) => 2,
        Leader::Agent(_) => 3,
        Leader::User(_) => 4,
        Leader::Namespace(_) => 5,
        Leader::Stage(_) | Leader::Kind(_) | Leader::Persistent => 6,
        Leader::Tenant => 7,
    };
    all.sort_by_key(rank);
    all
}

fn leader(condition: &Condition) -> Option<Leader<'_>> {
    match condition {
        Condition::Metadata(key, TextMatch::Exactly(value)) => Some(Leader::Metadata(key, value)),
        Condition::Label(label) => Some(Leader::Label(label)),
        Condition::Content(hash) => Some(Leader::Content(hash)),
        Condition::LegalHold => Some(Leader::Held),
        Condition::Persistent => Some(Leader::Persistent),
        Condition::Text(field, TextMatch::Exactly(text)) if !text.is_empty() => match field {
            TextField::SessionId => Some(Leader::Session(text)),
            TextField::AgentId => Some(Leader::Agent(text)),
            TextField::UserId => Some(Leader::User(text)),
            TextField::Namespace => Some(Leader::Namespace(text)),
            TextField::Kind if text != OTHER => Some(Leader::Kind(text)),
            TextField::Stage if text != DRAFT => Some(Leader::Stage(text)),
            _ => None,
        },
        _ => None,
    }
}

/// A range of a leader's artifacts.
pub(in crate::meta) struct Stretch {
    /// The FROM clause: at most so many artifacts `a`, in order.
    pub(in crate::meta) from: String,
    /// The expression of an artifact's number in the range, counted from 1.
    pub(in crate::meta) number: &'static str,
    /// The expressions of its position in the order, which exist even if the artifact does not.
    pub(in crate::meta) order: [&'static str; 2],
}

impl Leader<'_> {
    /// Whether a range of names probably has fewer artifacts.
    pub(in crate::meta) fn is_broad(self) -> bool {
        matches!(
            self,
            Self::Tenant | Self::Namespace(_) | Self::Stage(_) | Self::Kind(_) | Self::Persistent
        )
    }

    /// The next so many artifacts after a position. Time conditions that apply to all bound the range itself.
    pub(in crate::meta) fn stretch(
        self,
        query: &mut Query,
        filter: &Filter,
        after: Option<&Position>,
        most: i64,
    ) -> Stretch {
        let (table, id, of) = match self {
            Self::Metadata(..) => ("artifact_metadata", "l.artifact_id", "l"),
            Self::Label(_) => ("artifact_labels", "l.artifact_id", "l"),
            _ => ("artifacts", "a.id", "a"),
        };
        let mut narrow = match self {
            Self::Tenant => String::new(),
            // The indexes leave out rows without a value.
            Self::Namespace(namespace) => {
                let namespace = query.text(namespace);
                format!(" AND a.namespace = {namespace} AND a.namespace <> ''")
            }
            Self::User(user) => {
                let user = query.text(user);
                format!(" AND a.user_id = {user} AND a.user_id <> ''")
            }
            Self::Agent(agent) => format!(" AND a.agent_id = {}", query.text(agent)),
            Self::Session(session) => format!(" AND a.session_id = {}", query.text(session)),
            Self::Kind(kind) => {
                format!(" AND a.kind = {} AND a.kind <> 'other'", query.text(kind))
            }
            Self::Stage(stage) => {
                format!(
                    " AND a.stage = {} AND a.stage <> 'draft'",
                    query.text(stage)
                )
            }
            Self::Held => " AND (a.held OR a.session_held)".to_owned(),
            Self::Persistent => " AND a.persistent".to_owned(),
            Self::Content(hash) => format!(" AND a.sha256 = decode({}, 'hex')", query.text(hash)),
            Self::Label(label) => format!(" AND l.label = {}", query.text(label)),
            Self::Metadata(key, value) => {
                let (key, value) = (query.text(key), query.text(value));
                format!(" AND l.key = {key} AND l.value = {value}")
            }
        };
        if of == "a" {
            narrow += " AND a.state = 'live'";
        }
        for condition in conditions(filter) {
            if let Condition::Created(comparison, at) = condition {
                let at = query.moment(*at);
                let operator = match comparison {
                    Comparison::Equal => "=",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                narrow += &format!(" AND {of}.created_at {operator} {at}");
            }
        }
        if let Some(position) = after {
            let (at, after) = (query.moment(position.at), query.text(&position.id));
            narrow += &format!(" AND ({of}.created_at, {id}) < ({at}, {after})");
        }
        let order = format!("{of}.created_at DESC, {id} DESC");
        let columns = if of == "a" {
            "a.*"
        } else {
            "l.created_at, l.artifact_id"
        };
        let most = query.number(most);
        let stretch = format!(
            "(SELECT {columns}, row_number() OVER (ORDER BY {order}) AS number FROM {table} {of}
              WHERE {of}.tenant_id = $1{narrow} ORDER BY {order} LIMIT {most}) {of}"
        );
        if of == "a" {
            Stretch {
                from: stretch,
                number: "a.number",
                order: ["a.created_at", "a.id"],
            }
        } else {
            Stretch {
                from: format!(
                    "{stretch} LEFT JOIN artifacts a ON a.tenant_id = $1 AND a.id = l.artifact_id"
                ),
                number: "l.number",
                order: ["l.created_at", "l.artifact_id"],
            }
        }
    }
}
