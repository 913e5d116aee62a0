//! Callbacks for which there is no job.

use pronto_grpc::proto::v1::{
    ListUnmatchedCallbacksRequest, ListUnmatchedCallbacksResponse, PurgeJobRequest,
    UnmatchedCallback,
};
use uuid::Uuid;

use crate::harness::callbacks::{Open, OpenJob, lead, post, with_key};
use crate::harness::{PATIENCE, error_info};

const OTHER_KEY: &str = "another-key";

async fn page(
    open: &Open,
    key: Option<&str>,
    page_size: i32,
    page_token: &str,
) -> ListUnmatchedCallbacksResponse {
    let request = ListUnmatchedCallbacksRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let mut jobs = open.server.jobs();
    let listed = jobs.list_unmatched_callbacks(with_key(request, key)).await;
    listed.unwrap().into_inner()
}

async fn listed(open: &Open, key: Option<&str>) -> Vec<UnmatchedCallback> {
    page(open, key, 0, "").await.callbacks
}

/// Waits for callbacks that nobody was told to be stored.
async fn listed_after_a_while(open: &Open, count: usize) -> Vec<UnmatchedCallback> {
    let all = async {
        loop {
            let callbacks = listed(open, None).await;
            if callbacks.len() >= count {
                return callbacks;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap()
}

async fn purge(open: &Open, job: &OpenJob, key: Option<&str>) {
    let job_id = job.id.clone();
    let mut jobs = open.server.jobs();
    let request = with_key(PurgeJobRequest { job_id }, key);
    jobs.purge_job(request).await.unwrap();
}

fn stranger(open: &Open) -> (String, String) {
    let id = Uuid::now_v7().to_string();
    let secret = "A".repeat(43);
    let url = format!("http://{}/callbacks/{id}/{secret}", open.server.callbacks);
    (id, url)
}

#[tokio::test]
async fn what_comes_for_a_purged_job_is_kept_for_its_owner() {
    let mut open = Open::start().await;
    let job = open.job_of(Some(OTHER_KEY)).await;
    // The secret is remembered from now on; purging must make it forgotten.
    assert_eq!(post(&job.url, lead("ada")).await, 204);
    open.cancel_as(&job, Some(OTHER_KEY)).await;
    purge(&open, &job, Some(OTHER_KEY)).await;
    assert_eq!(post(&job.url, lead("bob")).await, 204);
    assert_eq!(post(&job.url, lead("eve")).await, 204);
    let callbacks = listed(&open, Some(OTHER_KEY)).await;
    let bodies: Vec<_> = callbacks.iter().map(|c| c.body.clone()).collect();
    assert_eq!(bodies, [lead("bob").into_bytes(), lead("eve").into_bytes()]);
    assert!(callbacks.iter().all(|c| c.purged && c.job_id == job.id));
    assert!(callbacks[0].receive_time.is_some() && callbacks[0].id < callbacks[1].id);
    assert_eq!(listed(&open, None).await, [], "it is another key's");
    let first = page(&open, Some(OTHER_KEY), 1, "").await;
    assert_eq!(first.callbacks, callbacks[..1]);
    let second = page(&open, Some(OTHER_KEY), 1, &first.next_page_token).await;
    assert_eq!(second.callbacks, callbacks[1..]);
    assert_eq!(second.next_page_token, "");
}

#[tokio::test]
async fn a_wrong_secret_of_a_purged_job_is_not_kept() {
    let mut open = Open::start().await;
    let job = open.job().await;
    open.cancel(&job).await;
    purge(&open, &job, None).await;
    let (base, _) = job.url.rsplit_once('/').unwrap();
    assert_eq!(post(&format!("{base}/{}", "A".repeat(43)), "x").await, 404);
    // What comes after it is there, so it would be, too.
    assert_eq!(post(&job.url, lead("ada")).await, 204);
    assert_eq!(listed(&open, None).await.len(), 1);
}

#[tokio::test]
async fn what_comes_for_an_unknown_job_is_shown_to_the_configured_key_only() {
    let open = Open::start().await;
    let (id, url) = stranger(&open);
    assert_eq!(post(&url, lead("ada")).await, 404);
    let callbacks = listed_after_a_while(&open, 1).await;
    assert_eq!(callbacks.len(), 1);
    assert_eq!(
        (callbacks[0].job_id.as_str(), callbacks[0].purged),
        (&*id, false)
    );
    assert_eq!(callbacks[0].body, lead("ada").into_bytes());
    assert_eq!(listed(&open, Some(OTHER_KEY)).await, []);
}

#[tokio::test]
async fn strangers_do_not_displace_what_came_for_a_purged_job() {
    // A body alone is larger than what is kept of each kind.
    let mut open = Open::with(|setup| setup.jobs.max_unmatched_size = 100).await;
    let job = open.job().await;
    open.cancel(&job).await;
    purge(&open, &job, None).await;
    assert_eq!(post(&job.url, "1".repeat(60)).await, 204);
    let (last, url) = stranger(&open);
    for name in ["2", "3", "4"] {
        assert_eq!(post(&stranger(&open).1, name.repeat(60)).await, 404);
        listed_after_a_while(&open, 2).await;
    }
    assert_eq!(post(&url, "5".repeat(60)).await, 404);
    let kept = async {
        loop {
            let callbacks = listed(&open, None).await;
            assert!(callbacks.len() <= 2, "{callbacks:?}");
            if callbacks.iter().any(|callback| callback.job_id == last) {
                return callbacks;
            }
        }
    };
    let callbacks = tokio::time::timeout(PATIENCE, kept).await.unwrap();
    assert_eq!((callbacks.len(), callbacks[0].purged), (2, true));
    // The oldest one of its own kind gives way.
    assert_eq!(post(&job.url, "6".repeat(60)).await, 204);
    let callbacks = listed(&open, None).await;
    let of_job: Vec<_> = callbacks.iter().filter(|c| c.purged).collect();
    assert_eq!((of_job.len(), of_job[0].body[0]), (1, b'6'));
}

#[tokio::test]
async fn what_is_no_callback_of_ours_is_not_kept() {
    let open = Open::start().await;
    let (id, url) = stranger(&open);
    let base = format!("http://{}/callbacks", open.server.callbacks);
    for odd in [
        format!("{base}/{id}/wp-login.php"),
        format!("{base}/admin/{}", "A".repeat(43)),
        format!("{base}/{id}"),
    ] {
        assert_eq!(post(&odd, "x").await, 404);
    }
    assert_eq!(post(&url, "last").await, 404);
    let callbacks = listed_after_a_while(&open, 1).await;
    assert_eq!((callbacks.len(), &*callbacks[0].body), (1, &b"last"[..]));
}

#[tokio::test]
async fn a_page_that_is_none_is_refused() {
    let open = Open::start().await;
    for (page_size, page_token) in [(-1, ""), (0, "x")] {
        let request = ListUnmatchedCallbacksRequest {
            page_size,
            page_token: page_token.to_owned(),
        };
        let refused = open.server.jobs().list_unmatched_callbacks(request).await;
        assert_eq!(error_info(&refused.unwrap_err()).reason, "INVALID_REQUEST");
    }
}
