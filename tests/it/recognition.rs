//! One event for each result, whatever combination of callback, repeated callback,
//! final message and poll brought it, in both generations and shapes.

use pronto_grpc::jobs::decode::decode;
use pronto_grpc::jobs::model::{Change, Found, NewJob};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::ledger::model::NewCall;
use pronto_grpc::proto::json::{self, JsonMessage, Spelling};
use pronto_grpc::proto::v1::{
    AccountResult, CallbackSource, Company, Contact, JobPosting, Lead, LeadResult, ResultKind,
};
use serde_json::{Value, json as object};
use tempfile::TempDir;

use CallbackSource::{Callback, Poll};

const MEMBER: &str = "ACwAACaX8uYBfAh-5YxmfObz4mVOKYih3zxa-T";

/// A job's log.
struct Log {
    store: SqliteStore,
    kind: ResultKind,
    is_batch: bool,
    _data: TempDir,
}

impl Log {
    async fn of(kind: ResultKind) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
        let job = NewJob {
            id: "job".to_owned(),
            credential: "default".to_owned(),
            operation: "pronto.v1.LeadService/StartLeadSearch".to_owned(),
            secret_hash: [0; 32],
            items: None,
            search_name: None,
            created: std::time::SystemTime::now(),
            deadline: None,
            call: NewCall::new("default", "", std::time::SystemTime::now()),
        };
        store.create_job(job).await.unwrap();
        Self {
            store,
            kind,
            is_batch: false,
            _data: data,
        }
    }

    /// Records a body as a runner does; gives how many results are new, and how many
    /// are repeats.
    async fn add(&self, source: CallbackSource, body: &Value) -> (i64, i64) {
        let body = body.to_string();
        let mut content = decode(self.kind, self.is_batch, source, body.as_bytes());
        if content.lists_all() {
            let keys = content.alone_keys();
            let known = self.store.known_identities("job", keys).await.unwrap();
            content.number(&known.into_iter().collect());
        }
        let found = content.results.into_iter().map(|(event, identity)| Found {
            charge: None,
            event,
            identity,
            source,
        });
        let before = self.store.job("job").await.unwrap().unwrap();
        let change = Change {
            found: found.collect(),
            ..Default::default()
        };
        let after = self.store.change("job", change).await.unwrap();
        (
            after.delivered - before.delivered,
            after.duplicates - before.duplicates,
        )
    }

    async fn expect(&self, source: CallbackSource, body: Value, new: i64, repeats: i64) {
        assert_eq!(self.add(source, &body).await, (new, repeats), "{body}");
    }
}

/// How Pronto writes.
#[derive(Clone, Copy, Debug)]
struct Form {
    spelling: Spelling,
    is_flat: bool,
}

const FORMS: [Form; 4] = [
    form(Spelling::Observed, true),
    form(Spelling::Observed, false),
    form(Spelling::Documented, true),
    form(Spelling::Documented, false),
];

const fn form(spelling: Spelling, is_flat: bool) -> Form {
    Form { spelling, is_flat }
}

fn text(text: impl Into<String>) -> Option<String> {
    Some(text.into())
}

impl Form {
    /// A result as one object; what stands under `key` one level higher when flat.
    fn write<M: JsonMessage>(self, result: &M, key: &str) -> Value {
        let mut body = json::write(result, self.spelling);
        if self.is_flat
            && let Some(Value::Object(inner)) = body.remove(key)
        {
            body.extend(inner);
            if let Some(Value::Object(company)) = body.remove("company") {
                body.insert("company_name".to_owned(), company["name"].clone());
            }
        }
        Value::Object(body)
    }

    fn lead(self, number: usize, title: &str) -> Value {
        let lead = Lead {
            first_name: text(format!("P{number}")),
            title: text(title),
            email: text(format!("p{number}@x.test")),
            linkedin_url: text(format!("https://www.linkedin.com/in/p{number}")),
            linkedin_id_url: text(format!("https://www.linkedin.com/in/{MEMBER}{number}")),
            ..Default::default()
        };
        let result = LeadResult {
            lead: Some(lead),
            company: Some(named("Acme")),
            ..Default::default()
        };
        self.write(&result, "lead")
    }

