//! SignalService. Finds companies and people that show an intent.

use tonic::{Request, Response, Status};

use super::{EventStream, Facade};
use crate::proto::v1::signal_service_server::SignalService;
use crate::proto::v1::{
    FindNewHiresRequest, SearchCommentsRequest, SearchGrowingAccountsRequest,
    SearchHiringAccountsRequest, SearchLookalikeAccountsRequest, SearchPostEngagersRequest,
    SearchPostsRequest, SearchReactionsRequest, StartResponse, TrackJobChangesRequest,
};

/// The service.
#[derive(Clone)]
pub struct Signals(pub Facade);

#[tonic::async_trait]
impl SignalService for Signals {
    type SearchHiringAccountsStream = EventStream;

    async fn search_hiring_accounts(
        &self,
        request: Request<SearchHiringAccountsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_hiring_account_search(
        &self,
        request: Request<SearchHiringAccountsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type SearchGrowingAccountsStream = EventStream;

    async fn search_growing_accounts(
        &self,
        request: Request<SearchGrowingAccountsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_growing_account_search(
        &self,
        request: Request<SearchGrowingAccountsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type SearchLookalikeAccountsStream = EventStream;

    async fn search_lookalike_accounts(
        &self,
        request: Request<SearchLookalikeAccountsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_lookalike_account_search(
        &self,
        request: Request<SearchLookalikeAccountsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type SearchPostEngagersStream = EventStream;

    async fn search_post_engagers(
        &self,
        request: Request<SearchPostEngagersRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_post_engager_search(
        &self,
        request: Request<SearchPostEngagersRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type SearchPostsStream = EventStream;

    async fn search_posts(
        &self,
        request: Request<SearchPostsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_post_search(
        &self,
        request: Request<SearchPostsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type SearchReactionsStream = EventStream;

    async fn search_reactions(
        &self,
        request: Request<SearchReactionsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_reaction_search(
        &self,
        request: Request<SearchReactionsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type SearchCommentsStream = EventStream;

    async fn search_comments(
        &self,
        request: Request<SearchCommentsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_comment_search(
        &self,
        request: Request<SearchCommentsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type TrackJobChangesStream = EventStream;

    async fn track_job_changes(
        &self,
        request: Request<TrackJobChangesRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_job_change_tracking(
        &self,
        request: Request<TrackJobChangesRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type FindNewHiresStream = EventStream;

    async fn find_new_hires(
        &self,
        request: Request<FindNewHiresRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_new_hire_search(
        &self,
        request: Request<FindNewHiresRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }
}
