//! The validation of requests, from `(check)` and `(rule)`.

use crate::schema::{Condition, Field, FieldKind, Rule, Schema};

pub fn generate(schema: &Schema) -> String {
    schema
        .messages
        .iter()
        .map(|message| {
            let fields: String = message.fields.iter().map(field_checks).collect();
            let rules: String = message.rules.iter().map(rule_check).collect();
            format!(
                "#[allow(clippy::all, unused_variables)]
impl Validate for v1::{} {{
    fn validate(&self, at: &Path<'_>, violations: &mut Violations) {{\n{fields}{rules}    }}
}}\n",
                message.name
            )
        })
        .collect()
}

fn field_checks(field: &Field) -> String {
    let Field { name, check, .. } = field;
    let value = format!("&self.{}", field.ident());
    let at = format!("&at.field({name:?})");
    let mut out = String::new();
    let mut line = |call: String| out += &format!("        {call};\n");
    if check.required {
        line(format!("check::required({value}, {at}, \"\", violations)"));
    }
    if check.min_items > 0 || check.max_items > 0 {
        line(format!(
            "check::item_count(self.{}.len(), {}, {}, {at}, violations)",
            field.ident(),
            check.min_items,
            check.max_items
        ));
    }
    if check.min.is_some() || check.max.is_some() {
        line(format!(
            "check::range(self.{}, {:?}, {:?}, {at}, violations)",
            field.ident(),
            check.min,
            check.max
        ));
    }
    if !check.values.is_empty() {
        line(format!(
            "check::allowed(self.{}, &{:?}, {at}, violations)",
            field.ident(),
            check.values
        ));
    }
    let format = check.format.trim_start_matches("FORMAT_");
    if !format.is_empty() && format != "UNSPECIFIED" {
        line(format!(
            "check::format({value}, Format::{}, {at}, violations)",
            camel(format)
        ));
    }
    match &field.kind {
        FieldKind::Enum(kind) if !field.local => {
            line(format!(
                "check::known::<v1::{kind}>({value}, {at}, violations)"
            ));
        }
        FieldKind::Duration => line(format!("check::time_span({value}, {at}, violations)")),
        FieldKind::Message(_) => line(format!("check::nested({value}, {at}, violations)")),
        _ => {}
    }
    out
}

/// `HTTPS_URL` as prost names it: `HttpsUrl`.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{first}{}", rest.to_lowercase())
        })
        .collect()
}

fn rule_check(rule: &Rule) -> String {
    let condition = rule
        .when
        .as_ref()
        .map_or_else(|| "true".to_owned(), condition);
    let body = match rule.each.as_str() {
        "" => rule_body(rule, "self", "at"),
        each => format!(
            "            for (index, item) in self.{each}.iter().enumerate() {{
            let list = at.field({each:?});
            let at = &list.index(index);
{}            }}\n",
            rule_body(rule, "item", "at")
        ),
    };
    format!("        if {condition} {{\n{body}        }}\n")
}

fn condition(when: &Condition) -> String {
    let mut parts = Vec::new();
    if !when.any_set.is_empty() {
        let any: Vec<_> = when
            .any_set
            .iter()
            .map(|f| format!("self.{f}.is_set()"))
            .collect();
        parts.push(any.join(" || "));
    }
    if !when.field.is_empty() {
        parts.push(format!(
            "check::has_any(&self.{}, &{:?})",
            when.field, when.values
        ));
    }
    if !when.is_false.is_empty() {
        parts.push(format!("self.{} == Some(false)", when.is_false));
    }
    match parts.as_slice() {
        [only] => only.clone(),
        _ => parts
            .iter()
            .map(|part| format!("({part})"))
            .collect::<Vec<_>>()
            .join(" && "),
    }
}

fn rule_body(rule: &Rule, subject: &str, at: &str) -> String {
    let because = &rule.because;
    let fields = |names: &[String]| {
        let pairs: Vec<_> = names
            .iter()
            .map(|name| format!("({name:?}, {subject}.{name}.is_set())"))
            .collect();
        format!("&[{}]", pairs.join(", "))
    };
    let mut out = String::new();
    let mut line = |function: &str, names: &[String]| {
        if !names.is_empty() {
            out += &format!(
                "            check::{function}({}, {at}, {because:?}, violations);\n",
                fields(names)
            );
        }
    };
    line("any_of", &rule.any_of);
    line("at_most_one_of", &rule.at_most_one_of);
    line("all_required", &rule.required);
    line("forbidden", &rule.forbidden);
    out
}
