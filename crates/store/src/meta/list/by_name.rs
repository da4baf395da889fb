//! Lists in the order of filenames, and their levels.
//!
//! One walk from file to file: each step finds the next file after the last one by an index, so a file with 5,000
//! versions and a folder with 5,000 files are one step each.

use tokio_postgres::Row;

use super::{
    leader::{Leader, leaders},
    names::{Files, VERSIONS, behind_position, file_matches, latest, range, versions},
};
use crate::{
    meta::{
        artifact_row::{self, COLUMNS, VISIBLE, column},
        connection::Connection,
        filter::Query,
        patience::{Place, ask},
        row,
    },
    model::{error::Result, filter::Filter, id::TenantId, list::Entry, page::NamePosition},
};

/// Up to so many artifacts from an index in another order are sorted by name.
const GATHERED: i64 = 512;

/// What is to be found.
pub(super) struct Wanted<'a> {
    pub(super) tenant: TenantId,
    pub(super) filter: &'a Filter,
    pub(super) latest_only: bool,
    /// With a delimiter: the prefix of the level's names.
    pub(super) level: Option<&'a str>,
    pub(super) after: Option<&'a NamePosition>,
    pub(super) rows: i64,
}

impl Wanted<'_> {
    /// Finds the next entries.
    ///
    /// # Errors
    /// `FilterTooCostly`, `Unavailable`.
    pub(super) async fn find(
        &self,
        client: &Connection,
    ) -> Result<Vec<(Option<Entry>, NamePosition)>> {
        if self.level.is_none() {
            for leader in leaders(self.filter) {
                let has_names = matches!(
                    leader,
                    Leader::Tenant | Leader::Session(_) | Leader::User(_)
                );
                if !has_names && let Some(all) = self.gather(client, leader).await? {
                    return Ok(all);
                }
            }
        }
        self.walk(client).await
    }

    /// All artifacts of a leader, sorted; `None` if there are too many.
    async fn gather(
        &self,
        client: &Connection,
        leader: Leader<'_>,
    ) -> Result<Option<Vec<(Option<Entry>, NamePosition)>>> {
        let mut query = Query::of(self.tenant);
        let stretch = leader.stretch(&mut query, self.filter, None, GATHERED);
        let matches = query.matches(self.filter, "a");
        let latest = if self.latest_only {
            latest("a")
        } else {
            String::new()
        };
        let after = match self.after {
            None => String::new(),
            Some(position) => {
                let behind = behind_position(&mut query, position);
                format!(" AND ({VERSIONS}) > ({behind})")
            }
        };
        let (most, rows) = (query.number(GATHERED), query.number(self.rows));
        query.sql = format!(
            "WITH gathered AS MATERIALIZED (
                 SELECT a.id, a.filename COLLATE \"C\" AS filename, coalesce(a.session_id, '') AS session_id, a.user_id,
                     a.namespace, a.version, coalesce({VISIBLE} AND {matches}{after}{latest}, false) AS matches
                 FROM {}
             )
             SELECT {COLUMNS}, counted.number < {most} AS is_complete, page.id AS found
             FROM (SELECT count(*) AS number FROM gathered) counted
                 LEFT JOIN LATERAL (
                     SELECT * FROM gathered WHERE matches AND counted.number < {most}
                     ORDER BY filename, session_id, user_id, namespace, version LIMIT {rows}
                 ) page ON true
                 LEFT JOIN artifacts a ON a.tenant_id = $1 AND a.id = page.id
             ORDER BY page.filename, page.session_id, page.user_id, page.namespace, page.version",
            stretch.from
        );
        let mut all = Vec::new();
        for row in ask(client, Place::Alone, &query).await? {
            if !column::<bool>(&row, "is_complete")? {
                return Ok(None);
            }
            if column::<Option<&str>>(&row, "found")?.is_some() {
                all.push(entry(&row)?);
            }
        }
        Ok(Some(all))
    }

    async fn walk(&self, client: &Connection) -> Result<Vec<(Option<Entry>, NamePosition)>> {
        let files = Files::of(self.filter);
        let (from, until) = range(self.filter);
        let start = match self.after {
            Some(position) if position.filename >= from => position.clone(),
            _ => NamePosition::before(&from),
        };
        // The page ended within a file: its later versions come first.
        let goes_on = !self.latest_only
            && start.version > 0
            && files.is_none_or(|files| files.has(&start.session));
        let behind = if start.version > 0 { i64::MAX } else { 0 };

        let mut query = Query::of(self.tenant);
        let [filename, session, user, namespace] = [
            query.text(&start.filename),
            query.text(&start.session),
            query.text(&start.user),
            query.text(&start.namespace),
        ];
        let (above, behind) = (query.number(start.version), query.number(behind));
        let next = self.next(&mut query, files, until.as_deref());
        let matches = query.matches(self.filter, "a");
        let (folder, moves_on) = match self.level {
            None => (String::new(), NEXT_FILE),
            Some(level) => {
                let first = query.number(level.chars().count() as i64 + 1);
                let within = format!("substr(f.filename, {first}::int)");
                let any = versions("f", self.latest_only, "", &matches);
                let folder = format!(
                    " CROSS JOIN LATERAL (
                         SELECT CASE WHEN strpos({within}, '/') > 0 AND EXISTS ({any})
                             THEN left(f.filename, {first}::int - 1 + strpos({within}, '/')) END AS folder OFFSET 0
                     ) d"
                );
                (folder, NEXT_FILE_OR_FOLDER)
            }
        };
        let file = versions("w", self.latest_only, " AND a.version > w.above", &matches);
        let rows = query.number(self.rows);
        query.sql = format!(
            "WITH RECURSIVE walk AS (
                 SELECT {filename}::text COLLATE \"C\" AS filename, {session}::text AS session_id, {user}::text AS user_id,
                     {namespace}::text AS namespace, {above}::bigint AS above, NULL::text COLLATE \"C\" AS folder,
                     {goes_on} AS is_listed,
                     {filename}::text COLLATE \"C\" AS next_filename, {session}::text AS next_session,
                     {user}::text AS next_user, {namespace}::text AS next_namespace, {behind}::bigint AS next_version
                 UNION ALL
                 SELECT f.filename, f.session_id, f.user_id, f.namespace, 0::bigint, {moves_on}
                 FROM walk w CROSS JOIN LATERAL ({next}) f{folder}
             )
             SELECT {COLUMNS}, w.folder
             FROM (SELECT CASE WHEN is_listed AND folder IS NULL THEN filename END AS filename,
                       session_id, user_id, namespace, above, folder FROM walk) w
                 LEFT JOIN LATERAL ({file}) a ON true
             WHERE a.id IS NOT NULL OR w.folder IS NOT NULL LIMIT {rows}"
        );
        let mut entries = Vec::new();
        for row in ask(client, Place::Alone, &query).await? {
            entries.push(match column::<Option<String>>(&row, "folder")? {
                None => entry(&row)?,
                Some(folder) => {
                    let position = NamePosition::behind_folder(&folder);
                    (Some(Entry::Folder(folder)), position)
                }
            });
        }
        Ok(entries)
    }

    /// The first file after a row `w` of the walk, as `f`.
    fn next(&self, query: &mut Query, files: Option<Files<'_>>, until: Option<&str>) -> String {
        let Some(files) = files else {
            let until = until
                .map(|until| query.text(until))
                .map_or_else(String::new, |until| {
                    format!(" AND f.filename COLLATE \"C\" < {until}")
                });
            // An artifact can be skipped at once, without regard to others of its file.
            let matches = if self.latest_only {
                file_matches(query, self.filter)
            } else {
                format!(" AND {}", query.matches(self.filter, "f"))
            };
            return format!(
                "SELECT f.filename COLLATE \"C\" AS filename, coalesce(f.session_id, '') AS session_id, f.user_id,
                     f.namespace
                 FROM artifacts f
                 WHERE f.tenant_id = $1 AND f.state = 'live'
                     AND (f.filename COLLATE \"C\", coalesce(f.session_id, ''), f.user_id, f.namespace, f.version)
                         > (w.next_filename, w.next_session, w.next_user, w.next_namespace, w.next_version){until}{matches}
                 ORDER BY f.filename COLLATE \"C\", coalesce(f.session_id, ''), f.user_id, f.namespace, f.version LIMIT 1"
            );
        };
        let until = until
            .map(|until| query.text(until))
            .map_or_else(String::new, |until| {
                format!(" AND f.filename COLLATE \"C\" < {until}")
            });
        let narrow = files.narrow(query);
        let matches = file_matches(query, self.filter);
        let (order, behind) = files.order();
        // A file has no version here: it comes after version 0 of itself, and not after any other.
        format!(
            "SELECT f.filename COLLATE \"C\" AS filename, f.session_id, f.user_id, f.namespace FROM filenames f
             WHERE f.tenant_id = $1 AND {narrow} AND ({order}, 1::bigint) > ({behind}, w.next_version){until}{matches}
             ORDER BY {order} LIMIT 1"
        )
    }
}

