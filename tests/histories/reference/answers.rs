//! The answers to calls, and their effects.

use std::collections::BTreeSet;

use cairn_store::{Origin, State};

use super::{Life, Record, Reference, Session, Waiting};
use crate::{
    call::{
        Answer, CONFLICT, Call, File, Follows, HELD, INVALID, MISMATCH, MISSING, Matching,
        NO_SESSION, NO_SUCH_SESSION, NOT_FOUND, Sent, Spec, TOO_LATE,
    },
    contents,
};

type Expected = Result<Answer, &'static str>;

impl Reference {
    /// Applies the call, and returns the expected answer; `made` is the id of what it creates.
    pub(crate) fn answer(&mut self, call: &Call<String>, made: &str) -> Answer {
        let told = match call {
            Call::Create {
                spec,
                content,
                sent,
            } => self.create(spec, *content, *sent, made),
            Call::Copy { source, spec } => match self.readable(source) {
                Ok(source) => {
                    let content = source.content;
                    let input = Some(source.id.clone());
                    self.commit(spec, content, input, made)
                }
                Err(why) => Err(why),
            },
            Call::Publish { session, ids, seal } => self.publish(session, ids, *seal),
            Call::Seal(session) => self.seal_once(session),
            Call::Read(id) => self
                .readable(id)
                .map(|record| Answer::Bytes(record.content)),
            Call::Update { id, ttl, stage } => self.readable(id).map(|record| {
                record.stage = stage;
                if let Some(ttl) = ttl {
                    record.until = (*ttl).into();
                }
                let version = record.version;
                Answer::Updated { version, stage }
            }),
            Call::Delete(id) => self.delete(id),
            Call::DeleteFile(file) => self.delete_file(*file),
            Call::DeleteSession(session) => self.delete_session(session),
            Call::DeleteThese(ids) => Ok(self.delete_all(ids)),
            Call::DeleteMatching(matching) => {
                let matches = |record: &&Record| matching.is_met_by(record);
                let ids = self.visible().filter(matches);
                let ids: Vec<_> = ids.map(|record| record.id.clone()).collect();
                Ok(self.delete_all(&ids))
            }
            Call::Restore(ids) => Ok(self.restore(ids)),
            Call::Hold { ids, hold } => Ok(self.hold(ids, *hold)),
            Call::HoldSession { session, hold } => self.hold_session(session, *hold),
        };
        told.unwrap_or_else(|why| Answer::Refused(why.to_owned()))
    }

    /// The answer to the same call when it is retried under its key: the first answer, with the created artifact as it
    /// is now.
    pub(crate) fn answer_again(&self, call: &Call<String>, made: &str, then: &Answer) -> Answer {
        let mut waiting = self.waiting.iter();
        let waits = waiting.any(|waiting| waiting.id == made && !waiting.overdue);
        match (call, then) {
            (_, Answer::Made { .. }) if !waits && self.find(made).is_none() => {
                Answer::Refused(NOT_FOUND.to_owned())
            }
            (
                _,
                Answer::Made {
                    origin, existing, ..
                },
            ) => {
                let record = self.find(made);
                let state = match record {
                    None => State::Unpublished,
                    Some(record) if record.is_visible() => State::Visible,
                    Some(record) if record.why_not() == super::DELETED => State::Deleted,
                    Some(_) => State::Expired,
                };
                Answer::Made {
                    origin: *origin,
                    state,
                    version: record.map_or(0, |record| record.version),
                    existing: existing.clone(),
                }
            }
            (Call::Update { id, .. }, Answer::Updated { .. }) => match self.find(id) {
                None => Answer::Refused(NOT_FOUND.to_owned()),
                Some(record) => Answer::Updated {
                    version: record.version,
                    stage: record.stage,
                },
            },
            _ => then.clone(),
        }
    }

    fn create(&mut self, spec: &Spec, content: usize, sent: Sent, made: &str) -> Expected {
        let is_it = |record: &Record| record.content == content;
        let readable = self.visible().any(is_it);
        let declared = !contents()[content].is_empty() || sent == Sent::IfMissing;
        match sent {
            Sent::Misdeclared => Err(MISMATCH),
            Sent::Not if declared && !readable => Err(MISSING),
            _ => self.commit(spec, content, None, made),
        }
    }