    fn account(self, number: usize, postings: &[&str]) -> Value {
        let company = Company {
            linkedin_url: text(format!("https://www.linkedin.com/company/c{number}/")),
            linkedin_id: text(number.to_string()),
            ..named(&format!("C{number}"))
        };
        let posting = |title: &&str| JobPosting {
            job_title: text(*title),
            ..Default::default()
        };
        let result = AccountResult {
            company: Some(company),
            job_postings: postings.iter().map(posting).collect(),
            ..Default::default()
        };
        self.write(&result, "company")
    }
}

fn named(name: &str) -> Company {
    Company {
        name: text(name),
        ..Default::default()
    }
}

fn last(results: &[Value]) -> Value {
    object!({"search": {"id": "s", "status": "FINISHED"}, "leads": results})
}

fn polled(results: &[Value]) -> Value {
    object!({"search": {"id": "s", "status": "FINISHED"}, "results": results})
}

/// Each result comes by callback, again, in a final message, and is read, each time
/// in another form.
async fn every_way(kind: ResultKind, result: impl Fn(Form, usize) -> Value) {
    for streamed in FORMS {
        for listed in FORMS {
            let log = Log::of(kind).await;
            let list = |form: Form, numbers: std::ops::Range<usize>| -> Vec<Value> {
                numbers.map(|number| result(form, number)).collect()
            };
            for number in 0..3 {
                log.expect(Callback, result(streamed, number), 1, 0).await;
                log.expect(Callback, result(streamed, number), 0, 1).await;
            }
            // One was not delivered.
            log.expect(Callback, last(&list(listed, 0..4)), 1, 3).await;
            log.expect(Poll, polled(&list(streamed, 0..4)), 0, 4).await;
            log.expect(Poll, polled(&list(listed, 0..5)), 1, 4).await;
            log.expect(Callback, result(listed, 4), 0, 1).await;
        }
    }
}

#[tokio::test]
async fn a_person_is_one_result_in_every_form() {
    every_way(ResultKind::Lead, |form, number| form.lead(number, "CTO")).await;
}

#[tokio::test]
async fn a_signal_about_a_person_is_one_result_in_every_form() {
    every_way(ResultKind::LeadSignal, |form, number| {
        form.lead(number, "CTO")
    })
    .await;
}

#[tokio::test]
async fn a_company_is_one_result_in_every_form() {
    for kind in [ResultKind::Account, ResultKind::AccountSignal] {
        for streamed in FORMS {
            for listed in FORMS {
                let log = Log::of(kind).await;
                let batch = |form: Form| [0, 1].map(|number| form.account(number, &[]));
                let posted = object!({"id": "s", "accounts": batch(streamed)});
                log.expect(Callback, posted.clone(), 2, 0).await;
                log.expect(Callback, posted, 0, 2).await;
                log.expect(Callback, listed.account(2, &[]), 1, 0).await;
                log.expect(Poll, polled(&batch(listed)), 0, 2).await;
                log.expect(Callback, streamed.account(2, &[]), 0, 1).await;
            }
        }
    }
}

#[tokio::test]
async fn a_company_with_postings_is_one_result_in_every_form() {
    for streamed in FORMS {
        for listed in FORMS {
            let log = Log::of(ResultKind::AccountSignal).await;
            let all = |form: Form| {
                [
                    form.account(0, &["Cook"]),
                    form.account(0, &["Smith"]),
                    form.account(1, &["Cook"]),
                ]
            };
            let posted = object!({"accounts": all(streamed)});
            log.expect(Callback, posted.clone(), 3, 0).await;
            log.expect(Callback, posted, 0, 3).await;
            log.expect(Poll, polled(&all(listed)), 0, 3).await;
        }
    }
}

