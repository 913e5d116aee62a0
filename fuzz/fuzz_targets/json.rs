//! What Pronto answers and what it is asked, read, written, and read again. The
//! first byte says which message it is, the rest is the JSON.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use pronto_grpc::proto::json::{JsonMessage, ReadError, Spelling, read, write};
use pronto_grpc::proto::v1;

const MESSAGES: &[fn(&[u8])] = &[
    is_stable::<v1::LeadDelivery>,
    is_stable::<v1::AccountDelivery>,
    is_stable::<v1::ContactDelivery>,
    is_stable::<v1::Acceptance>,
    is_stable::<v1::GetSearchResponse>,
    is_stable::<v1::GetContactEnrichmentResponse>,
    is_stable::<v1::EnrichLeadResponse>,
    is_stable::<v1::EnrichAccountResponse>,
    is_stable::<v1::GetHeadcountResponse>,
    is_stable::<v1::SearchLeadsRequest>,
    is_stable::<v1::SearchAccountsRequest>,
    is_stable::<v1::SearchGrowingAccountsRequest>,
    is_stable::<v1::BulkEnrichContactsRequest>,
];

fuzz_target!(|input: &[u8]| {
    if let Some((which, json)) = input.split_first() {
        MESSAGES[usize::from(*which) % MESSAGES.len()](json);
    }
});

/// What is written can be read, and becomes the same again. Only at first something
/// may change: a value that fits no field gives way to one that does, and of two
/// spellings of a field the other may come first.
fn is_stable<M: JsonMessage + PartialEq + Debug>(json: &[u8]) {
    let Some(first) = again::<M>(json) else {
        return;
    };
    let Some(second) = again::<M>(&first) else {
        return;
    };
    let third = again::<M>(&second);
    let text = |json: &[u8]| String::from_utf8_lossy(json).into_owned();
    assert_eq!(third.map(|third| text(&third)), Some(text(&second)));
}

/// Reads and writes. A body that is refused the first time is no message; one that
/// we wrote is refused only because a bare list became a level deeper.
fn again<M: JsonMessage>(json: &[u8]) -> Option<Vec<u8>> {
    let message: M = read(json).ok()?;
    let written = serde_json::Value::Object(write(&message, Spelling::Observed)).to_string();
    match read::<M>(written.as_bytes()) {
        Ok(_) | Err(ReadError::TooDeep) => Some(written.into_bytes()),
        Err(error) => panic!("{written}: {error}"),
    }
}
