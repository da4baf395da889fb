//! Plays a history on a real store and on the reference, and compares the two after every step.

mod compare;
mod watched;

use cairn_store::{
    Caller, Store, TenantUpdate,
    gc::{Collector, PASSES, Pass, Policy},
};
use proptest::sample::Index;

use super::{
    call::{Answer, Call},
    make::{Outcome, make},
    reference::{Record, Reference, counted_by},
    step::{How, Step, TENANTS},
};
use harness::{Bytes, Cairn, Setup, mortal::Mortal};

/// An id that no artifact has.
const NOBODY: &str = "art_0000000000000000";

struct Play {
    cairn: Cairn,
    /// The replica that gets calls.
    store: Store,
    /// The replica that dies.
    mortal: Option<Mortal>,
    callers: Vec<Caller>,
    /// The expected content of each caller's tenant.
    references: [Reference; TENANTS],
    done: Vec<Done>,
}

/// A call that had an effect.
struct Done {
    tenant: usize,
    call: Call<String>,
    key: String,
    answer: Answer,
    made: String,
}

pub(super) async fn play(history: &[Step]) {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let mut callers = vec![cairn.store.authenticate(&cairn.key).await.unwrap()];
    while callers.len() < TENANTS {
        let name = format!("tenant-{}", callers.len());
        let key = cairn.store.create_api_key(&name).await.unwrap();
        // The others had no effect.
        let ample = TenantUpdate {
            max_stored_bytes: Some(Some(1 << 40)),
            ..TenantUpdate::default()
        };
        assert!(cairn.store.update_tenant(&name, ample).await.unwrap());
        callers.push(cairn.store.authenticate(key.reveal()).await.unwrap());
    }
    let mut play = Play {
        store: cairn.store.clone(),
        mortal: None,
        callers,
        references: Default::default(),
        done: Vec::new(),
        cairn,
    };
    for (number, step) in history.iter().enumerate() {
        Box::pin(play.take(number, step)).await;
        play.compare(step).await;
    }
    play.read_everything().await;
    play.watch_everything().await;
    play.collect_all().await;
    play.compare(&Step::CollectAll(None)).await;
    play.read_everything().await;
    play.watch_everything().await;
}

impl Play {
    async fn take(&mut self, number: usize, step: &Step) {
        match step {
            Step::Call(tenant, call, how) => {
                let call = self.resolve(*tenant, call.clone());
                let key = format!("step {number}");
                Box::pin(self.call(*tenant, call, &key, *how)).await;
            }
            Step::Again(place) => {
                if !self.done.is_empty() {
                    self.call_again(place).await;
                }
            }
            Step::Pass(name, life) => self.pass(name, *life).await,
            Step::Expire(place) => {
                let id = self.id(place, &self.references, Record::is_visible);
                // Of what expired before, the time of expiry would change.
                let condition = "expires_at IS NULL OR expires_at > now()";
                self.change("expires_at = now()", condition, &id).await;
                self.each(|reference| reference.expire(&id));
            }
            Step::EndWindow(place) => {
                let id = self.id(place, &self.references, Record::is_in_window);
                self.change("purge_after = now()", "state = 'deleted'", &id)
                    .await;
                self.each(|reference| reference.end_window(&id));
            }
            Step::EndWait(place) => {
                let waiting = self.references.iter().flat_map(|it| &it.waiting);
                let ids: Vec<_> = waiting.map(|waiting| waiting.id.clone()).collect();
                if ids.is_empty() {
                    return;
                }
                let id = place.get(&ids);
                let sql =
                    format!("UPDATE pending_artifacts SET discard_at = now() WHERE id = '{id}'");
                self.cairn.sql(&sql).await;
                self.each(|reference| reference.end_wait(id));
            }
            Step::LetTimePass => {
                self.cairn.let_time_pass().await;
                self.each(Reference::let_time_pass);
            }
            Step::EndRetention => self.end_retention().await,
            Step::CollectAll(life) => {
                if let Some(steps) = life {
                    self.collect_and_die(*steps).await;
                }
                self.collect_all().await;
                self.end_retention().await;
                self.pass("artifact_rows", None).await;
            }
            Step::Restart => self.store = Store::open(&self.cairn.config).await.unwrap(),
        }
    }

    fn each(&mut self, change: impl FnMut(&mut Reference)) {
        self.references.iter_mut().for_each(change);
    }

    async fn end_retention(&mut self) {
        let sql = "UPDATE artifacts SET forget_after = now() WHERE state = 'purged'";
        self.cairn.sql(sql).await;
        self.each(Reference::end_retention);
    }

    /// Ends every wait and lets the collector finish: then every key in the store belongs to a live row.
    async fn collect_all(&mut self) {
        self.cairn.drain().await;
        self.each(Reference::drain);
    }

