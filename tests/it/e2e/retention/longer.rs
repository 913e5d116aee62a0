//! What outlives a time after which other things go: jobs that go on or are kept
//! longer than their calls, and what hangs on them.

use super::*;
use pronto_grpc::jobs::model::{End, Found, Identity};
use pronto_grpc::jobs::person::Person;
use pronto_grpc::ledger::model::{Admission, Charge, Earlier, RequestKey, Settlement, Wanted};
use pronto_grpc::ledger::people::profile_key;
use pronto_grpc::proto::endpoint::endpoints;
use pronto_grpc::proto::v1::{
    self, CallOutcome, Contact, EnrichmentType, ErrorReason, Estimate, TrackJobChangesRequest,
};

const PAGE: &str = "https://www.linkedin.com/in/ada";

fn ago(time: Duration) -> SystemTime {
    SystemTime::now() - time
}

fn caller(kept: &Kept) -> Caller {
    Caller {
        credential: kept.keyring.of_key("brought".into()),
        party: "".into(),
        deadline: None,
        audience: None,
    }
}

fn key(id: &str) -> RequestKey {
    RequestKey {
        id: id.to_owned(),
        fingerprint: [0; 32],
    }
}

/// A batch about Ada, sent some time ago.
fn batch(time: SystemTime) -> NewJob {
    let rpc = endpoints::START_BULK_CONTACT_ENRICHMENT.rpc;
    let wanted = |kind, keys| Wanted {
        item: 0,
        kind,
        keys,
    };
    let profile = Person::new(Some(PAGE), None).unwrap();
    let profile = profile_key(profile.profiles().next().unwrap());
    let call = NewCall {
        request: Some(key("a")),
        estimate: Estimate {
            maximum: 30,
            ..Default::default()
        },
        people: vec![
            wanted(EnrichmentType::Unspecified, vec![profile]),
            wanted(EnrichmentType::Phone, vec![[7; 16]]),
        ],
        ..NewCall::new("default", rpc, time)
    };
    NewJob {
        id: Uuid::now_v7().to_string(),
        credential: "default".to_owned(),
        operation: rpc.to_owned(),
        secret_hash: [0; 32],
        items: Some(1),
        search_name: None,
        created: time,
        deadline: None,
        call,
    }
}

fn started() -> Change {
    Change {
        call: Some(CallOutcome::CarriedOut),
        started: Some(Event::Started(JobStarted::default())),
        ..Default::default()
    }
}

/// Ada's phone, which says nothing of her page.
fn phone(index: i32) -> Found {
    let number = v1::PhoneNumber {
        number: Some("+33612345678".to_owned()),
        ..Default::default()
    };
    Found {
        event: Event::Contact(Contact {
            index: Some(index),
            phones: vec![number],
            ..Default::default()
        }),
        identity: Identity::Keys(vec![format!("item:{index}")]),
        source: CallbackSource::Callback,
        charge: Some(Charge {
            found: v1::Found {
                phone_numbers: 1,
                ..Default::default()
            },
            credits: 20,
        }),
    }
}

/// A batch about Ada that was sent longer ago than things are kept, and ended just now.
async fn long_batch(kept: &Kept) -> String {
    let job = batch(ago(73 * HOUR));
    let id = job.id.clone();
    kept.store.create_job(job).await.unwrap();
    let ended = Change {
        found: vec![phone(0)],
        end: Some(End::Complete),
        ..started()
    };
    kept.store.change(&id, ended).await.unwrap();
    kept.round(Duration::ZERO).await;
    assert!(kept.is_there(&id).await, "it ended just now");
    id
}

#[tokio::test]
async fn a_signal_that_goes_on_is_not_started_twice() {
    let mut kept = Kept::with(|options| options.ledger_retention = 90 * 24 * HOUR).await;
    let request = TrackJobChangesRequest {
        lead_list_id: "1".to_owned(),
        request_id: "watch".to_owned(),
        ..Default::default()
    };
    let first = kept.jobs.start(caller(&kept), request.clone()).await;
    let first = first.unwrap().job.id;
    // Four days pass.
    let file = kept.data.path().join("jobs.sqlite3");
    let sql = rusqlite::Connection::open(file).unwrap();
    for aged in [
        "UPDATE jobs SET created = created - 345600000000",
        "UPDATE requests SET created = created - 345600000000",
        "UPDATE ledger SET time = time - 345600000000",
    ] {
        sql.execute(aged, []).unwrap();
    }
    kept.round(Duration::ZERO).await;
    assert!(kept.is_there(&first).await);
    let again = kept.jobs.start(caller(&kept), request).await.unwrap();
    kept.fake.asked.recv().await.unwrap();
    let sent_again = kept.fake.asked.try_recv().is_ok();
    assert!(!sent_again, "POST was sent twice");
    assert_eq!(again.job.id, first);
}