#[tokio::test]
async fn a_contact_is_one_result_in_every_form() {
    for is_batch in [false, true] {
        let log = Log {
            is_batch,
            ..Log::of(ResultKind::Contact).await
        };
        let custom = is_batch.then(|| object!({"pronto_grpc_item": {"index": 0}}));
        let contact = Contact {
            enrichment_id: text("e"),
            email: text("ada@x.test"),
            phones: vec![pronto_grpc::proto::v1::PhoneNumber {
                number: text("+33612345678"),
                ..Default::default()
            }],
            ..Default::default()
        };
        let mut new = 1;
        for source in [Callback, Callback, Poll] {
            for spelling in [Spelling::Observed, Spelling::Documented] {
                let mut body = Value::Object(json::write(&contact, spelling));
                if let Some(custom) = &custom {
                    body["custom"] = custom.clone();
                }
                let nested = object!({"contact": body});
                log.expect(source, body, new, 1 - new).await;
                new = 0;
                log.expect(source, nested, 0, 1).await;
            }
        }
    }
}

#[tokio::test]
async fn a_person_spelled_by_parts_of_the_keys_is_one_result() {
    let log = Log::of(ResultKind::Lead).await;
    let vanity = object!({"first_name": "A", "linkedin_url": "https://www.linkedin.com/in/Ada/"});
    let both = object!({"lead": {"first_name": "A",
        "linkedin_profile_url": "https://fr.linkedin.com/in/ada?x=1",
        "linkedin_id_url": format!("https://www.linkedin.com/in/{MEMBER}1")}});
    let id = object!({"lead": {"first_name": "A", "linkedin_id": format!("{MEMBER}1")}});
    log.expect(Callback, vanity, 1, 0).await;
    log.expect(Callback, last(&[both]), 0, 1).await;
    log.expect(Poll, polled(&[id]), 0, 1).await;
}

#[tokio::test]
async fn signals_of_one_person_are_counted_in_lists() {
    for streamed in FORMS {
        for listed in FORMS {
            let signals = |form: Form| ["CTO", "CEO", "CFO"].map(|title| form.lead(1, title));
            // The list after singles.
            let log = Log::of(ResultKind::LeadSignal).await;
            let singles = signals(streamed);
            log.expect(Callback, singles[0].clone(), 1, 0).await;
            log.expect(Callback, singles[1].clone(), 1, 0).await;
            log.expect(Callback, singles[1].clone(), 0, 1).await;
            log.expect(Poll, polled(&signals(listed)[..2]), 0, 2).await;
            // A list that is longer than what was delivered.
            log.expect(Poll, polled(&signals(listed)), 1, 2).await;

            // Singles after the list.
            let log = Log::of(ResultKind::LeadSignal).await;
            log.expect(Callback, last(&signals(listed)[..2]), 2, 0)
                .await;
            log.expect(Callback, singles[0].clone(), 0, 1).await;
            log.expect(Callback, singles[1].clone(), 0, 1).await;
            log.expect(Callback, singles[2].clone(), 1, 0).await;
        }
    }
}

#[tokio::test]
async fn a_list_brings_the_signal_that_did_not_come_and_not_another() {
    for form in FORMS {
        let log = Log::of(ResultKind::LeadSignal).await;
        let [first, second] = ["CTO", "CEO"].map(|title| form.lead(1, title));
        log.expect(Callback, second.clone(), 1, 0).await;
        // Form for form the same, and longer than what came; one stands in it twice.
        let all = [first.clone(), second, first.clone()];
        log.expect(Poll, polled(&all), 1, 2).await;
        let events = log.store.events("job", 0, 10).await.unwrap();
        let has = |title: &str| {
            let has = |payload: &Vec<u8>| String::from_utf8_lossy(payload).contains(title);
            events.iter().filter(|event| has(&event.payload)).count()
        };
        assert_eq!((has("CTO"), has("CEO")), (1, 1));
        log.expect(Poll, polled(&all), 0, 3).await;
    }
}

#[tokio::test]
async fn what_has_no_identity_is_suppressed_only_when_its_bytes_are_known() {
    for kind in [ResultKind::Lead, ResultKind::LeadSignal] {
        let log = Log::of(kind).await;
        let nobody = |title: &str| object!({"lead": {"first_name": "A", "title": title}});
        log.expect(Callback, nobody("CTO"), 1, 0).await;
        log.expect(Callback, nobody("CEO"), 1, 0).await;
        log.expect(Callback, nobody("CTO"), 0, 1).await;
        let all = [nobody("CFO"), nobody("CTO"), nobody("CEO")];
        log.expect(Callback, last(&all), 1, 2).await;
        log.expect(Poll, polled(&all), 0, 3).await;
    }
}
