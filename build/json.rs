//! How messages are read from JSON and written to it.

use crate::schema::{Field, FieldKind, Message, Schema};

pub fn generate(schema: &Schema) -> String {
    schema
        .messages
        .iter()
        .map(|message| implementation(schema, message))
        .collect()
}

fn implementation(schema: &Schema, message: &Message) -> String {
    let name = &message.name;
    let body = [
        knows(schema, message),
        read_field(schema, message),
        read_list(message),
        read_text(message),
        write_fields(message),
        write_as_text(message),
        choices(message),
        kept(message),
        special_fields(message),
    ]
    .concat();
    format!(
        "#[allow(clippy::all, unused_mut, unused_variables)]\nimpl JsonMessage for v1::{name} {{\n    const NAME: &'static str = {name:?};\n    const IS_OPEN: bool = {};\n{body}}}\n",
        message.shape.open
    )
}

/// The fields whose keys also stand, or always stand, at this level.
fn shared_level(message: &Message) -> impl Iterator<Item = (&Field, &str)> {
    message.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Message(inner) if field.inline || field.flatten => Some((field, inner.as_str())),
        _ => None,
    })
}

fn knows(schema: &Schema, message: &Message) -> String {
    let mut keys: Vec<&str> = own_fields(message).flat_map(Field::keys).collect();
    for field in &message.fields {
        keys.extend(field.lift.iter().map(|(key, _)| key.as_str()));
    }
    keys.extend(message.shape.wrappers.iter().map(String::as_str));
    let own = match keys.is_empty() {
        true => "false".to_owned(),
        false => format!("matches!(key, {})", alternatives(&keys)),
    };
    let inner: String = shared_level(message)
        .filter(|(_, inner)| schema.message(inner).is_some())
        .map(|(_, inner)| format!(" || v1::{inner}::knows(key)"))
        .collect();
    format!("    fn knows(key: &str) -> bool {{\n        {own}{inner}\n    }}\n")
}

/// The fields that have a key of their own at this level.
fn own_fields(message: &Message) -> impl Iterator<Item = &Field> {
    message
        .fields
        .iter()
        .filter(|field| !field.local && !field.flatten && !matches!(field.kind, FieldKind::Map))
}

fn alternatives(keys: &[&str]) -> String {
    keys.iter()
        .map(|key| format!("{key:?}"))
        .collect::<Vec<_>>()
        .join(" | ")
}

fn read_field(schema: &Schema, message: &Message) -> String {
    let mut arms = String::new();
    for field in own_fields(message) {
        let keys = alternatives(&field.keys());
        arms += &format!("            {keys} => {},\n", reader(field));
    }
    for field in &message.fields {
        for (key, inner) in &field.lift {
            let FieldKind::Message(kind) = &field.kind else {
                continue;
            };
            let inner_key = schema
                .message(kind)
                .and_then(|inner_message| inner_message.field(inner))
                .unwrap_or_else(|| panic!("{}.{}: no field {inner}", message.name, field.name))
                .key
                .as_str();
            arms += &format!(
                "            {key:?} => self.{}.get_or_insert_default().read_entry({inner_key:?}, from),\n",
                field.ident()
            );
        }
    }
    for wrapper in &message.shape.wrappers {
        arms += &format!("            {wrapper:?} => read::into_message(self, from),\n");
    }
    for (field, inner) in shared_level(message) {
        arms += &format!(
            "            _ if v1::{inner}::knows(key) => self.{}.get_or_insert_default().read_entry(key, from),\n",
            field.ident()
        );
    }
    arms += &rest(message);
    format!(
        "    fn read_field(&mut self, key: &str, from: &mut Cursor<'_>) -> Fit {{
        match key {{\n{arms}        }}
    }}\n"
    )
}

/// Where a key goes that no field claims.
fn rest(message: &Message) -> String {
    if !message.shape.entries.is_empty() {
        return format!(
            "            _ => read::entry(&mut self.{}, key, from),\n",
            message.shape.entries
        );
    }
    match shared_level(message).find(|(field, _)| field.flatten) {
        Some((field, _)) if !message.has_additional_fields => format!(
            "            _ => self.{}.get_or_insert_default().read_entry(key, from),\n",
            field.ident()
        ),
        _ => "            _ => Fit::Unknown,\n".to_owned(),
    }
}

fn reader(field: &Field) -> String {
    let ident = field.ident();
    let plural = if field.repeated { "s" } else { "" };
    let target = format!("&mut self.{ident}, from");
    match &field.kind {
        FieldKind::Text if !field.wrapper.is_empty() => {
            format!("read::wrapped_texts({target}, {:?})", field.wrapper)
        }
        FieldKind::Text if !field.known.is_empty() => {
            format!("read::known::<v1::{}>({target})", field.known)
        }
        FieldKind::Text | FieldKind::Scalar => format!("read::scalar{plural}({target})"),
        FieldKind::Enum(kind) => {
            format!(
                "read::enumeration{plural}::<v1::{kind}>({target}, {})",
                field.label
            )
        }
        FieldKind::Message(_) => format!("read::message{plural}({target})"),
        FieldKind::Struct => format!("read::structure({target})"),
        FieldKind::Timestamp => format!("read::timestamp({target})"),
        FieldKind::Map => unreachable!("maps hold entries"),
        FieldKind::Duration => unreachable!("{} must be local", field.name),
    }
}

