//! Lists in the order of creation.
//!
//! The best leader is not known beforehand: either an agent's artifacts or those with a metadata pair may be most of
//! the tenant's. So each leader is followed for a range, then each for a longer one, until one of them has filled the
//! page or ended. The cost is that of the best one, times their number.

use tokio_postgres::Row;

use super::{
    leader::{Leader, conditions, leaders},
    names::{self, Files, Named, latest},
};
use crate::{
    meta::{
        artifact_row::VISIBLE,
        connection::Connection,
        filter::Query,
        patience::{Place, ask},
        row::{self, position},
    },
    model::{
        error::{Error, Result},
        filter::{Condition, Filter},
        id::TenantId,
        page::Position,
    },
};

/// The lengths of the ranges, in artifacts.
const STRETCHES: [i64; 2] = [512, 8192];

/// What to find, and how to read it.
pub(in crate::meta) struct Wanted<'a, T> {
    pub(in crate::meta) tenant: TenantId,
    pub(in crate::meta) filter: &'a Filter,
    pub(in crate::meta) latest_only: bool,
    /// Of an artifact `a`.
    pub(in crate::meta) columns: &'a str,
    pub(in crate::meta) read: fn(&Row) -> Result<T>,
    pub(in crate::meta) after: Option<Position>,
    pub(in crate::meta) rows: i64,
    pub(in crate::meta) place: Place,
}

/// The results in order, and the position of the search if it has not ended.
pub(in crate::meta) struct Found<T> {
    pub(in crate::meta) items: Vec<(T, Position)>,
    pub(in crate::meta) reached: Option<Position>,
}

