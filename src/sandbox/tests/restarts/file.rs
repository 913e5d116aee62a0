//! The file itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{Site, credits, people, search, set, start};
use crate::proto::endpoint::endpoints;
use crate::sandbox::tests::fixture::{Receiver, quick};
use crate::sandbox::{DEFAULT_API_KEY, JournalError, Sandbox, SandboxConfig};

fn refusal(site: &Site) -> JournalError {
    let opened = Sandbox::open(site.config.clone(), &site.file());
    opened.err().expect("a refusal")
}

#[tokio::test]
async fn a_line_that_a_crash_cut_is_ignored() {
    let site = Site::new();
    let fixture = site.open().await;
    let receiver = Receiver::start().await;
    let id = start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(3)).await;
    fixture.sandbox.idle().await;
    fixture.sandbox.halt().await;
    let whole = site.text();
    let last = whole.trim_end().rfind('\n').expect("several lines") + 1;
    for cut in [last, last + 1, whole.len() - 1] {
        fs::write(site.file(), &whole[..cut]).expect("written");
        let fixture = site.open().await;
        fixture.sandbox.idle().await;
        assert_eq!(search(&fixture, &id).await["search"]["status"], "FINISHED");
        // What comes next stands on a line of its own.
        set(&fixture, json!({"credits": 7})).await;
        let fixture = site.crash(fixture).await;
        assert_eq!(credits(&fixture), Some(7));
    }
    // Even the first one.
    fs::write(site.file(), &whole[..10]).expect("written");
    let fixture = site.open().await;
    assert_eq!(fixture.sandbox.findings("", ""), []);
}

#[tokio::test]
async fn a_file_that_is_not_understood_is_refused_and_left_alone() {
    let site = Site::new();
    let fixture = site.open().await;
    fixture.sandbox.halt().await;
    let whole = site.text();
    let first = whole.lines().next().expect("a line").to_owned();
    let newer = first.replace("\"format\":1", "\"format\":2");
    for (text, line, what) in [
        (format!("{first}\nnonsense\n{first}\n"), 2, "expected"),
        (format!("{first}\n{{\"other\":1}}\n"), 2, "unknown variant"),
        (format!("{newer}\n"), 1, "format 2 instead of 1"),
        ("{\"turn\":1}\n".to_owned(), 1, "not how such a file begins"),
        ("a diary".to_owned(), 1, "not how such a file begins"),
        (format!("{first}\n{first}\n"), 2, "only the first line"),
        (
            format!(
                "{first}\n{{\"billed\":{{\"id\":\"1\",\"at\":\"2026-01-01T00:00:00Z\",\"endpoint\":\"x/Y\",\"request\":{{}},\"credits\":1}}}}\n"
            ),
            2,
            "there is no endpoint x/Y",
        ),
    ] {
        fs::write(site.file(), &text).expect("written");
        let error = refusal(&site).to_string();
        let file = site.file().display().to_string();
        assert!(
            error.starts_with(&format!("{file}: line {line}: ")),
            "{error}"
        );
        assert!(
            error.contains(what) && error.contains("remove it"),
            "{error}"
        );
        assert_eq!(site.text(), text);
    }
    fs::write(
        site.file(),
        format!("{first}\n{{\"set\":{{\"pace\":\"soon\"}}}}\n"),
    )
    .expect("written");
    let error = refusal(&site).to_string();
    assert!(
        error.contains("pace") && error.contains("remove it"),
        "{error}"
    );
}

#[tokio::test]
async fn another_world_begins_anew() {
    let site = Site::new();
    let fixture = site.open().await;
    let receiver = Receiver::start().await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(1)).await;
    fixture.sandbox.halt().await;
    let site = Site {
        config: SandboxConfig { seed: 2, ..quick() },
        ..site
    };
    let fixture = site.open().await;
    assert_eq!(fixture.sandbox.findings("", ""), []);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten() {
    let site = Site::new();
    let fixture = site.open().await;
    let receiver = Receiver::start().await;
    let lists = fixture.call(endpoints::LIST_LISTS, "", None).await.json();
    let track = json!({"lead_list_id": lists[0]["id"]});
    let endless = start(
        &fixture,
        endpoints::START_JOB_CHANGE_TRACKING,
        &receiver,
        track,
    )
    .await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(1)).await;
    let deleted = start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(1)).await;
    fixture.call(endpoints::DELETE_SEARCH, &deleted, None).await;
    let stack = json!({"company_domain": "b.example"});
    fixture.post(endpoints::GET_COMPANY_STACK, stack).await;
    fixture.sandbox.idle().await;
    let left = credits(&fixture);
    fixture.sandbox.halt().await;
    let age = |mut line: Value| {
        for kind in ["done", "deleted", "billed"] {
            if let Some(entry) = line.get_mut(kind) {
                entry["at"] = json!("2026-01-01T00:00:00Z");
            }
        }
        format!("{line}\n")
    };
    let aged: String = site.lines().into_iter().map(age).collect();
    fs::write(site.file(), aged).expect("written");
    let fixture = site.open().await;
    let known: Vec<_> = fixture
        .sandbox
        .findings("", "")
        .into_iter()
        .map(|f| f.upstream_id)
        .collect();
    assert_eq!(known, [endless]);
    assert_eq!(credits(&fixture), left);
    assert!(!site.text().contains(&deleted));
}

#[tokio::test]
async fn the_file_is_private_and_holds_no_key() {
    let site = Site::new();
    let fixture = site.open().await;
    let receiver = Receiver::start().await;
    start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(1)).await;
    fixture.sandbox.idle().await;
    let mode = fs::metadata(site.file())
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!site.text().contains(DEFAULT_API_KEY));
    let files = fs::read_dir(site.folder.path()).expect("a folder").count();
    assert_eq!(files, 1);
}
