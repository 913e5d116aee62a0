//! Records everything that servers under test log and count, and what must not be in it,
//! for the proof `secrets`: into the folder that the environment names, if it names one.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use pronto_grpc::config::LogFormat;
use pronto_grpc::metrics::{self, Metrics};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{Contact, JobEvent, Lead, LeadResult};
use pronto_grpc::telemetry;

use super::KEY;

/// The variable that names the folder.
/// It does not begin as the server's own do, so that servers do not take it for theirs.
const FOLDER: &str = "RECORD_PRONTO_GRPC_TESTS";

/// The filter that lets everything through.
pub const EVERYTHING: &str = "trace";

static RECORD: LazyLock<Option<Record>> = LazyLock::new(Record::begin);

struct Record {
    folder: PathBuf,
    metrics: Metrics,
    /// What must not be found, one on each line of a file.
    secrets: Mutex<(HashSet<String>, File)>,
    processes: AtomicUsize,
}

impl Record {
    fn begin() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        let new = |name: &str| {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            options.open(folder.join(name)).unwrap()
        };
        let log = Mutex::new(new("servers.log"));
        telemetry::init_with(EVERYTHING, LogFormat::Text, log);
        let record = Self {
            metrics: metrics::install().unwrap(),
            secrets: Mutex::new((HashSet::new(), new("secrets.txt"))),
            processes: AtomicUsize::new(0),
            folder,
        };
        record.hide(KEY);
        Some(record)
    }

    fn hide(&self, secret: &str) {
        let (known, file) = &mut *self.secrets.lock().unwrap();
        if known.insert(secret.to_owned()) {
            writeln!(file, "{secret}").unwrap();
        }
    }
}

/// Records what servers in this process log from now on.
pub fn begin() {
    LazyLock::force(&RECORD);
}

/// Records what servers in this process have counted so far.
pub fn end() {
    if let Some(record) = &*RECORD {
        let counted = record.metrics.render();
        std::fs::write(record.folder.join("metrics.log"), counted).unwrap();
    }
}

/// Whether anything is recorded.
pub fn is_wanted() -> bool {
    RECORD.is_some()
}

/// Where the log of another process is recorded.
pub fn process() -> Option<File> {
    let record = RECORD.as_ref()?;
    let number = record.processes.fetch_add(1, Ordering::Relaxed);
    let name = format!("process-{number}.log");
    Some(File::create(record.folder.join(name)).unwrap())
}

/// Something that must not be found.
pub fn secret(secret: &str) {
    if let Some(record) = &*RECORD {
        record.hide(secret);
    }
}

/// The secret in the URL of a callback.
pub fn callback_url(url: &str) {
    // Others are the callers' own.
    if let Some((_, secret)) = url.rsplit_once('/').filter(|_| url.contains("/callbacks/")) {
        self::secret(secret);
    }
}

/// What an event tells of people.
pub fn event(event: &JobEvent) {
    let known = match &event.event {
        _ if RECORD.is_none() => return,
        Some(Event::Lead(LeadResult {
            lead: Some(lead), ..
        })) => of_lead(lead),
        Some(Event::Contact(contact)) => of_contact(contact),
        _ => return,
    };
    // Short ones are found by chance.
    for known in known.into_iter().flatten().filter(|known| known.len() > 7) {
        secret(known);
    }
}

fn of_lead(lead: &Lead) -> Vec<Option<&String>> {
    let phones = lead.phones.iter().map(|phone| phone.number.as_ref());
    let texts = [&lead.full_name, &lead.email, &lead.linkedin_url];
    phones.chain(texts.map(Option::as_ref)).collect()
}

fn of_contact(contact: &Contact) -> Vec<Option<&String>> {
    let phones = contact.phones.iter().map(|phone| phone.number.as_ref());
    let texts = [
        &contact.email,
        &contact.personal_email,
        &contact.linkedin_url,
    ];
    phones.chain(texts.map(Option::as_ref)).collect()
}
