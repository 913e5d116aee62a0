//! The descriptors and their options, read into the form that the generators use.

use std::error::Error;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, Value,
};

use crate::methods::{Host, Method, hosts, methods};
use crate::options::{
    enum_name, enum_number, extension, flag, lifts, list, nested, text, texts, unsigned,
};

pub const PACKAGE: &str = "pronto.v1";

/// Everything that the generators need to know.
pub struct Schema {
    pub messages: Vec<Message>,
    pub enums: Vec<Enum>,
    pub methods: Vec<Method>,
    pub hosts: Vec<Host>,
}

/// A message that travels as JSON.
pub struct Message {
    pub name: String,
    pub fields: Vec<Field>,
    pub shape: Shape,
    pub rules: Vec<Rule>,
    pub has_additional_fields: bool,
    pub has_null_fields: bool,
}

/// `option (shape)`.
#[derive(Default)]
pub struct Shape {
    pub list: String,
    pub text: String,
    pub entries: String,
    pub wrappers: Vec<String>,
    pub open: bool,
}

/// A field, with `(json)` and `(check)`.
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
    pub repeated: bool,
    /// The JSON key, in the observed spelling.
    pub key: String,
    pub documented: Option<String>,
    pub aliases: Vec<String>,
    pub inline: bool,
    pub flatten: bool,
    pub lift: Vec<(String, String)>,
    pub label: bool,
    pub number: bool,
    /// The key of an object that may stand around each text.
    pub wrapper: String,
    /// The enum that has the known texts; empty where any is welcome.
    pub known: String,
    /// Not part of the JSON: ours, or a part of the path.
    pub local: bool,
    pub check: Check,
}

/// What a field holds.
pub enum FieldKind {
    Scalar,
    Text,
    Enum(String),
    Message(String),
    /// A map from texts to messages.
    Map,
    Struct,
    Timestamp,
    /// Only in fields that are ours.
    Duration,
}

/// `(check)`.
#[derive(Default)]
pub struct Check {
    pub required: bool,
    pub min_items: u32,
    pub max_items: u32,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub values: Vec<f64>,
    pub format: String,
}

/// `option (rule)`.
pub struct Rule {
    pub when: Option<Condition>,
    pub any_of: Vec<String>,
    pub at_most_one_of: Vec<String>,
    pub required: Vec<String>,
    pub forbidden: Vec<String>,
    pub each: String,
    pub because: String,
}

/// The condition of a rule.
pub struct Condition {
    pub any_set: Vec<String>,
    pub field: String,
    /// The enum's numbers.
    pub values: Vec<i32>,
    pub is_false: String,
}

/// An enum whose values carry `(wire)`.
pub struct Enum {
    pub name: String,
    /// Number, wire text, label.
    pub values: Vec<(i32, String, String)>,
}

impl Schema {
    pub fn read(pool: &DescriptorPool) -> Result<Self, Box<dyn Error>> {
        let methods = methods(pool)?;
        let messages = pool
            .all_messages()
            .filter(travels_as_json)
            .map(|message| Message::read(&message, &methods))
            .collect();
        let enums = pool
            .all_enums()
            .filter(|e| e.package_name() == PACKAGE)
            .map(|e| Enum::read(&e))
            .filter(|e| !e.values.is_empty())
            .collect();
        Ok(Self {
            messages,
            enums,
            methods,
            hosts: hosts(pool),
        })
    }

    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }
}

/// Messages that Pronto sends or receives stand in files that describe it.
fn travels_as_json(message: &MessageDescriptor) -> bool {
    const OPTIONS: &str = "pronto/v1/upstream.proto";
    let file = message.parent_file();
    message.package_name() == PACKAGE
        && !message.is_map_entry()
        && file.name() != OPTIONS
        && file.dependencies().any(|import| import.name() == OPTIONS)
        && !message.oneofs().any(|oneof| !oneof.is_synthetic())
}

