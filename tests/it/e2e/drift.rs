//! What Pronto sends that is not known: counted where it first arrives, told by
//! JobService, and nothing of it shows what was sent.

use std::collections::BTreeMap;

use pronto_grpc::proto::v1::{
    ListVendorDriftRequest, ListVendorDriftResponse, SearchLocationsRequest, VendorDrift,
    VendorDriftKind,
};
use serde_json::json as object;
use tonic::Code;

use crate::harness::callbacks::Open;
use crate::harness::fake::{Fake, json};
use crate::harness::{Setup, TestServer, error_info, read_all, search};

const START: &str = "pronto.v1.LeadService/StartLeadSearch";

async fn page(server: &TestServer, page_size: i32, page_token: &str) -> ListVendorDriftResponse {
    let request = ListVendorDriftRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let answer = server.jobs().list_vendor_drift(request).await;
    answer.unwrap().into_inner()
}

/// Everything that is not known: operation and place, with how often.
async fn listed(server: &TestServer) -> BTreeMap<(String, String), i64> {
    let drift = page(server, 1_000, "").await.drift.into_iter();
    drift
        .map(|drift| ((drift.operation, drift.place), drift.count))
        .collect()
}

fn told(drift: &VendorDrift) -> (&str, VendorDriftKind, &str, i64, &str) {
    let kind = drift.kind();
    (
        &drift.operation,
        kind,
        &drift.place,
        drift.count,
        &drift.sample,
    )
}

#[tokio::test]
async fn callbacks_tell_fields_texts_and_types_page_by_page() {
    let mut open = Open::start().await;
    let job = open.job().await;
    assert_eq!(
        page(&open.server, 0, "").await,
        ListVendorDriftResponse::default()
    );
    let body = object!({
        "lead": {"first_name": "Jane", "status": "ARCHIVED", "title": {"text": "CFO"}, "mood": "jane@acme.example"},
        "custom": {"anything": 1},
    });
    open.post(&job, &body.to_string(), 2).await;
    let again = object!({"lead": {"first_name": "Jim", "mood": "+33612"}});
    open.post(&job, &again.to_string(), 3).await;
    open.post(&job, "gone for lunch", 4).await;

    let first = page(&open.server, 3, "").await;
    let last = page(&open.server, 3, &first.next_page_token).await;
    assert_eq!(last.next_page_token, "");
    let all: Vec<_> = first.drift.iter().chain(&last.drift).collect();
    use VendorDriftKind::{ChangedType, UnknownField, UnknownText};
    let expected = [
        (
            START,
            UnknownField,
            "LeadDelivery.lead.mood",
            2,
            "text \"+00000\"",
        ),
        (
            START,
            UnknownText,
            "LeadDelivery.lead.status",
            1,
            "text \"AAAAAAAA\"",
        ),
        (
            START,
            ChangedType,
            "LeadDelivery.lead.title",
            1,
            "object of 1",
        ),
        (START, ChangedType, "LeadDelivery", 1, "no JSON"),
    ];
    assert_eq!(
        all.iter().map(|drift| told(drift)).collect::<Vec<_>>(),
        expected
    );
    assert!(all.iter().all(|drift| drift.first_time.is_some()));
    assert!(first.drift[0].last_time.unwrap().nanos != first.drift[0].first_time.unwrap().nanos);
}

#[tokio::test]
async fn pages_that_cannot_be_are_refused() {
    let open = Open::start().await;
    for (page_size, page_token, field) in [(-1, "", "page_size"), (0, "!", "page_token")] {
        let request = ListVendorDriftRequest {
            page_size,
            page_token: page_token.to_owned(),
        };
        let refused = open
            .server
            .jobs()
            .list_vendor_drift(request)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(error_info(&refused).reason, "INVALID_REQUEST");
        assert!(refused.message().contains(field), "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_given_again_is_counted_once() {
    let body = r#"{"locations": [{"id": "1", "name": "Lyon", "planet": "Earth"}]}"#;
    let fake = Fake::always(200, body).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    for _ in 0..3 {
        let request = SearchLocationsRequest {
            name: "Lyon".to_owned(),
            ..Default::default()
        };
        let mut locations = server.locations();
        locations.search_locations(request).await.unwrap();
    }
    let place = "SearchLocationsResponse.locations[].planet";
    let operation = "pronto.v1.LocationService/SearchLocations";
    let expected = BTreeMap::from([((operation.to_owned(), place.to_owned()), 1)]);
    assert_eq!(listed(&server).await, expected);
}

/// What polling reads is an answer of GetSearch; it is not counted again as a delivery.
#[tokio::test]
async fn what_polling_reads_is_counted_once() {
    let fake = Fake::start(|path, _| async move {
        match path.starts_with("/api/v2/searches/") {
            true => {
                let lead = object!({"lead": {"first_name": "Jane", "mood": "good"}});
                let search = object!({"status": "FINISHED"});
                json(
                    200,
                    object!({"search": search, "leads": [lead]}).to_string(),
                )
            }
            false => json(
                201,
                r#"{"id": "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc", "eta": 7}"#,
            ),
        }
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let stream = server.leads().search_leads(search()).await.unwrap();
    read_all(&mut stream.into_inner()).await;
    let listed = listed(&server).await;
    let places: Vec<_> = listed
        .keys()
        .map(|(operation, place)| (operation.as_str(), place.as_str()))
        .collect();
    let expected = [
        (START, "Acceptance.eta"),
        (
            "pronto.v1.SearchService/GetSearch",
            "GetSearchResponse.leads[].lead.mood",
        ),
    ];
    assert_eq!(places, expected);
}
