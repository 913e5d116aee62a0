//! The table of Pronto's endpoints, and which request belongs to which.

use std::collections::HashSet;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message;
use prost_types::Struct;

use super::json::{self, Drift, JsonMessage};
use super::v1;
use super::validate::Validate;

pub use endpoints::{ENDPOINTS, base_url};

/// An endpoint of Pronto, as `option (upstream)` describes it.
#[derive(Debug)]
pub struct Endpoint {
    /// The RPC, such as `pronto.v1.LeadService/StartLeadSearch`.
    pub rpc: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the host's base URL, with `{...}` for parameters.
    pub path: &'static str,
    /// The host that serves it.
    pub host: v1::Host,
    /// How many requests Pronto accepts.
    pub rate: Rate,
    /// What it costs, as far as known.
    pub credits: Credits,
    /// Whether sending a request twice has the effect of sending it once.
    pub repeatable: bool,
    /// Present when the results come later.
    pub late: Option<Late>,
    /// Present when identical calls share an answer.
    pub sharing: Option<Sharing>,
    /// Tells what an answer holds that is not known.
    pub drifts: fn(&[u8]) -> Vec<Drift>,
}

/// How an answer is shared between calls.
#[derive(Debug, PartialEq)]
pub struct Sharing {
    /// So long it is given to later calls, too.
    pub fresh: Duration,
}

/// The vendor, under one of its names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Vendor {
    /// prontohq.com.
    #[default]
    Prontohq,
    /// pipecorn.com, as Pronto is called since it was renamed.
    Pipecorn,
}

/// A rate limit, counted per API key.
#[derive(Debug, PartialEq)]
pub struct Rate {
    /// Requests in one period.
    pub requests: u32,
    /// The period.
    pub per: Duration,
    /// Whether this is our default because Pronto documents none.
    pub assumed: bool,
}

/// Prices in credits; 0 where none is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Credits {
    /// For each request.
    pub request: u32,
    /// For each professional email found.
    pub email: u32,
    /// For each phone number found.
    pub phone_number: u32,
    /// For each personal email found.
    pub personal_email: u32,
    /// Phone numbers that are usually found for a contact.
    pub usual_phone_numbers: u32,
    /// The most phone numbers that were seen for a contact.
    pub max_phone_numbers: u32,
}

/// How an answer that comes later is received, and how its end is recognized.
#[derive(Debug, PartialEq)]
pub struct Late {
    /// What one result is.
    pub result: v1::ResultKind,
    /// How completion is learnt.
    pub completion: v1::Completion,
    /// Whether Pronto starts the operation without a `webhook_url`.
    pub webhook_optional: bool,
    /// Whether the total that Pronto tells at the start is an estimate.
    pub total_is_estimate: bool,
}

/// Each stands at one RPC.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.rpc == other.rpc
    }
}

impl Endpoint {
    /// Method and path, as errors and logs name an endpoint.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The endpoint of an RPC such as `pronto.v1.LeadService/StartLeadSearch`.
    #[must_use]
    pub fn of_rpc(rpc: &str) -> Option<&'static Self> {
        ENDPOINTS
            .iter()
            .copied()
            .find(|endpoint| endpoint.rpc == rpc)
    }
}

/// A request that becomes a REST call.
pub trait UpstreamRequest: JsonMessage + Validate {
    /// Where it goes.
    const ENDPOINT: &'static Endpoint;

    /// The path with the request's parameters, below the host's base URL.
    fn path(&self) -> String;
}

/// A request that Pronto answers at once.
pub trait UnaryRequest: UpstreamRequest {
    /// The answer.
    type Answer: JsonMessage;
}

/// A request that must not be repeated blindly: it starts a job, spends credits, or
/// creates something.
pub trait SpendingRequest: UpstreamRequest + Message + Clone + Send + Sync + 'static {
    /// What makes it safe to repeat; empty: nothing.
    fn request_id(&self) -> &str;

    /// Gives it another id.
    fn set_request_id(&mut self, id: String);

    /// The most credits that it may cost.
    fn max_credits(&self) -> Option<i64>;

    /// How old an earlier purchase may be that answers it.
    fn reuse_within(&self) -> Option<&prost_types::Duration> {
        None
    }

    /// Whether its results go to a URL of the caller's.
    fn goes_elsewhere(&self) -> bool {
        false
    }

    /// What is looked for, where that has a price for each kind: numbers of
    /// `EnrichmentType`.
    fn enrichment_types(&self) -> &[i32] {
        &[]
    }

    /// For how many items it asks.
    fn items(&self) -> usize {
        1
    }

    /// Whom it asks about, where what is found about people has prices.
    fn people(&self) -> Vec<Person<'_>> {
        Vec::new()
    }

    /// Only phone numbers of these countries are looked for; of any when empty.
    fn phone_countries(&self) -> &[String] {
        &[]
    }

    /// Leaves only these kinds to look for.
    fn keep_kinds(&mut self, _kinds: &[i32]) {}

    /// Leaves only the people at these positions.
    fn keep_people(&mut self, _positions: &[usize]) {}
}

/// Somebody about whom a request asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'r> {
    /// First name.
    pub first_name: &'r str,
    /// Last name.
    pub last_name: &'r str,
    /// LinkedIn profile.
    pub linkedin_url: Option<&'r str>,
    /// Domain of the company's website.
    pub domain: Option<&'r str>,
    /// Name of the company.
    pub company_name: Option<&'r str>,
    /// What is echoed.
    pub custom: Option<&'r Struct>,
}

/// A request whose results come later.
pub trait JobRequest: SpendingRequest {
    /// Where the caller wants the results, if not here.
    fn webhook_url(&self) -> Option<&str>;

    /// Tells Pronto where to send the results.
    fn set_webhook_url(&mut self, url: String);

    /// Asks for results while Pronto works, unless the caller decided.
    fn prefer_streaming(&mut self) {}

    /// What Pronto will call the search, where the request tells.
    fn search_name(&self) -> Option<&str> {
        None
    }

    /// Names the search, where it can have a name and the caller gave none.
    fn name_search(&mut self, _name: String) {}

    /// How many results are expected, where the request tells: one for each item, and
    /// one for items that are equal and have no `custom` to tell them apart.
    fn item_count(&self) -> Option<usize> {
        None
    }

    /// The `custom` object of each item, where items have one.
    fn items_custom(&mut self) -> Vec<&mut Option<Struct>> {
        Vec::new()
    }
}

/// How many of the items differ.
fn distinct<M: Message>(items: &[M]) -> usize {
    let encoded: HashSet<_> = items.iter().map(Message::encode_to_vec).collect();
    encoded.len()
}

/// What may stand in a path segment as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

fn escape(segment: &str) -> String {
    match segment {
        // URL parsers resolve these even in the escaped form of the dot.
        "." | ".." => segment.replace('.', "%252E"),
        segment => utf8_percent_encode(segment, PLAIN).to_string(),
    }
}

/// One constant for each endpoint, named like its RPC.
pub mod endpoints {
    use super::{
        Credits, Duration, Endpoint, JobRequest, JsonMessage, Late, Person, Rate, Sharing,
        SpendingRequest, Struct, UnaryRequest, UpstreamRequest, Vendor, distinct, escape, json, v1,
    };

    include!(concat!(env!("OUT_DIR"), "/endpoints.rs"));
}
