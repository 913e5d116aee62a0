//! The books: what the server says that was spent, and what the sandbox charged.

use std::collections::BTreeMap;

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::ledger_entry::Subject;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::usage_service_client::UsageServiceClient;
use pronto_grpc::proto::v1::{
    CallOutcome, Estimate, Findings, GetJobRequest, GetUsageRequest, JobCompleted, JobOutcome,
    LedgerEntry, ListFindingsRequest, ListLedgerEntriesRequest, Usage,
};
use tonic::Status;
use tonic::transport::Channel;

use super::calls::{Call, End, Kind, Made, reason};

/// What the ledger has about one request.
#[derive(Debug, Default)]
struct Account {
    /// What became of its calls that were not refused.
    calls: Vec<(CallOutcome, Estimate)>,
    /// What the calls and their results cost.
    credits: i64,
    /// Calls of which it is known that they were carried out, without a cost.
    unpriced: usize,
}

impl Account {
    /// The ledger has what the caller was told: an answer is one call that was carried
    /// out, an error none, and only who was told so may have one of unknown outcome.
    fn judge_told(&self, made: &Made) -> Result<(), String> {
        let outcomes: Vec<CallOutcome> = self.calls.iter().map(|(outcome, _)| *outcome).collect();
        let told = made.error.as_ref().map(|status| match reason(status) {
            Some((reason, _)) => reason,
            None => String::new(),
        });
        let is_right = match told.as_deref() {
            _ if made.call.kind.endpoint().repeatable => outcomes.is_empty(),
            None => outcomes == [CallOutcome::CarriedOut],
            Some("OUTCOME_UNKNOWN" | "UPSTREAM_MALFORMED") => outcomes.len() <= 1,
            Some(_) => outcomes.is_empty(),
        };
        match is_right {
            true => Ok(()),
            false => Err(format!(
                "the caller was told {told:?}, the ledger has {outcomes:?}"
            )),
        }
    }
}

/// What the books come to.
#[derive(Debug, Default)]
pub struct Sums {
    /// Credits of calls whose outcome is known, by the ledger and by the sandbox.
    pub ledger: i64,
    pub billed: i64,
    /// Calls of unknown outcome, and what they cost by the sandbox.
    pub unknown: usize,
    pub unknown_billed: i64,
    /// How requests ended.
    pub answered: usize,
    pub refused: BTreeMap<String, usize>,
    pub complete: usize,
    pub incomplete: usize,
    /// What does not add up.
    pub wrong: Vec<String>,
}

/// The server's books, and the sandbox's.
pub struct Books {
    channel: Channel,
    entries: Vec<LedgerEntry>,
    /// Everything that the sandbox carried out.
    bills: Vec<Findings>,
}

impl Books {
    /// Opens them, once nothing is under way.
    pub async fn open(channel: &Channel) -> Result<Self, Status> {
        let mut sandbox = SandboxServiceClient::new(channel.clone());
        let bills = sandbox
            .list_findings(ListFindingsRequest::default())
            .await?;
        Ok(Self {
            channel: channel.clone(),
            entries: entries(channel).await?,
            bills: bills.into_inner().findings,
        })
    }

    /// Compares them, request by request.
    pub async fn audit(&self, made: &[Made]) -> Result<Sums, Status> {
        let mut sums = Sums::default();
        let mut explained = 0;
        for made in made {
            let bills = self.bills_of(made).await?;
            explained += bills.len();
            sums.judge_caller(made);
            if let Err(wrong) = self.judge_money(made, &bills, &mut sums) {
                sums.wrong.push(format!("{:?}: {wrong}", made.call));
            }
            if let Err(wrong) = self.judge_job(made, &bills, &mut sums).await? {
                sums.wrong.push(format!("{:?}: {wrong}", made.call));
            }
        }
        if explained != self.bills.len() {
            let unexplained = self.bills.len() - explained;
            let wrong = format!("{unexplained} calls were carried out that nobody was told of");
            sums.wrong.push(wrong);
        }
        self.judge_usage(&mut sums).await?;
        Ok(sums)
    }

    /// What the sandbox charged for a request.
    async fn bills_of(&self, made: &Made) -> Result<Vec<Findings>, Status> {
        let Some(job) = &made.job else {
            let is_its = |bill: &&Findings| is_of(bill, &made.call);
            return Ok(self.bills.iter().filter(is_its).cloned().collect());
        };
        let request = ListFindingsRequest {
            webhook_url_part: job.clone(),
            ..Default::default()
        };
        let mut sandbox = SandboxServiceClient::new(self.channel.clone());
        let bills = sandbox.list_findings(request).await?;
        Ok(bills.into_inner().findings)
    }

    fn judge_money(&self, made: &Made, bills: &[Findings], sums: &mut Sums) -> Result<(), String> {
        let account = self.account(&made.call);
        let billed: i64 = bills.iter().map(|bill| bill.credits as i64).sum();
        if bills.len() > 1 {
            return Err(format!("it was carried out {} times", bills.len()));
        }
        account.judge_told(made)?;
        match &account.calls[..] {
            [] if bills.is_empty() => Ok(()),
            [] => Err(format!("{billed} credits are not in the ledger")),
            [(CallOutcome::Unknown, estimate)] => {
                sums.unknown += 1;
                sums.unknown_billed += billed;
                let possible = estimate.minimum..=estimate.maximum;
                match bills.is_empty() || possible.contains(&billed) {
                    true => Ok(()),
                    false => Err(format!("{billed} credits were estimated as {possible:?}")),
                }
            }
            [(CallOutcome::CarriedOut, _)] if account.unpriced == 0 => {
                sums.ledger += account.credits;
                sums.billed += billed;
                match account.credits == billed {
                    true => Ok(()),
                    false => Err(format!("it cost {billed}, by {account:?}")),
                }
            }
            _ => Err(format!("the ledger has {account:?}")),
        }
    }

