//! What earlier purchases answer of a job, as the model sees it.

use std::time::SystemTime;

use pronto_grpc::jobs::model::{Change, End, Found};
use pronto_grpc::jobs::{identity, person};
use pronto_grpc::ledger::model::NewCall;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    Acceptance, CallOutcome, CallbackSource, Contact, EnrichmentType, ErasedResult, JobStarted,
};

use super::clock::Window;
use super::compare::Mismatch;
use super::job::ModelJob;
use super::ledger::Ledger;

/// The contacts of a call, as results. Where more is bought about somebody, that is
/// another result.
pub fn of(call: &NewCall) -> Vec<Found> {
    let is_whole = |contact: &Contact| {
        let item = contact.index.unwrap_or_default();
        let mut theirs = call.people.iter().filter(|wanted| wanted.item == item);
        theirs.all(|wanted| wanted.kind == EnrichmentType::Unspecified)
    };
    let found = |contact: &Contact| Found {
        identity: identity::of_reused(contact.index, is_whole(contact)),
        event: Event::Contact(contact.clone()),
        source: CallbackSource::Callback,
        charge: None,
    };
    call.reused.iter().map(found).collect()
}

impl ModelJob {
    /// Everything is reused: it is complete at once, at a time that only the store knows.
    pub fn complete(&mut self, window: Window, ledger: &mut Ledger) {
        let change = Change {
            call: Some(CallOutcome::Reused),
            started: Some(Event::Started(JobStarted {
                acceptance: Some(Acceptance::default()),
            })),
            end: Some(End::Complete),
            ..Default::default()
        };
        self.change(&change, window.begin, ledger);
        self.unseen = Some(window.begin);
    }

    /// Learns when that was.
    pub fn learn_end(
        &mut self,
        finished: Option<SystemTime>,
        window: Window,
    ) -> Result<(), Mismatch> {
        let (Some(given), Some(actual)) = (self.unseen, finished) else {
            return Ok(());
        };
        window.holds("when a job was complete at once", actual)?;
        self.unseen = None;
        let job = &mut self.stored;
        job.finished = Some(actual);
        let events = self.events.iter_mut().map(|(_, time, _)| time);
        for time in events.chain([&mut job.updated]) {
            if *time == given {
                *time = actual;
            }
        }
        Ok(())
    }

    /// Delivers what is reused, behind `started`.
    pub fn deliver_reused(&mut self) {
        for found in std::mem::take(&mut self.reused) {
            let before = self.stored.delivered;
            self.find(&found);
            self.stored.reused += self.stored.delivered - before;
        }
    }

    /// Of those who were erased only the places are left.
    pub fn erase_reused(&mut self) {
        for found in &mut self.reused {
            let marks = person::marks(&found.event);
            if marks.iter().any(|mark| self.erased.contains(mark)) {
                found.event = Event::Erased(ErasedResult {});
            }
        }
    }
}
