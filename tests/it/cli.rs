//! The program, as a process.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pronto_grpc::proto::v1::GetCreditsRequest;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::Value;

use crate::harness::process::{Process, program};
use crate::harness::raw::Raw;
use crate::harness::{connect, http};

const UNUSABLE_CONFIGURATION: i32 = 64;
const FAILED: i32 = 70;

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The program refuses to run, and says why.
#[track_caller]
fn assert_unusable(command: &mut Command, words: &[&str]) {
    let output = command.output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(UNUSABLE_CONFIGURATION), "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
}

/// A file with this text.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

// === what cannot be used ===

#[test]
fn what_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert_unusable(
        &mut program(&["serve", "--no-such-flag"]),
        &["--no-such-flag"],
    );
    assert_unusable(&mut program(&["no-such-command"]), &["no-such-command"]);
    assert_unusable(&mut program(&[]), &["Usage"]);
    let variable = "PRONTO_GRPC_NO_SUCH_OPTION";
    for command in ["serve", "descriptor"] {
        assert_unusable(program(&[command]).env(variable, "1"), &[variable]);
    }
    let config = file(folder.path(), "keys.toml", "no-such-key = 1\n");
    let in_file = ["keys.toml", "no-such-key"];
    assert_unusable(&mut program(&["serve", "--config", &config]), &in_file);
    assert_unusable(
        program(&["serve"]).env("PRONTO_GRPC_CONFIG", &config),
        &in_file,
    );
    let broken = file(folder.path(), "broken.toml", "grpc-address = \n");
    let with_broken = format!("--config={broken}");
    assert_unusable(&mut program(&["serve", &with_broken]), &["broken.toml"]);
    let table = file(folder.path(), "table.toml", "[serve]\nsandbox = true\n");
    assert_unusable(
        &mut program(&["serve", "--config", &table]),
        &["table.toml", "serve"],
    );
    let missing = folder.path().join("missing.toml");
    let missing = missing.to_str().unwrap();
    assert_unusable(
        &mut program(&["serve", "--config", missing]),
        &["missing.toml"],
    );
}

#[test]
fn an_unusable_value_is_named_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    for (option, value) in [
        ("request-timeout", "30"),
        ("search-deadline", "0s"),
        ("contact-deadline", "0s"),
        ("bulk-deadline", "1"),
        ("poll-interval", "soon"),
        ("progress-interval", "21s"),
        ("max-callback-size", "8"),
        ("max-callback-connections", "0"),
        ("max-answer-size", "0B"),
        ("max-connections", "0"),
        ("max-streams", "4294967296"),
        ("max-connection-age", "1"),
        ("max-stream-age", "soon"),
        ("keepalive-interval", "0s"),
        ("keepalive-timeout", "0s"),
        ("max-request-size", "4"),
        ("max-response-size", "0B"),
        ("compression", "snappy"),
        ("grpc-web", "perhaps"),
        ("cors-origin", "app.example.com"),
        ("reflection", "perhaps"),
        ("drain-grace", "5"),
        ("drain-spread", "10"),
        ("shutdown-timeout", "0s"),
        ("rate-limit", "GetHeadcount=10"),
        ("max-in-flight", "five"),
        ("answer-cache", "perhaps"),
        ("retention", "0s"),
        ("ledger-retention", "0s"),
        ("max-store-size", "10"),
        ("max-unmatched-size", "0B"),
        ("callback-url", "not a URL"),
        ("callback-url", "http://hooks.example.com"),
        ("callback-url", "https://hooks.example.com/?secret=1"),
        ("main-url", "ftp://pronto.example"),
        ("main-url", "https://user:pass@pronto.example"),
        ("synchronous-url", "https://user:pass@pronto.example"),
        ("callback-url", "https://user:pass@hooks.example.com"),
        ("grpc-address", "localhost"),
        ("callback-address", "127.0.0.1"),
        ("api-key", ""),
        ("api-key", "two words"),
        ("log", "pronto_grpc=loud"),
        ("log", "inof"),
        ("log", ""),
        ("log-format", "xml"),
        ("otlp-sampling-ratio", "10"),
        ("otlp-endpoint", "collector"),
        ("otlp-endpoint", "http://user:pass@127.0.0.1:4317"),
        ("vendor", "another"),
        ("sandbox-final-message", "sometimes"),
        ("daily-budget", "many"),
        ("daily-budget", "defualt=5"),
        ("price", "EnrichContact.fax=1"),
        ("sandbox-fault", "dorp"),
        ("sandbox-fault", "drop=101%"),
    ] {
        let flag = format!("--{option}");
        assert_unusable(&mut program(&["serve", &flag, value]), &[option]);
        let variable = format!("PRONTO_GRPC_{}", option.to_uppercase().replace('-', "_"));
        assert_unusable(program(&["serve"]).env(variable, value), &[option]);
        let config = file(
            folder.path(),
            "one.toml",
            &format!("{option} = {value:?}\n"),
        );
        assert_unusable(&mut program(&["serve", "--config", &config]), &[option]);
    }
    let number = file(folder.path(), "number.toml", "request-timeout = 30\n");
    assert_unusable(
        &mut program(&["serve", "--config", &number]),
        &["request-timeout"],
    );
    let limits = file(
        folder.path(),
        "limits.toml",
        "rate-limit = [\"*=1/second\", \"GetX=1/1s\"]\n",
    );
    assert_unusable(
        &mut program(&["serve", "--config", &limits]),
        &["rate-limit", "GetX is no RPC", "GetHeadcount"],
    );
    let numbers = file(folder.path(), "numbers.toml", "rate-limit = [1]\n");
    assert_unusable(
        &mut program(&["serve", "--config", &numbers]),
        &[
            "numbers.toml",
            "rate-limit: must be a text or a list of texts",
        ],
    );
    let list = file(folder.path(), "list.toml", "log = [\"info\"]\n");
    assert_unusable(
        &mut program(&["serve", "--config", &list]),
        &["list.toml", "log"],
    );
}