#[tokio::test]
async fn an_ended_job_that_is_kept_is_not_bought_again() {
    let kept = Kept::with(|options| options.ledger_retention = 90 * 24 * HOUR).await;
    let id = long_batch(&kept).await;
    let earlier = kept.store.earlier("default", &key("a")).await.unwrap();
    assert_eq!(earlier, Some(Admission::Repeated(Earlier::Job(id))));
}

#[tokio::test]
async fn what_a_kept_job_bought_by_a_page_is_erased_by_it() {
    let kept = Kept::with(|options| options.ledger_retention = 90 * 24 * HOUR).await;
    long_batch(&kept).await;
    let person = Person::new(Some(PAGE), None).unwrap();
    let erased = kept.jobs.purge_person("default", false, person).await;
    assert_eq!(erased.unwrap().results, 1);
}

#[tokio::test]
async fn what_a_kept_job_bought_is_used_again() {
    let kept = Kept::with(|options| options.ledger_retention = 90 * 24 * HOUR).await;
    long_batch(&kept).await;
    let people = vec![vec![[7; 16]]];
    let bought = kept
        .store
        .bought("default", people, ago(HOUR))
        .await
        .unwrap();
    assert!(bought[0].is_some());
}

#[tokio::test]
async fn what_is_bought_about_an_erased_person_is_charged() {
    let kept = Kept::with(|_| {}).await;
    let mut job = batch(SystemTime::now());
    let id = job.id.clone();
    job.items = Some(2);
    // Her email is reused, her phone is bought.
    job.call.reused = vec![Contact {
        index: Some(0),
        linkedin_url: Some(PAGE.to_owned()),
        email: Some("ada@acme.example".to_owned()),
        reused_from: Some(Default::default()),
        ..Default::default()
    }];
    kept.store.create_job(job).await.unwrap();
    // While Pronto is asked, she is erased.
    let person = Person::new(Some(PAGE), None).unwrap();
    kept.jobs
        .purge_person("default", false, person)
        .await
        .unwrap();
    kept.store.change(&id, started()).await.unwrap();
    let found = Change {
        found: vec![phone(0)],
        ..Default::default()
    };
    let job = kept.store.change(&id, found).await.unwrap();
    assert_eq!((job.delivered, job.duplicates, job.credits), (2, 0, 20));
}

#[tokio::test]
async fn the_id_of_a_start_that_was_answered_after_the_purge_is_known() {
    let kept = Kept::with(|_| {}).await;
    let job = batch(SystemTime::now());
    let id = job.id.clone();
    kept.store.create_job(job).await.unwrap();
    kept.jobs.cancel(&id).await.unwrap();
    kept.jobs.purge(&id).await.unwrap();
    let answered = Change {
        upstream_id: Some("S".to_owned()),
        ..started()
    };
    kept.store.change(&id, answered).await.unwrap_err();
    let known = kept.store.known_upstream_ids(vec!["S".to_owned()]).await;
    assert_eq!(known.unwrap(), ["S"]);
}

#[tokio::test]
async fn a_full_store_keeps_what_came_before_the_answer_to_a_cancelled_start() {
    let kept = Kept::with(|options| options.max_store_size = 200_000).await;
    let job = batch(SystemTime::now());
    let id = job.id.clone();
    kept.store.create_job(job).await.unwrap();
    let source = CallbackSource::Callback;
    let body = lead("ada").into();
    kept.store.append_delivery(&id, source, body).await.unwrap();
    kept.jobs.cancel(&id).await.unwrap();
    kept.round(Duration::ZERO).await;
    // Pronto answers: it carries it out.
    let answered = kept.store.change(&id, started()).await;
    assert!(answered.is_ok(), "{answered:?}");
    assert_eq!(kept.bodies(&id).await, 1);
}