/// The columns of a step for the next one.
const NEXT_FILE: &str = "NULL::text COLLATE \"C\", true, f.filename, f.session_id, f.user_id, f.namespace, 9223372036854775807";

/// The same, if a whole folder is skipped: "0" is the character after "/".
const NEXT_FILE_OR_FOLDER: &str = "d.folder COLLATE \"C\", true,
    (CASE WHEN d.folder IS NULL THEN f.filename ELSE left(d.folder, -1) || '0' END) COLLATE \"C\",
    CASE WHEN d.folder IS NULL THEN f.session_id ELSE '' END, CASE WHEN d.folder IS NULL THEN f.user_id ELSE '' END,
    CASE WHEN d.folder IS NULL THEN f.namespace ELSE '' END,
    CASE WHEN d.folder IS NULL THEN 9223372036854775807 ELSE 0 END";

/// Only the position of a damaged artifact is known.
fn entry(row: &Row) -> Result<(Option<Entry>, NamePosition)> {
    let position = NamePosition {
        filename: column(row, "filename")?,
        session: column::<Option<String>>(row, "session_id")?.unwrap_or_default(),
        user: column(row, "user_id")?,
        namespace: column(row, "namespace")?,
        version: column(row, "version")?,
    };
    let artifact = row::readable(artifact_row::read(row))?;
    let entry = artifact.map(|it| Entry::Artifact(Box::new(it)));
    Ok((entry, position))
}
