//! What Pronto sent that is not known, as JobService lists it.

use super::page;
use crate::pronto::DriftLog;
use crate::pronto::drift::Entry;
use crate::proto::v1::{ListVendorDriftRequest, ListVendorDriftResponse, VendorDrift};
use crate::proto::validate::Violation;

/// A page of it.
pub(super) fn page(
    log: &DriftLog,
    request: &ListVendorDriftRequest,
) -> Result<ListVendorDriftResponse, Violation> {
    let limit = page::size(request.page_size)?;
    let from = page::position(&request.page_token, |text| text.parse().ok())?;
    let from: usize = from.unwrap_or_default();
    let mut entries = log.list(from, limit + 1);
    let next_page_token = match entries.len() > limit {
        true => page::token(&(from + limit).to_string()),
        false => String::new(),
    };
    entries.truncate(limit);
    Ok(ListVendorDriftResponse {
        drift: entries.into_iter().map(drift).collect(),
        next_page_token,
    })
}

fn drift(entry: Entry) -> VendorDrift {
    VendorDrift {
        operation: entry.place.operation.to_owned(),
        kind: entry.place.kind.into(),
        place: entry.place.path,
        count: entry.count.try_into().unwrap_or(i64::MAX),
        first_time: Some(entry.first.into()),
        last_time: Some(entry.last.into()),
        sample: entry.sample,
    }
}
