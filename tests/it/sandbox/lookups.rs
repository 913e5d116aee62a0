//! Everything about companies, people and contacts that is answered at once.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountPreview, CheckDataAvailabilityRequest, CountProfilesRequest, EnrichAccountRequest,
    EnrichContactAsyncRequest, EnrichContactRequest, EnrichLeadRequest, EnrichmentOutcome,
    EnrichmentType, FindCompanyLeadsRequest, GetCompanyStackRequest, GetContactEnrichmentRequest,
    GetHeadcountRequest, JobFunction, ListCompanyJobPostingsRequest, ListSearchesRequest,
    PreviewAccountSearchRequest, PreviewLeadSearchRequest,
};

use super::custom;
use crate::harness::read_all;
use crate::harness::stage::{Stage, people_search};

async fn first_company(stage: &Stage) -> AccountPreview {
    stage.companies().await.into_iter().next().unwrap()
}

#[tokio::test]
async fn an_account_search_is_previewed() {
    let stage = Stage::start().await;
    let request = PreviewAccountSearchRequest::default();
    let mut accounts = stage.server.accounts();
    let all = accounts.preview_account_search(request).await;
    let all = all.unwrap().into_inner();
    assert_eq!((all.total_count, all.preview.len()), (Some(200), 25));
    for company in &all.preview {
        assert!(company.company_name.is_some() && company.industry.is_some());
        assert!(company.linkedin_id.is_some() && company.linkedin_url.is_some());
    }
}

#[tokio::test]
async fn a_lead_search_is_previewed_without_being_started() {
    let stage = Stage::start().await;
    let request = PreviewLeadSearchRequest {
        filters: people_search(1).filters,
        ..Default::default()
    };
    let answer = stage.server.leads().preview_lead_search(request).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.preview.len(), 25);
    assert!(answer.total_count > Some(25));
    for person in &answer.preview {
        assert!(person.full_name.is_some() && person.current_title.is_some());
        assert!(person.current_company.is_some() && person.profile_url.is_some());
    }
    let request = ListSearchesRequest::default();
    let answer = stage.server.searches().list_searches(request).await;
    assert!(answer.unwrap().into_inner().searches.is_empty());
}

#[tokio::test]
async fn a_company_is_found_by_page_name_and_domain() {
    let stage = Stage::start().await;
    let preview = first_company(&stage).await;
    let enrich = |request: EnrichAccountRequest| {
        let mut accounts = stage.server.accounts();
        async move {
            let answer = accounts.enrich_account(request).await.unwrap();
            answer.into_inner().company.unwrap()
        }
    };
    let by_page = enrich(EnrichAccountRequest {
        company_linkedin_url: preview.linkedin_url.clone(),
        ..Default::default()
    })
    .await;
    assert_eq!(by_page.name, preview.company_name);
    assert_eq!(by_page.linkedin_url, preview.linkedin_url);
    assert_eq!(by_page.linkedin_id, preview.linkedin_id);
    assert!(by_page.headquarters.as_ref().unwrap().city.is_some());
    let by_name = enrich(EnrichAccountRequest {
        name: preview.company_name.clone(),
        ..Default::default()
    });
    assert_eq!(by_name.await, by_page);
    let website = by_page.website.clone().unwrap();
    let by_domain = enrich(EnrichAccountRequest {
        domain: Some(website.replace("https://www.", "")),
        ..Default::default()
    });
    assert_eq!(by_domain.await, by_page);
}

#[tokio::test]
async fn a_companys_stack_has_names_and_confidences() {
    let stage = Stage::start().await;
    let request = GetCompanyStackRequest {
        company_name: first_company(&stage).await.company_name,
        ..Default::default()
    };
    let answer = stage.server.accounts().get_company_stack(request).await;
    let stack = answer.unwrap().into_inner();
    assert!(!stack.technologies.is_empty());
    let named: Vec<_> = stack
        .technologies_with_confidence
        .iter()
        .map(|t| t.name().to_owned())
        .collect();
    assert_eq!(named, stack.technologies);
    for technology in &stack.technologies_with_confidence {
        assert!((0.0..=1.0).contains(&technology.confidence.unwrap()));
    }
    assert_eq!(stage.sandbox.counters().credits_spent(), 3);
}

