//! The examples as users try them: with a server and its sandbox in one process, which is
//! killed in the middle of their streams.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{
    FaultKind, GetSandboxCountersRequest, JobEvent, LeadResult, ListFindingsRequest,
    ListJobsRequest, SandboxFault, SandboxSettings, UpdateSettingsRequest,
};
use tonic::transport::Channel;

use super::columns::Column;
use super::program::Program;
use super::stage::Stage;
use super::truth::{compare, log, people, start_search};
use super::witness::saw;

/// The call that buys the batch of `enrich`.
const START: &str = "pronto.v1.ContactService/StartBulkContactEnrichment";

/// People are printed as they are found, each once.
pub async fn search(column: &Column) -> Result<(), String> {
    const LIMIT: usize = 100;
    // The sandbox takes 20 ms for each of them: the server dies while most are to come.
    let mut stage = Stage::new().await;
    let arguments = ["search".to_owned(), LIMIT.to_string()];
    let mut program = Program::start(column, &arguments, &stage.environment());
    let mut lines = program.lines(LIMIT / 4).await?;
    stage.crash().await;
    lines.extend(program.success().await?);
    saw(stage.server(), "search").await?;
    let job = only_job(stage.channel().await).await?;
    let log = log(stage.channel().await, &job).await;
    compare(&lines, &printed(&log))
}

fn printed(log: &[JobEvent]) -> Vec<String> {
    let people = people(log);
    let mut lines: Vec<_> = people.iter().map(|result| line(result)).collect();
    lines.push(format!("COMPLETE: {} people", people.len()));
    lines
}

fn line(result: &LeadResult) -> String {
    let lead = result.lead.clone().unwrap_or_default();
    let company = result.company.clone().unwrap_or_default();
    let [first, last, title, company] =
        [lead.first_name, lead.last_name, lead.title, company.name].map(Option::unwrap_or_default);
    format!("{first} {last}, {title} at {company}")
}

async fn only_job(channel: Channel) -> Result<String, String> {
    let request = ListJobsRequest::default();
    let answer = JobServiceClient::new(channel).list_jobs(request).await;
    match answer.unwrap().into_inner().jobs.as_slice() {
        [job] => Ok(job.id.clone()),
        jobs => Err(format!("{} jobs were started instead of one", jobs.len())),
    }
}

/// A table of contacts is enriched once, whatever ends in the middle: the program, which
/// is then run again, and the server.
pub async fn enrich(column: &Column) -> Result<(), String> {
    const CONTACTS: usize = 40;
    const PART: usize = CONTACTS / 5;
    // Some programs take a second to start; the batch has to be under way by then.
    const SLOW: Duration = Duration::from_millis(200);
    const FAST: Duration = Duration::from_millis(20);
    let mut stage = Stage::new().await;
    let table = table(stage.channel().await, CONTACTS).await;
    let folder = stage.place.folder().join("tables");
    std::fs::create_dir(&folder).unwrap();
    let (input, output) = (folder.join("in.csv"), folder.join("out.csv"));
    std::fs::write(&input, &table).unwrap();
    let arguments = [
        "enrich".to_owned(),
        input.display().to_string(),
        output.display().to_string(),
        "11111111-2222-4333-8444-555555555555".to_owned(),
    ];

    set_pace(stage.channel().await, SLOW).await;
    let mut program = Program::start(column, &arguments, &stage.environment());
    program.lines(PART).await?;
    program.kill();
    let mut program = Program::start(column, &arguments, &stage.environment());
    let mut lines = program.lines(2 * PART).await?;
    let started = starts(stage.channel().await).await;
    stage.crash().await;
    set_pace(stage.channel().await, FAST).await;
    lines.extend(program.success().await?);
    saw(stage.server(), "enrich").await?;
    let again = Program::start(column, &arguments, &stage.environment());
    compare(&again.success().await?, &lines)?;

    judge_lines(&lines, CONTACTS)?;
    judge_table(&table, &output)?;
    judge_bill(stage.channel().await, started, CONTACTS).await?;
    after_a_lost_answer(column, &stage, &folder).await
}

/// The batch is bought, and Pronto's answer to that is lost: the job has the results, so the
/// program goes on with it, and again when it is run again.
async fn after_a_lost_answer(column: &Column, stage: &Stage, folder: &Path) -> Result<(), String> {
    const CONTACTS: usize = 4;
    let input = folder.join("in.csv");
    std::fs::write(&input, table(stage.channel().await, CONTACTS).await).unwrap();
    lose_the_next_answer(stage.channel().await).await;
    let arguments = [
        "enrich".to_owned(),
        input.display().to_string(),
        folder.join("out.csv").display().to_string(),
        "22222222-2222-4333-8444-555555555555".to_owned(),
    ];
    for _ in 0..2 {
        let program = Program::start(column, &arguments, &stage.environment());
        judge_lines(&program.success().await?, CONTACTS)?;
    }
    Ok(())
}

