//! The demonstration: sandbox, server and an ordinary gRPC client in one process.

mod stage;

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_stream::StreamExt;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::proto::v1::job_event::Event;
use crate::proto::v1::{
    BulkEnrichContactsRequest, ContactToEnrich, EnrichmentType, GetCompanyStackRequest,
    GetCreditsRequest, JobCompleted, JobEvent, JobFunction, LeadFilters, LeadResult, Relationship,
    SearchLeadsRequest, SeniorityLevel, WatchJobRequest,
};
use stage::{Clients, Stage};

/// Prints a line. Nobody listening is no reason to stop.
macro_rules! say {
    ($($line:tt)*) => {{
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Leads to search.
const LEADS: i32 = 60;
/// The stream is cut after so many events.
const CUT_AFTER: usize = 25;
/// Contacts to enrich.
const CONTACTS: usize = 8;

/// Runs the demonstration.
///
/// # Errors
///
/// When anything does not go as it should.
pub async fn run() -> Outcome<()> {
    let begin = Instant::now();
    heading("Starting a sandbox (a Pronto that runs here) and the server");
    let stage = Stage::start().await?;
    let mut clients = stage.clients().await?;
    say!("  gRPC on {}, callbacks on {}", stage.grpc, stage.callbacks);

    let leads = search(&mut clients).await?;
    let emails = enrich(&mut clients, &leads).await?;
    let technologies = look_up(&mut clients, &leads).await?;
    be_refused(&mut clients).await?;

    let credits = clients
        .workspace
        .get_credits(GetCreditsRequest::default())
        .await?
        .into_inner();
    stage.stop().await?;
    heading("Summary");
    say!("  {} leads streamed, without gap across a cut", leads.len());
    say!("  {emails} emails found for {CONTACTS} contacts");
    say!("  {technologies} technologies of a company");
    say!(
        "  {} credits left in the sandbox",
        credits.credits.unwrap_or_default()
    );
    say!("  {:.1} s", begin.elapsed().as_secs_f64());
    say!("\nTry it yourself:  cargo run -- serve --sandbox");
    say!("and then, elsewhere:  grpcurl -plaintext 127.0.0.1:50051 list");
    Ok(())
}

fn heading(text: &str) {
    say!("\n== {text}");
}

// === a streamed search, cut and resumed ===

async fn search(clients: &mut Clients) -> Outcome<Vec<LeadResult>> {
    heading("SearchLeads: directors and vice presidents of engineering, as they are found");
    let request = SearchLeadsRequest {
        filters: Some(LeadFilters {
            functions: vec![
                JobFunction::Engineering.into(),
                JobFunction::InformationTechnology.into(),
            ],
            seniority_levels: vec![
                SeniorityLevel::Director.into(),
                SeniorityLevel::VicePresident.into(),
            ],
            ..Default::default()
        }),
        name: Some("Demo".to_owned()),
        limit: Some(LEADS),
        ..Default::default()
    };
    let bar = progress_bar(LEADS as u64);
    let mut log = Log::default();

    let mut stream = clients.leads.search_leads(request).await?.into_inner();
    log.read(&mut stream, &bar, Some(CUT_AFTER)).await?;
    drop(stream);
    bar.suspend(|| say!("  the connection is cut after event {}", log.last_sequence));

    let resume = WatchJobRequest {
        job_id: log.job_id.clone(),
        after_sequence: log.last_sequence,
    };
    bar.suspend(|| say!("  WatchJob continues after event {}", log.last_sequence));
    let mut stream = clients.jobs.watch_job(resume).await?.into_inner();
    log.read(&mut stream, &bar, None).await?;
    bar.finish_and_clear();

    let completed = log.completed.as_ref().ok_or("the job did not complete")?;
    for lead in log.leads.iter().take(3) {
        say!("  {}", describe(lead));
    }
    say!(
        "  ... {} leads, events 1 to {}",
        log.leads.len(),
        log.last_sequence
    );
    say!("  {}", account(completed));
    say!("  (callbacks, the final message and a poll bring each lead; it is delivered once)");
    Ok(log.leads)
}

fn progress_bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} leads  {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What was read of a job, in the order of its sequences.
#[derive(Default)]
struct Log {
    job_id: String,
    last_sequence: i64,
    leads: Vec<LeadResult>,
    emails: usize,
    contacts: usize,
    completed: Option<JobCompleted>,
}

impl Log {
    /// Reads to the end, or until `limit` events were read.
    async fn read(
        &mut self,
        stream: &mut Streaming<JobEvent>,
        bar: &ProgressBar,
        limit: Option<usize>,
    ) -> Outcome<()> {
        let mut count = 0;
        while limit.is_none_or(|limit| count < limit)
            && let Some(event) = stream.next().await
        {
            count += 1;
            self.take(event?)?;
            bar.set_position(self.leads.len() as u64);
        }
        Ok(())
    }

    fn take(&mut self, event: JobEvent) -> Outcome<()> {
        if event.sequence > 0 && event.sequence != self.last_sequence + 1 {
            let gap = format!(
                "event {} follows event {}",
                event.sequence, self.last_sequence
            );
            return Err(gap.into());
        }
        self.last_sequence = self.last_sequence.max(event.sequence);
        self.job_id = event.job_id;
        match event.event {
            Some(Event::Lead(lead)) => self.leads.push(lead),
            Some(Event::Contact(contact)) => {
                self.contacts += 1;
                self.emails += usize::from(contact.email.is_some());
            }
            Some(Event::Completed(completed)) => self.completed = Some(completed),
            _ => {}
        }
        Ok(())
    }
}

fn describe(result: &LeadResult) -> String {
    let lead = result.lead.clone().unwrap_or_default();
    let company = result.company.clone().unwrap_or_default();
    let name = lead.full_name.unwrap_or_else(|| {
        format!(
            "{} {}",
            lead.first_name.unwrap_or_default(),
            lead.last_name.unwrap_or_default()
        )
    });
    format!(
        "{name}, {} at {}",
        lead.title.unwrap_or_default(),
        company.name.unwrap_or_default()
    )
}

fn account(completed: &JobCompleted) -> String {
    let counts = completed.counts.unwrap_or_default();
    format!(
        "{}: expected {}, delivered {}, recovered by polling {}, duplicates suppressed {}, credits {}",
        completed
            .outcome()
            .as_str_name()
            .trim_start_matches("JOB_OUTCOME_"),
        counts
            .expected
            .map_or("unknown".to_owned(), |expected| expected.to_string()),
        counts.delivered,
        counts.recovered,
        counts.duplicates,
        counts.credits
    )
}

// === a batch ===

async fn enrich(clients: &mut Clients, leads: &[LeadResult]) -> Outcome<usize> {
    heading("BulkEnrichContacts: emails of the first of them");
    let contacts = leads.iter().take(CONTACTS).map(contact).collect();
    let request = BulkEnrichContactsRequest {
        contacts,
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let mut stream = clients
        .contacts
        .bulk_enrich_contacts(request)
        .await?
        .into_inner();
    let mut log = Log::default();
    log.read(&mut stream, &ProgressBar::hidden(), None).await?;
    let completed = log.completed.as_ref().ok_or("the batch did not complete")?;
    if log.contacts != CONTACTS {
        return Err(format!("{} of {CONTACTS} contacts arrived", log.contacts).into());
    }
    say!("  {} contacts, {} with an email", log.contacts, log.emails);
    say!("  {}", account(completed));
    Ok(log.emails)
}

fn contact(result: &LeadResult) -> ContactToEnrich {
    let lead = result.lead.clone().unwrap_or_default();
    ContactToEnrich {
        first_name: lead.first_name.unwrap_or_default(),
        last_name: lead.last_name.unwrap_or_default(),
        company_name: result.company.clone().and_then(|company| company.name),
        linkedin_url: lead.linkedin_url,
        ..Default::default()
    }
}

// === a unary call ===

async fn look_up(clients: &mut Clients, leads: &[LeadResult]) -> Outcome<usize> {
    heading("GetCompanyStack: what the first one's company runs on");
    let company_name = leads.iter().find_map(|result| result.company.clone()?.name);
    let request = GetCompanyStackRequest {
        company_name,
        ..Default::default()
    };
    let stack = clients
        .accounts
        .get_company_stack(request)
        .await?
        .into_inner();
    say!("  {}", stack.technologies.join(", "));
    Ok(stack.technologies.len())
}

// === a rejected request ===

async fn be_refused(clients: &mut Clients) -> Outcome<()> {
    heading("SearchLeads with mistakes: refused before anything is sent");
    let request = SearchLeadsRequest {
        filters: Some(LeadFilters {
            live: Some(false),
            included_locations: vec!["Paris".to_owned()],
            relationship: vec![Relationship::FirstDegree.into()],
            ..Default::default()
        }),
        limit: Some(0),
        ..Default::default()
    };
    let refused: Status = match clients.leads.search_leads(request).await {
        Err(status) if status.code() == Code::InvalidArgument => status,
        Err(status) => return Err(status.into()),
        Ok(_) => return Err("a request with mistakes was accepted".into()),
    };
    let details = refused.get_error_details();
    let violations = details
        .bad_request()
        .map(|bad| bad.field_violations.as_slice());
    for violation in violations.unwrap_or_default() {
        say!("  {}: {}", violation.field, violation.description);
    }
    Ok(())
}

/// How long the stage waits for its parts.
const PATIENCE: Duration = Duration::from_secs(5);
