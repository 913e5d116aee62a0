//! JSON made up and taken apart.

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

/// Any object, with integers that a double holds and with any finite double.
pub fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    let number = prop_oneof![
        any::<i32>().prop_map(Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |double| Number::from_f64(double).map(Value::from)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            object(inner).prop_map(Value::from),
        ]
    });
    object(value)
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((any::<String>(), value), 0..5)
        .prop_map(|entries| entries.into_iter().collect())
}

/// The same with every number as a double: `1` and `1.0` are the same number.
pub fn numbers_exactly(json: &Value) -> Value {
    match json {
        Value::Number(number) => json!(number.as_f64().expect("a finite number") + 0.0),
        Value::Array(items) => items.iter().map(numbers_exactly).collect(),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), numbers_exactly(value)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// All texts, numbers and flags, as texts. Nulls have their own tests.
pub fn leaves(json: &Value) -> Vec<String> {
    match json {
        Value::Null => Vec::new(),
        Value::Bool(flag) => vec![flag.to_string()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(entries) => entries.values().flat_map(leaves).collect(),
    }
}

/// A change to a body.
#[derive(Clone, Debug)]
pub enum Change {
    /// An unknown key, in one of the objects.
    Add(prop::sample::Index, Odd),
    /// Another value in place of one of the texts, numbers and flags.
    Replace(prop::sample::Index, Odd),
}

/// The type of a value that nobody expects.
#[derive(Clone, Copy, Debug)]
pub enum Odd {
    Text,
    Number,
    Fraction,
    List,
    Nested,
    Object,
}

impl Odd {
    /// A value that tells by its marker which change brought it.
    fn value(self, change: usize) -> (Value, String) {
        let text = format!("odd-{change}");
        let number = 987_000 + change;
        match self {
            Self::Text => (json!(text), text),
            Self::Number => (json!(number), number.to_string()),
            Self::Fraction => (json!(number as f64 + 0.5), format!("{number}.5")),
            Self::List => (json!([text]), text),
            Self::Nested => (json!([[{"odd": text}]]), text),
            Self::Object => (json!({"odd": text}), text),
        }
    }
}

impl Arbitrary for Change {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let odd = prop::sample::select(vec![
            Odd::Text,
            Odd::Number,
            Odd::Fraction,
            Odd::List,
            Odd::Nested,
            Odd::Object,
        ]);
        (any::<bool>(), any::<prop::sample::Index>(), odd)
            .prop_map(|(add, at, odd)| {
                if add {
                    Self::Add(at, odd)
                } else {
                    Self::Replace(at, odd)
                }
            })
            .boxed()
    }
}

/// A body that was changed.
pub struct Changed {
    pub body: Value,
    /// What must be somewhere in the message.
    pub markers: Vec<String>,
    /// What was not changed.
    pub untouched: Vec<String>,
}

/// Changes a body: first replaces, then adds, so that every change stays.
pub fn change(body: &Value, changes: &[Change]) -> Changed {
    let mut places = Vec::new();
    scalars(body, &mut String::new(), &mut places);
    let mut changed = body.clone();
    let mut rest = body.clone();
    let mut markers = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        if let Change::Replace(at, odd) = change
            && !places.is_empty()
        {
            let place = places.swap_remove(at.index(places.len()));
            let (value, marker) = odd.value(number);
            set(&mut changed, &place, value);
            set(&mut rest, &place, Value::Null);
            markers.push(marker);
        }
    }
    let mut objects = Vec::new();
    objects_of(body, &mut String::new(), &mut objects);
    for (number, change) in changes.iter().enumerate() {
        if let Change::Add(at, odd) = change
            && !objects.is_empty()
        {
            let (value, marker) = odd.value(number);
            let place = at.get(&objects);
            let target = changed.pointer_mut(place).and_then(Value::as_object_mut);
            target
                .expect("an object")
                .insert(format!("x_extra_{number}"), value);
            markers.push(marker);
        }
    }
    Changed {
        body: changed,
        markers,
        untouched: leaves(&rest),
    }
}

fn set(json: &mut Value, place: &str, value: Value) {
    *json.pointer_mut(place).expect("a place in the body") = value;
}

fn each<'a>(json: &'a Value, at: &mut String, visit: &mut dyn FnMut(&'a Value, &mut String)) {
    let mut inner = |key: &str, value: &'a Value| {
        let end = at.len();
        at.push('/');
        at.push_str(key);
        visit(value, at);
        at.truncate(end);
    };
    match json {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| inner(&index.to_string(), item));
        }
        Value::Object(entries) => entries.iter().for_each(|(key, value)| inner(key, value)),
        _ => {}
    }
}

fn scalars(json: &Value, at: &mut String, found: &mut Vec<String>) {
    if !matches!(json, Value::Array(_) | Value::Object(_) | Value::Null) {
        found.push(at.clone());
    }
    each(json, at, &mut |value, at| scalars(value, at, found));
}

fn objects_of(json: &Value, at: &mut String, found: &mut Vec<String>) {
    if json.is_object() {
        found.push(at.clone());
    }
    each(json, at, &mut |value, at| objects_of(value, at, found));
}
