//! What is added to an item's `custom`, and taken off again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pronto_grpc::jobs::correlation::{mark, unmark};
use pronto_grpc::proto::json::structs::{from_map, to_map};

/// Its place among the items.
const PLACE: usize = 2;

fuzz_target!(|custom: &[u8]| {
    let Ok(object) = serde_json::from_slice(custom) else {
        return;
    };
    let original = Some(from_map(&object));
    // A hostile one is taken for what it says, and nothing else in it is touched.
    let mut hostile = original.clone();
    if unmark(&mut hostile).is_none() {
        assert_eq!(hostile, original);
    }
    let mut items = vec![original.clone(); PLACE + 1];
    mark(items.iter_mut().collect());
    // It goes to Pronto and comes back as JSON.
    let mut echo = items[PLACE]
        .as_ref()
        .map(|custom| from_map(&to_map(custom)));
    assert_eq!(unmark(&mut echo), Some(PLACE as i32));
    // An empty one becomes absent: it is not known whose it was.
    assert_eq!(echo, original.filter(|custom| !custom.fields.is_empty()));
});
