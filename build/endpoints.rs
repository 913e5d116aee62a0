//! The table of Pronto's endpoints, and which request belongs to which.

use crate::methods::{Method, PRICES};
use crate::schema::{Field, FieldKind, Message, Schema};

pub fn generate(schema: &Schema) -> Result<String, String> {
    let mut out = String::new();
    let names: Vec<String> = schema.methods.iter().map(|m| constant(&m.name)).collect();
    let list = names.join(", ");
    out +=
        &format!("/// All endpoints of Pronto.\npub static ENDPOINTS: &[&Endpoint] = &[{list}];\n");
    out += &base_urls(schema);
    for method in &schema.methods {
        out += &endpoint(method);
        let request = schema
            .message(&method.request)
            .ok_or_else(|| format!("{}: {} has no JSON form", method.name, method.request))?;
        out += &request_traits(schema, method, request)?;
    }
    Ok(out)
}

fn base_urls(schema: &Schema) -> String {
    let arms: String = schema
        .hosts
        .iter()
        .map(|host| {
            format!(
                "        (v1::Host::{0}, Vendor::Prontohq) => {1:?},
        (v1::Host::{0}, Vendor::Pipecorn) => {2:?},\n",
                host.variant, host.prontohq, host.pipecorn
            )
        })
        .collect();
    format!(
        "/// Where a host is.
#[must_use]
pub fn base_url(host: v1::Host, vendor: Vendor) -> &'static str {{
    match (host, vendor) {{\n{arms}        (v1::Host::Unspecified, vendor) => base_url(v1::Host::Main, vendor),
    }}
}}\n"
    )
}

fn endpoint(method: &Method) -> String {
    let Method {
        service,
        name,
        http_method,
        path,
        host,
        rate,
        repeatable,
        ..
    } = method;
    let credits: Vec<String> = PRICES
        .iter()
        .zip(method.credits)
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let sharing = match method.fresh_seconds {
        Some(seconds) => format!("Some(Sharing {{ fresh: Duration::from_secs({seconds}) }})"),
        None => "None".to_owned(),
    };
    let answer = match method.late {
        Some(_) => "Acceptance",
        None => method.answer.as_str(),
    };
    let late = match &method.late {
        Some(late) => format!(
            "Some(Late {{ result: v1::ResultKind::{}, completion: v1::Completion::{}, webhook_optional: {}, total_is_estimate: {} }})",
            late.result, late.completion, late.webhook_optional, late.total_is_estimate
        ),
        None => "None".to_owned(),
    };
    format!(
        "/// `{http_method} {path}`
pub const {}: &Endpoint = &Endpoint {{
    rpc: \"{service}/{name}\",
    method: {http_method:?},
    path: {path:?},
    host: v1::Host::{host},
    rate: Rate {{ requests: {}, per: Duration::from_secs({}), assumed: {} }},
    credits: Credits {{ {} }},
    repeatable: {repeatable},
    late: {late},
    sharing: {sharing},
    drifts: json::drifts::<v1::{answer}>,
}};\n",
        constant(name),
        rate.requests,
        rate.per_seconds,
        rate.assumed,
        credits.join(", "),
    )
}

/// `StartLeadSearch` as a constant: `START_LEAD_SEARCH`.
fn constant(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

fn request_traits(schema: &Schema, method: &Method, request: &Message) -> Result<String, String> {
    let Message { name, .. } = request;
    let mut out = format!(
        "impl UpstreamRequest for v1::{name} {{
    const ENDPOINT: &'static Endpoint = {};
    fn path(&self) -> String {{ {} }}
}}\n",
        constant(&method.name),
        path_expression(&method.path)
    );
    if !method.repeatable {
        out += &spending_request(method, request)?;
    }
    if method.late.is_some() {
        out += &job_request(schema, method, request)?;
    } else {
        out += &format!(
            "impl UnaryRequest for v1::{name} {{ type Answer = v1::{}; }}\n",
            method.answer
        );
    }
    Ok(out)
}

/// What is not safe to repeat as it is takes a `request_id`.
fn spending_request(method: &Method, request: &Message) -> Result<String, String> {
    let name = &request.name;
    for field in ["request_id", "max_credits"] {
        if !request.field(field).is_some_and(|field| field.local) {
            return Err(format!(
                "{}: {name} has no local {field}, although it is not safe to repeat",
                method.name
            ));
        }
    }
    let mut body = String::new();
    if request.field("reuse_within").is_some() {
        body += "    fn reuse_within(&self) -> Option<&prost_types::Duration> { self.reuse_within.as_ref() }\n";
    }
    if request.field("webhook_url").is_some() {
        body += "    fn goes_elsewhere(&self) -> bool { self.webhook_url.is_some() }\n";
    }
    if request.field("enrichment_type").is_some() {
        body += &people(request);
        body += "    fn enrichment_types(&self) -> &[i32] { &self.enrichment_type }\n";
    }
    if let Some(items) = request
        .fields
        .iter()
        .find(|field| is_list_of_messages(field))
    {
        body += &format!(
            "    fn items(&self) -> usize {{ self.{}.len() }}\n",
            items.ident()
        );
    }
    Ok(format!(
        "impl SpendingRequest for v1::{name} {{
    fn request_id(&self) -> &str {{ &self.request_id }}
    fn set_request_id(&mut self, id: String) {{ self.request_id = id; }}
    fn max_credits(&self) -> Option<i64> {{ self.max_credits }}
{body}}}\n"
    ))
}

