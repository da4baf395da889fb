//! Everything in a run: two stores, five processes, and the oracle.

use std::{path::PathBuf, sync::Arc, time::Duration};

use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
};
use tokio::{sync::Mutex, time::sleep};
use tokio_postgres::NoTls;

use super::{
    chaos::Stores,
    looks::Oracle,
    process::{Process, environment},
    stores::{Postgres, S3},
    tally::Tally,
};
use harness::{Client, s3};

const APIS: usize = 3;
const WORKERS: usize = 2;

/// The pause between two rounds that end leases.
const HASTE: Duration = Duration::from_secs(1);
/// Ends the leases of keys that were claimed or renewed more than five seconds ago.
const END_LEASES: &str = "UPDATE idempotency_keys SET lease_until = now()
    WHERE result IS NULL AND lease_until BETWEEN now() AND now() + interval '70 s'";
/// Ends the wait for requests to combine parts whose answers were lost: none of them runs for so long, even if S3 was
/// stopped meanwhile.
const END_FINISHES: &str = "UPDATE uploads SET finishing_since = now() - interval '1 hour'
    WHERE finishing_since BETWEEN now() - interval '59 minutes' AND now() - interval '30 s'";

pub(super) struct Deployment {
    pub(super) apis: Arc<Vec<Process>>,
    pub(super) workers: Arc<Vec<Process>>,
    pub(super) stores: Arc<Mutex<Stores>>,
    pub(super) oracle: Mutex<Oracle>,
    pub(super) environment: Vec<(&'static str, String)>,
    pub(super) key: String,
    /// Logs, and the files of S3.
    pub(super) run: PathBuf,
    /// The files of Postgres, in a folder that its account can enter.
    pub(super) cluster: PathBuf,
}

impl Deployment {
    pub(super) async fn start(tally: &Arc<Tally>) -> Self {
        let run = folder("cairn-soak-");
        let cluster = folder("cairn-soak-postgres-");
        // Created by the cluster, for the account that it runs under.
        std::fs::remove_dir(&cluster).unwrap();
        let postgres = Postgres::start(cluster.clone(), &run).await;
        let s3 = S3::start(&run).await;
        let blobs = s3::config(&s3.proxy.address.to_string(), &s3.bucket);
        let mut config = StoreConfig::new(postgres.url.clone(), BlobConfig::S3(blobs));
        config.database_connections = 4;
        // Not a setting of any process: the drain does not wait for days.
        config.gc.orphan_age = Duration::ZERO;
        config.gc.orphan_confirm = Duration::ZERO;
        config.gc.orphan_round = Duration::ZERO;
        let store = Store::open(&config).await.unwrap();
        store.migrate().await.unwrap();
        store.preflight().await.unwrap();
        let key = store.create_api_key("soak").await.unwrap();

        let environment = environment(&postgres, &s3);
        let (mut apis, mut workers) = (Vec::new(), Vec::new());
        for number in 0..APIS {
            apis.push(Process::api(number, &run, &environment, tally).await);
        }
        for number in 0..WORKERS {
            workers.push(Process::worker(number, &run, &environment, tally).await);
        }
        let oracle = Oracle::new(store, config.gc, postgres.url.clone(), s3.bucket.clone());
        Self {
            apis: Arc::new(apis),
            workers: Arc::new(workers),
            stores: Arc::new(Mutex::new(Stores { postgres, s3 })),
            oracle: Mutex::new(oracle),
            environment,
            key: key.reveal().to_owned(),
            run,
            cluster,
        }
    }

    pub(super) async fn clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        for api in self.apis.iter() {
            clients.push(Client::connect(&api.grpc_url, Some(&self.key)).await);
        }
        clients
    }

    /// Ends the leases of idempotency keys and of finishes within seconds, for which no process has a setting. A client
    /// whose upload died with its process does not wait for them, and a slow upload finds that another one has taken its
    /// place.
    pub(super) async fn hasten(&self) {
        let url = self.oracle.lock().await.url.clone();
        loop {
            sleep(HASTE).await;
            let Ok((database, connection)) = tokio_postgres::connect(&url, NoTls).await else {
                continue; // Postgres is down
            };
            tokio::spawn(connection);
            for end in [END_LEASES, END_FINISHES] {
                let _ = database.batch_execute(end).await;
            }
        }
    }

    /// Lets the oracle check, while both stores are up.
    pub(super) async fn look(&self, tally: &Tally) {
        let _up = self.stores.lock().await;
        if let Err(e) = self.oracle.lock().await.look(tally).await {
            tally.say(&format!("the oracle could not look: {e:?}"));
            tally.add("check: a look that failed, and says nothing");
        }
    }
}

fn folder(prefix: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir();
    folder.unwrap().keep()
}