#[test]
fn options_that_do_not_go_together_are_both_named() {
    assert_unusable(
        &mut program(&["serve", "--retention", "1h", "--bulk-deadline", "90m"]),
        &["retention: 1h", "search-deadline, 2h"],
    );
    assert_unusable(
        &mut program(&["serve", "--ledger-retention", "73h"]),
        &[
            "ledger-retention: 3days 1h",
            "retention and bulk-deadline together, 3days 6h",
        ],
    );
    let short = ["--retention", "12h", "--ledger-retention", "23h"];
    assert_unusable(
        program(&["serve"]).args(short),
        &["ledger-retention: 23h", "1day"],
    );
    let sizes = [
        "--max-unmatched-size",
        "1MiB",
        "--max-callback-size",
        "2MiB",
    ];
    assert_unusable(
        program(&["serve"]).args(sizes),
        &["max-unmatched-size: 1.0 MiB", "max-callback-size, 2.0 MiB"],
    );
    let origin = ["serve", "--cors-origin", "https://app.example.com"];
    assert_unusable(&mut program(&origin), &["cors-origin", "grpc-web"]);
}

#[test]
fn the_end_has_time_for_its_steps_and_answers_room_for_what_came() {
    assert_unusable(
        &mut program(&["serve", "--drain-grace", "15s"]),
        &[
            "shutdown-timeout: 25s",
            "drain-grace, 15s",
            "drain-spread, 10s",
        ],
    );
    // Where others send calls, there is a grace.
    let reachable = ["--grpc-address", "0.0.0.0:0", "--drain-spread", "20s"];
    assert_unusable(
        program(&["serve"]).args(reachable),
        &[
            "shutdown-timeout: 25s",
            "drain-grace, 5s",
            "drain-spread, 20s",
        ],
    );
    assert_unusable(
        &mut program(&["serve", "--max-response-size", "8MiB"]),
        &["max-response-size: 8.0 MiB", "max-answer-size, 32.0 MiB"],
    );
    let small = ["--max-response-size", "4MiB", "--max-answer-size", "4MiB"];
    assert_unusable(
        program(&["serve"]).args(small),
        &["max-response-size: 4.0 MiB", "max-callback-size, 8.0 MiB"],
    );
}

#[test]
fn an_unusable_key_file_is_named_and_its_content_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let with_key_file = |name: &str, text: &str| {
        let key_file = file(folder.path(), name, text);
        program(&["serve", "--api-key-file", &key_file])
            .output()
            .unwrap()
    };
    for (name, text) in [("empty", ""), ("blank", " \n"), ("words", "hunter two\n")] {
        let output = with_key_file(name, text);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(UNUSABLE_CONFIGURATION), "{said}");
        assert!(
            said.contains("api-key-file") && said.contains(name),
            "{said}"
        );
        assert!(!said.contains("hunter"), "{said}");
    }
    let missing = folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    assert_unusable(
        &mut program(&["serve", "--api-key-file", missing]),
        &["api-key-file"],
    );
    let both = ["serve", "--api-key-file", missing, "--api-key", "k"];
    assert_unusable(&mut program(&both), &["--api-key-file", "--api-key"]);
}