fn read_list(message: &Message) -> String {
    let Some(list) = message.field(&message.shape.list) else {
        return String::new();
    };
    format!(
        "    fn read_list(&mut self, from: &mut Cursor<'_>) -> Fit {{
        self.read_entry({:?}, from)
    }}\n",
        list.key
    )
}

fn read_text(message: &Message) -> String {
    if message.shape.text.is_empty() {
        return String::new();
    }
    format!(
        "    fn read_text(&mut self, text: &str) -> bool {{
        self.{} = Some(text.to_owned());
        true
    }}\n",
        message.shape.text
    )
}

fn write_fields(message: &Message) -> String {
    let lines: String = message
        .fields
        .iter()
        .filter(|field| !field.local)
        .map(|field| format!("        {};\n", writer(field)))
        .collect();
    format!("    fn write_fields(&self, spelling: Spelling, out: &mut Object) {{\n{lines}    }}\n")
}

fn writer(field: &Field) -> String {
    let ident = field.ident();
    let key = match &field.documented {
        Some(documented) => format!("spelling.choose({:?}, {documented:?})", field.key),
        None => format!("{:?}", field.key),
    };
    let plural = if field.repeated { "s" } else { "" };
    let value = format!("&self.{ident}");
    match &field.kind {
        FieldKind::Text if field.number => format!("write::number{plural}(out, {key}, {value})"),
        FieldKind::Text | FieldKind::Scalar => {
            format!("write::scalar{plural}(out, {key}, {value})")
        }
        FieldKind::Enum(kind) => format!(
            "write::enumeration{plural}::<v1::{kind}>(out, {key}, {value}, {})",
            field.label
        ),
        FieldKind::Message(_) if field.flatten => {
            format!("write::flattened(out, {value}, spelling)")
        }
        FieldKind::Message(_) => format!("write::message{plural}(out, {key}, {value}, spelling)"),
        FieldKind::Map => format!("write::entries(out, {value}, spelling)"),
        FieldKind::Struct => format!("write::structure(out, {key}, {value})"),
        FieldKind::Timestamp => format!("write::timestamp(out, {key}, {value})"),
        FieldKind::Duration => unreachable!("{} must be local", field.name),
    }
}

/// A message with nothing but its text field set is written as that text.
fn write_as_text(message: &Message) -> String {
    if message.shape.text.is_empty() {
        return String::new();
    }
    let text = &message.shape.text;
    format!(
        "    fn text(&self) -> Option<&str> {{
        let bare = Self {{ {text}: self.{text}.clone(), ..Default::default() }};
        if *self == bare {{ self.{text}.as_deref() }} else {{ None }}
    }}\n"
    )
}

/// The texts that an enum field takes.
fn choices(message: &Message) -> String {
    let mut arms = String::new();
    for field in own_fields(message) {
        if let FieldKind::Enum(kind) = &field.kind {
            let keys = alternatives(&field.keys());
            arms += &format!(
                "            {keys} => v1::{kind}::texts({}),\n",
                field.label
            );
        }
    }
    for (_, inner) in shared_level(message) {
        arms +=
            &format!("            _ if v1::{inner}::knows(key) => v1::{inner}::choices(key),\n");
    }
    format!(
        "    fn choices(key: &str) -> Vec<&'static str> {{
        match key {{\n{arms}            _ => Vec::new(),
        }}
    }}\n"
    )
}

/// Where what is not modelled was kept, at this level of the JSON.
fn kept(message: &Message) -> String {
    let own = match message.has_additional_fields {
        true => "self.additional_fields.iter().collect()",
        false => "Vec::new()",
    };
    let inner: String = shared_level(message)
        .filter(|(field, _)| field.flatten)
        .map(|(field, _)| {
            let ident = field.ident();
            format!("        kept.extend(self.{ident}.iter().flat_map(JsonMessage::kept));\n")
        })
        .collect();
    format!(
        "    fn kept(&self) -> Vec<&Struct> {{
        let mut kept: Vec<&Struct> = {own};
{inner}        kept
    }}\n"
    )
}

fn special_fields(message: &Message) -> String {
    let mut out = String::new();
    if message.has_additional_fields {
        out += "    fn additional_fields(&self) -> Option<&Struct> { self.additional_fields.as_ref() }
    fn additional_fields_mut(&mut self) -> Option<&mut Struct> { Some(self.additional_fields.get_or_insert_default()) }\n";
    }
    if let Some((field, _)) = shared_level(message).find(|(field, _)| field.flatten)
        && !message.has_additional_fields
    {
        out += &format!(
            "    fn keep(&mut self, key: &str, value: Value) {{ self.{}.get_or_insert_default().keep(key, value); }}\n",
            field.ident()
        );
    }
    if message.has_null_fields {
        out += "    fn null_fields(&self) -> &[String] { &self.null_fields }
    fn null_fields_mut(&mut self) -> Option<&mut Vec<String>> { Some(&mut self.null_fields) }\n";
    }
    out
}
