//! The indexes with files in the order of their names.

use super::leader::conditions;
use crate::{
    meta::{
        artifact_row::{VISIBLE, visible_as},
        filter::{Query, behind},
    },
    model::{
        filter::{Condition, Filter, TextField, TextMatch},
        page::NamePosition,
    },
};

/// A condition on the filename that is a range of an index.
pub(in crate::meta) struct Named<'a> {
    matching: &'a TextMatch,
    /// With a whole name: the session of the file.
    session: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub(in crate::meta) fn of(filter: &'a Filter) -> Option<Self> {
        let names = conditions(filter).into_iter().filter_map(|c| match c {
            Condition::Text(TextField::Filename, matching) => Some(matching),
            _ => None,
        });
        let matching = names.max_by_key(|matching| from(matching).len())?;
        let session = exactly(filter, TextField::SessionId);
        (!from(matching).is_empty()).then_some(Self { matching, session })
    }

    /// The live artifacts `a` in the range, as a FROM clause.
    pub(super) fn versions(&self, query: &mut Query) -> String {
        let range = self.range(query);
        format!(
            "(SELECT * FROM artifacts a WHERE a.tenant_id = $1 AND a.state = 'live' AND {range}
              ORDER BY {VERSIONS}) a"
        )
    }

    /// The next so many of them after a position, each with its number.
    pub(in crate::meta) fn stretch(
        &self,
        query: &mut Query,
        after: Option<&NamePosition>,
        most: i64,
    ) -> String {
        let mut range = self.range(query);
        if let Some(after) = after {
            let behind = behind_position(query, after);
            range += &format!(" AND ({VERSIONS}) > ({behind})");
        }
        let most = query.number(most);
        format!(
            "(SELECT a.*, row_number() OVER (ORDER BY {VERSIONS}) AS number FROM artifacts a
              WHERE a.tenant_id = $1 AND a.state = 'live' AND {range} ORDER BY {VERSIONS} LIMIT {most}) a"
        )
    }

    fn range(&self, query: &mut Query) -> String {
        let range = match self.matching {
            TextMatch::Glob(glob) => TextMatch::Prefix(glob.prefix().to_owned()),
            other => other.clone(),
        };
        let mut range = query.filename(&range, "a");
        if let (TextMatch::Exactly(_), Some(session)) = (self.matching, self.session) {
            let session = query.text(session);
            range += &format!(" AND coalesce(a.session_id, '') = {session}");
        }
        range
    }
}

/// A position, to compare with a row of `VERSIONS`.
pub(super) fn behind_position(query: &mut Query, position: &NamePosition) -> String {
    [
        query.text(&position.filename),
        query.text(&position.session),
        query.text(&position.user),
        query.text(&position.namespace),
        query.number(position.version),
    ]
    .join(", ")
}

/// The order of artifacts_live_versions.
pub(in crate::meta) const VERSIONS: &str =
    "a.filename COLLATE \"C\", coalesce(a.session_id, ''), a.user_id, a.namespace, a.version";

/// The prefix of every matching name.
fn from(matching: &TextMatch) -> &str {
    match matching {
        TextMatch::Exactly(text) | TextMatch::Prefix(text) => text,
        TextMatch::Glob(glob) => glob.prefix(),
    }
}

/// The range of the matching names: the first, and the first after them.
pub(super) fn range(filter: &Filter) -> (String, Option<String>) {
    let mut range = (String::new(), None::<String>);
    for condition in conditions(filter) {
        let Condition::Text(TextField::Filename, matching) = condition else {
            continue;
        };
        let start = from(matching);
        let end = match matching {
            TextMatch::Exactly(name) => Some(format!("{name}\u{1}")),
            _ => behind(start),
        };
        if start > range.0.as_str() {
            start.clone_into(&mut range.0);
        }
        if let Some(end) = end
            && range.1.as_ref().is_none_or(|known| end < *known)
        {
            range.1 = Some(end);
        }
    }
    range
}

/// The one session whose artifacts match.
pub(super) fn session(filter: &Filter) -> Option<&str> {
    exactly(filter, TextField::SessionId)
}

fn exactly(filter: &Filter, wanted: TextField) -> Option<&str> {
    conditions(filter).into_iter().find_map(|c| match c {
        Condition::Text(field, TextMatch::Exactly(text)) if *field == wanted => Some(text.as_str()),
        _ => None,
    })
}

