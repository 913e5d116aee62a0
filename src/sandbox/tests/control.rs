//! The sandbox's own HTTP API.

use http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture, Receiver, quick};
use crate::proto::endpoint::endpoints;
use crate::sandbox::{FaultKind, Generation};

async fn patch(fixture: &Fixture, body: Value) -> Answer {
    fixture
        .send("PATCH", "/sandbox/settings", None, Some(body))
        .await
}

async fn get(fixture: &Fixture, path: &str) -> Answer {
    fixture.send("GET", path, None, None).await
}

#[tokio::test]
async fn settings_are_read_changed_and_reset() {
    let fixture = Fixture::start(quick()).await;
    let initial = get(&fixture, "/sandbox/settings").await.json();
    assert_eq!(initial["generation"], "GENERATION_OBSERVED");
    assert_eq!(initial["credits"], 100_000);
    let changes = json!({
        "generation": "GENERATION_DOCUMENTED",
        "personalEmailConsent": false,
        "pace": "0.5s",
        "restricted_keys": ["other"],
        "faults": [{"kind": "FAULT_KIND_DROP", "percent": 10}],
    });
    let changed = patch(&fixture, changes).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let changed = changed.json();
    assert_eq!(changed["personal_email_consent"], false);
    assert_eq!(changed["faults"][0]["percent"], 10);
    assert_eq!(changed["credits"], 100_000);
    assert_eq!(changed, get(&fixture, "/sandbox/settings").await.json());
    {
        let switches = fixture.sandbox.switches();
        let switches = switches.read();
        assert_eq!(switches.generation, Generation::Documented);
        assert_eq!(switches.pace.as_millis(), 500);
    }
    let cleared = patch(&fixture, json!({"faults": []})).await.json();
    assert_eq!(cleared["faults"], json!([]));
    assert_eq!(cleared["restricted_keys"], json!(["other"]));
    let reset = fixture.send("POST", "/sandbox/reset", None, None).await;
    assert_eq!(reset.json(), initial);
}

#[tokio::test]
async fn what_cannot_be_set_is_named_and_nothing_is_set() {
    let fixture = Fixture::start(quick()).await;
    let before = get(&fixture, "/sandbox/settings").await.json();
    for (changes, field) in [
        (json!({"nosuch": 1}), "nosuch"),
        (json!({"generation": "GENERATION_LATEST"}), "generation"),
        (
            json!({"generation": "GENERATION_UNSPECIFIED"}),
            "generation",
        ),
        (json!({"generation": null}), "generation"),
        (json!({"pace": "soon"}), "pace"),
        (json!({"pace": "-1s"}), "pace"),
        (json!({"pace": "3601s"}), "pace"),
        (json!({"rate_limits": "no"}), "rate_limits"),
        (
            json!({"faults": [{"kind": "FAULT_KIND_DROP"}, {"kind": "FAULT_KIND_DROP", "percent": 0}]}),
            "faults[1].percent",
        ),
        (
            json!({"faults": [{"kind": "FAULT_KIND_DROP", "color": 1}]}),
            "faults[0].color",
        ),
        (
            json!({"faults": [{"kind": "FAULT_KIND_DROP", "endpoint": "/x"}]}),
            "faults[0].endpoint",
        ),
        (json!({"faults": [{}]}), "faults[0].kind"),
        (json!({"faults": "drop"}), "faults"),
        (json!([]), "object"),
    ] {
        let mut with_more = changes.clone();
        if let Value::Object(fields) = &mut with_more {
            fields.insert("credits".to_owned(), json!(1));
        }
        let refused = patch(&fixture, with_more).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{changes}");
        let message = refused.json()["message"].to_string();
        assert!(message.contains(field), "{changes}: {message}");
        assert_eq!(
            get(&fixture, "/sandbox/settings").await.json(),
            before,
            "{changes}"
        );
    }
    let answer = fixture.send("PATCH", "/sandbox/settings", None, None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn counters_and_findings_tell_what_happened() {
    let fixture = Fixture::start(quick()).await;
    patch(&fixture, json!({"faults": [{"kind": "FAULT_KIND_DROP"}]})).await;
    let receiver = Receiver::start().await;
    let body = json!({
        "webhook_url": format!("{}/job-7", receiver.url), "streaming": true, "limit": 3, "job_titles": ["*"]
    });
    let started = fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    let counters = get(&fixture, "/sandbox/counters?when_idle=true")
        .await
        .json();
    assert_eq!(counters["under_way"], 0);
    assert_eq!(counters["requests"][endpoints::START_LEAD_SEARCH.rpc], 1);
    assert_eq!(counters["webhooks_attempted"], 0);
    assert_eq!(counters["faults"][FaultKind::Drop.as_str_name()], 4);
    let by_id = get(&fixture, &format!("/sandbox/findings/{}", started.id()))
        .await
        .json();
    let findings = &by_id["findings"][0];
    assert_eq!(findings["keys"].as_array().map(Vec::len), Some(3));
    assert_eq!(findings["finished"], true);
    assert_eq!(findings["operation"], endpoints::START_LEAD_SEARCH.rpc);
    let by_webhook = get(&fixture, "/sandbox/findings?webhook_url_part=job-7")
        .await
        .json();
    assert_eq!(by_webhook, by_id);
    let others = get(&fixture, "/sandbox/findings?webhook_url_part=job-8")
        .await
        .json();
    assert_eq!(others["findings"], json!([]));

    fixture
        .call(endpoints::DELETE_SEARCH, &started.id(), None)
        .await;
    let kept = get(&fixture, &format!("/sandbox/findings/{}", started.id())).await;
    assert_eq!(kept.json(), by_id);
    fixture.send("POST", "/sandbox/reset", None, None).await;
    let gone = get(&fixture, &format!("/sandbox/findings/{}", started.id())).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let counters = get(&fixture, "/sandbox/counters").await.json();
    assert_eq!(counters["requests"], json!({}));
}

#[tokio::test]
async fn a_reset_ends_work_under_way() {
    let fixture = Fixture::start(quick()).await;
    patch(&fixture, json!({"pace": "3600s"})).await;
    let body = json!({"webhook_url": "http://127.0.0.1:9/", "job_titles": ["*"]});
    let started = fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    let counters = get(&fixture, "/sandbox/counters").await.json();
    assert_eq!(counters["under_way"], 1);
    fixture.send("POST", "/sandbox/reset", None, None).await;
    let counters = get(&fixture, "/sandbox/counters?when_idle=true")
        .await
        .json();
    assert_eq!(counters["under_way"], 0);
    let search = fixture
        .call(endpoints::GET_SEARCH, &started.id(), None)
        .await;
    assert_eq!(search.status, StatusCode::NOT_FOUND);
    // What is started afterwards goes on.
    let receiver = Receiver::start().await;
    let body = json!({"webhook_url": receiver.url, "limit": 1, "job_titles": ["*"]});
    fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    fixture.sandbox.idle().await;
    assert_eq!(fixture.sandbox.counters().webhooks_accepted(), 1);
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let fixture = Fixture::start(quick()).await;
    for (method, path, status) in [
        ("GET", "/sandbox/nothing", 404),
        ("GET", "/sandbox/", 404),
        ("DELETE", "/sandbox/settings", 405),
        ("GET", "/sandbox/reset", 405),
        ("GET", "/sandbox/counters?when_idle=perhaps", 400),
    ] {
        let answer = fixture.send(method, path, None, None).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
    }
}
