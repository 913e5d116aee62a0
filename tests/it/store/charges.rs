//! For which day results are charged, and for whom they are bought.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pronto_grpc::jobs::model::{Change, Found, Identity, NewJob};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::{Charge, NewCall, Spending, Wanted};
use pronto_grpc::proto::endpoint::{Endpoint, endpoints};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{self, CallbackSource, Contact, EnrichmentType, Estimate};
use tempfile::TempDir;

use super::ENGINES;

const PRICE: i64 = 3;

/// Stores with a job about two people, started at a time.
async fn stores(endpoint: &Endpoint, time: SystemTime) -> Vec<(TempDir, Arc<dyn Store>)> {
    let mut stores = Vec::new();
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let store = (engine.open)(folder.path()).unwrap();
        let wanted = |item: i32| Wanted {
            item,
            kind: EnrichmentType::Email,
            keys: key(item),
        };
        let call = NewCall {
            estimate: Estimate {
                maximum: 2 * PRICE,
                ..Default::default()
            },
            people: [0, 1].map(wanted).to_vec(),
            ..NewCall::new("default", endpoint.rpc, time)
        };
        let job = NewJob {
            id: "job".to_owned(),
            credential: call.credential.clone(),
            operation: call.operation.clone(),
            secret_hash: [0; 32],
            items: Some(2),
            search_name: None,
            created: time,
            deadline: None,
            call,
        };
        store.create_job(job).await.unwrap();
        stores.push((folder, store));
    }
    stores
}

fn key(item: i32) -> Vec<[u8; 16]> {
    vec![[item as u8; 16]]
}

/// Delivers an email that was bought for somebody.
async fn deliver(store: &dyn Store, index: Option<i32>) {
    let found = Found {
        identity: Identity::Keys(vec![format!("contact:{index:?}")]),
        event: Event::Contact(Contact {
            index,
            email: Some("ada@acme.test".to_owned()),
            ..Default::default()
        }),
        source: CallbackSource::Callback,
        charge: Some(Charge {
            found: v1::Found {
                emails: 1,
                ..Default::default()
            },
            credits: PRICE,
        }),
    };
    let change = Change {
        found: vec![found],
        ..Default::default()
    };
    store.change("job", change).await.unwrap();
}

/// Whether something was bought for each of the two.
async fn bought(store: &dyn Store) -> Vec<bool> {
    let keys = vec![key(0), key(1)];
    let bought = store.bought("default", keys, SystemTime::UNIX_EPOCH).await;
    bought.unwrap().iter().map(Option::is_some).collect()
}

#[tokio::test]
async fn a_result_of_a_batch_without_index_is_bought_for_nobody() {
    let batch = endpoints::START_BULK_CONTACT_ENRICHMENT;
    for (_folder, store) in stores(batch, SystemTime::now()).await {
        deliver(&*store, None).await;
        assert_eq!(bought(&*store).await, [false, false]);
        deliver(&*store, Some(1)).await;
        assert_eq!(bought(&*store).await, [false, true]);
    }
}

#[tokio::test]
async fn a_result_about_one_contact_needs_no_index() {
    let single = endpoints::START_CONTACT_ENRICHMENT;
    for (_folder, store) in stores(single, SystemTime::now()).await {
        deliver(&*store, None).await;
        assert_eq!(bought(&*store).await, [true, false]);
    }
}

#[tokio::test]
async fn a_result_is_charged_for_the_day_of_its_call() {
    let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    let batch = endpoints::START_BULK_CONTACT_ENRICHMENT;
    for (_folder, store) in stores(batch, yesterday).await {
        deliver(&*store, Some(0)).await;
        let day = Day::of(yesterday);
        let spent = Spending {
            spent: PRICE,
            reserved: PRICE,
        };
        assert_eq!(store.spending("default", day).await.unwrap(), spent);
        let next = Day::from_number(day.number() + 1);
        let nothing = Spending::default();
        assert_eq!(store.spending("default", next).await.unwrap(), nothing);
    }
}
