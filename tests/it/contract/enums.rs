//! The closed sets of values, against `enums.tsv`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use pronto_grpc::proto::v1;
use pronto_grpc::proto::wire::WireEnum;

use super::{fixture, table};

/// What is documented for one enum: wire text and label, in order.
type Documented = BTreeMap<String, Vec<(String, Option<String>)>>;

fn documented() -> Documented {
    let text = fixture("enums.tsv");
    let mut enums = Documented::new();
    for row in table(&text) {
        let [name, wire, label] = row[..] else {
            panic!("not a row: {row:?}")
        };
        let label = (label != "-").then(|| label.to_owned());
        enums
            .entry(name.to_owned())
            .or_default()
            .push((wire.to_owned(), label));
    }
    enums
}

fn check<E: WireEnum + PartialEq + Debug>(documented: &mut Documented, name: &str) {
    let values = documented
        .remove(name)
        .unwrap_or_else(|| panic!("{name} has no rows"));
    assert_eq!(E::all().count(), values.len(), "{name}");
    for (value, (wire, label)) in E::all().zip(values) {
        assert_eq!(value.wire(), wire, "{name}");
        assert_eq!(value.label(), label.as_ref().unwrap_or(&wire), "{name}");
        assert_eq!(E::from_wire(&wire), Some(value), "{name}");
    }
    assert_eq!(E::from_wire("nonsense"), None, "{name}");
    assert_eq!(E::from_wire(""), None, "{name}");
}

#[test]
fn enums_are_the_documented_sets_in_their_order() {
    let mut left = documented();
    check::<v1::JobFunction>(&mut left, "Function");
    check::<v1::SeniorityLevel>(&mut left, "SeniorityLevel");
    check::<v1::CompanySize>(&mut left, "CompanySize");
    check::<v1::RevenueCurrency>(&mut left, "Currency");
    check::<v1::CompanyType>(&mut left, "CompanyType");
    check::<v1::Tenure>(&mut left, "Tenure");
    check::<v1::Relationship>(&mut left, "Relationship");
    check::<v1::RecentJobChange>(&mut left, "RecentJobChange");
    check::<v1::PublishedDate>(&mut left, "PublishedDate");
    check::<v1::EnrichmentType>(&mut left, "EnrichmentType");
    check::<v1::SearchStatus>(&mut left, "SearchStatus");
    check::<v1::EnrichmentStatus>(&mut left, "EnrichmentStatus");
    check::<v1::ListStatus>(&mut left, "ListStatus");
    check::<v1::Qualification>(&mut left, "Qualification");
    check::<v1::ListKind>(&mut left, "ListKind");
    assert!(left.is_empty(), "not checked: {left:?}");
}