    fn account(&self, call: &Call) -> Account {
        let mut account = Account::default();
        let ours = |entry: &&LedgerEntry| entry.request_id.as_deref() == Some(&call.id);
        for entry in self.entries.iter().filter(ours) {
            account.credits += entry.credits.unwrap_or_default();
            if let Some(Subject::Call(call)) = &entry.subject {
                let outcome = call.outcome();
                let is_priced = entry.credits.is_some() || outcome != CallOutcome::CarriedOut;
                account.unpriced += usize::from(!is_priced);
                if outcome != CallOutcome::Refused {
                    let estimate = call.estimate.unwrap_or_default();
                    account.calls.push((outcome, estimate));
                }
            }
        }
        account
    }

    /// A job has what was found for it, and says what it does not have.
    async fn judge_job(
        &self,
        made: &Made,
        bills: &[Findings],
        sums: &mut Sums,
    ) -> Result<Result<(), String>, Status> {
        let (Some(job_id), Some(end)) = (&made.job, &made.end) else {
            return Ok(Ok(()));
        };
        let completed = match end {
            End::Completed(completed) => completed,
            End::Failed(status) => return Ok(Err(format!("the job ended with {status:?}"))),
        };
        let delivered = self.delivered(job_id).await?;
        let found: usize = bills.iter().map(|bill| bill.keys.len()).sum();
        if delivered != found as i64 {
            return Ok(Err(format!("{delivered} of {found} results arrived")));
        }
        match completed.outcome() {
            JobOutcome::Complete => sums.complete += 1,
            _ => sums.incomplete += 1,
        }
        Ok(match has_exact_account(made, completed) {
            true => Ok(()),
            false => Err(format!("its account is {completed:?}")),
        })
    }

    /// How many results a job has, those included that came after its end.
    async fn delivered(&self, job_id: &str) -> Result<i64, Status> {
        let job_id = job_id.to_owned();
        let mut jobs = JobServiceClient::new(self.channel.clone());
        let job = jobs.get_job(GetJobRequest { job_id }).await?;
        let counts = job.into_inner().job.and_then(|job| job.counts);
        Ok(counts.unwrap_or_default().delivered)
    }

    /// The sums of the days are those of the entries.
    async fn judge_usage(&self, sums: &mut Sums) -> Result<(), Status> {
        let first = self.entries.first().and_then(|entry| entry.time.as_ref());
        let request = GetUsageRequest {
            first_day: first.map(|time| time.to_string().chars().take(10).collect()),
            last_day: None,
        };
        let mut usage = UsageServiceClient::new(self.channel.clone());
        let usage = usage.get_usage(request).await?.into_inner().usage;
        let total = |of: fn(&Usage) -> i64| usage.iter().map(of).sum();
        let summed: (i64, i64) = (total(|day| day.credits), total(|day| day.reserved));
        let reserved = |entry: &LedgerEntry| match &entry.subject {
            Some(Subject::Call(call)) => call.reserved,
            _ => 0,
        };
        let credits = self.entries.iter().filter_map(|entry| entry.credits).sum();
        let listed: (i64, i64) = (credits, self.entries.iter().map(reserved).sum());
        if summed != listed {
            let wrong = format!("GetUsage has {summed:?}, the entries come to {listed:?}");
            sums.wrong.push(wrong);
        }
        Ok(())
    }
}

impl Sums {
    /// A caller has an answer, or a reason why not.
    fn judge_caller(&mut self, made: &Made) {
        let Some(status) = &made.error else {
            self.answered += 1;
            if made.call.kind.starts_job() && made.job.is_none() {
                self.wrong.push(format!("{:?}: no job", made.call));
            }
            return;
        };
        match reason(status) {
            Some((reason, _)) => *self.refused.entry(reason).or_default() += 1,
            None => self
                .wrong
                .push(format!("{:?}: no reason: {status:?}", made.call)),
        }
    }
}

/// Whether a job that has ended says how many results it does not have.
fn has_exact_account(made: &Made, completed: &JobCompleted) -> bool {
    let counts = completed.counts.unwrap_or_default();
    match (completed.outcome(), counts.expected, counts.missing) {
        (JobOutcome::Complete, _, missing) => missing.unwrap_or_default() == 0,
        (_, Some(expected), Some(missing)) => missing == (expected - counts.delivered).max(0),
        // How many a search finds is an estimate, and unknown when its answer was lost.
        _ => made.call.kind == Kind::SearchJob,
    }
}

/// Whether a bill is that of a call: its id stands in the request.
fn is_of(bill: &Findings, call: &Call) -> bool {
    bill.operation == call.kind.endpoint().rpc
        && bill.request.as_ref().is_some_and(|request| {
            let texts = request
                .fields
                .values()
                .filter_map(|value| match &value.kind {
                    Some(prost_types::value::Kind::StringValue(text)) => Some(text),
                    _ => None,
                });
            texts.into_iter().any(|text| *text == call.id)
        })
}

async fn entries(channel: &Channel) -> Result<Vec<LedgerEntry>, Status> {
    let mut usage = UsageServiceClient::new(channel.clone());
    let mut request = ListLedgerEntriesRequest {
        page_size: 500,
        ..Default::default()
    };
    let mut entries = Vec::new();
    loop {
        let page = usage
            .list_ledger_entries(request.clone())
            .await?
            .into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return Ok(entries);
        }
        request.page_token = page.next_page_token;
    }
}
