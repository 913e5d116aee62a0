//! Every RPC that starts a job, as a stream and as a job that is watched. The
//! signals have a file of their own.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountToEnrich, BulkEnrichAccountsRequest, BulkEnrichContactsRequest, BulkEnrichLeadsRequest,
    CompanySize, ContactToEnrich, EnrichContactAsyncRequest, EnrichmentType,
    ExtractAccountsRequest, ExtractLeadsRequest, FindCompanyLeadsRequest, JobEvent, JobOutcome,
    JobState, LeadToEnrich, SearchAccountsRequest, SearchLeadsRequest, StartResponse,
};

use super::{assert_agrees, assert_complete, custom};
use crate::harness::stage::{Stage, people_search, quick, sandbox};
use crate::harness::{Setup, read_all};

/// More than one message of companies holds.
const COUNT: i32 = 12;

/// Follows what a `Start` RPC started.
pub(super) async fn watched(stage: &Stage, rpc: &str, answer: StartResponse) -> Vec<JobEvent> {
    let job = answer.job.expect("a job");
    assert_eq!(job.operation, format!("pronto.v1.{rpc}"));
    assert!([JobState::Running, JobState::Completed].contains(&job.state()));
    assert_eq!(job.upstream_id, answer.acceptance.expect("an answer").id);
    let events = read_all(&mut stage.server.watch(&job.id, 0).await).await;
    assert_agrees(&stage.server.job(&job.id).await, &events);
    events
}

/// Runs a request by its streaming RPC and by its `Start` RPC; gives both logs.
macro_rules! both {
    ($stage:ident, $client:ident.$stream:ident, $start:ident, $rpc:literal, $request:expr) => {{
        let request = $request;
        let mut client = $stage.server.$client();
        let answer = client.$stream(request.clone()).await.unwrap();
        let streamed = crate::harness::read_all(&mut answer.into_inner()).await;
        let answer = client.$start(request).await.unwrap().into_inner();
        let watched = super::streams::watched(&$stage, $rpc, answer).await;
        assert_ne!(streamed[0].job_id, watched[0].job_id);
        [streamed, watched]
    }};
}
pub(super) use both;

#[tokio::test]
async fn search_accounts() {
    let stage = Stage::start().await;
    let request = SearchAccountsRequest {
        limit: Some(COUNT),
        ..Default::default()
    };
    for events in both!(
        stage,
        accounts.search_accounts,
        start_account_search,
        "AccountService/StartAccountSearch",
        request
    ) {
        assert_complete(&events, "account", 12);
    }
}

#[tokio::test]
async fn extract_accounts() {
    let stage = Stage::start().await;
    let request = ExtractAccountsRequest {
        search_url: "https://www.linkedin.com/sales/search/company?query=(cloud)".to_owned(),
        limit: Some(COUNT),
        custom: Some(custom("a1")),
        ..Default::default()
    };
    for events in both!(
        stage,
        accounts.extract_accounts,
        start_account_extraction,
        "AccountService/StartAccountExtraction",
        request
    ) {
        assert_complete(&events, "account", 12);
        for event in &events[1..=12] {
            let Some(Event::Account(account)) = &event.event else {
                unreachable!("checked above")
            };
            assert_eq!(account.custom, Some(custom("a1")));
        }
    }
}

#[tokio::test]
async fn bulk_enrich_accounts() {
    let stage = Stage::start().await;
    let companies = stage.companies().await;
    let by_url = |url: &Option<String>| AccountToEnrich {
        company_linkedin_url: url.clone(),
        ..Default::default()
    };
    let unknown = AccountToEnrich {
        name: Some("Unheard Of".to_owned()),
        ..Default::default()
    };
    let by_name = AccountToEnrich {
        name: companies[4].company_name.clone(),
        ..Default::default()
    };
    let known = companies[..4]
        .iter()
        .map(|company| by_url(&company.linkedin_url));
    let request = BulkEnrichAccountsRequest {
        accounts: known.chain([by_name, unknown]).collect(),
        ..Default::default()
    };
    for events in both!(
        stage,
        accounts.bulk_enrich_accounts,
        start_bulk_account_enrichment,
        "AccountService/StartBulkAccountEnrichment",
        request
    ) {
        assert_complete(&events, "account", 6);
        let Some(Event::Account(found)) = &events[5].event else {
            unreachable!("checked above")
        };
        let found = found.company.as_ref().unwrap();
        assert_eq!(found.linkedin_url, companies[4].linkedin_url);
        assert!(found.industry.is_some());
    }
}

#[tokio::test]
async fn search_leads() {
    let stage = Stage::start().await;
    let request = SearchLeadsRequest {
        name: Some("People".to_owned()),
        custom: Some(custom("p1")),
        ..people_search(COUNT)
    };
    for events in both!(
        stage,
        leads.search_leads,
        start_lead_search,
        "LeadService/StartLeadSearch",
        request
    ) {
        assert_complete(&events, "lead", 12);
        assert_custom(&events[1..=12], "p1");
        let Some(Event::Started(started)) = &events[0].event else {
            unreachable!("checked above")
        };
        let acceptance = started.acceptance.as_ref().unwrap();
        assert_eq!(acceptance.search_name.as_deref(), Some("People"));
        assert!(acceptance.total >= Some(12) && !acceptance.preview.is_empty());
    }
}

#[track_caller]
fn assert_custom(events: &[JobEvent], text: &str) {
    for event in events {
        let Some(Event::Lead(lead)) = &event.event else {
            panic!("no person: {event:?}")
        };
        assert_eq!(lead.custom, Some(custom(text)));
    }
}

