//! SandboxService, and what faults do to streams.

use std::collections::BTreeSet;
use std::time::Duration;

use pronto_grpc::proto::endpoint::endpoints::{START_CONTACT_ENRICHMENT, START_LEAD_SEARCH};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{
    EnrichContactAsyncRequest, EnrichmentType, FaultKind, FinalMessage, Findings, Generation,
    GetSandboxCountersRequest, GetSettingsRequest, JobEvent, JobOutcome, ListFindingsRequest,
    ResetSandboxRequest, SandboxCounters, SandboxFault, SandboxSettings, StreamingShape,
    UpdateSettingsRequest,
};
use prost_types::FieldMask;
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt;

use super::{kind, subject};
use crate::harness::stage::{Stage, people_search, quick};
use crate::harness::{Setup, error_info, next};

/// A client of a sandbox.
struct Control(SandboxServiceClient<Channel>);

impl Control {
    fn of(stage: &Stage) -> Self {
        Self(SandboxServiceClient::new(stage.server.channel.clone()))
    }

    async fn settings(&mut self) -> SandboxSettings {
        let answer = self.0.get_settings(GetSettingsRequest {}).await.unwrap();
        answer.into_inner().settings.unwrap()
    }

    async fn update(
        &mut self,
        settings: SandboxSettings,
        mask: &[&str],
    ) -> Result<SandboxSettings, Status> {
        let paths = mask.iter().map(|path| (*path).to_owned()).collect();
        let request = UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: (!mask.is_empty()).then_some(FieldMask { paths }),
        };
        let answer = self.0.update_settings(request).await?;
        Ok(answer.into_inner().settings.unwrap())
    }

    async fn set_faults(&mut self, faults: Vec<SandboxFault>) {
        let settings = SandboxSettings {
            faults,
            ..Default::default()
        };
        self.update(settings, &["faults"]).await.unwrap();
    }

    async fn counters(&mut self) -> SandboxCounters {
        let request = GetSandboxCountersRequest { when_idle: true };
        let answer = self.0.get_sandbox_counters(request).await.unwrap();
        answer.into_inner().counters.unwrap()
    }

    async fn findings(&mut self, upstream_id: &str, webhook_url_part: &str) -> Vec<Findings> {
        let request = ListFindingsRequest {
            upstream_id: upstream_id.to_owned(),
            webhook_url_part: webhook_url_part.to_owned(),
        };
        let answer = self.0.list_findings(request).await.unwrap();
        answer.into_inner().findings
    }

    async fn reset(&mut self) -> SandboxSettings {
        let answer = self.0.reset_sandbox(ResetSandboxRequest {}).await.unwrap();
        answer.into_inner().settings.unwrap()
    }
}

