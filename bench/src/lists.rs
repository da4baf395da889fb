//! The cost of a page of a list over few artifacts and over many: every filter and order, alone and in the usual pairs.

mod shapes;

use std::time::{Duration, Instant};

use tokio_postgres::Client as Database;

use crate::{
    fill::{Triggers, fill},
    load::milliseconds,
    report::{Report, Wanted, median},
    services::{Api, Client, Postgres, S3, connect},
    world::Plan,
};
use shapes::{Shape, shapes};

/// Calls of a shape in a turn, unless they take longer than `ENOUGH`.
const CALLS: u32 = 5;
const ENOUGH: Duration = Duration::from_secs(1);
const WANTED: Wanted = Wanted::AtMost(1.5);

/// What the database has read since the last call, in pages of 8 KiB: from its buffers, from the system's, and written
/// to and read from temporary files.
const PAGES: &str = "
    SELECT coalesce(sum(shared_blks_hit + shared_blks_read + temp_blks_read + temp_blks_written), 0)::float8
    FROM pg_stat_statements WHERE toplevel AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND query NOT LIKE '%pg_stat_statements%'";

/// A Cairn with so many artifacts.
struct Side {
    name: String,
    artifacts: u32,
    client: Client,
    database: Database,
    _api: Api,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let postgres = Postgres::counting();
    let mut s3 = S3::start().await;
    let mut sides = Vec::new();
    let counts = [plan.scale.few]
        .into_iter()
        .chain(plan.scale.many.iter().copied());
    for (index, artifacts) in counts.enumerate() {
        let name = format!("lists{index}");
        let bucket = s3.bucket(&name).await;
        let api = Api::start(&plan.api, &postgres.database(&name).await, &bucket).await;
        let began = Instant::now();
        fill(&api.database_url, artifacts, Triggers::Own).await;
        eprintln!("{artifacts} artifacts in {:.0?}", began.elapsed());
        sides.push(Side {
            name: thousands(artifacts),
            artifacts,
            client: api.client().await,
            database: connect(&api.database_url).await,
            _api: api,
        });
    }
    let results = measure(&sides, plan).await;
    let [few, many @ ..] = &sides[..] else {
        unreachable!("there are few artifacts");
    };
    for (index, side) in many.iter().enumerate() {
        report.begin(
            &format!(
                "Lists: a page of 50 among {} artifacts, by {}",
                side.name, few.name
            ),
            ["list", &side.name, &few.name],
        );
        for (shape, results) in shapes(side.artifacts).iter().zip(&results) {
            row(shape, &results[index + 1], &results[0], report);
        }
    }
}

fn row(shape: &Shape, many: &Outcome, few: &Outcome, report: &mut Report) {
    match (&many.failure, &few.failure) {
        (None, None) => {
            let ratio: Vec<f64> = many
                .seconds
                .iter()
                .zip(&few.seconds)
                .map(|(m, f)| m / f)
                .collect();
            report.row(shape.name, &many.words(), &few.words(), ratio, WANTED);
        }
        (Some(why), _) | (_, Some(why)) => {
            report.failed(shape.name, &many.words(), &few.words(), why, WANTED);
        }
    }
}

/// The result of a shape on a side.
#[derive(Debug, Default)]
struct Outcome {
    /// The median of each round.
    seconds: Vec<f64>,
    /// Pages of the database for each call, round by round.
    pages: Vec<f64>,
    rows: usize,
    failure: Option<String>,
}

impl Outcome {
    fn words(&self) -> String {
        match &self.failure {
            Some(why) => why.clone(),
            None if self.seconds.is_empty() => "not measured".to_owned(),
            None => format!(
                "{}, {:.0} pages, {} rows",
                milliseconds(median(self.seconds.clone())),
                median(self.pages.clone()),
                self.rows
            ),
        }
    }
}

/// By shape, then by side. The sides take turns.
async fn measure(sides: &[Side], plan: &Plan) -> Vec<Vec<Outcome>> {
    let shapes: Vec<_> = sides.iter().map(|side| shapes(side.artifacts)).collect();
    let mut outcomes: Vec<Vec<Outcome>> = Vec::new();
    for shape in 0..shapes[0].len() {
        let mut of_shape: Vec<Outcome> = sides.iter().map(|_| Outcome::default()).collect();
        // The first round fills caches, also of plans.
        for round in 0..=plan.scale.rounds {
            for ((side, shapes), outcome) in sides.iter().zip(&shapes).zip(&mut of_shape) {
                let turn = turn(side, &shapes[shape]).await;
                match turn {
                    Ok((seconds, pages, rows)) if round > 0 => {
                        outcome.seconds.push(seconds);
                        outcome.pages.push(pages);
                        outcome.rows = rows;
                    }
                    Ok(_) => {}
                    Err(why) => outcome.failure = Some(why),
                }
            }
            if of_shape.iter().any(|outcome| outcome.failure.is_some()) {
                break;
            }
        }
        eprint!(".");
        outcomes.push(of_shape);
    }
    eprintln!();
    outcomes
}

/// Makes some calls: the median time, the pages that each read, and the rows that it returned.
async fn turn(side: &Side, shape: &Shape) -> Result<(f64, f64, usize), String> {
    let reset = "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)";
    side.database.query(reset, &[]).await.expect("a reset");
    let began = Instant::now();
    let (mut times, mut rows) = (Vec::new(), 0);
    while times.len() < CALLS as usize && began.elapsed() < ENOUGH {
        let began = Instant::now();
        let list = side.client.list(shape.request.clone()).await;
        rows = list.map_err(|status| format!("{:?}", status.code()))?;
        times.push(began.elapsed().as_secs_f64());
    }
    let pages: f64 = side
        .database
        .query_one(PAGES, &[])
        .await
        .expect("a count")
        .get(0);
    Ok((median(times.clone()), pages / times.len() as f64, rows))
}

fn thousands(count: u32) -> String {
    match count {
        0..1_000_000 => format!("{} k", count / 1000),
        _ => format!("{} M", count / 1_000_000),
    }
}