#[tokio::test]
async fn find_company_leads() {
    let stage = Stage::start().await;
    let request = FindCompanyLeadsRequest {
        company_linkedin_url: Some(stage.company().await),
        job_titles: vec!["*".to_owned()],
        limit: Some(3),
        ..Default::default()
    };
    for events in both!(
        stage,
        leads.find_company_leads,
        start_company_lead_search,
        "LeadService/StartCompanyLeadSearch",
        request
    ) {
        assert_complete(&events, "lead", 3);
    }
}

#[tokio::test]
async fn extract_leads() {
    let stage = Stage::start().await;
    let request = ExtractLeadsRequest {
        search_url: "https://www.linkedin.com/sales/search/people?query=(cto)".to_owned(),
        name: "Extraction".to_owned(),
        limit: Some(COUNT),
        scale: Some(true),
        custom: Some(custom("e1")),
        ..Default::default()
    };
    for events in both!(
        stage,
        leads.extract_leads,
        start_lead_extraction,
        "LeadService/StartLeadExtraction",
        request
    ) {
        assert_complete(&events, "lead", 12);
        assert_custom(&events[1..=12], "e1");
    }
}

#[tokio::test]
async fn bulk_enrich_leads() {
    let stage = Stage::start().await;
    let mut profiles = stage.profiles(5).await;
    profiles.push("https://www.linkedin.com/in/unheard-of".to_owned());
    let lead = |profile: &String| LeadToEnrich {
        linkedin_url: profile.clone(),
        ..Default::default()
    };
    let request = BulkEnrichLeadsRequest {
        leads: profiles.iter().map(lead).collect(),
        ..Default::default()
    };
    for events in both!(
        stage,
        leads.bulk_enrich_leads,
        start_bulk_lead_enrichment,
        "LeadService/StartBulkLeadEnrichment",
        request
    ) {
        assert_complete(&events, "lead", 6);
        for (event, profile) in events[1..=6].iter().zip(&profiles) {
            assert_eq!(&super::subject(event), profile);
        }
    }
}

#[tokio::test]
async fn enrich_contact_async() {
    let stage = Stage::start().await;
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        domain: Some("acme.example".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        custom: Some(custom("c1")),
        ..Default::default()
    };
    for events in both!(
        stage,
        contacts.enrich_contact_async,
        start_contact_enrichment,
        "ContactService/StartContactEnrichment",
        request
    ) {
        assert_complete(&events, "contact", 1);
        let Some(Event::Contact(contact)) = &events[1].event else {
            unreachable!("checked above")
        };
        assert_eq!(contact.status.as_deref(), Some("finished"));
        assert_eq!(contact.first_name.as_deref(), Some("Ada"));
        assert_eq!(
            (contact.index, &contact.custom),
            (None, &Some(custom("c1")))
        );
    }
}

#[tokio::test]
async fn bulk_enrich_contacts() {
    let stage = Stage::start().await;
    let names = ["Lovelace", "Hopper", "Nobody", "Hamilton", "Johnson"];
    let contact = |name: &&str| ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: (*name).to_owned(),
        company_name: Some("Acme".to_owned()),
        custom: Some(custom(name)),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: names.iter().map(contact).collect(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    for events in both!(
        stage,
        contacts.bulk_enrich_contacts,
        start_bulk_contact_enrichment,
        "ContactService/StartBulkContactEnrichment",
        request
    ) {
        assert_complete(&events, "contact", 5);
        for (index, event) in (0..).zip(&events[1..=5]) {
            let Some(Event::Contact(contact)) = &event.event else {
                unreachable!("checked above")
            };
            let name = names[index as usize];
            assert_eq!(contact.index, Some(index));
            assert_eq!(contact.last_name.as_deref(), Some(name));
            assert_eq!(contact.custom, Some(custom(name)));
        }
    }
}

#[tokio::test]
async fn a_search_that_finds_nothing_is_complete() {
    let stage = Stage::start().await;
    let mut request = SearchAccountsRequest::default();
    let filters = request.filters.get_or_insert_default();
    filters.keyword = Some("no company is called that".to_owned());
    filters.company_size = vec![CompanySize::CompanySize110.into()];
    let answer = stage.server.accounts().search_accounts(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_complete(&events, "account", 0);
}

#[tokio::test]
async fn a_lead_of_a_batch_has_the_callers_custom_and_nothing_of_ours() {
    let stage = Stage::start().await;
    let profiles = stage.profiles(2).await;
    let customs = [None, Some(custom("l1"))];
    let leads = profiles.into_iter().zip(&customs);
    let lead = |(linkedin_url, custom): (String, &Option<_>)| LeadToEnrich {
        linkedin_url,
        custom: custom.clone(),
        ..Default::default()
    };
    let request = BulkEnrichLeadsRequest {
        leads: leads.map(lead).collect(),
        ..Default::default()
    };
    let answer = stage.server.leads().bulk_enrich_leads(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_complete(&events, "lead", 2);
    for (event, custom) in events[1..=2].iter().zip(&customs) {
        let Some(Event::Lead(lead)) = &event.event else {
            unreachable!("checked above")
        };
        assert_eq!(&lead.custom, custom);
    }
}

#[tokio::test]
async fn a_batch_that_names_a_profile_twice_ends_before_its_deadline() {
    let (_sandbox, pronto) = sandbox(quick()).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(pronto, data.path());
    setup.jobs.deadlines.bulk = std::time::Duration::from_secs(2);
    let server = setup.start().await;
    let lead = LeadToEnrich {
        linkedin_url: "https://www.linkedin.com/in/unheard-of".to_owned(),
        ..Default::default()
    };
    let request = BulkEnrichLeadsRequest {
        leads: vec![lead; 2],
        ..Default::default()
    };
    let answer = server.leads().bulk_enrich_leads(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!("not completed: {events:?}")
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete, "{completed:?}");
}
