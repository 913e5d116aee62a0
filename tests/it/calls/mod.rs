//! The client of Pronto, without a server around it.

mod connections;
mod deadlines;
mod repeats;
mod sharing;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use pronto_grpc::cli::sandbox_urls;
use pronto_grpc::config::{self, Command};
use pronto_grpc::pronto::limits::parse_override;
use pronto_grpc::pronto::{Caller, Client, Credential};
use pronto_grpc::proto::v1::{
    GetCompanyStackRequest, GetSearchRequest, LeadFilters, PreviewLeadSearchRequest,
};
use tokio::time::Instant;

/// A client that calls as often as it likes.
fn client(pronto: SocketAddr, flags: &[&str]) -> Client {
    let arguments = ["pronto-grpc", "serve"].iter().chain(flags);
    let arguments = arguments.map(Into::into).collect();
    let Command::Serve(args) = config::parse(arguments, &[]).unwrap().command else {
        panic!("serve is a command")
    };
    let mut options = args.upstream.client_options().unwrap();
    options.base_urls = sandbox_urls(pronto).unwrap();
    options.limits.overrides = vec![parse_override("*=1000000/minute").unwrap()];
    Client::new(options).unwrap()
}

fn caller(credential: &str) -> Caller {
    Caller {
        credential: Credential {
            name: credential.to_owned(),
            key: "key".into(),
        },
        party: "here".into(),
        deadline: None,
        audience: None,
    }
}

fn caller_for(time: Duration) -> Caller {
    Caller {
        deadline: Some(Instant::now() + time),
        ..caller("a")
    }
}

/// Something that may be repeated.
fn read(id: impl ToString) -> GetSearchRequest {
    GetSearchRequest {
        id: id.to_string(),
        ..Default::default()
    }
}

/// Something that must not be repeated.
fn purchase() -> GetCompanyStackRequest {
    GetCompanyStackRequest {
        company_linkedin_url: Some("https://www.linkedin.com/company/x".to_owned()),
        ..Default::default()
    }
}

fn preview() -> PreviewLeadSearchRequest {
    PreviewLeadSearchRequest {
        filters: Some(LeadFilters {
            keyword: Some("x".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
