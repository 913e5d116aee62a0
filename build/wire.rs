//! The wire texts and labels of enum values.

use crate::schema::Schema;

pub fn generate(schema: &Schema) -> String {
    let mut out = String::new();
    for e in &schema.enums {
        let rows: String = e
            .values
            .iter()
            .map(|(number, wire, label)| format!("({number}, {wire:?}, {label:?}), "))
            .collect();
        out += &format!(
            "impl WireEnum for v1::{} {{\n    const TABLE: &'static [(i32, &'static str, &'static str)] = &[{rows}];\n}}\n",
            e.name
        );
    }
    out
}