#[tokio::test]
async fn a_companys_job_postings_are_listed() {
    let stage = Stage::start().await;
    let mut found = 0;
    for company in stage.companies().await {
        let request = ListCompanyJobPostingsRequest {
            company_linkedin_url: company.linkedin_url,
            ..Default::default()
        };
        let answer = stage
            .server
            .accounts()
            .list_company_job_postings(request)
            .await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.total_jobs, Some(answer.jobs.len() as i64));
        for job in &answer.jobs {
            assert!(job.job_title.is_some() && job.date_posted.is_some());
            assert_eq!(job.company.as_ref().unwrap().name, company.company_name);
            assert_eq!(job.employment_statuses.len(), 1);
        }
        found += answer.jobs.len();
    }
    assert!(found > 0);
}

#[tokio::test]
async fn a_companys_headcount_is_told_by_department() {
    let stage = Stage::start().await;
    let company_linkedin_url = first_company(&stage).await.linkedin_url;
    let mut accounts = stage.server.accounts();
    let request = GetHeadcountRequest {
        company_linkedin_url,
        ..Default::default()
    };
    let all = accounts
        .get_headcount(request.clone())
        .await
        .unwrap()
        .into_inner()
        .departments;
    assert_eq!(all.len(), 26);
    let engineering = &all["Engineering"];
    for evolution in [
        &engineering.three_months_evolution,
        &engineering.six_months_evolution,
        &engineering.twelve_months_evolution,
    ] {
        let evolution = evolution.as_ref().unwrap();
        let (before, now) = (
            evolution.base_headcount.unwrap(),
            evolution.current_headcount.unwrap(),
        );
        assert_eq!(evolution.headcount_gain, Some(now - before));
        assert!(evolution.headcount_gain_percentage.is_some());
    }
    let departments = [
        JobFunction::ArtsAndDesign,
        JobFunction::CustomerSuccessAndSupport,
    ];
    let request = GetHeadcountRequest {
        departments: departments.map(Into::into).to_vec(),
        ..request
    };
    let two = accounts
        .get_headcount(request)
        .await
        .unwrap()
        .into_inner()
        .departments;
    let mut names: Vec<_> = two.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["Arts and Design", "Customer Success and Support"]);
}

#[tokio::test]
async fn a_companys_profiles_are_counted() {
    let stage = Stage::start().await;
    let company_linkedin_id = first_company(&stage).await.linkedin_id;
    let everybody = FindCompanyLeadsRequest {
        company_linkedin_id: company_linkedin_id.clone(),
        job_titles: vec!["*".to_owned()],
        ..Default::default()
    };
    let answer = stage.server.leads().find_company_leads(everybody).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    let titles: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event.event {
            Some(Event::Lead(result)) => result.lead.unwrap().title,
            _ => None,
        })
        .collect();
    let title = titles[0].clone();
    let like_it = titles.iter().filter(|other| other.contains(&title)).count();

    let mut accounts = stage.server.accounts();
    let mut count = async |title_to_include: &[String], title_to_exclude: &[String]| {
        let request = CountProfilesRequest {
            company_linkedin_id: company_linkedin_id.clone(),
            title_to_include: title_to_include.to_vec(),
            title_to_exclude: title_to_exclude.to_vec(),
            ..Default::default()
        };
        let answer = accounts.count_profiles(request).await.unwrap().into_inner();
        assert_eq!(answer.title_to_include, title_to_include);
        assert_eq!(answer.title_to_exclude, title_to_exclude);
        answer.total.unwrap()
    };
    let title = [title];
    assert_eq!(count(&[], &[]).await, titles.len() as i64);
    assert_eq!(count(&title, &[]).await, like_it as i64);
    assert_eq!(count(&[], &title).await, (titles.len() - like_it) as i64);
}

#[tokio::test]
async fn a_person_is_looked_up_by_profile() {
    let stage = Stage::start().await;
    let known = stage.people(1).await.remove(0);
    let lead = known.lead.unwrap();
    let request = EnrichLeadRequest {
        linkedin_url: lead.linkedin_url.clone().unwrap(),
        ..Default::default()
    };
    let answer = stage.server.leads().enrich_lead(request).await.unwrap();
    let result = answer.into_inner().result.unwrap();
    let found = result.lead.unwrap();
    assert_eq!(found.linkedin_url, lead.linkedin_url);
    assert_eq!(found.full_name, lead.full_name);
    assert_eq!((found.email, found.title), (lead.email, lead.title));
    let company = known.company.unwrap().name;
    assert_eq!(result.company.unwrap().name, company);
    assert_eq!(found.current_position.unwrap().company_name, company);
}

