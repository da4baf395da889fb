//! Lists of artifacts: one statement, made of the filters that were given.

use deadpool_postgres::Object;
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};

use super::{
    artifacts::{self, COLUMNS, VISIBLE},
    error::from_pg,
};
use crate::{
    artifact::Artifact,
    error::Result,
    id::TenantId,
    list::ArtifactFilter,
    page::{PageSize, Position},
};

/// A statement that grows by its conditions, and the parameters that they refer to.
struct Query<'a> {
    sql: String,
    parameters: Vec<(&'a (dyn ToSql + Sync), Type)>,
}

impl<'a> Query<'a> {
    /// Adds a parameter and returns its placeholder.
    fn bind(&mut self, value: &'a (dyn ToSql + Sync), kind: Type) -> String {
        self.parameters.push((value, kind));
        format!("${}", self.parameters.len())
    }

    fn and(&mut self, column: &str, operator: &str, value: &'a (dyn ToSql + Sync), kind: Type) {
        let parameter = self.bind(value, kind);
        self.sql += &format!(" AND {column} {operator} {parameter}");
    }

    fn and_text(&mut self, column: &str, value: &'a Option<String>) {
        if let Some(value) = value {
            self.and(column, "=", value, Type::TEXT);
        }
    }

    fn and_time(&mut self, operator: &str, value: &'a Option<Timestamp>) {
        if let Some(value) = value {
            self.and("a.created_at", operator, value, Type::TIMESTAMPTZ);
        }
    }
}

/// Visible artifacts that match, newest first, each with its position.
///
/// With a metadata filter the first pair's rows are the ones that are walked: their primary key holds them in the order
/// of the page. The statement is sent unprepared, in one flight, since there are too many shapes of it to cache.
pub(crate) async fn list(
    client: &Object,
    tenant: TenantId,
    filter: &ArtifactFilter,
    after: Option<&Position>,
    size: PageSize,
) -> Result<Vec<(Artifact, Position)>> {
    let pairs: Vec<(&String, &String)> = filter.metadata.iter().collect();
    let mut query = Query {
        sql: format!("SELECT {COLUMNS} FROM artifacts a"),
        parameters: vec![(&tenant.0, Type::UUID)],
    };
    for (i, _) in pairs.iter().enumerate() {
        query.sql += &format!(
            " JOIN artifact_metadata m{i} ON m{i}.tenant_id = a.tenant_id AND m{i}.artifact_id = a.id
                 AND m{i}.created_at = a.created_at"
        );
    }
    query.sql += &format!(" WHERE a.tenant_id = $1 AND {VISIBLE}");
    for (i, (key, value)) in pairs.iter().enumerate() {
        query.sql += &format!(" AND m{i}.tenant_id = $1");
        query.and(&format!("m{i}.key"), "=", *key, Type::TEXT);
        query.and(&format!("m{i}.value"), "=", *value, Type::TEXT);
    }
    query.and_text("a.session_id", &filter.session_id);
    query.and_text("a.agent_id", &filter.agent_id);
    query.and_text("a.namespace", &filter.namespace);
    query.and_text("a.user_id", &filter.user_id);
    query.and_text("a.filename", &filter.filename);
    query.and_text("a.content_type", &filter.content_type);
    query.and_time(">=", &filter.created.from);
    query.and_time("<", &filter.created.until);
    let order = if pairs.is_empty() {
        ["a.created_at", "a.id"]
    } else {
        ["m0.created_at", "m0.artifact_id"]
    };
    if let Some(position) = after {
        let at = query.bind(&position.at, Type::TIMESTAMPTZ);
        let id = query.bind(&position.id, Type::TEXT);
        query.sql += &format!(" AND ({}, {}) < ({at}, {id})", order[0], order[1]);
    }
    let rows = size.rows();
    let limit = query.bind(&rows, Type::INT8);
    query.sql += &format!(
        " ORDER BY {} DESC, {} DESC LIMIT {limit}",
        order[0], order[1]
    );

    let rows = client
        .query_typed(&query.sql, &query.parameters)
        .await
        .map_err(from_pg)?;
    rows.iter()
        .map(|row| {
            let artifact = artifacts::read(row)?;
            let position = Position {
                at: artifact.created_at,
                id: artifact.id.to_string(),
            };
            Ok((artifact, position))
        })
        .collect()
}
