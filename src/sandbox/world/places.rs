//! Where companies and people are: regions, countries and cities with their ids.

/// A place, as POST /locations tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// LinkedIn's id.
    pub id: u32,
    /// Name.
    pub name: &'static str,
    /// What it is: `region`, `country` or `city`.
    pub kind: &'static str,
}

/// A country.
#[derive(Debug)]
pub struct Country {
    /// LinkedIn's id.
    pub id: u32,
    /// Name.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2 code.
    pub code: &'static str,
    /// A phone number, with `#` for digits to choose. Where a country reserves
    /// numbers for fiction, one of those.
    pub phone: &'static str,
    region: usize,
}

/// A city.
#[derive(Debug)]
pub struct City {
    /// LinkedIn's id.
    pub id: u32,
    /// Name.
    pub name: &'static str,
    /// Region or state.
    pub area: &'static str,
    /// A postal code in it.
    pub postal_code: &'static str,
    country: usize,
}

const REGIONS: &[(u32, &str)] = &[
    (102_221_843, "North America"),
    (100_506_914, "Europe"),
    (91_000_003, "Asia-Pacific"),
    (91_000_008, "Middle East"),
    (104_514_572, "South America"),
];

const fn country(
    id: u32,
    name: &'static str,
    code: &'static str,
    phone: &'static str,
    region: usize,
) -> Country {
    Country {
        id,
        name,
        code,
        phone,
        region,
    }
}

const COUNTRIES: &[Country] = &[
    country(103_644_278, "United States", "US", "+120155501##", 0),
    country(105_015_875, "France", "FR", "+3363998####", 1),
    country(101_165_590, "United Kingdom", "GB", "+447700900###", 1),
    country(101_282_230, "Germany", "DE", "+4917139200##", 1),
    country(101_452_733, "Australia", "AU", "+61491570###", 2),
    country(
        104_305_776,
        "United Arab Emirates",
        "AE",
        "+97150000####",
        3,
    ),
    country(105_646_813, "Spain", "ES", "+3460000####", 1),
    country(102_890_719, "Netherlands", "NL", "+3160000####", 1),
    country(103_350_119, "Italy", "IT", "+3930000#####", 1),
    country(101_174_742, "Canada", "CA", "+141655501##", 0),
    country(102_713_980, "India", "IN", "+9190000#####", 2),
    country(102_454_443, "Singapore", "SG", "+65800000##", 2),
    country(106_057_199, "Brazil", "BR", "+55119000#####", 4),
    country(105_117_694, "Sweden", "SE", "+46701740###", 1),
    country(100_565_514, "Belgium", "BE", "+3246000####", 1),
    country(106_693_272, "Switzerland", "CH", "+4179000####", 1),
    country(105_072_130, "Poland", "PL", "+4850000####", 1),
    country(101_355_337, "Japan", "JP", "+819000######", 2),
];

const fn city(
    id: u32,
    name: &'static str,
    area: &'static str,
    postal_code: &'static str,
    country: usize,
) -> City {
    City {
        id,
        name,
        area,
        postal_code,
        country,
    }
}

