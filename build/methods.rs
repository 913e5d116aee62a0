//! The RPCs that stand for endpoints of Pronto, and Pronto's hosts.

use std::error::Error;

use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, MethodDescriptor, Value};

use crate::options::{enum_name, extension, flag, nested, option_of, text, unsigned};
use crate::schema::PACKAGE;

/// A value of `Host`, with `(base_url)`.
pub struct Host {
    pub variant: String,
    pub prontohq: String,
    pub pipecorn: String,
}

/// An RPC with `option (upstream)`.
pub struct Method {
    pub service: String,
    pub name: String,
    pub request: String,
    pub answer: String,
    pub http_method: String,
    pub path: String,
    pub host: String,
    pub rate: Rate,
    pub credits: [u32; 6],
    pub repeatable: bool,
    pub late: Option<Late>,
    /// For how many seconds an answer is fresh, where calls share it.
    pub fresh_seconds: Option<u32>,
}

/// The fields of `Credits`.
pub const PRICES: [&str; 6] = [
    "request",
    "email",
    "phone_number",
    "personal_email",
    "usual_phone_numbers",
    "max_phone_numbers",
];

/// A rate limit.
pub struct Rate {
    pub requests: u32,
    pub per_seconds: u32,
    pub assumed: bool,
}

/// A late answer.
pub struct Late {
    pub result: String,
    pub completion: String,
    pub webhook_optional: bool,
    pub total_is_estimate: bool,
}

pub fn hosts(pool: &DescriptorPool) -> Vec<Host> {
    let hosts = pool.get_enum_by_name(&format!("{PACKAGE}.Host"));
    let values = hosts.iter().flat_map(EnumDescriptor::values);
    values
        .filter_map(|value| {
            let base_url = extension(&value.options(), pool, "base_url")?;
            let base_url = base_url.as_message()?;
            Some(Host {
                variant: variant(value.name(), "HOST_"),
                prontohq: text(base_url, "prontohq"),
                pipecorn: text(base_url, "pipecorn"),
            })
        })
        .collect()
}

pub fn methods(pool: &DescriptorPool) -> Result<Vec<Method>, Box<dyn Error>> {
    let mut methods = Vec::new();
    for service in pool.services() {
        for method in service.methods() {
            let options = method.options();
            let follows = extension(&options, pool, "follows");
            if let Some(follows) = follows
                .as_ref()
                .and_then(Value::as_str)
                .filter(|s| !s.is_empty())
            {
                let start = service.methods().find(|start| start.name() == follows);
                if start.is_none_or(|start| start.input() != method.input()) {
                    return Err(format!(
                        "{}: follows {follows}, which does not take the same request",
                        method.full_name()
                    )
                    .into());
                }
            }
            let upstream = extension(&options, pool, "upstream");
            if let Some(upstream) = upstream.as_ref().and_then(Value::as_message)
                && options.has_extension(&option_of(pool, "upstream"))
            {
                methods.push(Method::read(&method, upstream)?);
            }
        }
    }
    Ok(methods)
}

impl Method {
    fn read(method: &MethodDescriptor, upstream: &DynamicMessage) -> Result<Self, Box<dyn Error>> {
        let (http_method, path) = ["get", "post", "put", "delete"]
            .into_iter()
            .map(|pattern| (pattern, text(upstream, pattern)))
            .find(|(_, path)| !path.is_empty())
            .ok_or_else(|| format!("{}: upstream has no path", method.full_name()))?;
        let rate = nested(upstream, "rate")
            .ok_or_else(|| format!("{}: upstream has no rate", method.full_name()))?;
        let credits = nested(upstream, "credits");
        let price = |name: &str| {
            credits
                .as_ref()
                .map_or(0, |credits| unsigned(credits, name))
        };
        let part = |name: &str| {
            let is_set = upstream.has_field_by_name(name);
            is_set.then(|| nested(upstream, name)).flatten()
        };
        let (late, sharing) = (part("late"), part("sharing"));
        Ok(Self {
            service: method.parent_service().full_name().to_owned(),
            name: method.name().to_owned(),
            request: method.input().name().to_owned(),
            answer: method.output().name().to_owned(),
            http_method: http_method.to_uppercase(),
            path,
            host: match enum_name(upstream, "host").as_str() {
                "HOST_SYNCHRONOUS" => "Synchronous".to_owned(),
                _ => "Main".to_owned(),
            },
            rate: Rate {
                requests: unsigned(&rate, "requests"),
                per_seconds: match enum_name(&rate, "per").as_str() {
                    "PERIOD_SECOND" => 1,
                    "PERIOD_MINUTE" => 60,
                    _ => return Err(format!("{}: rate has no period", method.full_name()).into()),
                },
                assumed: flag(&rate, "assumed"),
            },
            credits: PRICES.map(price),
            repeatable: is_idempotent(method),
            fresh_seconds: sharing.map(|sharing| unsigned(&sharing, "fresh_seconds")),
            late: late.map(|late| Late {
                result: variant(&enum_name(&late, "result"), "RESULT_KIND_"),
                completion: variant(&enum_name(&late, "completion"), "COMPLETION_"),
                webhook_optional: flag(&late, "webhook_optional"),
                total_is_estimate: flag(&late, "total_is_estimate"),
            }),
        })
    }
}

/// Whether sending a request twice has the effect of sending it once.
fn is_idempotent(method: &MethodDescriptor) -> bool {
    let level = enum_name(&method.options(), "idempotency_level");
    matches!(&*level, "NO_SIDE_EFFECTS" | "IDEMPOTENT")
}

/// `RESULT_KIND_LEAD_SIGNAL` as prost names it: `LeadSignal`.
pub fn variant(value: &str, prefix: &str) -> String {
    value
        .trim_start_matches(prefix)
        .split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{first}{}", rest.to_lowercase())
        })
        .collect()
}