/// Whom a request asks about: itself, or each of its items.
fn people(request: &Message) -> String {
    let person = |of: &str| {
        format!(
            "Person {{ first_name: &{of}.first_name, last_name: &{of}.last_name, \
             linkedin_url: {of}.linkedin_url.as_deref(), domain: {of}.domain.as_deref(), \
             company_name: {of}.company_name.as_deref(), custom: {of}.custom.as_ref() }}"
        )
    };
    let mut body = String::new();
    match request
        .fields
        .iter()
        .find(|field| is_list_of_messages(field))
    {
        None => {
            body += &format!(
                "    fn people(&self) -> Vec<Person<'_>> {{ vec![{}] }}\n",
                person("self")
            )
        }
        Some(items) => {
            let ident = items.ident();
            body += &format!(
                "    fn people(&self) -> Vec<Person<'_>> {{ self.{ident}.iter().map(|item| {}).collect() }}
    fn keep_people(&mut self, positions: &[usize]) {{
        let mut position = 0..;
        self.{ident}.retain(|_| position.next().is_some_and(|p| positions.contains(&p)));
    }}\n",
                person("item")
            );
        }
    }
    body + "    fn phone_countries(&self) -> &[String] { &self.phone_country_codes }
    fn keep_kinds(&mut self, kinds: &[i32]) { self.enrichment_type.retain(|kind| kinds.contains(kind)); }\n"
}

fn path_expression(path: &str) -> String {
    let mut expression = format!("{path:?}.to_owned()");
    for parameter in path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
    {
        expression += &format!(".replace(\"{{{parameter}}}\", &escape(&self.{parameter}))");
    }
    expression
}

fn job_request(schema: &Schema, method: &Method, request: &Message) -> Result<String, String> {
    let name = &request.name;
    if request.field("webhook_url").is_none() {
        return Err(format!("{}: {name} has no webhook_url", method.name));
    }
    let mut body = String::new();
    if request.field("streaming").is_some() {
        body += "    fn prefer_streaming(&mut self) { self.streaming.get_or_insert(true); }\n";
    }
    body += &search_name(method, request);
    let counted = method
        .late
        .as_ref()
        .is_some_and(|late| late.completion == "ItemCount");
    if let Some(items) = request
        .fields
        .iter()
        .find(|field| counted && is_list_of_messages(field))
    {
        body += &counted_items(schema, items);
    }
    Ok(format!(
        "impl JobRequest for v1::{name} {{
    fn webhook_url(&self) -> Option<&str> {{ self.webhook_url.as_deref() }}
    fn set_webhook_url(&mut self, url: String) {{ self.webhook_url = Some(url); }}
{body}}}\n"
    ))
}

/// Where a request starts a search that has a name.
fn search_name(method: &Method, request: &Message) -> String {
    let is_search = method
        .late
        .as_ref()
        .is_some_and(|late| ["SearchStatus", "Never"].contains(&late.completion.as_str()));
    match request.field("name").filter(|_| is_search) {
        None => String::new(),
        Some(name) if name.check.required => {
            "    fn search_name(&self) -> Option<&str> { Some(&self.name) }\n".to_owned()
        }
        // A caller may also have named it past the field.
        Some(name) => format!(
            "    fn search_name(&self) -> Option<&str> {{ self.name.as_deref() }}
    fn name_search(&mut self, name: String) {{
        if self.additional_fields().is_none_or(|fields| !fields.fields.contains_key({:?})) {{
            self.name.get_or_insert(name);
        }}
    }}\n",
            name.key
        ),
    }
}

/// How many results the items of a batch give. Without a `custom` equal items cannot
/// be told apart, and their results are the same.
fn counted_items(schema: &Schema, items: &Field) -> String {
    let ident = items.ident();
    let has_custom = match &items.kind {
        FieldKind::Message(item) => schema
            .message(item)
            .is_some_and(|item| item.field("custom").is_some()),
        _ => false,
    };
    match has_custom {
        true => format!(
            "    fn item_count(&self) -> Option<usize> {{ Some(self.{ident}.len()) }}
    fn items_custom(&mut self) -> Vec<&mut Option<Struct>> {{
        self.{ident}.iter_mut().map(|item| &mut item.custom).collect()
    }}\n"
        ),
        false => format!(
            "    fn item_count(&self) -> Option<usize> {{ Some(distinct(&self.{ident})) }}\n"
        ),
    }
}

fn is_list_of_messages(field: &Field) -> bool {
    field.repeated && matches!(field.kind, FieldKind::Message(_))
}
