//! The command `check`, and what the server refuses to start with.

use std::path::Path;
use std::process::{Command, Output};

use crate::harness::access::write;
use crate::harness::process::{Process, program};
use crate::harness::{PATIENCE, http};

const UNUSABLE_CONFIGURATION: i32 = 64;

/// `check` with a folder of its own.
fn check(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(&["check"]);
    command.args(arguments);
    command.arg("--data-dir").arg(folder.join("data"));
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What takes effect.
#[track_caller]
fn effective(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(output.stderr.is_empty(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn assert_unusable(command: &mut Command, words: &[&str]) {
    let (status, said) = Process::start(command).ended();
    assert_eq!(status.code(), Some(UNUSABLE_CONFIGURATION), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
}

fn line<'t>(text: &'t str, key: &str) -> &'t str {
    let start = format!("{key} = ");
    let mut lines = text.lines();
    let found = lines.find(|line| line.trim_start_matches("# ").starts_with(&start));
    found.unwrap_or_else(|| panic!("no {key} in: {text}"))
}

#[test]
fn what_takes_effect_is_shown_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options.toml");
    write(
        &file,
        "request-timeout = \"30s\"\nrate-limit = [\"*=1/second\", \"GetHeadcount=2/1s\"]\n",
    );
    let mut command = check(folder.path(), &["--search-deadline", "3h"]);
    command.arg("--config").arg(&file);
    command.env("PRONTO_GRPC_API_KEY", "hunter2");
    command.env("PRONTO_GRPC_GRPC_ADDRESS", "127.0.0.1:1,unix:/run/x");
    let text = effective(&mut command);
    for (key, shown) in [
        ("search-deadline", "search-deadline = \"3h\" # flag"),
        ("request-timeout", "request-timeout = \"30s\" # file"),
        (
            "rate-limit",
            "rate-limit = [\"*=1/second\", \"GetHeadcount=2/1s\"] # file",
        ),
        ("retention", "retention = \"72h\" # default"),
        ("max-in-flight", "max-in-flight = 5 # default"),
        ("sandbox", "sandbox = false # default"),
        (
            "grpc-address",
            "grpc-address = [\"127.0.0.1:1\", \"unix:/run/x\"] # environment, PRONTO_GRPC_GRPC_ADDRESS",
        ),
        (
            "api-key",
            "# api-key = \"<redacted>\" # environment, PRONTO_GRPC_API_KEY",
        ),
    ] {
        assert_eq!(line(&text, key), shown);
    }
    assert!(text.contains("# Credentials: default"), "{text}");
    assert!(text.contains("# admin-address is not set"), "{text}");
    assert!(!text.contains("hunter2"));
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn what_is_shown_is_a_file_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--daily-budget",
        "5",
        "--daily-budget",
        "default=3",
        "--sandbox",
    ];
    let first = effective(&mut check(folder.path(), &arguments));
    let file = folder.path().join("effective.toml");
    write(&file, &first);
    let second = effective(program(&["check", "--config"]).arg(&file));
    let values = |text: &str| {
        let table: toml::Table = text.parse().unwrap();
        assert!(table.len() > 30, "{table:?}");
        table
    };
    assert_eq!(values(&first), values(&second));
    let lines = second.lines().filter(|line| line.contains(" = "));
    for line in lines {
        let is_unused = line.contains(" = [] #");
        assert!(line.ends_with("# file") || is_unused, "{line}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options.toml");
    write(
        &file,
        "no-such-key = 1\nlog = [\"info\"]\nrequest-timeout = 30\n",
    );
    let mut command = check(folder.path(), &[]);
    command.arg("--config").arg(&file);
    command.env("PRONTO_GRPC_NO_SUCH_OPTION", "1");
    command.env("PRONTO_GRPC_RETENTION", "72");
    command.env("PRONTO_GRPC_BULK_DEADLINE", "soon");
    assert_unusable(
        &mut command,
        &[
            "no-such-key: there is no such option",
            "log: must be",
            "--request-timeout",
            "PRONTO_GRPC_NO_SUCH_OPTION",
            "--retention",
            "--bulk-deadline",
        ],
    );
    // What a flag replaces need not be usable.
    let output = command.args(["--retention", "72h"]).output().unwrap();
    assert!(!said(&output).contains("--retention"), "{}", said(&output));
}

#[test]
fn contradictions_and_files_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write(
        &folder.path().join("access.toml"),
        "[clients.crm]\ntoken-files = [\"missing\"]\n",
    );
    write(&folder.path().join("tls.crt"), "nothing");
    write(&folder.path().join("data"), "a file");
    let (access, certificate) = (at("access.toml"), at("tls.crt"));
    let mut command = check(
        folder.path(),
        &["--retention", "1h", "--access-file", &access],
    );
    command.args([
        "--tls-certificate",
        &certificate,
        "--tls-key",
        &at("tls.key"),
    ]);
    assert_unusable(
        &mut command,
        &[
            "retention: 1h is shorter",
            "access.toml: clients.crm: token-files: ",
            "tls-certificate: ",
            "tls-key: ",
            "data-dir: ",
        ],
    );
    let alone = ["--tls-certificate", &certificate];
    assert_unusable(&mut check(folder.path(), &alone), &["tls-key: is missing"]);
    let alone = ["--tls-client-ca", &certificate];
    assert_unusable(
        &mut check(folder.path(), &alone),
        &["tls-client-ca: is of no use"],
    );
    let unknown = ["--daily-budget", "sales=5"];
    let words = ["daily-budget: \"sales\" is no credential"];
    assert_unusable(&mut check(&folder.path().join("other"), &unknown), &words);
}

#[test]
fn a_server_that_everybody_could_use_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = [
        "--grpc-address",
        "0.0.0.0:0",
        "--callback-address",
        "127.0.0.1:0",
    ];
    let words = [
        "grpc-address: 0.0.0.0:0",
        "tls-certificate",
        "access-file",
        "allow-insecure",
    ];
    let serve = || {
        let mut command = program(&["serve", "--log-format", "json"]);
        command
            .args(open)
            .arg("--data-dir")
            .arg(folder.path().join("data"));
        command
    };
    assert_unusable(&mut serve(), &words);
    assert_unusable(serve().arg("--sandbox"), &words);
    assert_unusable(serve().args(["--grpc-address", "unix:/run/x"]), &words);
    assert_unusable(
        &mut check(folder.path(), &["--grpc-address", "[::]:1"]),
        &["[::]:1"],
    );
    assert!(!folder.path().join("data").exists());
    let process = Process::start(serve().env("PRONTO_GRPC_ALLOW_INSECURE", "1"));
    process.logged("Serving.");
    write(&folder.path().join("token"), "token-of-the-crm-1");
    let access = folder.path().join("access.toml");
    write(
        &access,
        "[clients.crm]\ntoken-files = [\"token\"]\npass-through = true\n",
    );
    drop(process);
    let process = Process::start(serve().arg("--access-file").arg(&access));
    process.logged("Serving.");
}

