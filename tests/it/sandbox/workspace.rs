//! What Pronto keeps for a key: searches, lists, personas, credits; and places.

use pronto_grpc::proto::v1::{
    CompanyToList, CreateListRequest, DeleteSearchRequest, FindCompanyLeadsRequest,
    GetAccountRequest, GetCreditsRequest, GetListRequest, GetPersonaRequest, GetSearchRequest,
    LeadFilters, ListKind, ListListsRequest, ListPersonasRequest, ListSearchesRequest,
    PreviewLeadSearchRequest, SearchLocationsRequest, UpdateListRequest,
};
use tonic::Code;

use super::assert_complete;
use crate::harness::read_all;
use crate::harness::stage::Stage;

#[tokio::test]
async fn searches_are_listed_read_and_deleted() {
    let stage = Stage::start().await;
    let events = read_all(&mut stage.search(5).await).await;
    assert_complete(&events, "lead", 5);
    let job = stage.server.job(&events[0].job_id).await;
    let id = job.upstream_id.unwrap();

    let mut searches = stage.server.searches();
    let list = async || {
        let request = ListSearchesRequest::default();
        let answer = stage.server.searches().list_searches(request).await;
        answer.unwrap().into_inner().searches
    };
    let listed = list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id.as_ref(), Some(&id));
    assert_eq!(listed[0].leads_count, Some(5));
    assert_eq!(listed[0].status.as_deref(), Some("FINISHED"));

    let get = GetSearchRequest {
        id: id.clone(),
        ..Default::default()
    };
    let read = searches.get_search(get.clone()).await.unwrap().into_inner();
    assert_eq!(read.search.unwrap().id.as_ref(), Some(&id));
    assert_eq!((read.leads.len(), read.accounts.len()), (5, 0));
    assert!(read.leads.iter().all(|result| result.lead.is_some()));

    let delete = DeleteSearchRequest {
        id,
        ..Default::default()
    };
    searches.delete_search(delete).await.unwrap();
    assert!(list().await.is_empty());
    let status = searches.get_search(get).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn lists_are_created_read_and_renamed() {
    let stage = Stage::start().await;
    let mut lists = stage.server.lists();
    let create = |companies, kind: Option<ListKind>| CreateListRequest {
        name: "Customers".to_owned(),
        companies,
        kind: kind.map(Into::into),
        ..Default::default()
    };
    let companies = stage.companies().await.into_iter().take(3);
    let named = companies.map(|company| CompanyToList {
        name: company.company_name.unwrap(),
        linkedin_url: company.linkedin_url,
        ..Default::default()
    });
    let with_companies = create(named.collect(), None);
    let created = lists
        .create_list(with_companies)
        .await
        .unwrap()
        .into_inner()
        .list
        .unwrap();
    let id = created.id.unwrap();
    stage.sandbox.idle().await;

    let get = GetListRequest {
        id: id.clone(),
        ..Default::default()
    };
    let read = lists
        .get_list(get.clone())
        .await
        .unwrap()
        .into_inner()
        .list
        .unwrap();
    assert_eq!(read.name.as_deref(), Some("Customers"));
    assert_eq!(read.status.as_deref(), Some("completed"));
    // The number that a double cannot hold.
    assert_eq!(read.linkedin_id, created.linkedin_id);
    assert!(read.linkedin_id.as_ref().unwrap().len() > 16);
    assert!(read.created_at.is_some());

    // LinkedIn's id is what filters take.
    let filters = LeadFilters {
        included_account_lists: vec![read.linkedin_id.unwrap()],
        ..Default::default()
    };
    let request = PreviewLeadSearchRequest {
        filters: Some(filters),
        ..Default::default()
    };
    let preview = stage
        .server
        .leads()
        .preview_lead_search(request)
        .await
        .unwrap();
    let total = preview.into_inner().total_count.unwrap();
    assert!(0 < total && total < 2_000, "{total}");

    let rename = UpdateListRequest {
        id,
        name: Some("Old customers".to_owned()),
        ..Default::default()
    };
    let renamed = lists
        .update_list(rename)
        .await
        .unwrap()
        .into_inner()
        .list
        .unwrap();
    assert_eq!(renamed.name.as_deref(), Some("Old customers"));

    let empty = create(Vec::new(), Some(ListKind::Lead));
    let empty = lists
        .create_list(empty)
        .await
        .unwrap()
        .into_inner()
        .list
        .unwrap();
    assert_eq!(empty.kind.as_deref(), Some("lead"));

    let listed = lists
        .list_lists(ListListsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .lists;
    let mut names: Vec<_> = listed.iter().map(|list| list.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Customers", "Old customers", "Sandbox leads"]);
}

#[tokio::test]
async fn personas_are_listed_read_and_used() {
    let stage = Stage::start().await;
    let mut personas = stage.server.personas();
    let listed = personas
        .list_personas(ListPersonasRequest::default())
        .await
        .unwrap();
    let listed = listed.into_inner().personas;
    assert_eq!(listed.len(), 3);
    let sales = listed
        .iter()
        .find(|persona| persona.name() == "Sales")
        .unwrap();
    let request = GetPersonaRequest {
        id: sales.id.clone().unwrap(),
        ..Default::default()
    };
    let read = personas.get_persona(request).await.unwrap().into_inner();
    let persona = read.persona.unwrap();
    assert_eq!((&persona.id, &persona.name), (&sales.id, &sales.name));
    // Of the keys, only these two are known.
    assert_eq!(read.additional_fields, sales.additional_fields);
    assert!(read.additional_fields.is_some());

    let request = FindCompanyLeadsRequest {
        company_linkedin_url: Some(stage.company().await),
        persona_id: sales.id.clone(),
        ..Default::default()
    };
    let answer = stage
        .server
        .leads()
        .find_company_leads(request)
        .await
        .unwrap();
    let events = read_all(&mut answer.into_inner()).await;
    assert_complete(&events, "lead", events.len() - 2);
}

#[tokio::test]
async fn places_are_found_by_name() {
    let stage = Stage::start().await;
    let request = SearchLocationsRequest {
        name: "france".to_owned(),
        ..Default::default()
    };
    let answer = stage
        .server
        .locations()
        .search_locations(request)
        .await
        .unwrap();
    let places = answer.into_inner().locations;
    let best = &places[0];
    assert_eq!((best.name(), best.id()), ("France", "105015875"));
    let filters = LeadFilters {
        included_locations: vec![best.id().to_owned()],
        ..Default::default()
    };
    let request = PreviewLeadSearchRequest {
        filters: Some(filters),
        ..Default::default()
    };
    let preview = stage
        .server
        .leads()
        .preview_lead_search(request)
        .await
        .unwrap();
    let total = preview.into_inner().total_count.unwrap();
    assert!(0 < total && total < 2_000, "{total}");
}

#[tokio::test]
async fn the_key_has_an_account_and_credits() {
    let stage = Stage::start().await;
    let mut workspace = stage.server.workspace();
    let account = workspace
        .get_account(GetAccountRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert!(account.email.unwrap().contains('@'));
    assert_eq!(
        account.organization.unwrap().name.as_deref(),
        Some("Sandbox")
    );
    let credits = workspace
        .get_credits(GetCreditsRequest::default())
        .await
        .unwrap();
    assert_eq!(credits.into_inner().credits, Some(100_000.0));
}