const CITIES: &[City] = &[
    city(102_571_732, "New York", "New York", "10001", 0),
    city(102_277_331, "San Francisco", "California", "94105", 0),
    city(102_448_103, "Los Angeles", "California", "90012", 0),
    city(103_112_676, "Chicago", "Illinois", "60601", 0),
    city(102_380_872, "Boston", "Massachusetts", "02110", 0),
    city(104_472_865, "Austin", "Texas", "78701", 0),
    city(104_116_203, "Seattle", "Washington", "98101", 0),
    city(106_383_538, "Paris", "Île-de-France", "75002", 1),
    city(103_424_590, "Lyon", "Auvergne-Rhône-Alpes", "69002", 1),
    city(106_501_226, "Nantes", "Pays de la Loire", "44000", 1),
    city(102_257_491, "London", "England", "EC1A 1BB", 2),
    city(105_264_237, "Manchester", "England", "M1 1AE", 2),
    city(106_967_730, "Berlin", "Berlin", "10115", 3),
    city(100_477_049, "Munich", "Bavaria", "80331", 3),
    city(106_430_557, "Hamburg", "Hamburg", "20095", 3),
    city(104_769_905, "Sydney", "New South Wales", "2000", 4),
    city(100_992_797, "Melbourne", "Victoria", "3000", 4),
    city(106_204_383, "Dubai", "Dubai", "00000", 5),
    city(104_768_515, "Abu Dhabi", "Abu Dhabi", "00000", 5),
    city(103_374_081, "Madrid", "Community of Madrid", "28001", 6),
    city(105_088_894, "Barcelona", "Catalonia", "08001", 6),
    city(102_011_674, "Amsterdam", "North Holland", "1012", 7),
    city(102_873_736, "Milan", "Lombardy", "20121", 8),
    city(100_025_096, "Toronto", "Ontario", "M5H 2N2", 9),
    city(101_330_853, "Montréal", "Quebec", "H2Y 1C6", 9),
    city(105_214_831, "Bengaluru", "Karnataka", "560001", 10),
    city(106_164_952, "Mumbai", "Maharashtra", "400001", 10),
    city(103_804_675, "Singapore", "Central", "048616", 11),
    city(105_871_508, "São Paulo", "São Paulo", "01310-100", 12),
    city(106_779_877, "Stockholm", "Stockholm County", "111 29", 13),
    city(100_846_120, "Brussels", "Brussels Region", "1000", 14),
    city(104_406_358, "Zürich", "Zürich", "8001", 15),
    city(105_076_658, "Warsaw", "Mazowieckie", "00-001", 16),
    city(103_689_695, "Tokyo", "Tokyo", "100-0001", 17),
];

/// How many cities there are.
pub const CITY_COUNT: usize = CITIES.len();

/// A city by its number; the first for a number that has none.
#[must_use]
pub fn city_at(index: u8) -> &'static City {
    CITIES.get(usize::from(index)).unwrap_or(&CITIES[0])
}

/// All places, large ones first.
pub fn all() -> impl Iterator<Item = Place> {
    let regions = REGIONS.iter().map(|(id, name)| Place {
        id: *id,
        name,
        kind: "region",
    });
    let countries = COUNTRIES.iter().map(|c| Place {
        id: c.id,
        name: c.name,
        kind: "country",
    });
    let cities = CITIES.iter().map(|c| Place {
        id: c.id,
        name: c.name,
        kind: "city",
    });
    regions.chain(countries).chain(cities)
}

/// The places whose name contains the text, best match first.
#[must_use]
pub fn search(text: &str) -> Vec<Place> {
    let wanted = text.trim().to_lowercase();
    let mut found: Vec<(u8, Place)> = all()
        .filter_map(|place| {
            let name = place.name.to_lowercase();
            let rank = match () {
                () if name == wanted => 0,
                () if name.starts_with(&wanted) => 1,
                () if name.contains(&wanted) || wanted.contains(&name) => 2,
                () => return None,
            };
            Some((rank, place))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, place)| place).collect()
}

impl City {
    /// Its country.
    #[must_use]
    pub fn country(&self) -> &'static Country {
        &COUNTRIES[self.country]
    }

    /// Whether it is, or lies in, the place with this id.
    #[must_use]
    pub fn is_in(&self, id: u32) -> bool {
        let country = self.country();
        self.id == id || country.id == id || REGIONS[country.region].0 == id
    }

    /// City, area and country as one text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}, {}, {}", self.name, self.area, self.country().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique() {
        let ids: HashSet<u32> = all().map(|place| place.id).collect();
        assert_eq!(ids.len(), all().count());
    }

    #[test]
    fn finds_the_best_match_first() {
        let found = search("united arab emirates");
        assert_eq!(found.first().map(|place| place.id), Some(104_305_776));
        assert!(search("Atlantis").is_empty());
    }

    #[test]
    fn a_city_lies_in_its_country_and_region() {
        let paris = CITIES
            .iter()
            .find(|city| city.name == "Paris")
            .expect("Paris");
        assert!(paris.is_in(paris.id) && paris.is_in(105_015_875) && paris.is_in(100_506_914));
        assert!(!paris.is_in(103_644_278));
    }
}
