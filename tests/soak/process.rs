//! The programs of the deployment. Each is restarted whenever it ends, as by an orchestrator.

use std::{fs::File, os::unix::process::ExitStatusExt, path::PathBuf, sync::Arc, time::Duration};

use rustix::process::Signal;
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
    time::sleep,
};

use super::{
    stores::{Postgres, S3},
    tally::{Broken, Tally},
};
use harness::{
    program::{self, free_addresses, program},
    s3,
};

/// Every wait is as short as the settings allow, so that uploads, deletions and the collector overlap.
const SETTINGS: &[(&str, &str)] = &[
    ("CAIRN_DATABASE_CONNECTIONS", "12"),
    ("CAIRN_INLINE_MAX_BYTES", "4096"),
    ("CAIRN_UPLOAD_LEASE", "2s"),
    ("CAIRN_UPLOAD_WINDOW", "5m"),
    ("CAIRN_DELETE_WINDOW", "1500ms"),
    ("CAIRN_GC_GRACE", "300ms"),
    ("CAIRN_GC_INTERVAL", "150ms"),
    ("CAIRN_UNPUBLISHED_WINDOW", "8s"),
    // As long as a client repeats its request.
    ("CAIRN_IDEMPOTENCY_WINDOW", "5m"),
    ("CAIRN_EVENT_RETENTION", "30s"),
    ("CAIRN_JOB_RETENTION", "2m"),
    ("CAIRN_LOG", "warn"),
];

/// The settings of every program.
pub(super) fn environment(postgres: &Postgres, s3: &S3) -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = SETTINGS
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    all.push(("CAIRN_DATABASE_URL", postgres.url.clone()));
    let s3_address = s3.proxy.address.to_string();
    all.extend(s3::environment(&s3_address, &s3.bucket));
    let public = format!("http://{s3_address}");
    all.push(("CAIRN_S3_PUBLIC_ENDPOINT", public));
    all
}

/// A program that is restarted when it ends.
pub(super) struct Process {
    signals: mpsc::UnboundedSender<Signal>,
    kept: JoinHandle<()>,
    pub(super) grpc_url: String,
    pub(super) log: PathBuf,
}

impl Process {
    pub(super) async fn api(
        number: usize,
        run: &std::path::Path,
        environment: &[(&'static str, String)],
        tally: &Arc<Tally>,
    ) -> Self {
        let addresses = free_addresses();
        let grpc_url = format!("http://{}", addresses[0]);
        let mut environment = environment.to_vec();
        environment.extend(
            ["CAIRN_GRPC_ADDR", "CAIRN_HTTP_ADDR", "CAIRN_OPS_ADDR"]
                .into_iter()
                .zip(addresses),
        );
        let log = run.join(format!("api-{number}.log"));
        Self::keep("cairn-api", &["serve"], environment, grpc_url, log, tally).await
    }

    pub(super) async fn worker(
        number: usize,
        run: &std::path::Path,
        environment: &[(&'static str, String)],
        tally: &Arc<Tally>,
    ) -> Self {
        let log = run.join(format!("worker-{number}.log"));
        let mut environment = environment.to_vec();
        environment.push(("CAIRN_OPS_ADDR", "127.0.0.1:0".to_owned()));
        Self::keep(
            "cairn-gc-worker",
            &[],
            environment,
            String::new(),
            log,
            tally,
        )
        .await
    }

    async fn keep(
        name: &'static str,
        args: &'static [&'static str],
        environment: Vec<(&'static str, String)>,
        grpc_url: String,
        log: PathBuf,
        tally: &Arc<Tally>,
    ) -> Self {
        let program = program(name).await;
        let (signals, received) = mpsc::unbounded_channel();
        let (tally, path) = (Arc::clone(tally), log.clone());
        let start = move || {
            let log = File::options().append(true).create(true).open(&path);
            let mut command: Command = program::command(program);
            command
                .args(args)
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .stdout(std::process::Stdio::null())
                .stderr(log.unwrap());
            command.spawn().unwrap()
        };
        Self {
            signals,
            kept: tokio::spawn(keep(name, start, received, tally)),
            grpc_url,
            log,
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        // It may have been stopped.
        let _ = self.signals.send(signal);
    }

    /// Stops it permanently, and waits until it has ended.
    pub(super) async fn stop(self) {
        self.signal(Signal::TERM);
        self.kept.await.unwrap();
    }
}

async fn keep(
    name: &'static str,
    start: impl Fn() -> Child,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    tally: Arc<Tally>,
) {
    loop {
        let mut child = start();
        let mut sent = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.unwrap(),
                signal = signals.recv() => {
                    // No retention is needed.
                    let Some(signal) = signal else { return };
                    program::signal(&child, signal);
                    sent = Some(signal);
                }
            }
        };
        let killed = status.signal() == Some(Signal::KILL.as_raw()) && sent == Some(Signal::KILL);
        match status.code() {
            Some(0) if sent == Some(Signal::TERM) => return,
            // A store is down at its start.
            Some(1) => tally.add("fault: a program could not start, and was started again"),
            _ if killed => {}
            _ => tally.broken(Broken::Other, format!("{name} ended with {status}")),
        }
        if sent == Some(Signal::TERM) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