impl<T> Wanted<'_, T> {
    /// The condition on an artifact `a`.
    pub(super) fn condition(&self, query: &mut Query) -> String {
        let matches = query.matches(self.filter, "a");
        let latest = if self.latest_only {
            latest("a")
        } else {
            String::new()
        };
        format!("({VISIBLE} AND {matches}{latest})")
    }

    /// Finds the next ones.
    ///
    /// # Errors
    /// `FilterTooCostly`, `Unavailable`.
    pub(in crate::meta) async fn find(&self, client: &Connection) -> Result<Vec<(T, Position)>> {
        let named = Named::of(self.filter);
        let files = Files::of(self.filter).filter(|files| self.latest_only || files.is_a_scope());
        let leaders = leaders(self.filter);
        let mut walks: Vec<_> = leaders.into_iter().map(|leader| (leader, None)).collect();
        let key = metadata_key(self.filter);
        if walks.len() > 1 || named.is_some() || files.is_some() || key.is_some() {
            for stretch in STRETCHES {
                if let Some(files) = &files
                    && let Some(all) = self.gather(client, stretch, Gather::Files(files)).await?
                {
                    return Ok(all);
                }
                for (leader, found) in &mut walks {
                    if self.follow(client, *leader, found, stretch).await? {
                        return Ok(found.take().map(|found| found.items).unwrap_or_default());
                    }
                }
                if let Some(named) = &named
                    && let Some(all) = self.gather(client, stretch, Gather::Named(named)).await?
                {
                    return Ok(all);
                }
                if let Some(key) = key
                    && let Some(all) = self.gather(client, stretch, Gather::Key(key)).await?
                {
                    return Ok(all);
                }
            }
        }
        let matches = |found: &Option<Found<T>>| found.as_ref().map_or(0, |f| f.items.len());
        let best = walks
            .into_iter()
            .rev()
            .max_by_key(|(_, found)| matches(found));
        let (leader, mut found) = best.ok_or_else(|| Error::internal("nothing leads a list"))?;
        self.follow(client, leader, &mut found, i64::MAX).await?;
        Ok(found.map(|found| found.items).unwrap_or_default())
    }

    /// Continues after the results; true if the page is full or the end was reached.
    async fn follow(
        &self,
        client: &Connection,
        leader: Leader<'_>,
        found: &mut Option<Found<T>>,
        most: i64,
    ) -> Result<bool> {
        let (mut items, after) = match found.take() {
            None => (Vec::new(), self.after.clone()),
            Some(found) => (found.items, found.reached),
        };
        let rows = self.rows - items.len() as i64;
        let next = self
            .stretch(client, leader, after.as_ref(), most, rows)
            .await?;
        items.extend(next.items);
        let done = items.len() as i64 >= self.rows || next.reached.is_none();
        let reached = next.reached;
        *found = Some(Found { items, reached });
        Ok(done)
    }

    /// The matches among the next so many artifacts of a leader.
    pub(in crate::meta) async fn stretch(
        &self,
        client: &Connection,
        leader: Leader<'_>,
        after: Option<&Position>,
        most: i64,
        rows: i64,
    ) -> Result<Found<T>> {
        let mut query = Query::of(self.tenant);
        let stretch = leader.stretch(&mut query, self.filter, after, most);
        let condition = self.condition(&mut query);
        let (number, [at, id]) = (stretch.number, stretch.order);
        let (most_at, limit) = (query.number(most), query.number(rows));
        query.sql = format!(
            "SELECT {}, coalesce({condition}, false) AS matches, {number} AS number, {at} AS listed_at, {id} AS listed_id
             FROM {}
             WHERE {condition} OR {number} = {most_at} ORDER BY {at} DESC, {id} DESC LIMIT {limit}",
            self.columns, stretch.from
        );
        let mut found = Found {
            items: Vec::new(),
            reached: None,
        };
        for row in ask(client, self.place, &query).await? {
            let position = position(&row, "artifact", ["listed_at", "listed_id"])?;
            if row::at::<i64>(&row, "number")? == most {
                found.reached = Some(position.clone());
            }
            if row::at(&row, "matches")? {
                found.items.push(((self.read)(&row)?, position));
            }
        }
        Ok(found)
    }

    /// How many match, up to `rows`.
    ///
    /// # Errors
    /// `FilterTooCostly`, `Unavailable`.
    pub(super) async fn count(&self, client: &Connection) -> Result<i64> {
        let mut query = Query::of(self.tenant);
        let leader = leaders(self.filter).remove(0);
        let from = match (Named::of(self.filter), leader) {
            (Some(named), leader) if leader.is_broad() => named.versions(&mut query),
            _ => leader.stretch(&mut query, self.filter, None, i64::MAX).from,
        };
        let condition = self.condition(&mut query);
        let rows = query.number(self.rows);
        query.sql = format!(
            "SELECT count(*) FROM (SELECT FROM {from} WHERE {condition} LIMIT {rows}) counted"
        );
        let rows = ask(client, self.place, &query).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Error::internal("a count has no row"))?;
        Ok(row::at(row, 0)?)
    }

    /// All artifacts of an index in another order, sorted; `None` if there are too many.
    async fn gather(
        &self,
        client: &Connection,
        most: i64,
        gather: Gather<'_>,
    ) -> Result<Option<Vec<(T, Position)>>> {
        let mut query = Query::of(self.tenant);
        let most = query.number(most);
        let (from, condition) = match gather {
            Gather::Named(named) => (named.versions(&mut query), self.condition(&mut query)),
            Gather::Key(key) => {
                let key = query.text(key);
                let from = format!(
                    "(SELECT m.artifact_id FROM artifact_metadata m
                      WHERE m.tenant_id = $1 AND m.key = {key} LIMIT {most}) m
                     LEFT JOIN artifacts a ON a.tenant_id = $1 AND a.id = m.artifact_id"
                );
                (from, self.condition(&mut query))
            }
            Gather::Files(files) => {
                let from =
                    names::versions_of(&mut query, files, self.filter, &most, self.latest_only);
                // That decides which version is the latest.
                let matches = query.matches(self.filter, "a");
                (from, matches)
            }
        };
        let after = match &self.after {
            None => String::new(),
            Some(position) => {
                let (at, id) = (query.moment(position.at), query.text(&position.id));
                format!(" AND (created_at, id) < ({at}, {id})")
            }
        };
        let rows = query.number(self.rows);
        query.sql = format!(
            "WITH gathered AS MATERIALIZED (
                 SELECT a.id, a.created_at, coalesce({condition}, false) AS matches FROM {from} LIMIT {most}
             )
             SELECT {}, counted.number < {most} AS is_complete, page.created_at AS listed_at, page.id AS listed_id
             FROM (SELECT count(*) AS number FROM gathered) counted
                 LEFT JOIN LATERAL (
                     SELECT created_at, id FROM gathered WHERE matches AND counted.number < {most}{after}
                     ORDER BY created_at DESC, id DESC LIMIT {rows}
                 ) page ON true
                 LEFT JOIN artifacts a ON a.tenant_id = $1 AND a.id = page.id
             ORDER BY page.created_at DESC, page.id DESC",
            self.columns
        );
        let mut items = Vec::new();
        for row in ask(client, self.place, &query).await? {
            if !row::at::<bool>(&row, "is_complete")? {
                return Ok(None);
            }
            if row::at::<Option<&str>>(&row, "listed_id")?.is_some() {
                let position = position(&row, "artifact", ["listed_at", "listed_id"])?;
                items.push(((self.read)(&row)?, position));
            }
        }
        Ok(Some(items))
    }
}

/// A source of artifacts in another order than the page's.
enum Gather<'a> {
    Named(&'a Named<'a>),
    Files(&'a Files<'a>),
    /// The artifacts that have this metadata key.
    Key(&'a str),
}

/// A metadata key that every match has.
fn metadata_key(filter: &Filter) -> Option<&str> {
    conditions(filter).into_iter().find_map(|c| match c {
        Condition::MetadataKey(key) => Some(key.as_str()),
        _ => None,
    })
}
