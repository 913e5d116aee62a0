//! Words from which names are made, and texts made from names.

/// First names.
#[rustfmt::skip]
pub const FIRST: &[&str] = &[
    "Ada", "Aisha", "Alejandro", "Alice", "Amélie", "Ana", "Andrea", "Anna", "Anthony", "Arjun",
    "Astrid", "Ben", "Björn", "Camille", "Carlos", "Carmen", "Chloé", "Claire", "Clément",
    "Daniel", "David", "Diego", "Elena", "Elif", "Emily", "Emma", "Erik", "Ethan", "Eva",
    "Fatima", "Felix", "Finn", "François", "Freya", "Gabriel", "Giulia", "Grace", "Hana",
    "Hannah", "Haruto", "Hugo", "Ingrid", "Isabel", "Ivan", "Jack", "James", "Jan", "Jane",
    "Javier", "Jens", "Joana", "John", "José", "Julia", "Jürgen", "Karim", "Katarzyna", "Kenji",
    "Laura", "Léa", "Leila", "Liam", "Linh", "Louise", "Luca", "Lucía", "Łukasz", "Maja", "Marco",
    "Maria", "Marie", "Marta", "Mateo", "Maya", "Mei", "Michael", "Mohammed", "Nadia", "Nina",
    "Noah", "Noor", "Olivia", "Omar", "Oscar", "Paul", "Pedro", "Pierre", "Priya", "Rachel",
    "Rafael", "Ravi", "Renée", "Rosa", "Sara", "Sean", "Siobhán", "Sofia", "Søren", "Sven",
    "Thomas", "Tomás", "Uma", "Valentina", "Victor", "Wei", "William", "Yara", "Yuki", "Yusuf",
    "Zoë",
];

/// Last names.
#[rustfmt::skip]
pub const LAST: &[&str] = &[
    "Abadi", "Almeida", "Andersson", "Bauer", "Becker", "Bell", "Bernard", "Bianchi", "Björk",
    "Blanc", "Brown", "Castillo", "Chen", "Clark", "Costa", "Dahl", "Das", "Davies", "De Vries",
    "Díaz", "Dubois", "Dupont", "Díez", "Eriksson", "Evans", "Farah", "Fernández", "Ferrari",
    "Fischer", "Fontaine", "Fournier", "García", "Gauthier", "Girard", "Gómez", "Green", "Gupta",
    "Haddad", "Hansen", "Harris", "Hoffmann", "Hughes", "Ito", "Ivanova", "Jackson", "Jansen",
    "Jensen", "Johansson", "Jones", "Kaya", "Keller", "Khan", "Kim", "King", "Klein", "Kowalski",
    "Kumar", "Lambert", "Larsen", "Laurent", "Le Gall", "Lee", "Lefèvre", "Leroy", "Lewis", "Li",
    "Lindqvist", "López", "Lovelace", "Maier", "Marino", "Martin", "Martínez", "Mehta", "Meyer",
    "Miller", "Moreau", "Moretti", "Müller", "Nakamura", "Nguyễn", "Nielsen", "Novak", "O'Brien",
    "Okafor", "Olsen", "Oliveira", "Papadopoulos", "Park", "Patel", "Pereira", "Petit", "Petrov",
    "Ramírez", "Rao", "Richter", "Rossi", "Rousseau", "Ruiz", "Sánchez", "Santos", "Sato",
    "Schmidt", "Schneider", "Schröder", "Sharma", "Silva", "Singh", "Smith", "Sørensen", "Suzuki",
    "Taylor", "Thompson", "Torres", "Tran", "Van den Berg", "Vargas", "Wagner", "Walker", "Wang",
    "Weber", "White", "Williams", "Wilson", "Wójcik", "Wright", "Yamamoto", "Yılmaz", "Young",
    "Zhang",
];

/// First words of company names.
#[rustfmt::skip]
pub const BRANDS: &[&str] = &[
    "Acorn", "Alder", "Amber", "Anvil", "Arbor", "Argo", "Aster", "Atlas", "Aurora", "Beacon",
    "Birch", "Bluebird", "Brightside", "Cairn", "Canopy", "Cedar", "Cinder", "Cobalt", "Comet",
    "Copper", "Coral", "Crescent", "Delta", "Drift", "Ember", "Everly", "Falcon", "Fern", "Flint",
    "Fjord", "Garnet", "Glacier", "Granite", "Harbor", "Hazel", "Heron", "Horizon", "Indigo",
    "Ivory", "Juniper", "Kestrel", "Lantern", "Larch", "Lumen", "Maple", "Meridian", "Nimbus",
    "Northwind", "Oakline", "Onyx", "Orchid", "Otter", "Pebble", "Pine", "Quartz", "Raven",
    "Ridge", "Saffron", "Sable", "Sierra", "Summit", "Tidal", "Umber", "Willow",
];

/// Second words of company names.
#[rustfmt::skip]
pub const TRADES: &[&str] = &[
    "Labs", "Systems", "Software", "Analytics", "Health", "Energy", "Logistics", "Capital",
    "Consulting", "Media", "Robotics", "Foods", "Motors", "Retail", "Networks", "Security",
    "Partners", "Studio", "Materials", "Pharma", "Aerospace", "Insurance", "Learning", "Mobility",
    "Finance", "Works", "Cloud", "Data", "Travel", "Realty", "Textiles", "Marine", "Bio",
    "Payments", "Commerce", "Staffing", "Instruments", "Optics", "Power", "Games",
];

