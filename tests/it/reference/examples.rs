//! The recipes of docs/grpcurl.md and what comes of them, as examples.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use prost_reflect::{DynamicMessage, MethodDescriptor};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::api::Api;
use super::json::{Json, Names};
use super::placeholders::Placeholders;
use super::player::{Player, is_endless};
use super::recipes::{Call, calls};
use crate::harness::PATIENCE;

/// The examples of this build. They are played once, for all tests.
pub static EXAMPLES: LazyLock<Examples> = LazyLock::new(|| {
    Runtime::new()
        .unwrap()
        .block_on(Examples::of_one_day(&Api::read()))
});

/// The first call of each RPC that succeeds.
pub struct Examples(HashMap<String, Example>);

/// A call.
pub struct Example {
    /// Its request, as JSON.
    pub request: String,
    /// What came: a message, or some of those of a stream, as JSON.
    pub answers: Vec<String>,
    /// What is not shown of them, in words.
    pub left_out: Vec<String>,
}

impl Examples {
    /// Plays them within one day: some ask what was spent today.
    async fn of_one_day(api: &Api) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let today = || UNIX_EPOCH.elapsed().unwrap().as_secs() / DAY.as_secs();
        loop {
            let day = today();
            let examples = Self::play(api).await;
            if today() == day {
                return examples;
            }
        }
    }

    /// Plays the recipes, one after the other. Panics at one that is no request of its RPC, and
    /// at an RPC of which none succeeds.
    async fn play(api: &Api) -> Self {
        let player = Player::start().await;
        let mut variables = HashMap::new();
        let mut examples = HashMap::new();
        let mut refusals = HashMap::new();
        for call in calls() {
            let method = api.method(&call.rpc);
            let method = method.unwrap_or_else(|| panic!("docs/grpcurl.md: no {}", call.rpc));
            let name = method.full_name().to_owned();
            if examples.contains_key(&name) && call.kept.is_none() {
                continue;
            }
            let Some(request) = call.request(&variables) else {
                continue;
            };
            let request = read(&method, &request);
            let answers = timeout(PATIENCE, player.call(&method, request.clone())).await;
            match answers.unwrap_or_else(|_| panic!("{name} does not end")) {
                Ok(answers) => {
                    variables.extend(kept(&call, &answers));
                    let example = || Example::new(&method, &request, &answers);
                    examples.entry(name).or_insert_with(example);
                }
                Err(status) => drop(refusals.insert(name, status)),
            }
        }
        for method in api.methods() {
            let name = method.full_name();
            let refusal = refusals.get(name);
            assert!(
                examples.contains_key(name),
                "{name}: no example: {refusal:?}"
            );
        }
        Self(examples)
    }

    /// That of an RPC.
    pub fn of(&self, method: &MethodDescriptor) -> &Example {
        &self.0[method.full_name()]
    }
}

impl Example {
    fn new(
        method: &MethodDescriptor,
        request: &DynamicMessage,
        answers: &[DynamicMessage],
    ) -> Self {
        let mut placeholders = Placeholders::default();
        let mut fill_in = |name: &str, text: &str| placeholders.fill_in(name, text);
        let mut request = Json::of(request, Names::Proto);
        request.change("", &mut fill_in);
        let mut left_out = Vec::new();
        let mut shown = Vec::new();
        for (index, answer) in answers.iter().enumerate() {
            let mut answer = Json::of(answer, Names::Camel);
            answer.change("", &mut fill_in);
            // The first two and the last one.
            if index < 2 || index + 1 == answers.len() {
                answer.cut("", &mut left_out);
                shown.push(answer.printed());
            }
        }
        match answers.len() - shown.len() {
            0 if is_endless(method) => left_out.push("what comes later".to_owned()),
            0 => {}
            1 => left_out.push("an event before the last one".to_owned()),
            count => left_out.push(format!("{count} events before the last one")),
        }
        Self {
            request: request.printed(),
            answers: shown,
            left_out,
        }
    }
}

/// The variable that a call sets, and its value.
fn kept(call: &Call, answers: &[DynamicMessage]) -> Option<(String, String)> {
    let kept = call.kept.as_ref()?;
    let printed = answers
        .iter()
        .map(|answer| Json::of(answer, Names::Camel).printed());
    let value = kept.find(&printed.collect::<Vec<_>>().join("\n"))?;
    Some((kept.variable.clone(), value))
}

/// A request of an RPC.
fn read(method: &MethodDescriptor, request: &str) -> DynamicMessage {
    let mut reader = serde_json::Deserializer::from_str(request);
    let message = DynamicMessage::deserialize(method.input(), &mut reader);
    let message =
        message.unwrap_or_else(|error| panic!("{}: {error}: {request}", method.full_name()));
    reader.end().unwrap();
    message
}
