//! The truth about work: what it found and was charged, whatever became of the
//! delivery, and also after its search was deleted.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use url::Url;

use super::journal::Bill;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::Findings;

/// What each search, enrichment, batch and charged call found, by id. Ids sort by
/// time.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<String, Entry>>);

#[derive(Debug)]
struct Entry {
    webhook: Option<Url>,
    findings: Findings,
}

impl Ledger {
    /// Notes the start of work.
    pub fn start(&self, id: &str, endpoint: &Endpoint, webhook: Option<&Url>) {
        let entry = Entry {
            webhook: webhook.cloned(),
            findings: Findings {
                upstream_id: id.to_owned(),
                operation: endpoint.rpc.to_owned(),
                ..Default::default()
            },
        };
        self.0.lock().insert(id.to_owned(), entry);
    }

    /// Notes a call that was carried out at once.
    pub fn bill(&self, bill: &Bill) {
        let entry = Entry {
            webhook: None,
            findings: Findings {
                upstream_id: bill.id.clone(),
                operation: bill.endpoint.rpc.to_owned(),
                credits: bill.credits,
                finished: true,
                request: bill.request.clone(),
                ..Default::default()
            },
        };
        self.0.lock().insert(bill.id.clone(), entry);
    }

    /// Notes what was found.
    pub fn find(&self, id: &str, keys: impl IntoIterator<Item = String>, credits: u64) {
        if let Some(entry) = self.0.lock().get_mut(id) {
            entry.findings.keys.extend(keys);
            entry.findings.credits += credits;
        }
    }

    /// Notes the end of work.
    pub fn finish(&self, id: &str) {
        if let Some(entry) = self.0.lock().get_mut(id) {
            entry.findings.finished = true;
        }
    }

    /// What was found by the work with this id, and by work whose webhook's URL
    /// has this part; an empty text selects all.
    #[must_use]
    pub fn list(&self, id: &str, webhook_part: &str) -> Vec<Findings> {
        let has_part = |url: &Url| url.as_str().contains(webhook_part);
        let entries = self.0.lock();
        let selected = entries.iter().filter(|(known, entry)| {
            (id.is_empty() || *known == id)
                && (webhook_part.is_empty() || entry.webhook.as_ref().is_some_and(has_part))
        });
        selected.map(|(_, entry)| entry.findings.clone()).collect()
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.0.lock().clear();
    }
}
