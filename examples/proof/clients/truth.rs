//! What a client has to have seen, read by the proof's own client from a whole stream.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{
    JobEvent, JobOutcome, LeadFilters, LeadResult, SearchLeadsRequest, WatchJobRequest,
};
use tonic::Code;
use tonic::transport::Channel;

/// Starts a search for so many people, and gives its job.
pub async fn start_search(channel: Channel, limit: i32) -> String {
    let request = SearchLeadsRequest {
        filters: Some(LeadFilters {
            job_titles: ["engineer", "director", "manager"]
                .map(str::to_owned)
                .to_vec(),
            ..LeadFilters::default()
        }),
        limit: Some(limit),
        ..SearchLeadsRequest::default()
    };
    let answer = LeadServiceClient::new(channel)
        .start_lead_search(request)
        .await;
    answer.unwrap().into_inner().job.unwrap().id
}

/// The whole log of a job that has ended, or ends soon. Where streams end because they are
/// too old, it is read in several.
pub async fn log(channel: Channel, job_id: &str) -> Vec<JobEvent> {
    let mut events: Vec<JobEvent> = Vec::new();
    loop {
        let request = WatchJobRequest {
            job_id: job_id.to_owned(),
            after_sequence: events.last().map_or(0, |event| event.sequence),
        };
        let stream = JobServiceClient::new(channel.clone())
            .watch_job(request)
            .await;
        let mut stream = stream.unwrap().into_inner();
        loop {
            match stream.message().await {
                Ok(Some(event)) if event.sequence > 0 => events.push(event),
                Ok(Some(_)) => {}
                Ok(None) => return events,
                Err(end) if end.code() == Code::Unavailable => break,
                Err(end) => panic!("{end}"),
            }
        }
    }
}

/// What the scenario `follow` prints of a log.
pub fn followed(log: &[JobEvent]) -> Vec<String> {
    let mut lines: Vec<_> = log.iter().map(line).collect();
    let completed = log.iter().rev().find_map(|event| match &event.event {
        Some(Event::Completed(completed)) => Some(completed),
        _ => None,
    });
    let completed = completed.unwrap();
    let outcome = JobOutcome::try_from(completed.outcome).unwrap();
    let outcome = outcome.as_str_name().trim_start_matches("JOB_OUTCOME_");
    let delivered = completed.counts.unwrap_or_default().delivered;
    lines.push(format!("account {outcome} {delivered}"));
    lines
}

fn line(event: &JobEvent) -> String {
    let (kind, key) = match event.event.as_ref().unwrap() {
        Event::Started(_) => ("started", None),
        Event::Lead(result) => ("lead", url(result)),
        Event::Account(_) => ("account", None),
        Event::Contact(_) => ("contact", None),
        Event::Signal(_) => ("signal", None),
        Event::Unrecognized(_) => ("unrecognized", None),
        Event::Progress(_) => ("progress", None),
        Event::Completed(_) => ("completed", None),
        Event::Erased(_) => ("erased", None),
    };
    format!("{} {kind} {}", event.sequence, key.unwrap_or("-"))
}

fn url(result: &LeadResult) -> Option<&str> {
    result.lead.as_ref()?.linkedin_url.as_deref()
}

/// The people of a log.
pub fn people(log: &[JobEvent]) -> Vec<&LeadResult> {
    let leads = log.iter().filter_map(|event| match &event.event {
        Some(Event::Lead(result)) => Some(result),
        _ => None,
    });
    leads.collect()
}

/// Says where two lists of lines differ first.
pub fn compare(seen: &[String], expected: &[String]) -> Result<(), String> {
    let differ = seen
        .iter()
        .zip(expected)
        .position(|(one, other)| one != other);
    let at = differ.unwrap_or(seen.len().min(expected.len()));
    match (seen.get(at), expected.get(at)) {
        (None, None) => Ok(()),
        (seen, expected) => Err(format!(
            "line {}: {:?} instead of {:?}",
            at + 1,
            seen.map_or("nothing", String::as_str),
            expected.map_or("nothing", String::as_str)
        )),
    }
}