fn fault(kind: FaultKind) -> SandboxFault {
    SandboxFault {
        kind: kind.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn settings_are_changed_by_mask_or_by_what_is_set() {
    let stage = Stage::start().await;
    let mut control = Control::of(&stage);
    let initial = control.settings().await;
    let changes = SandboxSettings {
        generation: Some(Generation::Alternating.into()),
        streaming_shape: Some(StreamingShape::Nested.into()),
        final_message: Some(FinalMessage::Twice.into()),
        personal_email_consent: Some(false),
        rate_limits: Some(true),
        credits: Some(0),
        restricted_keys: vec!["other".to_owned()],
        faults: vec![fault(FaultKind::Drop)],
        ..initial.clone()
    };
    assert_eq!(control.update(changes.clone(), &[]).await.unwrap(), changes);
    assert_eq!(control.settings().await, changes);
    let unset = SandboxSettings::default();
    let cleared = control.update(unset, &["faults", "restricted_keys"]).await;
    let expected = SandboxSettings {
        faults: vec![],
        restricted_keys: vec![],
        ..changes.clone()
    };
    assert_eq!(cleared.unwrap(), expected);
    // What the mask does not name stays.
    let named = control.update(changes.clone(), &["faults"]).await.unwrap();
    assert_eq!(named.faults, changes.faults);
    assert_eq!(named.restricted_keys, Vec::<String>::new());
    assert_eq!(control.reset().await, initial);
}

#[tokio::test]
async fn what_cannot_be_set_is_named() {
    let stage = Stage::start().await;
    let mut control = Control::of(&stage);
    let initial = control.settings().await;
    let bad_percent = SandboxFault {
        percent: Some(101),
        ..fault(FaultKind::Drop)
    };
    let cases = [
        (
            SandboxSettings {
                generation: Some(9),
                credits: Some(1),
                ..Default::default()
            },
            vec![],
            "generation",
        ),
        (
            SandboxSettings {
                faults: vec![bad_percent],
                ..Default::default()
            },
            vec![],
            "faults[0].percent",
        ),
        (SandboxSettings::default(), vec!["credits"], "credits"),
        (SandboxSettings::default(), vec!["nosuch"], "nosuch"),
    ];
    for (settings, mask, field) in cases {
        let status = control.update(settings, &mask).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(error_info(&status).reason, "INVALID_REQUEST");
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
    assert_eq!(control.settings().await, initial);
}

#[tokio::test]
async fn only_a_server_with_a_sandbox_has_the_service() {
    let stage = Stage::start().await;
    let data = tempfile::tempdir().unwrap();
    let without = Setup::new(stage.server.grpc, data.path()).start().await;
    let mut control = SandboxServiceClient::new(without.channel.clone());
    let status = control
        .get_settings(GetSettingsRequest {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    for (channel, is_there) in [(&without.channel, false), (&stage.server.channel, true)] {
        let services = services(channel).await;
        let name = "pronto.v1.SandboxService";
        assert_eq!(services.iter().any(|service| service == name), is_there);
        assert_eq!(is_healthy(channel, name).await, is_there);
    }
}

/// The services that reflection names.
async fn services(channel: &Channel) -> Vec<String> {
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut client = ServerReflectionClient::new(channel.clone());
    let answers = client.server_reflection_info(tokio_stream::once(request));
    let mut answers = answers.await.unwrap().into_inner();
    match answers.message().await.unwrap().unwrap().message_response {
        Some(MessageResponse::ListServicesResponse(list)) => {
            list.service.into_iter().map(|s| s.name).collect()
        }
        other => panic!("no list of services: {other:?}"),
    }
}

/// Whether health knows a service, and that it serves.
async fn is_healthy(channel: &Channel, service: &str) -> bool {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    match HealthClient::new(channel.clone()).check(request).await {
        Ok(answer) => answer.into_inner().status() == ServingStatus::Serving,
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound);
            false
        }
    }
}

/// Everything that a stream brings, and how it ends.
async fn collect(
    answer: Result<Response<Streaming<JobEvent>>, Status>,
) -> (Vec<JobEvent>, Option<Status>) {
    let mut stream = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => return (Vec::new(), Some(status)),
    };
    let mut events = Vec::new();
    while let Some(event) = next(&mut stream).await {
        match event {
            Ok(event) => events.push(event),
            Err(status) => return (events, Some(status)),
        }
    }
    (events, None)
}

/// A fault that strikes in a job of some results and is over soon.
fn mild(kind: FaultKind) -> SandboxFault {
    let is_answer = kind.as_str_name().starts_with("FAULT_KIND_ANSWER_");
    let takes_time = [
        FaultKind::Delay,
        FaultKind::Stall,
        FaultKind::Slow,
        FaultKind::AnswerRateLimited,
        FaultKind::AnswerRateLimitedDate,
        FaultKind::AnswerStall,
        FaultKind::AnswerSlow,
        FaultKind::EnrichmentSlow,
    ];
    let moment = prost_types::Duration {
        seconds: 0,
        nanos: 10_000_000,
    };
    SandboxFault {
        duration: takes_time.contains(&kind).then_some(moment),
        every: (!is_answer && kind != FaultKind::EnrichmentSlow).then_some(1),
        count: is_answer.then_some(1),
        ..fault(kind)
    }
}

fn all_kinds() -> impl Iterator<Item = FaultKind> {
    (1..100).filter_map(|number| FaultKind::try_from(number).ok())
}

#[tokio::test]
async fn every_kind_strikes_and_no_stream_invents_anything() {
    // A job whose outcome stays unknown ends only then.
    let soon = |setup: &mut Setup| setup.jobs.deadlines.search = Duration::from_secs(1);
    let stage = Stage::set_up(quick(), soon).await;
    let mut control = Control::of(&stage);
    for fault_kind in all_kinds() {
        control.reset().await;
        control.set_faults(vec![mild(fault_kind)]).await;
        let is_enrichment = fault_kind == FaultKind::EnrichmentSlow;
        let answer = match is_enrichment {
            true => {
                stage
                    .server
                    .contacts()
                    .enrich_contact_async(contact())
                    .await
            }
            false => stage.server.leads().search_leads(people_search(4)).await,
        };
        let (events, end) = collect(answer).await;
        let counters = control.counters().await;
        let struck = counters.faults.get(fault_kind.as_str_name());
        assert!(struck.is_some_and(|count| *count > 0), "{fault_kind:?}");

        let findings = control.findings("", "").await;
        let operation = match is_enrichment {
            true => START_CONTACT_ENRICHMENT.rpc,
            false => START_LEAD_SEARCH.rpc,
        };
        assert!(findings.iter().all(|work| work.operation == operation));
        assert!(findings.len() <= 1, "{fault_kind:?} started it twice");
        let found: BTreeSet<String> = findings.into_iter().flat_map(|work| work.keys).collect();
        let leads = events.iter().filter(|event| kind(event) == "lead");
        let arrived: Vec<String> = leads.map(subject).collect();
        let once: BTreeSet<String> = arrived.iter().cloned().collect();
        assert_eq!(arrived.len(), once.len(), "{fault_kind:?}");
        assert!(once.is_subset(&found), "{fault_kind:?}: {once:?} {found:?}");
        let last = events.last().and_then(|event| event.event.clone());
        if let (Some(Event::Completed(completed)), None, false) = (last, &end, is_enrichment)
            && completed.outcome() == JobOutcome::Complete
        {
            assert_eq!(once, found, "{fault_kind:?}");
        }
    }
}

fn contact() -> EnrichContactAsyncRequest {
    EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        company_name: Some("Acme".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    }
}

#[tokio::test]
async fn findings_are_there_by_upstream_id_and_by_job() {
    let stage = Stage::start().await;
    let mut control = Control::of(&stage);
    control.set_faults(vec![fault(FaultKind::Drop)]).await;
    let answer = stage
        .server
        .contacts()
        .enrich_contact_async(contact())
        .await;
    let (events, end) = collect(answer).await;
    assert!(end.is_none(), "{end:?}");
    let job = stage.server.job(&events[0].job_id).await;
    let by_id = control
        .findings(job.upstream_id.as_deref().unwrap(), "")
        .await;
    assert_eq!(by_id[0].keys, ["0"]);
    assert!(by_id[0].finished);
    assert_eq!(by_id, control.findings("", &job.id).await);
    assert_eq!(control.findings("another", "").await, []);
    assert_eq!(control.counters().await.credits_spent, by_id[0].credits);
}
