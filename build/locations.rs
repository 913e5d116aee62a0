//! Puts the places of file options into the order in which protoc writes them.
//!
//! protox sorts places by their paths: those of all statements (`8`), then those of what
//! stands in them (`8, n`). buf takes the place in front of a value for its statement, and
//! its managed mode refuses a set where it is not.

use std::error::Error;

use prost_reflect::prost::Message;
use prost_reflect::prost_types::source_code_info::Location;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

/// The field of a file that holds its options.
const OPTIONS: i32 = 8;

/// The same set, in that order. It is handled as a dynamic message, because prost's own
/// would lose the options of `upstream.proto`.
pub fn in_order(set: &[u8], pool: &DescriptorPool) -> Result<Vec<u8>, Box<dyn Error>> {
    let kind = pool.get_message_by_name("google.protobuf.FileDescriptorSet");
    let mut set = DynamicMessage::decode(kind.ok_or("nothing imports descriptor.proto")?, set)?;
    for file in list(&mut set, "file")? {
        let file = file.as_message_mut().ok_or("a file is no message")?;
        // Those of Protobuf itself have no places.
        if file.has_field_by_name("source_code_info") {
            let info = file.get_field_by_name_mut("source_code_info");
            let info = info.and_then(Value::as_message_mut);
            order(list(info.ok_or("no places")?, "location")?)?;
        }
    }
    Ok(set.encode_to_vec())
}

fn list<'a>(
    message: &'a mut DynamicMessage,
    field: &str,
) -> Result<&'a mut Vec<Value>, Box<dyn Error>> {
    let values = message.get_field_by_name_mut(field);
    Ok(values.and_then(Value::as_list_mut).ok_or("no list")?)
}

/// Each statement, and behind it what stands in it. Other places stay where they are.
fn order(places: &mut [Value]) -> Result<(), Box<dyn Error>> {
    let mut options = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let message = place.as_message().ok_or("a place is no message")?;
        let known: Location = message.transcode_to()?;
        if known.path.first() == Some(&OPTIONS) {
            options.push((index, (known.span, known.path.len()), place.clone()));
        }
    }
    let indexes: Vec<_> = options.iter().map(|(index, ..)| *index).collect();
    options.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
    for (index, (_, _, place)) in indexes.into_iter().zip(options) {
        places[index] = place;
    }
    Ok(())
}
