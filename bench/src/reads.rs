//! Rates of reading records and small contents, compared with GetObject of the raw SDK.

use std::time::Duration;

use cairn_proto::v1::ArtifactSpec;

use crate::{
    load::{Load, Rounds, load},
    report::{Report, Wanted},
    services::{Api, Bucket, Client},
    world::{Plan, World, random},
};

const CLIENTS: usize = 16;
const SIZE: usize = 4 << 10;

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let world = World::start(plan).await;
    let now = Side::of(&world.now).await;
    let before = match &world.before {
        Some(before) => Some(Side::of(before).await),
        None => None,
    };
    world.raw.put("small", random(SIZE)).await;
    let raw = vec![world.raw.clone(); CLIENTS];

    let [mut gets, mut gets_before, mut downloads] = [(); 3].map(|()| Rounds::default());
    let [mut downloads_before, mut raw_gets] = [(); 2].map(|()| Rounds::default());
    // The first calls fill caches and do not count.
    for side in [Some(&now), before.as_ref()].into_iter().flatten() {
        side.gets(plan.scale.turn / 8).await;
        side.downloads(plan.scale.turn / 8).await;
    }
    for _ in 0..plan.scale.rounds {
        gets.push(now.gets(plan.scale.turn).await);
        downloads.push(now.downloads(plan.scale.turn).await);
        raw_gets.push(get_plainly(&raw, plan.scale.turn).await);
        if let Some(before) = &before {
            gets_before.push(before.gets(plan.scale.turn).await);
            downloads_before.push(before.downloads(plan.scale.turn).await);
        }
    }
    report.begin("Reads", ["work", "Cairn", "peer"]);
    let get = format!("get a record, {CLIENTS} clients");
    let tail = format!("{get}: p99 by p50");
    report.row(&tail, &gets.words(), "–", gets.tails(), Wanted::AtMost(5.0));
    let download = format!("download 4 KiB, {CLIENTS} clients");
    let peer = format!("GetObject {}", raw_gets.words());
    let ratio = downloads.rates_by(&raw_gets);
    report.row(
        &download,
        &downloads.words(),
        &peer,
        ratio,
        Wanted::AtLeast(2.0),
    );
    if before.is_some() {
        for (work, now, before) in [
            (get, gets, gets_before),
            (download, downloads, downloads_before),
        ] {
            let peer = format!("before {}", before.words());
            let ratio = now.rates_by(&before);
            report.row(&work, &now.words(), &peer, ratio, Wanted::Nothing);
        }
    }
}

/// Clients, and what they read.
struct Side {
    clients: Vec<Client>,
    id: String,
}

impl Side {
    async fn of(api: &Api) -> Self {
        let clients = api.clients(CLIENTS).await;
        let spec = ArtifactSpec {
            filename: "small".to_owned(),
            ..Default::default()
        };
        let made = clients[0].create(spec, random(SIZE)).await;
        Self {
            clients,
            id: made.expect("an artifact").artifact_id,
        }
    }

    async fn gets(&self, turn: Duration) -> Load {
        let id = self.id.clone();
        load(self.clients.clone(), turn, move |client, _| {
            let id = id.clone();
            async move {
                client.get(&id).await.expect("a record");
            }
        })
        .await
    }

    async fn downloads(&self, turn: Duration) -> Load {
        let id = self.id.clone();
        load(self.clients.clone(), turn, move |client, _| {
            let id = id.clone();
            async move {
                let size = client.download(&id).await;
                assert_eq!(size.expect("a content"), SIZE as u64);
            }
        })
        .await
    }
}

async fn get_plainly(callers: &[Bucket], turn: Duration) -> Load {
    load(callers.to_vec(), turn, |bucket, _| async move {
        assert_eq!(bucket.get("small").await, SIZE as u64);
    })
    .await
}