// === what needs no server ===

#[test]
fn help_and_version_are_no_failures() {
    for (arguments, words) in [
        (
            &["--help"][..],
            &["serve", "sandbox", "demo", "descriptor"][..],
        ),
        (
            &["serve", "--help"],
            &[
                "--grpc-address",
                "PRONTO_GRPC_API_KEY_FILE",
                "127.0.0.1:50051",
            ],
        ),
        (&["--version"], &[env!("CARGO_PKG_VERSION")]),
    ] {
        let output = program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty());
        let said = String::from_utf8(output.stdout).unwrap();
        for word in words {
            assert!(said.contains(word), "no {word:?} in: {said}");
        }
    }
}

#[test]
fn help_does_not_show_the_key() {
    let output = program(&["serve", "--help"])
        .env("PRONTO_GRPC_API_KEY", "hunter2")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        !String::from_utf8(output.stdout)
            .unwrap()
            .contains("hunter2")
    );
}

#[track_caller]
fn assert_descriptors(bytes: &[u8]) {
    let descriptors = FileDescriptorSet::decode(bytes).unwrap();
    let ours = descriptors
        .file
        .iter()
        .filter(|file| file.package() == "pronto.v1");
    let services: Vec<_> = ours.flat_map(|file| &file.service).collect();
    let leads = services
        .iter()
        .find(|service| service.name() == "LeadService")
        .unwrap();
    let search = leads
        .method
        .iter()
        .find(|method| method.name() == "SearchLeads")
        .unwrap();
    assert!(search.server_streaming() && search.output_type() == ".pronto.v1.JobEvent");
    let names: Vec<_> = descriptors.file.iter().map(|file| file.name()).collect();
    let imports = descriptors.file.iter().flat_map(|file| &file.dependency);
    for import in imports {
        assert!(names.contains(&import.as_str()), "{import} is missing");
    }
}

#[test]
fn the_descriptors_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["descriptor", "-"][..], &["descriptor"]] {
        let output = program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_descriptors(&output.stdout);
    }
    let path = folder.path().join("pronto.binpb");
    let output = program(&["descriptor", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert_descriptors(&std::fs::read(path).unwrap());
    let nowhere = folder.path().join("missing").join("pronto.binpb");
    let output = program(&["descriptor", nowhere.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(FAILED));
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_are_ignored() {
    let mut command = program(&["descriptor"]);
    for (name, value) in [
        ("PRONTO_GRPC_SERVICE_HOST", "10.0.0.7"),
        ("PRONTO_GRPC_SERVICE_PORT", "50051"),
        ("PRONTO_GRPC_SERVICE_PORT_GRPC", "50051"),
        ("PRONTO_GRPC_PORT", "tcp://10.0.0.7:50051"),
        ("PRONTO_GRPC_PORT_50051_TCP", "tcp://10.0.0.7:50051"),
        ("PRONTO_GRPC_PORT_50051_TCP_PROTO", "tcp"),
        ("PRONTO_GRPC_PORT_50051_TCP_PORT", "50051"),
        ("PRONTO_GRPC_PORT_50051_TCP_ADDR", "10.0.0.7"),
        // Another service whose name begins like ours.
        ("PRONTO_GRPCX", "1"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

// === the server ===

/// `serve` on free ports with a JSON log.
fn serve(data: &Path) -> Command {
    let mut command = program(&["serve", "--grpc-address", "127.0.0.1:0"]);
    command.args(["--callback-address", "127.0.0.1:0", "--log-format", "json"]);
    command.arg("--data-dir").arg(data);
    command
}

#[test]
fn the_server_serves_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        // A folder that is not there yet.
        let data = folder.path().join(signal).join("data");
        let process = Process::start(serve(&data).arg("--sandbox"));
        let serving = process.logged("Serving.");
        let address = serving["grpc_address"].as_str().unwrap();
        let callbacks = serving["callback_address"].as_str().unwrap();
        assert_eq!(serving["callback_url"], format!("http://{callbacks}/"));
        assert_eq!(serving["resumed_jobs"], 0);
        assert_eq!(credits(address), 100_000.0);
        let (status, said) = process.end(signal);
        assert_eq!(status.code(), Some(0), "{said:?}");
        assert!(said.iter().any(|line| line.contains("Ended.")), "{said:?}");
        assert_private(&data);
    }
}

/// What a client reads.
fn credits(address: &str) -> f64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let channel = connect(address.parse().unwrap()).await;
        let mut workspace = WorkspaceServiceClient::new(channel);
        let answer = workspace.get_credits(GetCreditsRequest::default()).await;
        answer.unwrap().into_inner().credits.unwrap()
    })
}

/// The store holds personal data: nobody else may read it.
#[track_caller]
fn assert_private(data: &Path) {
    let mut files = 0;
    for entry in std::fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert!(files > 0 && data.join("sandbox.sqlite3").exists());
}

#[test]
fn the_files_of_a_running_store_are_private_too() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(serve(data.path()).arg("--sandbox"));
    process.logged("Serving.");
    assert!(data.path().join("sandbox.sqlite3-wal").exists());
    assert_private(data.path());
}

