//! Which item of a batch a result belongs to.
//!
//! Pronto gives the items of a batch no ids, but echoes each item's `custom`. We
//! add a key to it that holds the item's position, and take it off again.

use prost_types::value::Kind;
use prost_types::{Struct, Value};

/// The key that we add to `custom`.
const KEY: &str = "pronto_grpc_item";
/// Inside ours: the position.
const INDEX: &str = "index";
/// Inside ours: what the caller had under our key.
const CALLERS: &str = "callers";

/// Adds each item's position to its `custom`.
pub fn mark(items: Vec<&mut Option<Struct>>) {
    for (index, custom) in items.into_iter().enumerate() {
        let custom = custom.get_or_insert_default();
        let mut ours = Struct::default();
        ours.fields
            .insert(INDEX.to_owned(), Kind::NumberValue(index as f64).into());
        if let Some(callers) = custom.fields.remove(KEY) {
            ours.fields.insert(CALLERS.to_owned(), callers);
        }
        custom
            .fields
            .insert(KEY.to_owned(), Kind::StructValue(ours).into());
    }
}

/// Takes our key off a `custom` and returns the position. A `custom` that held
/// nothing else was not the caller's and becomes absent.
pub fn unmark(custom: &mut Option<Struct>) -> Option<i32> {
    let fields = &mut custom.as_mut()?.fields;
    let (index, callers) = ours(fields.get(KEY)?)?;
    match callers {
        Some(callers) => fields.insert(KEY.to_owned(), callers),
        None => fields.remove(KEY),
    };
    if fields.is_empty() {
        *custom = None;
    }
    Some(index)
}

fn ours(value: &Value) -> Option<(i32, Option<Value>)> {
    let Some(Kind::StructValue(ours)) = &value.kind else {
        return None;
    };
    let index = match &ours.fields.get(INDEX)?.kind {
        Some(Kind::NumberValue(index)) => *index,
        // Whoever stores what we send may make a text of it.
        Some(Kind::StringValue(digits)) => digits.parse().ok()?,
        _ => return None,
    };
    let is_index = index.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&index);
    is_index.then(|| (index as i32, ours.fields.get(CALLERS).cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::json::structs::from_map;

    fn custom(json: serde_json::Value) -> Option<Struct> {
        json.as_object().map(from_map)
    }

    #[track_caller]
    fn survives(original: Option<Struct>) {
        let mut items = [original.clone(), original.clone()];
        mark(items.iter_mut().collect());
        for (index, mut item) in items.into_iter().enumerate() {
            assert_ne!(item, original);
            assert_eq!(unmark(&mut item), Some(index as i32));
            assert_eq!(item, original);
        }
    }

    #[test]
    fn the_callers_custom_comes_back_untouched() {
        survives(None);
        survives(custom(serde_json::json!({"crm": "1", "n": 3})));
    }

    #[test]
    fn even_when_it_uses_our_key() {
        survives(custom(serde_json::json!({KEY: "mine"})));
        survives(custom(
            serde_json::json!({KEY: {INDEX: 7, CALLERS: {INDEX: 8}}}),
        ));
    }

    #[test]
    fn a_position_that_became_a_text_is_still_one() {
        let mut item = custom(serde_json::json!({KEY: {INDEX: "3"}}));
        assert_eq!((unmark(&mut item), item), (Some(3), None));
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        for json in [
            serde_json::json!({"crm": "1"}),
            serde_json::json!({KEY: {INDEX: -1}}),
        ] {
            let mut item = custom(json.clone());
            assert_eq!(unmark(&mut item), None);
            assert_eq!(item, custom(json));
        }
    }
}
