//! Several artifacts at once, each by its id or by its name.

use crate::{
    meta::{
        artifact_row::{COLUMNS, VISIBLE, column, name_parameters, read, visible},
        connection::Connection,
        error::from_pg,
    },
    model::{
        access::Reach,
        artifact::Artifact,
        error::{Error, Result},
        reference::ArtifactRef,
    },
};

/// The rows `a` of the file that a row `n` names.
const NAMED: &str = "a.tenant_id = $1 AND a.filename COLLATE \"C\" = n.filename
    AND coalesce(a.session_id, '') = n.session_id AND a.user_id = n.user_id AND a.namespace = n.namespace";

/// What is wanted, as arrays for one statement: each with its place in the request.
#[derive(Default)]
struct Wanted<'a> {
    ids: (Vec<i32>, Vec<&'a str>),
    names: (Vec<i32>, [Vec<&'a str>; 4], Vec<Option<i64>>),
}

impl<'a> Wanted<'a> {
    fn of(wanted: &'a [ArtifactRef]) -> Self {
        let mut all = Self::default();
        for (place, one) in (0..).zip(wanted) {
            match one {
                ArtifactRef::Id(id) => {
                    all.ids.0.push(place);
                    all.ids.1.push(id.as_str());
                }
                ArtifactRef::Name(name, version) => {
                    all.names.0.push(place);
                    for (column, value) in all.names.1.iter_mut().zip(name_parameters(name)) {
                        column.push(value);
                    }
                    all.names.2.push(*version);
                }
            }
        }
        all
    }
}

/// The visible ones of these artifacts within reach, in their order; why not, for one that is not visible.
#[tracing::instrument(target = "postgres", name = "artifacts.get_several", skip_all)]
pub(crate) async fn get(
    client: &Connection,
    reach: Reach<'_>,
    wanted: &[ArtifactRef],
) -> Result<Vec<Result<Artifact>>> {
    let Wanted { ids, names } = Wanted::of(wanted);
    let [filenames, sessions, users, namespaces] = &names.1;
    // Live versions and others have an index each. OFFSET 0: one look for each, and no join that reads the table.
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS}, {VISIBLE} AS visible, a.deleted_at, w.place
                 FROM (
                     SELECT i.place, i.id FROM unnest($2::integer[], $3::text[]) i (place, id)
                     UNION ALL
                     SELECT n.place, found.id
                     FROM unnest($4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[])
                             n (place, filename, session_id, user_id, namespace, version)
                         CROSS JOIN LATERAL (
                             (SELECT a.id FROM artifacts a WHERE {NAMED} AND {VISIBLE} AND n.version IS NULL
                              ORDER BY a.version DESC LIMIT 1)
                             UNION ALL
                             (SELECT a.id FROM artifacts a WHERE {NAMED} AND a.version = n.version AND a.state = 'live')
                             UNION ALL
                             (SELECT a.id FROM artifacts a WHERE {NAMED} AND a.version = n.version AND a.state <> 'live')
                             LIMIT 1
                         ) found
                 ) w CROSS JOIN LATERAL (SELECT * FROM artifacts a
                     WHERE a.tenant_id = $1 AND a.id = w.id OFFSET 0) a"
            ),
            &[
                &reach.tenant.0, &ids.0, &ids.1, &names.0, filenames, sessions, users, namespaces, &names.2,
            ],
        )
        .await
        .map_err(from_pg)?;
    let not_found = |one: &ArtifactRef| Err(Error::ArtifactNotFound(one.to_string()));
    let mut outcomes: Vec<_> = wanted.iter().map(not_found).collect();
    for row in &rows {
        let place: i32 = column(row, "place")?;
        let outcome = usize::try_from(place)
            .ok()
            .and_then(|place| outcomes.get_mut(place));
        if let Some(outcome) = outcome
            && (reach.is_all() || read(row).is_ok_and(|it| reach.has(&it)))
        {
            *outcome = visible(row);
        }
    }
    Ok(outcomes)
}
