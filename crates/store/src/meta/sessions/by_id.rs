//! Lists of sessions in the order of their ids: those whose ids start alike, and those that have files of a user or of a
//! namespace. One look at an index finds the next id, whatever number of files the session has.

use super::{narrow, read, select};
use crate::{
    meta::{
        connection::Connection,
        error::from_pg,
        filter::{Query, behind},
        row::{at, each, listed},
    },
    model::{
        access::Reach,
        error::Result,
        page::{IdPosition, PageSize},
        session::{Session, SessionFilter},
        text::text_of,
    },
};

/// How many sessions are looked at for one page where labels or times pass some of them over.
const STRETCH: i64 = 1000;

/// Sessions in the order of their ids.
pub(crate) struct Stretch {
    /// Each with its position.
    pub(crate) sessions: Vec<(Option<Session>, IdPosition)>,
    /// Where to go on when more was not looked at.
    pub(crate) next: Option<IdPosition>,
}

/// Reads the sessions after an id, at most one more than a page has.
#[tracing::instrument(target = "postgres", name = "sessions.list_by_id", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    reach: Reach<'_>,
    filter: &SessionFilter,
    after: Option<&IdPosition>,
    size: PageSize,
) -> Result<Stretch> {
    let all_match =
        reach.is_all() && filter.labels.is_empty() && filter.created == Default::default();
    let most = if all_match { size.rows() } else { STRETCH };
    let mut walk = Query::of(reach.tenant);
    walk.sql = ids(&mut walk, filter, after, most);
    let rows = client
        .query_typed(&walk.sql, &walk.parameters())
        .await
        .map_err(from_pg)?;
    let ids: Vec<String> = each(&rows, 0)?;
    let is_full = i64::try_from(ids.len()).is_ok_and(|looked_at| looked_at >= most);

    let mut query = Query::of(reach.tenant);
    let among = query.texts(&ids);
    let narrow = narrow(&mut query, reach, filter);
    let rows = query.number(size.rows());
    // Only those of the page are counted.
    let page = format!(
        "(SELECT * FROM sessions WHERE tenant_id = $1 AND id = ANY ({among}){narrow}
          ORDER BY id COLLATE \"C\" LIMIT {rows})"
    );
    query.sql = select(&page) + " ORDER BY s.id COLLATE \"C\"";
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    Ok(Stretch {
        sessions: listed(&rows, read, |row| Ok(IdPosition { id: at(row, 0)? }))?,
        next: ids
            .last()
            .filter(|_| is_full)
            .map(|id| IdPosition { id: id.clone() }),
    })
}

/// A statement for the next ids, which finds each by the one before.
fn ids(query: &mut Query, filter: &SessionFilter, after: Option<&IdPosition>, most: i64) -> String {
    let prefix = filter.prefix.as_str();
    let first = match after {
        Some(after) => format!("> {}", query.text(&after.id)),
        None => format!(">= {}", query.text(prefix)),
    };
    let until = behind(prefix).filter(|_| !prefix.is_empty());
    let until = until.map_or(String::new(), |until| {
        format!(" AND x.id COLLATE \"C\" < {}", query.text(&until))
    });
    let (user, namespace) = (text_of(&filter.user), text_of(&filter.namespace));
    let of_user = |query: &mut Query| {
        let user = query.text(user);
        format!(
            "f.tenant_id = $1 AND f.user_id = {user} AND f.user_id <> '' AND f.session_id <> ''"
        )
    };
    let (spaces, from) = match (user, namespace) {
        ("", "") => (
            String::new(),
            "(SELECT id FROM sessions WHERE tenant_id = $1) x".to_owned(),
        ),
        ("", namespace) => {
            let namespace = query.text(namespace);
            let files = format!(
                "(SELECT f.session_id AS id FROM filenames f WHERE f.tenant_id = $1 AND f.namespace = {namespace}
                      AND f.namespace <> '' AND f.session_id <> '') x"
            );
            (String::new(), files)
        }
        (_, "") => {
            let files = of_user(query);
            // The next of each namespace in which the user has files: these are few.
            let spaces = format!(
                "spaces (namespace) AS (
                     (SELECT f.namespace FROM filenames f WHERE {files} ORDER BY f.namespace LIMIT 1)
                     UNION ALL
                     SELECT (SELECT f.namespace FROM filenames f WHERE {files} AND f.namespace > s.namespace
                             ORDER BY f.namespace LIMIT 1)
                     FROM spaces s WHERE s.namespace IS NOT NULL
                 ), "
            );
            let from = format!(
                "spaces s CROSS JOIN LATERAL (SELECT f.session_id AS id FROM filenames f
                     WHERE {files} AND f.namespace = s.namespace"
            );
            (spaces, from)
        }
        (_, namespace) => {
            let (files, namespace) = (of_user(query), query.text(namespace));
            let files = format!(
                "(SELECT f.session_id AS id FROM filenames f WHERE {files} AND f.namespace = {namespace}) x"
            );
            (String::new(), files)
        }
    };
    let next = |bound: &str| {
        if spaces.is_empty() {
            return format!(
                "(SELECT x.id FROM {from} WHERE x.id COLLATE \"C\" {bound}{until}
                  ORDER BY x.id COLLATE \"C\" LIMIT 1)"
            );
        }
        format!(
            "(SELECT x.id FROM {from} AND f.session_id COLLATE \"C\" {bound}
                  ORDER BY f.session_id COLLATE \"C\" LIMIT 1) x
              WHERE true{until} ORDER BY x.id COLLATE \"C\" LIMIT 1)"
        )
    };
    let most = query.number(most);
    format!(
        "WITH RECURSIVE {spaces}walk (id, number) AS (
             SELECT {}, 1
             UNION ALL
             SELECT {}, w.number + 1 FROM walk w WHERE w.id IS NOT NULL AND w.number < {most}
         )
         SELECT id FROM walk WHERE id IS NOT NULL ORDER BY id COLLATE \"C\"",
        next(&first),
        next("> w.id"),
    )
}