/// A source of files, one row for each, in the order of their names.
#[derive(Debug, Clone, Copy)]
pub(in crate::meta) enum Files<'a> {
    /// Of a session; empty: of no session.
    Session(&'a str),
    /// Of a user, in every session and in none.
    User(&'a str),
    /// Of a user, in no session.
    UserScope(&'a str),
}

impl<'a> Files<'a> {
    pub(super) fn of(filter: &'a Filter) -> Option<Self> {
        let session = exactly(filter, TextField::SessionId);
        let user = exactly(filter, TextField::UserId).filter(|user| !user.is_empty());
        match (session, user) {
            (Some(""), Some(user)) => Some(Self::UserScope(user)),
            (Some(session), _) => Some(Self::Session(session)),
            (None, Some(user)) => Some(Self::User(user)),
            (None, None) => None,
        }
    }

    /// Whether only these files lead to their artifacts.
    pub(super) fn is_a_scope(self) -> bool {
        matches!(self, Self::UserScope(_) | Self::Session(""))
    }

    /// The condition on a row `f` of filenames.
    pub(in crate::meta) fn narrow(self, query: &mut Query) -> String {
        match self {
            Self::Session(session) => format!("f.session_id = {}", query.text(session)),
            Self::User(user) => format!("f.user_id = {} AND f.user_id <> ''", query.text(user)),
            Self::UserScope(user) => {
                let user = query.text(user);
                format!("f.user_id = {user} AND f.user_id <> '' AND f.session_id = ''")
            }
        }
    }

    /// Its order, and the same for a row whose `next_` columns are the next file.
    pub(in crate::meta) fn order(self) -> (&'static str, &'static str) {
        match self {
            Self::Session(_) => (
                "f.filename COLLATE \"C\", f.user_id, f.namespace",
                "w.next_filename, w.next_user, w.next_namespace",
            ),
            Self::User(_) => (
                "f.filename COLLATE \"C\", f.session_id, f.namespace",
                "w.next_filename, w.next_session, w.next_namespace",
            ),
            Self::UserScope(_) => (
                "f.filename COLLATE \"C\", f.namespace",
                "w.next_filename, w.next_namespace",
            ),
        }
    }

    /// Whether they may contain a file of this session.
    pub(super) fn has(self, session: &str) -> bool {
        match self {
            Self::Session(own) => own == session,
            Self::User(_) => true,
            Self::UserScope(_) => session.is_empty(),
        }
    }
}

/// The condition that a row `f` of filenames may belong to a matching file.
pub(in crate::meta) fn file_matches(query: &mut Query, filter: &Filter) -> String {
    let of_files = |condition: &&Condition| {
        let fields = [TextField::Filename, TextField::UserId, TextField::Namespace];
        matches!(condition, Condition::Text(field, _) if fields.contains(field))
    };
    let mut matches = String::new();
    for condition in conditions(filter).into_iter().filter(of_files) {
        let condition = query.matches(&Filter::Is(condition.clone()), "f");
        matches += &format!(" AND {condition}");
    }
    matches
}

/// The visible versions `a` of the file in a row `of`, in order; only the latest, or those above one. `matches` is a
/// further condition.
pub(in crate::meta) fn versions(of: &str, latest_only: bool, above: &str, matches: &str) -> String {
    let file = format!(
        "SELECT a.* FROM artifacts a
         WHERE a.tenant_id = $1 AND a.filename COLLATE \"C\" = {of}.filename
             AND coalesce(a.session_id, '') = {of}.session_id AND a.user_id = {of}.user_id
             AND a.namespace = {of}.namespace AND {VISIBLE}"
    );
    if latest_only {
        format!("SELECT a.* FROM ({file} ORDER BY a.version DESC LIMIT 1) a WHERE {matches}")
    } else {
        format!("{file}{above} AND {matches} ORDER BY {VERSIONS}")
    }
}

/// The artifacts `a` of the first so many files, as a FROM clause; each file has at least one row.
pub(super) fn versions_of(
    query: &mut Query,
    files: &Files<'_>,
    filter: &Filter,
    most: &str,
    latest_only: bool,
) -> String {
    let narrow = files.narrow(query);
    let of_files = file_matches(query, filter);
    let (order, _) = files.order();
    let versions = versions("f", latest_only, "", "true");
    format!(
        "(SELECT f.filename COLLATE \"C\" AS filename, f.session_id, f.user_id, f.namespace FROM filenames f
          WHERE f.tenant_id = $1 AND {narrow}{of_files} ORDER BY {order} LIMIT {most}) f
         LEFT JOIN LATERAL ({versions}) a ON true"
    )
}

/// The condition that no later version of the file of `of` is visible. A subquery with a limit never becomes a join:
/// the planner once considered a join of all versions with all versions cheap.
pub(super) fn latest(of: &str) -> String {
    let visible = visible_as("n");
    format!(
        " AND {of}.version = (
             SELECT n.version FROM artifacts n
             WHERE n.tenant_id = $1 AND n.filename COLLATE \"C\" = {of}.filename
                 AND coalesce(n.session_id, '') = coalesce({of}.session_id, '') AND n.user_id = {of}.user_id
                 AND n.namespace = {of}.namespace AND {visible}
             ORDER BY n.version DESC LIMIT 1)"
    )
}