    fn commit(
        &mut self,
        spec: &Spec,
        content: usize,
        input: Option<String>,
        made: &str,
    ) -> Expected {
        let file = spec.file;
        if self.is_sealed(file.session) {
            return Err(TOO_LATE);
        }
        let latest = self.latest(file);
        let follows = match spec.follows {
            Follows::Version(version) => Some(version),
            _ => None,
        };
        if follows.is_some_and(|expected| expected != latest.map_or(0, |it| it.version)) {
            return Err(CONFLICT);
        }
        if let Some(latest) = latest.filter(|it| spec.return_existing && it.content == content) {
            return Ok(Answer::Made {
                origin: Origin::Existing,
                state: State::Visible,
                version: latest.version,
                existing: Some(latest.id.clone()),
            });
        }
        let is_new = self.objects.insert(content);
        assert!(input.is_none() || !is_new, "what can be read has an object");
        let held = match file.session {
            NO_SESSION => false,
            session => self.sessions.entry(session).or_default().held,
        };
        let (state, version) = if spec.unpublished {
            self.waiting.push(Waiting {
                id: made.to_owned(),
                file,
                content,
                ttl: spec.ttl,
                follows,
                input,
                persistent: spec.persistent,
                overdue: false,
            });
            (State::Unpublished, 0)
        } else {
            let version = self.next_version(file);
            self.artifacts.push(Record {
                input,
                ..Record::new(made, spec, content, version, held)
            });
            (State::Visible, version)
        };
        Ok(Answer::Made {
            origin: if is_new {
                Origin::New
            } else {
                Origin::Deduplicated
            },
            state,
            version,
            existing: None,
        })
    }

