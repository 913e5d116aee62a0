//! What is reused stays apart from what is bought, and goes where its job does.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, Contact, ContactToEnrich, EnrichmentType, JobEvent, JobOutcome,
    JobState, ListJobsRequest, PurgePersonRequest,
};
use serde_json::{Value, json as object};
use tempfile::TempDir;

use super::{email_of, later, reason};
use crate::harness::fake::{Asked, Fake, json};
use crate::harness::{Setup, TestServer, http, read_all};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";
const DAY: prost_types::Duration = prost_types::Duration {
    seconds: 86_400,
    nanos: 0,
};

/// A Pronto that finds everybody under the same id, and whose answer to batches is
/// this one.
async fn pronto(batch: u16) -> Fake {
    Fake::start(move |path, _| {
        let found = |what: Value| {
            let mut contact = object!({"enrichment_id": ID, "status": "finished"});
            contact
                .as_object_mut()
                .unwrap()
                .extend(what.as_object().unwrap().clone());
            contact.to_string()
        };
        std::future::ready(match path.split_once("/contacts/").map(|(_, end)| end) {
            Some("single_enrich") if !path.starts_with("/api/v2") => {
                json(200, found(object!({"email": "a@x.test"})))
            }
            Some("single_enrich") => json(201, object!({"enrichment_id": ID}).to_string()),
            Some("bulk_enrich") => json(batch, object!({"enrichment_id": ID}).to_string()),
            Some(_) => json(200, found(object!({"phone": ["+33612345678"]}))),
            None => json(503, ""),
        })
    })
    .await
}

struct Site {
    fake: Fake,
    server: TestServer,
    data: TempDir,
}

impl Site {
    async fn start(batch: u16, has_callback_url: bool) -> Self {
        let fake = pronto(batch).await;
        let data = tempfile::tempdir().unwrap();
        let setup = Setup {
            has_callback_url,
            ..Setup::new(fake.address, data.path())
        };
        let server = setup.start().await;
        Self { fake, server, data }
    }

    /// Buys the email of somebody.
    async fn buy(&self, name: &str) {
        let request = email_of(name, "");
        let bought = self.server.contacts().enrich_contact(request).await;
        let contact = bought.unwrap().into_inner().contact.unwrap();
        assert_eq!(contact.email(), "a@x.test");
    }

    /// The URL that the last batch was sent with.
    async fn webhook_url(&mut self) -> String {
        let is_batch = |asked: &Asked| asked.path.ends_with("/bulk_enrich");
        loop {
            let asked = self.fake.asked.recv().await.unwrap();
            if is_batch(&asked) {
                return asked.body["webhook_url"].as_str().unwrap().to_owned();
            }
        }
    }
}

/// A batch of people who are known by these last names.
fn batch(names: &[&str]) -> BulkEnrichContactsRequest {
    let contact = |name: &&str| ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: (*name).to_owned(),
        domain: Some("acme.test".to_owned()),
        ..Default::default()
    };
    BulkEnrichContactsRequest {
        contacts: names.iter().map(contact).collect(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        reuse_within: Some(DAY),
        ..Default::default()
    }
}

fn contacts(events: &[JobEvent]) -> Vec<Contact> {
    let contact = |event: &JobEvent| match &event.event {
        Some(Event::Contact(contact)) => Some(contact.clone()),
        _ => None,
    };
    events.iter().filter_map(contact).collect()
}

#[track_caller]
fn assert_complete(events: &[JobEvent]) {
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!("{events:#?}")
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete);
}

