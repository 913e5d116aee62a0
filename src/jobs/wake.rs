//! Wakes whoever waits for a job: its streams, and its runner.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;

/// One channel for each job that somebody waits for. What it carries means
/// nothing; the store says what is new.
#[derive(Debug, Default)]
pub struct Wakes {
    jobs: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Wakes {
    /// Waits for a job from now on.
    pub fn subscribe(&self, job_id: &str) -> watch::Receiver<()> {
        let mut jobs = self.jobs.lock();
        jobs.retain(|id, sender| sender.receiver_count() > 0 || id == job_id);
        jobs.entry(job_id.to_owned())
            .or_insert_with(|| watch::channel(()).0)
            .subscribe()
    }

    /// Wakes all who wait for a job.
    pub fn wake(&self, job_id: &str) {
        if let Some(sender) = self.jobs.lock().get(job_id) {
            sender.send_replace(());
        }
    }
}