/// Technologies that companies use.
#[rustfmt::skip]
pub const TECHNOLOGIES: &[&str] = &[
    "Adobe Analytics", "Airtable", "Amazon Web Services", "Angular", "Apache Kafka", "Asana",
    "Cloudflare", "Confluence", "Datadog", "Docker", "Elasticsearch", "Figma", "GitHub", "GitLab",
    "Google Analytics", "Google Cloud", "Grafana", "HubSpot", "Intercom", "Java", "Jira",
    "Kubernetes", "Looker", "Marketo", "Microsoft Azure", "MongoDB", "MySQL", "Next.js",
    "Node.js", "Notion", "Okta", "PostgreSQL", "Python", "React", "Redis", "Rust", "SAP",
    "Salesforce", "Segment", "Shopify", "Slack", "Snowflake", "Stripe", "Tableau", "Terraform",
    "TypeScript", "Vue.js", "WordPress", "Workday", "Zendesk",
];

/// The job of each function, in the order of LinkedIn's function ids.
#[rustfmt::skip]
pub const JOBS: &[&str] = &[
    "Accountant", "Office Administrator", "Designer", "Business Developer", "Community Organizer",
    "Consultant", "Instructor", "Software Engineer", "Entrepreneur in Residence",
    "Financial Analyst", "Nurse", "Recruiter", "Systems Administrator", "Legal Counsel",
    "Marketer", "Editor", "Security Officer", "Operations Analyst", "Product Owner",
    "Project Coordinator", "Buyer", "Quality Engineer", "Property Advisor", "Researcher",
    "Account Executive", "Customer Success Specialist",
];

/// The chief officer of each function, long and short, in the same order.
pub const CHIEFS: &[(&str, &str)] = &[
    ("Chief Accounting Officer", "CAO"),
    ("Chief Administrative Officer", "CAO"),
    ("Chief Design Officer", "CDO"),
    ("Chief Business Officer", "CBO"),
    ("Chief Community Officer", "CCO"),
    ("Chief Consulting Officer", "CCO"),
    ("Chief Learning Officer", "CLO"),
    ("Chief Technology Officer", "CTO"),
    ("Chief Executive Officer", "CEO"),
    ("Chief Financial Officer", "CFO"),
    ("Chief Medical Officer", "CMO"),
    ("Chief Human Resources Officer", "CHRO"),
    ("Chief Information Officer", "CIO"),
    ("Chief Legal Officer", "CLO"),
    ("Chief Marketing Officer", "CMO"),
    ("Chief Communications Officer", "CCO"),
    ("Chief Security Officer", "CSO"),
    ("Chief Operating Officer", "COO"),
    ("Chief Product Officer", "CPO"),
    ("Chief Program Officer", "CPO"),
    ("Chief Procurement Officer", "CPO"),
    ("Chief Quality Officer", "CQO"),
    ("Chief Real Estate Officer", "CREO"),
    ("Chief Scientific Officer", "CSO"),
    ("Chief Revenue Officer", "CRO"),
    ("Chief Customer Officer", "CCO"),
];

/// Industries: LinkedIn's id and label.
pub const INDUSTRIES: &[(u32, &str)] = &[
    (96, "Software Development"),
    (6, "Technology, Information and Internet"),
    (43, "Financial Services"),
    (4, "Automotive"),
    (12, "Education"),
    (11, "Business Consulting and Services"),
    (14, "Hospitals and Health Care"),
    (15, "Pharmaceutical Manufacturing"),
    (25, "Manufacturing"),
    (27, "Retail"),
    (31, "Hospitality"),
    (41, "Banking"),
    (42, "Insurance"),
    (44, "Real Estate"),
    (48, "Construction"),
    (52, "Aviation and Aerospace Component Manufacturing"),
    (80, "Advertising Services"),
    (104, "Staffing and Recruiting"),
    (116, "Transportation, Logistics, Supply Chain and Storage"),
    (118, "Computer and Network Security"),
    (126, "Media Production"),
    (144, "Renewable Energy Power Generation"),
];

/// The text in lower case ASCII, its words joined by `separator`.
#[must_use]
pub fn slug(text: &str, separator: char) -> String {
    let mut slug = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        match fold(c) {
            "" if c.is_ascii_alphanumeric() => {
                join(&mut slug, &mut gap, separator);
                slug.push(c);
            }
            "" => gap |= c != '\'' && c.is_ascii(),
            folded => {
                join(&mut slug, &mut gap, separator);
                slug.push_str(folded);
            }
        }
    }
    slug
}

fn join(slug: &mut String, gap: &mut bool, separator: char) {
    if std::mem::take(gap) && !slug.is_empty() {
        slug.push(separator);
    }
}

/// The ASCII letters for a letter with a mark; empty for all others.
fn fold(c: char) -> &'static str {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' => "a",
        'ä' => "ae",
        'ç' | 'ć' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ễ' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
        'ł' => "l",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' => "o",
        'ö' => "oe",
        'ù' | 'ú' | 'û' => "u",
        'ü' => "ue",
        'ß' => "ss",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_ascii() {
        assert_eq!(slug("Van den Berg", '-'), "van-den-berg");
        assert_eq!(slug("O'Brien", '.'), "obrien");
        assert_eq!(slug("François Müller", '.'), "francois.mueller");
        for name in FIRST.iter().chain(LAST) {
            assert!(slug(name, '-').len() >= name.chars().count() - 1, "{name}");
        }
    }
}
