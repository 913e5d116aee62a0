//! The path of a callback, as the receiver takes it apart.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pronto_grpc::callback::target;

fuzz_target!(|uri: &[u8]| {
    // What is no URI does not reach us.
    let Ok(uri) = http::Uri::try_from(uri) else {
        return;
    };
    match target(uri.path()) {
        Some((job, secret)) => {
            assert_eq!(format!("/callbacks/{job}/{secret}"), uri.path());
            assert!(!job.contains('/'), "a job's id ends at the first slash");
        }
        None => {
            let slashes = uri.path().matches('/').count();
            let is_complete = uri.path().starts_with("/callbacks/") && slashes >= 3;
            assert!(!is_complete, "{uri} names a job and a secret");
        }
    }
});
