//! The answers of `/accounts` that come at once.

use pronto_grpc::proto::v1::{self, AccountPreview, Company, Headquarters};
use serde_json::json;

use super::{answer, object, some, texts};

fn preview() -> Vec<AccountPreview> {
    let pronto = AccountPreview {
        company_name: some("Pronto"),
        industry: some("Technology, Information and Internet"),
        linkedin_id: some("104885158"),
        linkedin_url: some("https://www.linkedin.com/company/104885158"),
        additional_fields: None,
    };
    let verdant = AccountPreview {
        company_name: some("Verdant Acres"),
        ..Default::default()
    };
    vec![pronto, verdant]
}

/// The company of the fixtures, as documented: its headquarters are a text.
pub fn documented() -> Company {
    Company {
        name: some("Verdant Acres SAS"),
        cleaned_name: some("Verdant Acres"),
        website: some("https://verdant-acres.example"),
        location: some("Lyon, France"),
        industry: some("Farming"),
        headquarters: Some(Headquarters {
            text: some("Lyon, Auvergne-Rhône-Alpes, France"),
            ..Default::default()
        }),
        description: some("Vertical farms."),
        linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        employee_range: some("51-200"),
        company_profile_picture: some("https://media.example/verdant.png"),
        ..Default::default()
    }
}

/// The same as users meet it: with an id, and headquarters as an object.
pub fn observed() -> Company {
    Company {
        linkedin_id: some("1818"),
        headquarters: Some(Headquarters {
            city: some("Lyon"),
            line1: some("1 rue des Serres"),
            country: some("FR"),
            postal_code: some("69001"),
            geographic_area: some("Auvergne-Rhône-Alpes"),
            ..Default::default()
        }),
        ..documented()
    }
}

#[test]
fn search_preview() {
    let stem = "post_accounts_search_preview";
    let read: v1::PreviewAccountSearchResponse = answer(stem, "documented");
    let expected = v1::PreviewAccountSearchResponse {
        total_count: Some(4321),
        preview: preview(),
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::PreviewAccountSearchResponse = answer(stem, "empty");
    assert_eq!(read.total_count, Some(0));
    assert_eq!(read.preview, []);
}

#[test]
fn enrichment() {
    let stem = "post_accounts_single_enrich";
    let company = |form| answer::<v1::EnrichAccountResponse>(stem, form).company;
    assert_eq!(company("documented"), Some(documented()));
    assert_eq!(company("observed"), Some(observed()));

    let guessed = Company {
        name: some("Tidal"),
        linkedin_id: some("1441"),
        null_fields: texts(["headquarters"]),
        additional_fields: Some(object(json!({
            "domain": "tidal.example",
            "employee_count": 12,
            "year_founded": 2019,
        }))),
        ..Default::default()
    };
    assert_eq!(company("guessed"), Some(guessed));
}

#[test]
fn company_stack() {
    let stem = "post_accounts_company_stack";
    let technology = |name, confidence| v1::Technology {
        name: some(name),
        confidence: Some(confidence),
        additional_fields: None,
    };
    let read: v1::GetCompanyStackResponse = answer(stem, "documented");
    let expected = v1::GetCompanyStackResponse {
        technologies: texts(["React", "Rust"]),
        technologies_with_confidence: vec![technology("React", 0.93), technology("Rust", 1.0)],
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::GetCompanyStackResponse = answer(stem, "nothing");
    assert_eq!(read, v1::GetCompanyStackResponse::default());
}

#[test]
fn company_hiring() {
    let stem = "post_accounts_company_hiring";
    let read: v1::ListCompanyJobPostingsResponse = answer(stem, "documented");
    let posting = v1::JobPosting {
        job_title: some("Backend Engineer"),
        job_url: some("https://jobs.example/1"),
        job_location: some("Paris France"),
        employment_statuses: texts(["full_time"]),
        date_posted: some("2026-05-30"),
        description: some("Rust."),
        hiring_team: vec![v1::HiringTeamMember {
            name: some("A D"),
            title: some("EM"),
            linkedin_url: some("https://linkedin.com/in/a"),
            additional_fields: None,
        }],
        company: Some(v1::HiringCompany {
            name: some("Acme"),
            domain: some("acme.example"),
            linkedin_url: some("https://linkedin.com/company/acme"),
            additional_fields: None,
        }),
        additional_fields: None,
    };
    let expected = v1::ListCompanyJobPostingsResponse {
        total_jobs: Some(1),
        jobs: vec![posting],
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::ListCompanyJobPostingsResponse = answer(stem, "nothing");
    assert_eq!(read.total_jobs, Some(0));
    assert_eq!(read.jobs, []);
}

/// Keys begin with a digit, and departments are keys.
#[test]
fn headcount() {
    let stem = "post_accounts_headcount";
    let evolution = |base, current, gain, percentage| {
        Some(v1::HeadcountEvolution {
            base_headcount: Some(base),
            current_headcount: Some(current),
            headcount_gain: Some(gain),
            headcount_gain_percentage: Some(percentage),
            additional_fields: None,
        })
    };
    let engineering = v1::DepartmentHeadcount {
        three_months_evolution: evolution(100, 110, 10, 10),
        six_months_evolution: evolution(90, 110, 20, 22),
        twelve_months_evolution: evolution(120, 110, -10, -8),
        additional_fields: None,
    };
    let arts = v1::DepartmentHeadcount {
        three_months_evolution: evolution(0, 0, 0, 0),
        ..Default::default()
    };
    let read: v1::GetHeadcountResponse = answer(stem, "documented");
    let departments = [("Engineering", engineering), ("Arts and Design", arts)];
    let expected = v1::GetHeadcountResponse {
        departments: departments.map(|(name, d)| (name.to_owned(), d)).into(),
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::GetHeadcountResponse = answer(stem, "empty");
    assert_eq!(read, v1::GetHeadcountResponse::default());
}

#[test]
fn count_profiles() {
    let stem = "post_accounts_count_profiles";
    let read: v1::CountProfilesResponse = answer(stem, "documented");
    let expected = v1::CountProfilesResponse {
        total: Some(26),
        title_to_include: texts(["CTO"]),
        title_to_exclude: texts(["Assistant"]),
        included_locations: texts(["103644278"]),
        excluded_locations: texts(["102221843"]),
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::CountProfilesResponse = answer(stem, "numbers");
    let expected = v1::CountProfilesResponse {
        total: Some(0),
        included_locations: texts(["103644278"]),
        ..Default::default()
    };
    assert_eq!(read, expected);
}