async fn post(url: &str, body: Value) {
    let answer = http().post(url).body(body.to_string()).send();
    assert_eq!(answer.await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_batch_without_positions_ends_when_all_that_is_bought_is_there() {
    let mut site = Site::start(201, true).await;
    site.buy("A").await;
    let request = batch(&["A", "B", "C"]);
    let answer = site.server.contacts().bulk_enrich_contacts(request).await;
    let url = site.webhook_url().await;
    for name in ["B", "C"] {
        let email = format!("{name}@x.test");
        post(&url, object!({"status": "finished", "email": email})).await;
    }
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_eq!(contacts(&events).len(), 3);
    assert_complete(&events);
}

#[tokio::test]
async fn what_is_known_as_a_whole_needs_no_callback_url() {
    let site = Site::start(201, false).await;
    site.buy("A").await;
    site.buy("B").await;
    let mut contacts_of = site.server.contacts();
    let refused = contacts_of.bulk_enrich_contacts(batch(&["A", "X"])).await;
    let refused = refused.unwrap_err();
    assert_eq!(reason(&refused), "CALLBACK_URL_NOT_CONFIGURED");
    let answer = contacts_of.bulk_enrich_contacts(batch(&["A", "B"])).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_eq!(contacts(&events).len(), 2);
    assert_complete(&events);
}

#[tokio::test]
async fn a_refused_job_holds_nobody() {
    let site = Site::start(422, true).await;
    site.buy("A").await;
    let mut contacts = site.server.contacts();
    let request = batch(&["A", "B", "C"]);
    let refused = contacts.bulk_enrich_contacts(request).await.unwrap_err();
    assert_eq!(reason(&refused), "UPSTREAM_REJECTED");
    let request = ListJobsRequest::default();
    let jobs = site.server.jobs().list_jobs(request).await;
    let job = jobs.unwrap().into_inner().jobs.remove(0);
    assert_eq!(job.state(), JobState::Failed);
    let file = site.data.path().join("jobs.sqlite3");
    let reader = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT count(*) FROM jobs WHERE reused_contacts IS NOT NULL";
    let holding: i64 = reader.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(holding, 0);
}

#[tokio::test]
async fn what_is_bought_under_the_id_of_an_earlier_purchase_is_no_repeat_of_it() {
    let site = Site::start(201, false).await;
    let page = "https://www.linkedin.com/in/ada-example";
    let mut first = email_of("A", "");
    first.linkedin_url = Some(page.to_owned());
    let bought = site.server.contacts().enrich_contact(first.clone()).await;
    assert_eq!(
        bought.unwrap().into_inner().contact.unwrap().email(),
        "a@x.test"
    );
    let mut request = later(first);
    request.reuse_within = Some(DAY);
    request.enrichment_type.push(EnrichmentType::Phone.into());
    let answer = site.server.contacts().enrich_contact_async(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    let contacts = contacts(&events);
    assert_eq!(contacts.len(), 2, "{events:#?}");
    assert_eq!(contacts[0].enrichment_id, None);
    assert_eq!(contacts[1].phones.len(), 1);
    assert_complete(&events);
}

#[tokio::test]
async fn what_was_reused_by_a_page_is_erased_by_it() {
    const PAGE: &str = "https://www.linkedin.com/in/ada-example";
    const SPELLED: &str = "https://www.linkedin.com/in/ACwAACaX8uYBfAh-5YxmfObz4mVOKYih3zxa-TM";
    let fake = Fake::start(|path, _| {
        std::future::ready(match path.ends_with("/single_enrich") {
            true => json(
                200,
                object!({"status": "finished", "email": "a@x.test", "linkedin_url": SPELLED,
                    "linkedin_profile_url": SPELLED})
                .to_string(),
            ),
            false => json(503, ""),
        })
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut first = email_of("A", "");
    first.linkedin_url = Some(PAGE.to_owned());
    let bought = server.contacts().enrich_contact(first.clone()).await;
    bought.unwrap();
    let mut request = later(first);
    request.reuse_within = Some(DAY);
    let answer = server.contacts().enrich_contact_async(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_eq!(contacts(&events)[0].email(), "a@x.test");
    let purge = PurgePersonRequest {
        linkedin_url: PAGE.to_owned(),
        ..Default::default()
    };
    let erased = server
        .jobs()
        .purge_person(purge)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(erased.erased_results, 1);
    let events = read_all(&mut server.watch(&events[0].job_id, 0).await).await;
    assert!(contacts(&events).is_empty(), "{events:#?}");
}
