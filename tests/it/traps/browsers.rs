//! gRPC-Web, as browsers speak it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pronto_grpc::proto::v1::{GetCreditsRequest, GetCreditsResponse, JobEvent};
use prost::Message;
use reqwest::{Method, RequestBuilder, Response, StatusCode};

use super::CREDITS;
use crate::harness::raw::Raw;
use crate::harness::stage::{Stage, people_search, quick};
use crate::harness::{assert_contiguous, http};

const SEARCH: &str = "/pronto.v1.LeadService/SearchLeads";
const ORIGIN: &str = "https://app.example.com";

async fn stage() -> Stage {
    Stage::set_up(quick(), |setup| {
        setup.args.serving.grpc_web = true;
        setup.args.serving.cors_origin = vec![ORIGIN.to_owned()];
    })
    .await
}

/// A message as gRPC frames it.
fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &message].concat()
}

/// The messages of an answer, and its trailers.
fn unframed(mut bytes: &[u8]) -> (Vec<Vec<u8>>, String) {
    let mut messages = Vec::new();
    loop {
        let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
        let (frame, rest) = bytes[5..].split_at(length);
        if bytes[0] == 128 {
            assert!(rest.is_empty());
            return (messages, String::from_utf8(frame.to_vec()).unwrap());
        }
        messages.push(frame.to_vec());
        bytes = rest;
    }
}

/// A text is base64, of parts that may each end with padding.
fn untexted(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let parts = text.split_inclusive('=').filter(|part| *part != "=");
    let pad = |part: &str| {
        let bare = part.trim_end_matches('=');
        format!("{bare}{}", &"==="[..(4 - bare.len() % 4) % 4])
    };
    let parts = parts.map(|part| STANDARD.decode(pad(part)).unwrap());
    parts.flatten().collect()
}

fn call(stage: &Stage, path: &str, form: &str) -> RequestBuilder {
    let url = format!("http://{}{path}", stage.server.grpc);
    let call = http().post(url).header("content-type", form);
    call.header("accept", form)
        .header("x-grpc-web", "1")
        .header("origin", ORIGIN)
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    let value = answer.headers().get(name);
    value.map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_browser_is_answered_in_both_forms() {
    let stage = stage().await;
    let message = framed(&GetCreditsRequest::default());
    for (form, is_text) in [
        ("application/grpc-web+proto", false),
        ("application/grpc-web-text+proto", true),
    ] {
        let body = match is_text {
            true => STANDARD.encode(&message).into_bytes(),
            false => message.clone(),
        };
        let answer = call(&stage, CREDITS, form).body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(ORIGIN));
        let exposed = header(&answer, "access-control-expose-headers").unwrap();
        for name in ["grpc-status-details-bin", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        let bytes = answer.bytes().await.unwrap();
        let bytes = if is_text {
            untexted(&bytes)
        } else {
            bytes.to_vec()
        };
        let (messages, trailers) = unframed(&bytes);
        assert!(trailers.contains("grpc-status:0"), "{trailers}");
        let credits = GetCreditsResponse::decode(&*messages[0]).unwrap();
        assert_eq!((messages.len(), credits.credits), (1, Some(100_000.0)));
    }
}

#[tokio::test]
async fn a_browser_follows_a_stream_in_both_forms() {
    let stage = stage().await;
    for (form, is_text) in [
        ("application/grpc-web+proto", false),
        ("application/grpc-web-text+proto", true),
    ] {
        let message = framed(&people_search(5));
        let body = match is_text {
            true => STANDARD.encode(&message).into_bytes(),
            false => message,
        };
        let answer = call(&stage, SEARCH, form).body(body).send().await.unwrap();
        let bytes = answer.bytes().await.unwrap();
        let bytes = if is_text {
            untexted(&bytes)
        } else {
            bytes.to_vec()
        };
        let (messages, trailers) = unframed(&bytes);
        assert!(trailers.contains("grpc-status:0"), "{trailers}");
        let events = messages
            .iter()
            .map(|message| JobEvent::decode(&**message).unwrap());
        let events: Vec<_> = events.filter(|event| event.sequence > 0).collect();
        assert_contiguous(&events, 1);
        assert_eq!(events.len(), 7);
    }
}

#[tokio::test]
async fn an_error_reaches_a_browser_with_its_reason() {
    let stage = stage().await;
    let form = "application/grpc-web+proto";
    let path = "/pronto.v1.WorkspaceService/NoSuchMethod";
    let message = framed(&GetCreditsRequest::default());
    let answer = call(&stage, path, form).body(message).send().await.unwrap();
    let in_header = header(&answer, "grpc-status").map(str::to_owned);
    let details = header(&answer, "grpc-status-details-bin").is_some();
    let bytes = answer.bytes().await.unwrap();
    let trailers = match bytes.is_empty() {
        true => String::new(),
        false => unframed(&bytes).1,
    };
    assert!(in_header.as_deref() == Some("12") || trailers.contains("grpc-status:12"));
    assert!(details || trailers.contains("grpc-status-details-bin"));
}

async fn preflight(stage: &Stage, origin: &str) -> Response {
    let url = format!("http://{}{CREDITS}", stage.server.grpc);
    let asked = http().request(Method::OPTIONS, url);
    let asked = asked
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,x-grpc-web,x-api-key",
        );
    asked.send().await.unwrap()
}

#[tokio::test]
async fn a_preflight_allows_the_origins_of_the_configuration() {
    let stage = stage().await;
    let allowed = preflight(&stage, ORIGIN).await;
    assert_eq!(allowed.status(), StatusCode::OK);
    assert_eq!(
        header(&allowed, "access-control-allow-origin"),
        Some(ORIGIN)
    );
    assert_eq!(
        header(&allowed, "access-control-allow-methods"),
        Some("POST")
    );
    let refused = preflight(&stage, "https://evil.example.com").await;
    assert_eq!(header(&refused, "access-control-allow-origin"), None);
}

/// Browsers send such requests for any page, and ask nobody before.
#[tokio::test]
async fn what_is_no_call_is_refused() {
    let stage = stage().await;
    let url = format!("http://{}{CREDITS}", stage.server.grpc);
    let message = framed(&GetCreditsRequest::default());
    let http2 = reqwest::Client::builder().http2_prior_knowledge();
    for http in [http(), http2.build().unwrap()] {
        for form in ["text/plain", "multipart/form-data", "application/json", ""] {
            let mut call = http.post(&url).body(message.clone());
            if !form.is_empty() {
                call = call.header("content-type", form);
            }
            let answer = call.send().await.unwrap();
            assert_eq!(
                answer.status(),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "{form}"
            );
        }
        let form = "application/grpc-web+proto";
        let call = http.post(&url).header("content-type", form);
        let answer = call.body(message.clone()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn without_the_option_browsers_are_not_served() {
    let stage = Stage::start().await;
    let form = "application/grpc-web+proto";
    let message = framed(&GetCreditsRequest::default());
    assert!(
        call(&stage, CREDITS, form)
            .body(message)
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn t5_a_header_of_http1_that_does_not_end_is_cut() {
    let stage = stage().await;
    let mut slow = Raw::connect(stage.server.grpc).await;
    slow.send("POST /pronto.v1.WorkspaceService/GetCredits HTTP/1.1\r\nhost: x\r\n")
        .await;
    let message = framed(&GetCreditsRequest::default());
    let form = "application/grpc-web+proto";
    let good = call(&stage, CREDITS, form).body(message).send().await;
    assert_eq!(good.unwrap().status(), StatusCode::OK);
    let mut silent = Raw::connect(stage.server.grpc).await;
    silent.closed().await;
}
