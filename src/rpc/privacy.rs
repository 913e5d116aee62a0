//! What JobService does about callbacks without a job, and for people who want to
//! be erased.

use tonic::Status;

use super::jobs::{JobsService, invalid, to_its_end};
use super::page::{self, violation};
use super::status;
use crate::jobs::model::{Unmatched, UnmatchedPage};
use crate::jobs::person::Person;
use crate::proto::v1::{
    ListUnmatchedCallbacksRequest, ListUnmatchedCallbacksResponse, PurgePersonRequest,
    PurgePersonResponse, UnmatchedCallback,
};

impl JobsService {
    /// A page of callbacks without a job.
    pub(super) async fn unmatched(
        &self,
        credential: &str,
        request: &ListUnmatchedCallbacksRequest,
    ) -> Result<ListUnmatchedCallbacksResponse, Status> {
        let limit = page::size(request.page_size).map_err(invalid)?;
        let after =
            page::position(&request.page_token, |text| text.parse().ok()).map_err(invalid)?;
        let page = |after, limit| UnmatchedPage {
            credential: credential.to_owned(),
            with_unknown: self.0.keyring.sees_unknown(credential),
            after,
            limit,
        };
        let jobs = &self.0.jobs;
        let unmatched = jobs.unmatched(page(after.unwrap_or_default(), limit)).await;
        let unmatched = unmatched.map_err(|error| status::store(&error))?;
        let mut next_page_token = String::new();
        if let Some(last) = unmatched.last() {
            let next = jobs.unmatched(page(last.id, 1)).await;
            if !next.map_err(|error| status::store(&error))?.is_empty() {
                next_page_token = page::token(&last.id.to_string());
            }
        }
        Ok(ListUnmatchedCallbacksResponse {
            callbacks: unmatched.into_iter().map(callback).collect(),
            next_page_token,
        })
    }

    /// Erases a person from what a credential has.
    pub(super) async fn erase(
        &self,
        credential: &str,
        person: Person,
    ) -> Result<PurgePersonResponse, Status> {
        let with_unknown = self.0.keyring.sees_unknown(credential);
        let jobs = self.0.jobs.clone();
        let credential = credential.to_owned();
        let erased =
            to_its_end(async move { jobs.purge_person(&credential, with_unknown, person).await })
                .await?;
        Ok(PurgePersonResponse {
            erased_results: erased.results,
            erased_bodies: erased.bodies,
            erased_answers: erased.answers,
            removed_unmatched_callbacks: erased.unmatched,
            jobs: erased.jobs,
            pending_bodies: erased.pending,
        })
    }
}

fn callback(unmatched: Unmatched) -> UnmatchedCallback {
    UnmatchedCallback {
        id: unmatched.id,
        job_id: unmatched.job_id,
        purged: unmatched.credential.is_some(),
        receive_time: Some(unmatched.received.into()),
        body: unmatched.body.to_vec(),
    }
}

/// Whom a request wants erased. Errors do not repeat who it is.
pub(super) fn person(request: &PurgePersonRequest) -> Result<Person, Status> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (page, address) = (given(&request.linkedin_url), given(&request.email));
    if page.is_none() && address.is_none() {
        return Err(invalid(violation(
            "linkedin_url",
            "is required, unless email is set",
        )));
    }
    let is_address = |address: &str| {
        let parts = address.split_once('@');
        let parted = parts.is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.contains('@')
        });
        parted && !address.contains(char::is_whitespace)
    };
    if address
        .as_deref()
        .is_some_and(|address| !is_address(address))
    {
        return Err(invalid(violation("email", "must be an email address")));
    }
    Person::new(page.as_deref(), address.as_deref()).ok_or_else(|| {
        invalid(violation(
            "linkedin_url",
            "must be the URL of a LinkedIn profile, such as https://www.linkedin.com/in/name",
        ))
    })
}