/// Has the next batch carried out without an answer.
async fn lose_the_next_answer(channel: Channel) {
    let lost = SandboxFault {
        kind: FaultKind::AnswerLost.into(),
        count: Some(1),
        endpoint: "StartBulkContactEnrichment".to_owned(),
        ..SandboxFault::default()
    };
    let settings = SandboxSettings {
        faults: vec![lost],
        ..SandboxSettings::default()
    };
    set(channel, settings).await;
}

/// Sets the time between two deliveries.
async fn set_pace(channel: Channel, pace: Duration) {
    let settings = SandboxSettings {
        pace: pace.try_into().ok(),
        ..SandboxSettings::default()
    };
    set(channel, settings).await;
}

/// Sets what the settings have.
async fn set(channel: Channel, settings: SandboxSettings) {
    let request = UpdateSettingsRequest {
        settings: Some(settings),
        update_mask: None,
    };
    let mut sandbox = SandboxServiceClient::new(channel);
    sandbox.update_settings(request).await.unwrap();
}

/// How often this process of the sandbox was asked for a batch.
async fn starts(channel: Channel) -> u64 {
    let request = GetSandboxCountersRequest::default();
    let mut sandbox = SandboxServiceClient::new(channel);
    let answer = sandbox.get_sandbox_counters(request).await;
    let counters = answer.unwrap().into_inner().counters.unwrap();
    counters.requests.get(START).copied().unwrap_or(0)
}

/// People of the sandbox, as a table of contacts.
async fn table(channel: Channel, count: usize) -> String {
    let job = start_search(channel.clone(), count as i32).await;
    let log = log(channel, &job).await;
    let mut table = "first_name,last_name,company_name,linkedin_url\n".to_owned();
    for result in people(&log) {
        let lead = result.lead.clone().unwrap_or_default();
        let company = result.company.clone().unwrap_or_default();
        let cells = [
            lead.first_name,
            lead.last_name,
            company.name,
            lead.linkedin_url,
        ];
        let cells = cells.map(|cell| format!("\"{}\"", cell.unwrap_or_default()));
        writeln!(table, "{}", cells.join(",")).unwrap();
    }
    table
}

fn judge_lines(lines: &[String], contacts: usize) -> Result<(), String> {
    let Some((last, each)) = lines.split_last() else {
        return Err("nothing was printed".to_owned());
    };
    let mut each = each.to_vec();
    each.sort();
    let mut expected: Vec<_> = (0..contacts).map(|at| format!("contact {at}")).collect();
    expected.sort();
    compare(&each, &expected)?;
    let begins = format!("COMPLETE: {contacts} contacts, ");
    match last.starts_with(&begins) {
        true => Ok(()),
        false => Err(format!("the last line is {last:?}")),
    }
}

/// Row by row the input and what was found, and no other file.
fn judge_table(input: &str, output: &Path) -> Result<(), String> {
    let table = std::fs::read_to_string(output).map_err(|error| error.to_string())?;
    let plain = |text: &str| text.replace(['"', '\r'], "");
    let (rows, inputs) = (plain(&table), plain(input));
    let (rows, inputs): (Vec<_>, Vec<_>) = (rows.lines().collect(), inputs.lines().collect());
    if rows.len() != inputs.len() {
        return Err(format!("{} rows instead of {}", rows.len(), inputs.len()));
    }
    let mixed_up = rows.iter().zip(&inputs).find(|(row, input)| {
        let found = row.strip_prefix(**input);
        !found.is_some_and(|found| found.starts_with(','))
    });
    if let Some((row, input)) = mixed_up {
        return Err(format!("row {row:?} is not what was found for {input:?}"));
    }
    if !rows[0].ends_with(",email,email_status") {
        return Err(format!("the header is {:?}", rows[0]));
    }
    let found = rows.iter().filter(|row| row.contains('@')).count();
    let files = std::fs::read_dir(output.parent().unwrap()).unwrap().count();
    match (found, files) {
        (0, _) => Err("no email was found".to_owned()),
        (_, 2) => Ok(()),
        _ => Err("a temporary file was left".to_owned()),
    }
}

/// The batch was asked for once, in two processes together, and each contact was enriched,
/// and so charged, once.
async fn judge_bill(channel: Channel, started: u64, contacts: usize) -> Result<(), String> {
    let started = started + starts(channel.clone()).await;
    if started != 1 {
        return Err(format!("the batch was bought {started} times"));
    }
    let request = ListFindingsRequest::default();
    let mut sandbox = SandboxServiceClient::new(channel);
    let answer = sandbox.list_findings(request).await;
    let mut findings = answer.unwrap().into_inner().findings;
    findings.retain(|findings| findings.operation == START);
    match findings.as_slice() {
        [batch] if batch.finished && batch.keys.len() == contacts => Ok(()),
        [batch] => Err(format!("{} contacts were enriched", batch.keys.len())),
        batches => Err(format!("{} batches were enriched", batches.len())),
    }
}