/// A contact of whom the sandbox knows all that is asked for, or nothing.
fn contact(last_name: &str, kinds: &[EnrichmentType]) -> EnrichContactRequest {
    EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: last_name.to_owned(),
        enrichment_type: kinds.iter().map(|kind| (*kind).into()).collect(),
        linkedin_url: Some("https://www.linkedin.com/in/ada-of-nowhere".to_owned()),
        domain: Some("acme.example".to_owned()),
        custom: Some(custom("c1")),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_contact_is_enriched_at_once() {
    let stage = Stage::start().await;
    let mut contacts = stage.server.contacts();
    let mut found = None;
    // Something is found for four of five.
    for number in 0..20 {
        let request = contact(&format!("Number{number}"), &[EnrichmentType::Email]);
        let answer = contacts.enrich_contact(request).await.unwrap();
        let answer = answer.into_inner();
        let outcome = answer.outcome();
        let answer = answer.contact.unwrap();
        let success = answer.status.as_deref() == Some("success");
        assert_eq!(outcome == EnrichmentOutcome::Found, success);
        found = found.or(success.then_some(answer));
    }
    let found = found.unwrap();
    assert!(found.email.unwrap().ends_with("@acme.example"));
    assert!(found.email_status.is_some() && found.enrichment_id.is_some());
    assert_eq!(found.custom, Some(custom("c1")));
    assert_eq!((found.personal_email, found.phones.len()), (None, 0));
}

#[tokio::test]
async fn a_contact_of_whom_nothing_is_found_is_an_answer() {
    let stage = Stage::start().await;
    let kinds = [
        EnrichmentType::Email,
        EnrichmentType::Phone,
        EnrichmentType::PersonalEmail,
    ];
    let answer = stage
        .server
        .contacts()
        .enrich_contact(contact("Nobody", &kinds))
        .await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.outcome(), EnrichmentOutcome::NothingFound);
    let nobody = answer.contact.unwrap();
    assert_eq!(nobody.status.as_deref(), Some("error"));
    assert!(nobody.message.unwrap().starts_with("No email"));
    assert_eq!(
        (nobody.email, nobody.personal_email, nobody.phones.len()),
        (None, None, 0)
    );
    assert!(nobody.null_fields.contains(&"email".to_owned()));
    assert_eq!(stage.sandbox.counters().credits_spent(), 0);
}

#[tokio::test]
async fn an_enrichment_is_read_by_its_id() {
    let stage = Stage::start().await;
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        domain: Some("acme.example".to_owned()),
        ..Default::default()
    };
    let mut contacts = stage.server.contacts();
    let started = contacts
        .start_contact_enrichment(request)
        .await
        .unwrap()
        .into_inner();
    let id = started.acceptance.unwrap().id.unwrap();
    let job_id = started.job.unwrap().id;
    let events = read_all(&mut stage.server.watch(&job_id, 0).await).await;
    assert_eq!(events.len(), 3);
    let request = GetContactEnrichmentRequest {
        id: id.clone(),
        ..Default::default()
    };
    let answer = contacts.get_contact_enrichment(request).await.unwrap();
    let read = answer.into_inner().contact.unwrap();
    assert_eq!(read.enrichment_id, Some(id));
    assert_eq!(read.status.as_deref(), Some("finished"));
    assert_eq!(events[1].event, Some(Event::Contact(read)));
}

#[tokio::test]
async fn what_is_available_is_told_for_free() {
    let stage = Stage::start().await;
    let mut contacts = stage.server.contacts();
    let mut available = async |last_name: String| {
        let request = CheckDataAvailabilityRequest {
            first_name: Some("Ada".to_owned()),
            last_name: Some(last_name),
            domain: Some("acme.example".to_owned()),
            ..Default::default()
        };
        let answer = contacts
            .check_data_availability(request)
            .await
            .unwrap()
            .into_inner();
        [answer.email, answer.phone, answer.personal_email]
    };
    assert_eq!(available("Nobody".to_owned()).await, [Some(false); 3]);
    let mut emails = 0;
    for number in 0..20 {
        emails += usize::from(available(format!("Number{number}")).await[0].unwrap());
    }
    assert!(emails > 0);
    assert_eq!(stage.sandbox.counters().credits_spent(), 0);
}
