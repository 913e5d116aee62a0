//! What the server saw: a client that judges itself must have called it.

use std::time::Duration;

use tokio::time::sleep;

use crate::log::PATIENCE;
use crate::server::Server;

/// A method and the code with which a call of it has to end.
pub type Call = (&'static str, &'static str);

const LOCATIONS: &str = "pronto.v1.LocationService/SearchLocations";
const LEADS: &str = "pronto.v1.LeadService/SearchLeads";
const START: &str = "pronto.v1.LeadService/StartLeadSearch";
const WATCH: &str = "pronto.v1.JobService/WatchJob";
const JOB: &str = "pronto.v1.JobService/GetJob";
const CONTACT: &str = "pronto.v1.ContactService/EnrichContact";
const LATER: &str = "pronto.v1.ContactService/EnrichContactAsync";
const HEADCOUNT: &str = "pronto.v1.AccountService/GetHeadcount";
const CHECK: &str = "grpc.health.v1.Health/Check";

/// The calls of a scenario.
pub fn calls_of(scenario: &str) -> &'static [Call] {
    match scenario {
        // Of the last server: a program that prints all at its end was over before that.
        "search" | "enrich" | "restarts" => &[(WATCH, "OK")],
        "refusals" => &[
            (CONTACT, "RESOURCE_EXHAUSTED"),
            (START, "INVALID_ARGUMENT"),
            (HEADCOUNT, "RESOURCE_EXHAUSTED"),
        ],
        "page" => &[(START, "OK")],
        "unary" | "unix" => &[(LOCATIONS, "OK")],
        "streaming" => &[(LEADS, "OK")],
        "deadline" => &[(JOB, "OK")],
        "cancellation" => &[(LEADS, "CANCELLED"), (JOB, "OK")],
        "metadata" => &[(JOB, "NOT_FOUND")],
        "large" | "compression" => &[(LATER, "OK")],
        "errors" => &[
            (START, "INVALID_ARGUMENT"),
            (LEADS, "INVALID_ARGUMENT"),
            (JOB, "NOT_FOUND"),
        ],
        "health" => &[(CHECK, "OK"), (CHECK, "NOT_FOUND")],
        "reflection" => &[("grpc.reflection", "OK")],
        "tls" => &[(LOCATIONS, "OK"), (LOCATIONS, "UNAUTHENTICATED")],
        _ => &[],
    }
}

/// Waits until the server has logged the calls of a scenario.
pub async fn saw(server: &Server, scenario: &str) -> Result<(), String> {
    const PAUSE: Duration = Duration::from_millis(10);
    let missing = || {
        let mut calls = calls_of(scenario).iter();
        calls.find(|(method, code)| server.calls(method, code) == 0)
    };
    for _ in 0..PATIENCE.as_millis() / 4 / PAUSE.as_millis() {
        if missing().is_none() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    match missing() {
        None => Ok(()),
        Some((method, code)) => Err(format!("{method} did not end with {code}")),
    }
}
