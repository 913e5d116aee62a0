//! Keys and tokens that change while the server runs.

use pronto_grpc::proto::v1::GetCreditsRequest;

use super::{CRM, SALES_KEY, assert_unknown, folder};
use crate::harness::access::with_token;
use crate::harness::fake::{Fake, json};
use crate::harness::{PATIENCE, Setup, search};

#[tokio::test]
async fn a_token_that_is_replaced_counts_at_once_also_on_open_connections() {
    let fake = Fake::always(200, r#"{"credits":1}"#).await;
    let data = tempfile::tempdir().unwrap();
    let folder = folder();
    let (access, mut reloader) = folder.load();
    let mut setup = Setup::new(fake.address, data.path());
    setup.access = Some(access);
    let server = setup.start().await;
    let call = |token: &'static str| {
        let mut workspace = server.workspace();
        async move {
            let request = with_token(GetCreditsRequest::default(), token);
            workspace.get_credits(request).await.map(drop)
        }
    };
    call(CRM).await.unwrap();
    folder.write("crm-token", "token-of-the-crm-3");
    reloader.reload_now();
    assert_unknown(call(CRM).await);
    call("token-of-the-crm-3").await.unwrap();
}

#[tokio::test]
async fn a_running_job_is_polled_with_the_key_that_replaces_its_old_one() {
    const ACCEPTED: &str = r#"{"id":"8e1dcba0-f0bb-4071-99fc-f18ba6559ccc"}"#;
    let mut fake = Fake::start(|path, _| async move {
        match path.starts_with("/api/v2/searches/") {
            true => json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#),
            false => json(201, ACCEPTED),
        }
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let folder = folder();
    let (access, mut reloader) = folder.load();
    let mut setup = Setup::new(fake.address, data.path());
    setup.access = Some(access);
    let server = setup.start().await;
    let request = with_token(search(), CRM);
    server.leads().start_lead_search(request).await.unwrap();
    let started = fake.asked.recv().await.unwrap();
    assert_eq!(started.key.as_deref(), Some(SALES_KEY));
    folder.write("sales-key", "another-key-of-sales");
    reloader.reload_now();
    let polled = async {
        loop {
            let asked = fake.asked.recv().await.unwrap();
            if asked.key.as_deref() == Some("another-key-of-sales") {
                return asked.path;
            }
        }
    };
    let path = tokio::time::timeout(PATIENCE, polled).await.unwrap();
    assert!(path.starts_with("/api/v2/searches/"), "{path}");
}
