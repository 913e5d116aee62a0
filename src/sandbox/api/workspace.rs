//! WorkspaceService, PersonaService and LocationService.

use http::StatusCode;
use serde_json::Value;

use super::Answer;
use crate::proto::json::{self, Spelling};
use crate::proto::v1;
use crate::sandbox::call::{Call, check_rules};
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::workspace;
use crate::sandbox::world::places;

/// GET /account
pub async fn account(call: Call) -> Answer {
    Ok(Reply::message(
        &workspace::account(&call.state.world),
        Spelling::Observed,
    ))
}

/// GET /credits
pub async fn credits(call: Call) -> Answer {
    let credits = call.state.switches.read().credits;
    let answer = v1::GetCreditsResponse {
        credits: Some(credits as f64),
        ..Default::default()
    };
    Ok(Reply::message(&answer, Spelling::Observed))
}

/// GET /personas: a bare array.
pub async fn personas(call: Call) -> Answer {
    let personas = workspace::personas(&call.state.world);
    let items = personas
        .iter()
        .map(|persona| json::write(&persona.describe(), Spelling::Observed));
    Ok(Reply::Json(
        StatusCode::OK,
        items.map(Value::Object).collect(),
    ))
}

/// GET /personas/{id}
pub async fn persona(call: Call) -> Answer {
    let persona = workspace::persona(&call.state.world, &call.id);
    let persona = persona.ok_or(Fault::NotFound("Persona not found"))?;
    Ok(Reply::message(&persona.describe(), Spelling::Observed))
}

/// POST /locations: a bare array, best match first.
pub async fn locations(call: Call) -> Answer {
    let request: v1::SearchLocationsRequest = call.request()?;
    check_rules(&request)?;
    let found = places::search(&request.name);
    let items = found.into_iter().map(|place| {
        let location = v1::Location {
            id: Some(place.id.to_string()),
            name: Some(place.name.to_owned()),
            r#type: Some(place.kind.to_owned()),
            ..Default::default()
        };
        Value::Object(json::write(&location, Spelling::Observed))
    });
    Ok(Reply::Json(StatusCode::OK, items.collect()))
}
