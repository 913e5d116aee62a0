//! Messages, enums and options, in words.

use std::fmt::Write;

use prost_reflect::{EnumDescriptor, ExtensionDescriptor, FieldDescriptor, MessageDescriptor};

use super::api::{Api, comment};
use super::page::paragraphs;
use super::{checks, links, options, types};

/// What a message is, its rules and its fields.
pub fn of_message(out: &mut String, api: &Api, message: &MessageDescriptor) {
    writeln!(out, "\n### {}", message.name()).unwrap();
    paragraphs(
        out,
        api,
        message.name(),
        &comment(&message.parent_file(), message.path()),
    );
    let rules = options::rules(message);
    if !rules.is_empty() {
        out.push('\n');
    }
    for rule in rules {
        writeln!(out, "* {}", checks::of_rule(&rule)).unwrap();
    }
    if message.fields().len() == 0 {
        return;
    }
    out.push_str("\n| Field | Type | Meaning |\n|---|---|---|\n");
    // In the order of the file, which is that of meaning.
    for proto in &message.descriptor_proto().field {
        let field = message.get_field_by_name(proto.name()).unwrap();
        let (name, kind) = (field.name(), types::of(api, &field));
        writeln!(out, "| `{name}` | {kind} | {} |", meaning(api, &field)).unwrap();
    }
}

fn meaning(api: &Api, field: &FieldDescriptor) -> String {
    let file = field.parent_message().parent_file();
    let mut sentences = Vec::new();
    if let Some(oneof) = field.containing_oneof().filter(|it| !it.is_synthetic()) {
        sentences.push(format!("One of `{}`.", oneof.name()));
    }
    let texts = comment(&file, field.path());
    sentences.extend(texts.iter().map(|text| links::linked(api, "", text)));
    sentences.extend(checks::of_field(&options::check(field)));
    sentences.extend(checks::spelling(&options::json(field)));
    sentences.join(" ").replace('|', "\\|")
}

/// What an enum is, and its values.
pub fn of_enum(out: &mut String, api: &Api, kind: &EnumDescriptor) {
    writeln!(out, "\n### {}", kind.name()).unwrap();
    let file = kind.parent_file();
    paragraphs(out, api, kind.name(), &comment(&file, kind.path()));
    let is_pronto = kind.values().any(|value| options::wire(&value).0.is_some());
    let column = if is_pronto { " Pronto's text |" } else { "" };
    let line = if is_pronto { "---|" } else { "" };
    write!(
        out,
        "\n| Value | Number |{column} Meaning |\n|---|---|{line}---|\n"
    )
    .unwrap();
    for value in kind.values() {
        let text = match options::wire(&value) {
            (Some(wire), Some(label)) if wire != label => format!(" `{wire}`, `{label}` |"),
            (Some(wire), _) => format!(" `{wire}` |"),
            _ if is_pronto => " |".to_owned(),
            _ => String::new(),
        };
        let meaning = comment(&file, value.path()).join(" ");
        let meaning = links::linked(api, "", &meaning).replace('|', "\\|");
        writeln!(
            out,
            "| `{}` | {} |{text} {meaning} |",
            value.name(),
            value.number()
        )
        .unwrap();
    }
}

// --- Options -----------------------------------------------------------------

/// Options that a file defines.
pub fn of_options(out: &mut String, api: &Api, options: &[ExtensionDescriptor]) {
    out.push_str("\n| Option | On | Type | Meaning |\n|---|---|---|---|\n");
    for option in options {
        let on = option.containing_message();
        let on = on.name().trim_end_matches("Options");
        let name = option.name();
        let kind = types::of_extension(api, option);
        let meaning = comment(&option.parent_file(), option.path()).join(" ");
        writeln!(out, "| `{name}` | {on} | {kind} | {meaning} |").unwrap();
    }
}
