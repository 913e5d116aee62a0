//! A stream that is cut, and continued.

use pronto_grpc::proto::v1::JobEvent;
use prost::Message;

use super::assert_complete;
use crate::harness::stage::Stage;
use crate::harness::{assert_contiguous, read, read_all};

const PEOPLE: i32 = 48;

fn bytes(events: &[JobEvent]) -> Vec<Vec<u8>> {
    events.iter().map(Message::encode_to_vec).collect()
}

#[tokio::test]
async fn watching_after_each_sequence_gives_exactly_the_rest() {
    let stage = Stage::start().await;
    let events = read_all(&mut stage.search(PEOPLE).await).await;
    assert_eq!(events.len(), 50);
    assert_complete(&events, "lead", 48);
    let job_id = &events[0].job_id;
    for after in 0..=50 {
        let rest = read_all(&mut stage.server.watch(job_id, after as i64).await).await;
        assert_eq!(bytes(&rest), bytes(&events[after..]), "after {after}");
    }
}

#[tokio::test]
async fn a_live_stream_cut_anywhere_continues_without_gap_or_duplicate() {
    let stage = Stage::start().await;
    for cut in [1, 2, 10, 33, 48, 49, 50] {
        let mut live = stage.search(PEOPLE).await;
        let mut events = read(&mut live, cut).await;
        drop(live);
        let job_id = events[0].job_id.clone();
        let mut continued = stage.server.watch_apart(&job_id, cut as i64).await;
        events.extend(read_all(&mut continued).await);
        assert_complete(&events, "lead", 48);
        let again = read_all(&mut stage.server.watch(&job_id, 0).await).await;
        assert_eq!(bytes(&events), bytes(&again), "cut after {cut}");
    }
}

#[tokio::test]
async fn a_stream_may_be_cut_after_each_event() {
    let stage = Stage::start().await;
    let mut events = read(&mut stage.search(PEOPLE).await, 1).await;
    let job_id = events[0].job_id.clone();
    while events.len() < 50 {
        let mut stream = stage.server.watch(&job_id, events.len() as i64).await;
        events.extend(read(&mut stream, 1).await);
        assert_contiguous(&events, 1);
    }
    assert_complete(&events, "lead", 48);
}