#[test]
fn the_files_are_private_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let plain = serve(&data);
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 0; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .arg("--sandbox")
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let process = Process::start(&mut command);
    process.logged("Serving.");
    assert_private(&data);
    for kind in ["sqlite3-wal", "sqlite3-shm", "lock"] {
        assert!(data.join("sandbox").with_extension(kind).exists(), "{kind}");
    }
    let mode = std::fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = "callback-url = \"https://file.example\"\nrequest-timeout = \"30\"\n";
    let config = file(folder.path(), "config.toml", config);
    let callback_url = |command: &mut Command| {
        // What a higher layer replaces need not be usable.
        command.env("PRONTO_GRPC_REQUEST_TIMEOUT", "30s");
        command.env("PRONTO_GRPC_CONFIG", &config);
        let process = Process::start(command);
        process.logged("Serving.")["callback_url"].clone()
    };
    let data = folder.path().join("data");
    let variable = "PRONTO_GRPC_CALLBACK_URL";
    assert_eq!(callback_url(&mut serve(&data)), "https://file.example/");
    let mut command = serve(&data);
    command.env(variable, "https://environment.example");
    assert_eq!(callback_url(&mut command), "https://environment.example/");
    let mut command = serve(&data);
    command
        .env(variable, "unusable")
        .args(["--callback-url", "https://flag.example"]);
    assert_eq!(callback_url(&mut command), "https://flag.example/");
}