    fn publish(&mut self, session: &'static str, ids: &[String], seal: bool) -> Expected {
        let held = self.open(session)?.held;
        let wanted: Vec<_> = self
            .waiting_in(session)
            .filter(|waiting| ids.is_empty() || ids.contains(&waiting.id))
            .collect();
        if ids.iter().any(|id| !wanted.iter().any(|it| it.id == *id)) {
            return Err(NOT_FOUND);
        }
        let mut inputs = wanted.iter().filter_map(|it| it.input.as_ref());
        if inputs.any(|input| self.find(input).is_none()) {
            return Err(INVALID);
        }
        let mut seen = BTreeSet::new();
        for waiting in &wanted {
            let first = seen.insert(waiting.file);
            match waiting.follows {
                None => {}
                Some(_) if !first => return Err(INVALID),
                Some(expected) if expected != self.latest_version(waiting.file) => {
                    return Err(CONFLICT);
                }
                Some(_) => {}
            }
        }
        let wanted: BTreeSet<_> = wanted.iter().map(|waiting| waiting.id.clone()).collect();
        let mut published = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            if !wanted.contains(&waiting.id) {
                self.waiting.push(waiting);
                continue;
            }
            let version = self.next_version(waiting.file);
            published.push((waiting.id.clone(), version));
            self.artifacts.push(waiting.publish(version, held));
        }
        if seal {
            self.seal(session);
        }
        Ok(Answer::Published(published))
    }

    /// A session that accepts writes.
    fn open(&self, session: &str) -> Result<&Session, &'static str> {
        let session = self.sessions.get(session).ok_or(NO_SUCH_SESSION)?;
        if session.manifest.is_some() {
            return Err(TOO_LATE);
        }
        Ok(session)
    }

    fn seal_once(&mut self, session: &'static str) -> Expected {
        match self.open(session) {
            Ok(_) => self.seal(session),
            Err(TOO_LATE) => {}
            Err(why) => return Err(why),
        }
        Ok(Answer::Session)
    }

    fn delete(&mut self, id: &str) -> Expected {
        if let Some(place) = self.waiting.iter().position(|waiting| waiting.id == id) {
            self.waiting.remove(place);
            return Ok(Answer::Deleted);
        }
        let record = self.readable(id)?;
        if record.is_held() {
            return Err(HELD);
        }
        record.delete();
        Ok(Answer::Deleted)
    }

    fn delete_file(&mut self, file: File) -> Expected {
        let versions = self.visible().filter(|record| record.file == file);
        let ids: Vec<_> = versions.map(|record| record.id.clone()).collect();
        if ids.is_empty() {
            return Err(NOT_FOUND);
        }
        Ok(self.delete_all(&ids))
    }

    fn delete_session(&mut self, session: &'static str) -> Expected {
        let is_held = self.sessions.get(session).ok_or(NO_SUCH_SESSION)?.held;
        let (mut count, mut bytes, mut held) = (0, 0, 0);
        let mut delete = |content: usize| {
            count += 1;
            bytes += contents()[content].len() as u64;
        };
        self.waiting.retain(|waiting| {
            let stays = waiting.persistent || is_held || waiting.file.session != session;
            if !stays {
                delete(waiting.content);
            }
            stays
        });
        for record in &mut self.artifacts {
            if record.file.session != session || record.persistent || !record.is_visible() {
                continue;
            }
            if record.is_held() {
                held += 1;
            } else {
                record.delete();
                delete(record.content);
            }
        }
        Ok(Answer::SessionDeleted { count, bytes, held })
    }

    fn delete_all(&mut self, ids: &[String]) -> Answer {
        let (mut count, mut bytes, mut not_deleted) = (0, 0, BTreeSet::new());
        for id in ids {
            match self.readable(id) {
                Ok(record) if !record.is_held() => {
                    record.delete();
                    count += 1;
                    bytes += contents()[record.content].len() as u64;
                }
                _ => {
                    not_deleted.insert(id.clone());
                }
            }
        }
        Answer::DeletedMany {
            count,
            bytes,
            not_deleted,
        }
    }

    fn restore(&mut self, ids: &[String]) -> Answer {
        let (mut count, mut not_restored) = (0, BTreeSet::new());
        for id in ids {
            let found = self.artifacts.iter_mut().find(|record| record.id == *id);
            let can_be = found.filter(|record| {
                let session = self.sessions.get(record.file.session);
                let manifest = session.and_then(|session| session.manifest.as_ref());
                record.is_in_window() && manifest.is_none_or(|manifest| manifest.contains(id))
            });
            if let Some(record) = can_be {
                record.life = Life::Live;
                count += 1;
            } else {
                not_restored.insert(id.clone());
            }
        }
        Answer::Restored {
            count,
            not_restored,
        }
    }

    fn hold(&mut self, ids: &[String], hold: bool) -> Answer {
        let (mut changed, mut missing) = (0, BTreeSet::new());
        for id in ids {
            match self.readable(id) {
                Ok(record) => {
                    changed += u64::from(record.held != hold);
                    record.held = hold;
                }
                Err(_) => {
                    missing.insert(id.clone());
                }
            }
        }
        Answer::Held { changed, missing }
    }

    fn hold_session(&mut self, session: &'static str, hold: bool) -> Expected {
        self.sessions.get_mut(session).ok_or(NO_SUCH_SESSION)?.held = hold;
        if hold {
            self.end_expired(session);
        }
        for record in &mut self.artifacts {
            if record.file.session == session && !matches!(record.life, Life::Purged { .. }) {
                record.session_held = hold;
            }
        }
        Ok(Answer::Session)
    }
}

impl Record {
    fn new(id: &str, spec: &Spec, content: usize, version: i64, session_held: bool) -> Self {
        Self {
            id: id.to_owned(),
            file: spec.file,
            version,
            content,
            stage: "draft",
            until: spec.ttl.into(),
            life: Life::Live,
            held: false,
            session_held,
            persistent: spec.persistent,
            input: None,
        }
    }
}

impl Waiting {
    fn publish(self, version: i64, session_held: bool) -> Record {
        let spec = Spec {
            file: self.file,
            follows: Follows::Any,
            return_existing: false,
            unpublished: false,
            persistent: self.persistent,
            ttl: self.ttl,
        };
        Record {
            input: self.input,
            ..Record::new(&self.id, &spec, self.content, version, session_held)
        }
    }
}

impl Matching {
    fn is_met_by(&self, record: &Record) -> bool {
        match self {
            Self::Session(session) => record.file.session == *session,
            Self::Filename(name) => record.file.name == *name,
            Self::Stage(stage) => record.stage == *stage,
        }
    }
}