impl Message {
    fn read(message: &MessageDescriptor, methods: &[Method]) -> Self {
        let name = message.name().to_owned();
        let path = methods
            .iter()
            .find(|method| method.request == name)
            .map(|method| method.path.as_str())
            .unwrap_or_default();
        let options = message.options();
        let extension = |name: &str| extension(&options, message.parent_pool(), name);
        let rules = match extension("rule") {
            Some(Value::List(rules)) => rules
                .iter()
                .filter_map(|rule| rule.as_message())
                .map(|rule| Rule::read(rule, message))
                .collect(),
            _ => Vec::new(),
        };
        let has = |field: &str| message.get_field_by_name(field).is_some();
        Self {
            fields: message
                .fields()
                .map(|field| Field::read(&field, path))
                .collect(),
            shape: extension("shape")
                .and_then(|shape| shape.as_message().map(Shape::read))
                .unwrap_or_default(),
            rules,
            has_additional_fields: has("additional_fields"),
            has_null_fields: has("null_fields"),
            name,
        }
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Shape {
    fn read(shape: &DynamicMessage) -> Self {
        Self {
            list: text(shape, "list"),
            text: text(shape, "text"),
            entries: text(shape, "entries"),
            wrappers: texts(shape, "wrappers"),
            open: flag(shape, "open"),
        }
    }
}

impl Field {
    fn read(field: &FieldDescriptor, path: &str) -> Self {
        let options = field.options();
        let json = extension(&options, field.parent_message().parent_pool(), "json");
        let json = json.as_ref().and_then(Value::as_message);
        let check = extension(&options, field.parent_message().parent_pool(), "check");
        let json_text = |name: &str| json.map(|json| text(json, name)).filter(|t| !t.is_empty());
        let json_flag = |name: &str| json.is_some_and(|json| flag(json, name));
        let name = field.name().to_owned();
        Self {
            kind: FieldKind::read(field),
            repeated: field.cardinality() == Cardinality::Repeated,
            key: json_text("name").unwrap_or_else(|| name.clone()),
            documented: json_text("documented"),
            aliases: json.map(|json| texts(json, "aliases")).unwrap_or_default(),
            inline: json_flag("inline"),
            flatten: json_flag("flatten"),
            lift: json.map(lifts).unwrap_or_default(),
            label: json_flag("label"),
            number: json_flag("number"),
            wrapper: json_text("wrapper").unwrap_or_default(),
            known: json_text("known").unwrap_or_default(),
            local: json_flag("local") || path.contains(&format!("{{{name}}}")),
            check: check
                .as_ref()
                .and_then(Value::as_message)
                .map(Check::read)
                .unwrap_or_default(),
            name,
        }
    }

    /// The field's name as Rust writes it.
    pub fn ident(&self) -> String {
        match self.name.as_str() {
            "type" => "r#type".to_owned(),
            name => name.to_owned(),
        }
    }

    /// Every key under which the field is accepted.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = vec![self.key.as_str()];
        keys.extend(self.documented.as_deref());
        keys.extend(self.aliases.iter().map(String::as_str));
        keys
    }
}

impl FieldKind {
    fn read(field: &FieldDescriptor) -> Self {
        if field.is_map() {
            return Self::Map;
        }
        match field.kind() {
            Kind::String => Self::Text,
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Double => Self::Scalar,
            Kind::Enum(kind) => Self::Enum(kind.name().to_owned()),
            Kind::Message(kind) => match kind.full_name() {
                "google.protobuf.Struct" => Self::Struct,
                "google.protobuf.Timestamp" => Self::Timestamp,
                "google.protobuf.Duration" => Self::Duration,
                _ => Self::Message(kind.name().to_owned()),
            },
            kind => panic!("{}: {kind:?} is not supported", field.full_name()),
        }
    }
}

impl Check {
    fn read(check: &DynamicMessage) -> Self {
        let number = |name: &str| {
            check
                .has_field_by_name(name)
                .then(|| {
                    check
                        .get_field_by_name(name)
                        .and_then(|value| value.as_i64())
                })
                .flatten()
        };
        Self {
            required: flag(check, "required"),
            min_items: unsigned(check, "min_items"),
            max_items: unsigned(check, "max_items"),
            min: number("min"),
            max: number("max"),
            values: list(check, "values")
                .iter()
                .filter_map(Value::as_f64)
                .collect(),
            format: enum_name(check, "format"),
        }
    }
}

impl Rule {
    fn read(rule: &DynamicMessage, message: &MessageDescriptor) -> Self {
        Self {
            when: rule
                .has_field_by_name("when")
                .then(|| nested(rule, "when"))
                .flatten()
                .map(|when| Condition::read(&when, message)),
            any_of: texts(rule, "any_of"),
            at_most_one_of: texts(rule, "at_most_one_of"),
            required: texts(rule, "required"),
            forbidden: texts(rule, "forbidden"),
            each: text(rule, "each"),
            because: text(rule, "because"),
        }
    }
}

impl Condition {
    fn read(when: &DynamicMessage, message: &MessageDescriptor) -> Self {
        let field = text(when, "field");
        let values = texts(when, "values");
        let numbers = match message.get_field_by_name(&field).map(|field| field.kind()) {
            Some(Kind::Enum(kind)) => values.iter().map(|name| enum_number(&kind, name)).collect(),
            _ => Vec::new(),
        };
        Self {
            any_set: texts(when, "any_set"),
            field,
            values: numbers,
            is_false: text(when, "is_false"),
        }
    }
}

impl Enum {
    fn read(descriptor: &EnumDescriptor) -> Self {
        let values = descriptor
            .values()
            .filter_map(|value| {
                let options = value.options();
                let option = |name: &str| {
                    extension(&options, descriptor.parent_pool(), name)
                        .and_then(|text| text.as_str().map(str::to_owned))
                        .filter(|text| !text.is_empty())
                };
                let wire = option("wire")?;
                let label = option("label").unwrap_or_else(|| wire.clone());
                Some((value.number(), wire, label))
            })
            .collect();
        Self {
            name: descriptor.name().to_owned(),
            values,
        }
    }
}
