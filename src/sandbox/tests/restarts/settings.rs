//! Settings, faults and forms that go on.

use serde_json::{Value, json};

use super::{NEVER, Site, people, search, set, start};
use crate::proto::endpoint::endpoints;
use crate::proto::v1::SandboxSettings;
use crate::sandbox::tests::fixture::{Receiver, quick};
use crate::sandbox::{
    FaultKind, FinalMessage, Generation, SandboxConfig, SandboxFault, StreamingShape,
};

#[tokio::test]
async fn settings_that_were_changed_are_kept_until_their_option_changes() {
    let site = Site::new();
    let fixture = site.open().await;
    let initial = fixture.sandbox.settings();
    let changes = json!({
        "final_message": "FINAL_MESSAGE_BARE", "restricted_keys": ["other"], "credits": 77, "pace": "1.5s"
    });
    set(&fixture, changes).await;
    let changed = fixture.sandbox.settings();
    assert_ne!(changed, initial);
    let fixture = site.crash(fixture).await;
    assert_eq!(fixture.sandbox.settings(), changed);
    fixture.sandbox.halt().await;

    let site = Site {
        config: SandboxConfig {
            final_message: FinalMessage::Twice,
            credits: 5,
            ..quick()
        },
        ..site
    };
    let fixture = site.open().await;
    let expected = SandboxSettings {
        final_message: Some(FinalMessage::Twice.into()),
        credits: Some(5),
        ..changed
    };
    assert_eq!(fixture.sandbox.settings(), expected);
    let fixture = site.crash(fixture).await;
    assert_eq!(fixture.sandbox.settings(), expected);
}

#[tokio::test]
async fn a_reset_clears_the_file() {
    let site = Site::new();
    let fixture = site.open().await;
    let before = site.lines()[0].clone();
    let initial = fixture.sandbox.settings();
    let receiver = Receiver::start().await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(3)).await;
    set(&fixture, json!({"credits": 7})).await;
    fixture.sandbox.reset().await;
    assert_eq!(site.lines(), [before]);
    let id = start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(1)).await;
    let fixture = site.crash(fixture).await;
    assert_eq!(fixture.sandbox.settings(), initial);
    let findings = fixture.sandbox.findings("", "");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].upstream_id, id);
}

#[tokio::test]
async fn a_fault_that_has_struck_does_not_strike_again() {
    let site = Site::new();
    let fixture = site.open().await;
    let drop = json!({"kind": "FAULT_KIND_DROP", "count": 2});
    let lost =
        json!({"kind": "FAULT_KIND_SEARCH_ERROR", "after": 2, "endpoint": "StartAccountSearch"});
    set(&fixture, json!({"faults": [drop, lost]})).await;
    let mut receiver = Receiver::answering_first(0).await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(5)).await;
    receiver.next().await;
    receiver.answer_all();
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    // Of five people and the end, two were dropped.
    assert_eq!(receiver.arrived().len(), 4);
    assert_eq!(fixture.sandbox.counters().faults(FaultKind::Drop), 0);

    // What it does to a search is decided when that starts.
    fixture.sandbox.switches().write().pace = NEVER;
    let body = json!({"limit": 30, "streaming": true});
    let id = start(&fixture, endpoints::START_ACCOUNT_SEARCH, &receiver, body).await;
    set(&fixture, json!({"faults": []})).await;
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    assert_eq!(search(&fixture, &id).await["search"]["status"], "ERROR");
    assert_eq!(fixture.sandbox.findings(&id, "")[0].keys.len(), 2);
}

#[tokio::test]
async fn faults_that_are_options_are_counted_on() {
    let drop = SandboxFault {
        kind: FaultKind::Drop.into(),
        count: Some(2),
        ..Default::default()
    };
    let site = Site::with(SandboxConfig {
        faults: vec![drop],
        ..quick()
    });
    let mut arrived = Vec::new();
    let mut fixture = site.open().await;
    for _ in 0..3 {
        let mut receiver = Receiver::start().await;
        let body = json!({"limit": 1, "job_titles": ["*"]});
        start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, body).await;
        fixture.sandbox.idle().await;
        arrived.push(receiver.arrived().len());
        fixture = site.crash(fixture).await;
    }
    assert_eq!(arrived, [0, 0, 1]);
}

#[tokio::test]
async fn deliveries_that_were_held_back_come_again() {
    let burst = SandboxFault {
        kind: FaultKind::Burst.into(),
        ..Default::default()
    };
    let site = Site::with(SandboxConfig {
        faults: vec![burst],
        final_message: FinalMessage::Off,
        ..quick()
    });
    let fixture = site.open().await;
    let mut receiver = Receiver::answering_first(0).await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(4)).await;
    for _ in 0..4 {
        receiver.next().await;
    }
    receiver.answer_all();
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    assert_eq!(receiver.arrived().len(), 4);
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    assert_eq!(receiver.arrived(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_delivery_that_was_overtaken_is_not_lost() {
    let reorder = SandboxFault {
        kind: FaultKind::Reorder.into(),
        count: Some(1),
        ..Default::default()
    };
    let site = Site::with(SandboxConfig {
        faults: vec![reorder],
        final_message: FinalMessage::Off,
        ..quick()
    });
    let fixture = site.open().await;
    let mut receiver = Receiver::answering_first(1).await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(4)).await;
    let (second, first) = (receiver.next().await, receiver.next().await);
    receiver.answer_all();
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    let arrived = receiver.arrived();
    assert_eq!((arrived.len(), &arrived[..2]), (4, &[first, second][..]));
}

#[tokio::test]
async fn forms_go_on_by_turns() {
    let site = Site::with(SandboxConfig {
        generation: Generation::Alternating,
        streaming_shape: StreamingShape::Nested,
        final_message: FinalMessage::Off,
        ..quick()
    });
    let fixture = site.open().await;
    let mut receiver = Receiver::answering_first(2).await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(4)).await;
    let mut arrived = vec![
        receiver.next().await,
        receiver.next().await,
        receiver.next().await,
    ];
    receiver.answer_all();
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    arrived.extend(receiver.arrived());
    let documented = |body: &Value| body["lead"].get("linkedin_profile_url").is_some();
    let forms: Vec<_> = arrived.iter().map(documented).collect();
    assert_eq!(forms, [false, true, false, true, false]);
}