#[tokio::test]
async fn an_ended_job_to_which_results_go_on_coming_loses_what_is_old() {
    let kept = Kept::with(|_| {}).await;
    let job = kept.job().await;
    kept.receive(&job, &[lead("ada")]).await;
    kept.jobs.cancel(&job).await.unwrap();
    let long_after = SystemTime::now();
    kept.jobs.receive(&job, lead("late").into()).await.unwrap();
    let late = async {
        while kept.store.job(&job).await.unwrap().unwrap().late == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, late).await.unwrap();
    let left = kept.store.purge_ended(vec![job.clone()], long_after).await;
    assert_eq!(left.unwrap(), Vec::<String>::new());
    kept.store.trim(long_after).await.unwrap();
    let events = kept.store.events(&job, 0, 100).await.unwrap();
    let old = events.iter().filter(|event| event.time < long_after);
    assert_eq!(old.count(), 0);
}

#[tokio::test]
async fn what_was_set_aside_on_days_gone_by_is_not_set_aside_any_more() {
    let kept = Kept::with(|options| options.ledger_retention = 90 * 24 * HOUR).await;
    let mut call = NewCall::new("default", "operation", ago(91 * 24 * HOUR));
    call.estimate.maximum = 3;
    let admission = kept.store.begin_call(call).await.unwrap();
    let Admission::Admitted(id) = admission else {
        panic!("{admission:?}")
    };
    let unknown = Settlement {
        outcome: CallOutcome::Unknown,
        charge: None,
        results: 0,
        reused: 0,
        answer: None,
    };
    kept.store.settle_call(id, unknown).await.unwrap();
    kept.round(Duration::ZERO).await;
    assert_eq!(kept.store.usage().await.unwrap().reserved, 0);
}

#[tokio::test]
async fn a_refused_start_frees_its_id_though_the_ledger_has_forgotten_it() {
    let kept = Kept::with(|_| {}).await;
    let job = batch(ago(HOUR));
    let id = job.id.clone();
    kept.store.create_job(job).await.unwrap();
    let now = SystemTime::now();
    kept.store.trim_ledger(now, Day::of(now)).await.unwrap();
    let refused = Change {
        call: Some(CallOutcome::Refused),
        end: Some(End::Failed {
            reason: ErrorReason::UpstreamRejected,
            message: "no".to_owned(),
        }),
        ..Default::default()
    };
    kept.store.change(&id, refused).await.unwrap();
    let earlier = kept.store.earlier("default", &key("a")).await.unwrap();
    assert_eq!(earlier, None);
}

#[tokio::test]
async fn a_purged_job_to_which_results_go_on_coming_stays_its_owners() {
    let kept = Kept::with(|_| {}).await;
    let job = kept.job().await;
    kept.jobs.cancel(&job).await.unwrap();
    kept.jobs.purge(&job).await.unwrap();
    let purged = SystemTime::now();
    // Long after the purge Pronto still calls.
    kept.jobs.receive(&job, lead("ada").into()).await.unwrap();
    kept.store.trim(purged).await.unwrap();
    assert!(kept.store.purged_job(&job).await.unwrap().is_some());
}

#[tokio::test]
async fn an_erasure_leaves_the_others_of_a_body_that_will_be_decoded() {
    let kept = Kept::with(|_| {}).await;
    let mut job = batch(SystemTime::now());
    job.operation = endpoints::START_LEAD_SEARCH.rpc.to_owned();
    let id = job.id.clone();
    kept.store.create_job(job).await.unwrap();
    // It overtakes Pronto's answer.
    let both = format!(
        r#"{{"leads":[{{"lead":{}}},{{"lead":{}}}]}}"#,
        lead("ada"),
        lead("bob")
    );
    let source = CallbackSource::Callback;
    kept.store
        .append_delivery(&id, source, both.into())
        .await
        .unwrap();
    kept.jobs.cancel(&id).await.unwrap();
    let person = Person::new(Some(PAGE), None).unwrap();
    let erased = kept.jobs.purge_person("default", false, person).await;
    let erased = erased.unwrap();
    assert_eq!((erased.bodies, erased.pending), (0, 1));
}