#[tokio::test]
async fn a_running_server_takes_changes_over_and_reports_what_it_cannot_use() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    write(&key, "the-first-key");
    let mut command = program(&["serve", "--log-format", "json"]);
    for address in ["--grpc-address", "--callback-address", "--admin-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    command
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .arg("--api-key-file")
        .arg(&key);
    let process = Process::start(&mut command);
    let admin = process.logged("The admin listener answers.")["address"].clone();
    let metrics = format!("http://{}/metrics", admin.as_str().unwrap());
    process.logged("Serving.");
    assert_metric(&metrics, 1).await;
    write(&key, "two words");
    let message = "What was there before stays: it has changed, but is not usable.";
    let problems = process.logged(message)["problems"].clone();
    let problems = problems.as_str().unwrap();
    assert!(
        problems.contains("api-key-file: ") && !problems.contains("words"),
        "{problems}"
    );
    assert_metric(&metrics, 0).await;
    write(&key, "the-second-key");
    assert_eq!(process.logged("Reloaded.")["name"], "keys and clients");
    assert_metric(&metrics, 1).await;
}

/// Waits until the metric says whether the last change could be used.
async fn assert_metric(url: &str, expected: u8) {
    let line = format!("pronto_grpc_config_reload_success {expected}");
    let seen = async {
        loop {
            let text = http().get(url).send().await.unwrap().text().await.unwrap();
            if text.lines().any(|known| known == line) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("the metric");
}

#[test]
fn a_secret_in_a_broken_file_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options.toml");
    for text in [
        "api-key = \"hunter2\n",
        "api-key = hunter2\n",
        "api-key = [\"hunter2\"]\n",
    ] {
        write(&file, text);
        let output = program(&["serve", "--config"]).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(UNUSABLE_CONFIGURATION));
        assert!(said(&output).contains("options.toml"), "{}", said(&output));
        assert!(!said(&output).contains("hunter"), "{}", said(&output));
    }
}

/// 0o660 of TOML is the number 432, of which nobody can tell how it was written.
#[test]
fn a_mode_is_no_number_of_toml() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options.toml");
    write(&file, "socket-mode = 0o660\n");
    let mut command = check(folder.path(), &[]);
    command.arg("--config").arg(&file);
    assert_unusable(&mut command, &["socket-mode", "\"0660\""]);
    write(&file, "socket-mode = \"0640\"\n");
    let mut command = check(folder.path(), &[]);
    let text = effective(command.arg("--config").arg(&file));
    assert_eq!(line(&text, "socket-mode"), "socket-mode = \"0640\" # file");
}

#[test]
fn help_is_there_when_the_environment_is_wrong() {
    let mut help = program(&["serve", "--help"]);
    let shown = help.env("PRONTO_GRPC_MISSPELT", "1").output().unwrap();
    assert_eq!(shown.status.code(), Some(0), "{}", said(&shown));
}