#[test]
fn the_configuration_may_come_from_a_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = format!(
        "sandbox = true\nlog-format = \"json\"\ndata-dir = {data:?}\n\
         grpc-address = \"127.0.0.1:0\"\ncallback-address = \"127.0.0.1:0\"\n"
    );
    let config = file(folder.path(), "config.toml", &config);
    let process = Process::start(&mut program(&["serve", "--config", &config]));
    let serving = process.logged("Serving.");
    assert_eq!(
        credits(serving["grpc_address"].as_str().unwrap()),
        100_000.0
    );
    assert_eq!(process.end("TERM").0.code(), Some(0));
    assert_private(&data);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = program(&["serve", "--grpc-address", &address])
        .args(["--callback-address", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(FAILED));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_that_exports_no_traces_says_so() {
    let endpoint = "--otlp-endpoint=http://127.0.0.1:4317";
    assert_unusable(
        &mut program(&["serve", endpoint]),
        &["otlp-endpoint", "features otlp"],
    );
    assert_unusable(
        &mut program(&["check", endpoint]),
        &["otlp-endpoint", "features otlp"],
    );
}

#[test]
fn the_sandbox_runs_alone() {
    let mut command = program(&["sandbox", "--address", "127.0.0.1:0"]);
    command.args(["--sandbox-fault", "answer-unavailable,endpoint=GetCredits"]);
    let process = Process::start(command.env("NO_COLOR", "1"));
    let line = process.line().unwrap();
    // Anybody may know it, but a log is no place for keys.
    assert!(!line.contains("sandbox-key"), "{line}");
    let url = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("main_url="));
    let request = http().get(format!("{}/credits", url.unwrap()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(request.header("x-api-key", "sandbox-key").send());
    assert_eq!(answer.unwrap().status(), 503);
    let (status, said) = process.end("TERM");
    assert_eq!(status.code(), Some(0), "{said:?}");
}

#[test]
fn the_sandbox_takes_faults_from_flags_environment_and_file() {
    let settings = |command: &mut Command, address: fn(&Value) -> String| {
        let process = Process::start(command);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = address(&process.logged("The sandbox answers instead of Pronto."));
        runtime.block_on(async {
            let answer = http().get(format!("http://{url}/sandbox/settings")).send();
            let text = answer.await.unwrap().text().await.unwrap();
            serde_json::from_str::<Value>(&text).unwrap()
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let address = |logged: &Value| logged["address"].as_str().unwrap().to_owned();
    let by_flag = settings(
        serve(&folder.path().join("flag"))
            .args(["--sandbox", "--sandbox-fault", "drop=10%"])
            .args([
                "--sandbox-fault",
                "answer-stall=2x,duration=1s,endpoint=GetSearch",
            ])
            .args(["--sandbox-generation", "alternating"])
            .args(["--sandbox-final-message", "twice"]),
        address,
    );
    assert_eq!(by_flag["generation"], "GENERATION_ALTERNATING");
    assert_eq!(by_flag["final_message"], "FINAL_MESSAGE_TWICE");
    assert_eq!(by_flag["faults"][0]["percent"], 10);
    assert_eq!(by_flag["faults"][1]["kind"], "FAULT_KIND_ANSWER_STALL");
    assert_eq!(by_flag["faults"][1]["endpoint"], "GetSearch");
    let faults = "drop=10%;answer-stall=2x,duration=1s,endpoint=GetSearch";
    let by_environment = settings(
        serve(&folder.path().join("environment"))
            .env("PRONTO_GRPC_SANDBOX", "1")
            .env("PRONTO_GRPC_SANDBOX_FAULT", faults),
        address,
    );
    assert_eq!(by_environment["faults"], by_flag["faults"]);
    let config = file(
        folder.path(),
        "faults.toml",
        &format!("sandbox = true\nsandbox-fault = {faults:?}\n"),
    );
    let by_file = settings(
        serve(&folder.path().join("file")).args(["--config", &config]),
        address,
    );
    assert_eq!(by_file["faults"], by_flag["faults"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = program(&["--help"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_bad_key_is_not_repeated() {
    let flag = program(&["serve", "--api-key", "hunter two"]).output();
    let mut command = program(&["serve"]);
    let variable = command.env("PRONTO_GRPC_API_KEY", "hunter two").output();
    for output in [flag.unwrap(), variable.unwrap()] {
        assert_eq!(output.status.code(), Some(UNUSABLE_CONFIGURATION));
        assert!(!stderr(&output).contains("hunter"), "{}", stderr(&output));
    }
}

#[test]
fn a_key_in_the_environment_beats_a_key_file_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let config = format!("api-key-file = {missing:?}\n");
    let config = file(folder.path(), "config.toml", &config);
    let mut command = serve(&folder.path().join("data"));
    command.args(["--config", &config]);
    let process = Process::start(command.env("PRONTO_GRPC_API_KEY", "hunter2"));
    let first = process.line().unwrap();
    assert!(first.contains("callback-url"), "{first}");
    process.logged("Serving.");
}

#[test]
fn a_signal_is_heeded_from_the_first_line_on() {
    let process = Process::start(&mut program(&["sandbox", "--address", "127.0.0.1:0"]));
    process.line().unwrap();
    let (status, said) = process.end("TERM");
    assert_eq!(status.code(), Some(0), "{status}: {said:?}");
}

#[test]
fn a_log_that_nobody_sees_has_no_colours() {
    let process = Process::start(&mut program(&["sandbox", "--address", "127.0.0.1:0"]));
    let line = process.line().unwrap();
    assert!(!line.contains('\u{1b}'), "{line:?}");
}

// === open files ===

/// The server, in a shell that limits its open files.
fn serve_within(limit: &str, data: &Path) -> Command {
    let server = serve(data);
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(server.get_program());
    command.args(server.get_args()).env_clear();
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn a_low_limit_of_open_files_is_raised() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(&mut serve_within("-Sn 64", data.path()));
    let serving = process.logged("Serving.");
    let callbacks = serving["callback_address"].as_str().unwrap();
    let mut connections = Vec::new();
    for _ in 0..100 {
        let mut connection = Raw::connect(callbacks.parse().unwrap()).await;
        connection.send("GET / HTTP/1.1\r\nHost: x\r\n").await;
        connections.push(connection);
    }
    // All are open at once, the first one too.
    for connection in connections.iter_mut().rev() {
        connection.send("\r\n").await;
        assert_eq!(connection.answer().await.status, 404);
    }
}

#[test]
fn callback_connections_leave_open_files_to_others() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(&mut serve_within("-n 100", data.path()));
    let lowered = process
        .logged("max-callback-connections is lowered to three quarters of the open files allowed.");
    assert_eq!(lowered["open_files"], 100);
    assert_eq!(lowered["max_callback_connections"], 75);
    let lowered =
        process.logged("max-connections is lowered to an eighth of the open files allowed.");
    assert_eq!(lowered["max_connections"], 12);
    process.logged("Serving.");
}
