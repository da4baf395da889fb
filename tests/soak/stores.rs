//! The two stores that the soak's processes share. Each is behind a proxy, so that its address survives a restart and
//! its connections can be cut.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cairn_cli::cluster::{Cluster, Options};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::spawn_blocking;
use tokio_postgres::{Config, config::Host};

use harness::{
    Proxy,
    s3::{Bucket, Server, bucket_in},
};

/// Durable, as in production: it is restarted while it works.
const SETTINGS: &[&str] = &["max_connections=200"];

/// How Postgres is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    /// Transactions are rolled back, and everything is written.
    Fast,
    /// Immediately; the next start has to recover.
    Immediate,
}

pub(super) struct Postgres {
    folder: PathBuf,
    socket: PathBuf,
    cluster: Option<Cluster>,
    pub(super) proxy: Proxy,
    /// Through the proxy.
    pub(super) url: String,
}

impl Postgres {
    /// `folder` is for the cluster alone, `run` for the rest.
    pub(super) async fn start(folder: PathBuf, run: &Path) -> Self {
        let cluster = start(folder.clone()).await;
        let socket = run.join("postgres.socket");
        lead_to(&socket, &cluster);
        let proxy = Proxy::before_unix(socket.clone()).await;
        let direct: Config = cluster.url("postgres").parse().unwrap();
        let url = format!(
            "host={} port={} user={} dbname=postgres",
            proxy.address.ip(),
            proxy.address.port(),
            direct.get_user().unwrap(),
        );
        Self {
            folder,
            socket,
            cluster: Some(cluster),
            proxy,
            url,
        }
    }

    pub(super) async fn restart(&mut self, how: Stop) {
        self.stop(how).await;
        let cluster = start(self.folder.clone()).await;
        lead_to(&self.socket, &cluster);
        self.cluster = Some(cluster);
    }

    pub(super) async fn stop(&mut self, how: Stop) {
        let cluster = self.cluster.take().unwrap();
        if matches!(how, Stop::Immediate) {
            let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
            let pid = file.lines().next().unwrap().parse().unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::QUIT).unwrap();
        }
        let stopped = spawn_blocking(|| cluster.stop());
        stopped.await.unwrap().unwrap();
    }
}

async fn start(folder: PathBuf) -> Cluster {
    let options = Options {
        settings: SETTINGS,
        temporary: false,
    };
    let start = spawn_blocking(move || Cluster::start(&folder, options));
    start.await.unwrap().unwrap()
}

/// A cluster gets another socket at each start; this path always leads to the current one.
fn lead_to(path: &Path, cluster: &Cluster) {
    let config: Config = cluster.url("postgres").parse().unwrap();
    let [Host::Unix(folder)] = config.get_hosts() else {
        panic!("it listens on a unix socket alone");
    };
    let next = path.with_extension("next");
    std::os::unix::fs::symlink(folder.join(".s.PGSQL.5432"), &next).unwrap();
    fs::rename(next, path).unwrap();
}

pub(super) struct S3 {
    server: Option<Server>,
    pub(super) proxy: Proxy,
    pub(super) bucket: Bucket,
}

impl S3 {
    pub(super) async fn start(run: &Path) -> Self {
        let folder = run.join("s3");
        fs::create_dir(&folder).unwrap();
        let started = spawn_blocking(move || Server::start(&folder, false));
        let server = started.await.unwrap();
        let proxy = Proxy::before_tcp(&server.address()).await;
        let bucket = bucket_in(&server, "cairn-soak".to_owned()).await;
        Self {
            server: Some(server),
            proxy,
            bucket,
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.server.as_ref().unwrap().signal(signal);
    }

    /// Waits until it accepts writes again.
    pub(super) async fn restart(&mut self, kill: bool) {
        let mut server = self.server.take().unwrap();
        let restarted = spawn_blocking(move || {
            if kill {
                server.kill();
            } else {
                server.stop();
            }
            server.start_again();
            server
        });
        let server = restarted.await.unwrap();
        self.wait_until_it_stores().await;
        self.server = Some(server);
    }

    async fn wait_until_it_stores(&self) {
        let key = "v1/_deployment_id";
        for _ in 0..1200 {
            let get = self.bucket.client.get_object();
            let got = get.bucket(&self.bucket.name).key(key).send().await;
            if got.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the S3 server does not come back within two minutes");
    }

    pub(super) async fn stop(&mut self) {
        let mut server = self.server.take().unwrap();
        spawn_blocking(move || server.stop()).await.unwrap();
    }
}