    /// Lets a worker collect that dies after so many steps.
    async fn collect_and_die(&mut self, steps: usize) {
        let mortal = beside(&self.cairn, &mut self.mortal).await;
        mortal.life.begin(steps);
        let work = async {
            loop {
                self.cairn.let_time_pass().await;
                let passes = PASSES.iter().filter(|pass| !pass.walks());
                let report = mortal.collector.run_passes(Policy::default(), passes).await;
                if report.is_idle() {
                    return;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = mortal.life.end() => {}
        }
    }

    async fn change(&self, change: &str, condition: &str, id: &str) {
        let sql = format!("UPDATE artifacts SET {change} WHERE id = '{id}' AND ({condition})");
        self.cairn.sql(&sql).await;
    }

    /// The artifact at a place in a list: those that fit the step, three times, then all artifacts of any tenant, then
    /// one that does not exist.
    fn id(&self, place: &Index, among: &[Reference], fit: impl Fn(&Record) -> bool) -> String {
        let fit = among
            .iter()
            .flat_map(|it| &it.artifacts)
            .filter(|it| fit(it));
        let mut ids = vec![fit.map(|it| it.id.clone()).collect::<Vec<_>>(); 3].concat();
        ids.extend(self.references.iter().flat_map(Reference::ids));
        ids.push(NOBODY.to_owned());
        place.get(&ids).clone()
    }

    /// The call with ids in place of places, and with versions.
    fn resolve(&self, tenant: usize, call: Call<Index>) -> Call<String> {
        let own = std::slice::from_ref(&self.references[tenant]);
        let waiting: Vec<_> = match &call {
            Call::Publish { session, .. } => {
                let waiting = own[0].waiting_in(session);
                waiting.map(|waiting| waiting.id.clone()).collect()
            }
            _ => vec![],
        };
        let fit = match &call {
            Call::Restore(_) => Record::is_in_window,
            _ => Record::is_visible,
        };
        let mut call = call.map(|place| match waiting.as_slice() {
            [] => self.id(&place, own, fit),
            waiting => place.get(waiting).clone(),
        });
        call.drop_repetitions();
        if let Some(spec) = call.spec_mut() {
            spec.follows = own[0].pin_down(spec.file, spec.follows);
        }
        call
    }

    async fn call(&mut self, tenant: usize, call: Call<String>, key: &str, how: How) {
        let key = match how {
            How::WithoutKey => "",
            How::UnderKey | How::DyingAfter(_) => key,
        };
        let caller = &self.callers[tenant];
        if let How::DyingAfter(steps) = how {
            let mortal = beside(&self.cairn, &mut self.mortal).await;
            mortal.life.begin(steps);
            tokio::select! {
                _ = make(&mortal.store, caller, &call, key) => {}
                () = mortal.life.end() => {}
            }
            // The dead replica's locks and leases end with their time.
            for free in [
                "UPDATE idempotency_keys SET lease_until = now() WHERE lease_until > now()",
                "UPDATE uploads SET finishing_since = now() - interval '1 hour'
                    WHERE finishing_since IS NOT NULL",
            ] {
                self.cairn.sql(free).await;
            }
        }
        let Outcome { answer, made } = make(&self.store, caller, &call, key).await;
        let made = made.unwrap_or_default();
        let expected = self.references[tenant].answer(&call, &made);
        assert_eq!(answer, expected, "tenant {tenant}: {call:?}");
        let has_effect = !matches!(answer, Answer::Refused(_) | Answer::Bytes(_));
        if has_effect && !key.is_empty() {
            self.done.push(Done {
                tenant,
                call,
                key: key.to_owned(),
                answer,
                made,
            });
        }
    }

    async fn call_again(&mut self, place: &Index) {
        let done = place.get(&self.done);
        let caller = &self.callers[done.tenant];
        let outcome = make(&self.store, caller, &done.call, &done.key).await;
        let reference = &self.references[done.tenant];
        let expected = reference.answer_again(&done.call, &done.made, &done.answer);
        assert_eq!(outcome.answer, expected, "again: {:?}", done.call);
        if let Some(made) = outcome.made {
            assert_eq!(made, done.made, "again: {:?}", done.call);
        }
    }

    async fn pass(&mut self, name: &str, life: Option<usize>) {
        let run = async |collector: &Collector| {
            collector
                .run_passes(Policy::default(), Pass::named(name))
                .await
        };
        if let Some(steps) = life {
            let mortal = beside(&self.cairn, &mut self.mortal).await;
            mortal.life.begin(steps);
            tokio::select! {
                _ = run(&mortal.collector) => {}
                () = mortal.life.end() => {}
            }
        }
        let report = run(&self.cairn.collector).await;
        assert!(report.failures.is_empty(), "{name}: {report:?}");
        let expected: u64 = self.references.iter_mut().map(|it| it.pass(name)).sum();
        // One that died did part of it.
        if let (None, Some(count)) = (life, counted_by(name)) {
            assert_eq!(report.count(count), expected, "{name}");
        }
    }

    /// Reads every artifact that ever existed, or gets the error that says why not; no tenant can read another
    /// tenant's.
    async fn read_everything(&mut self) {
        let ids: Vec<_> = self.references.iter().flat_map(Reference::ids).collect();
        for tenant in 0..TENANTS {
            for id in &ids {
                self.call(tenant, Call::Read(id.clone()), "", How::WithoutKey)
                    .await;
            }
        }
        self.get_everything().await;
    }
}

/// The replica that dies, created when it is first needed.
async fn beside<'a>(cairn: &Cairn, mortal: &'a mut Option<Mortal>) -> &'a Mortal {
    match mortal {
        Some(mortal) => mortal,
        none => none.insert(Mortal::beside(cairn).await),
    }
}
