use tempfile::TempDir;

use super::*;
use crate::access::{Access, AccessReload, UnknownClient};
use crate::reload::{Reloader, Source};

/// A folder with an access file and the files that it names.
struct Folder(TempDir);

impl Folder {
    fn new(access: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("access.toml", access);
        folder.write("sales", "a-key-of-sales\n");
        folder.write("crm-token", "token-of-the-crm-1\n");
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn sources(&self) -> AccessSources {
        AccessSources {
            access_file: Some(self.0.path().join("access.toml")),
            has_client_ca: true,
            variable: |name| match name {
                "KEY" => Some("a-key-in-the-environment".to_owned()),
                "TOKEN" => Some("a-token-in-the-environment".to_owned()),
                "SHORT" => Some("short".to_owned()),
                _ => None,
            },
            ..AccessSources::key(Some("the-default-key".into()))
        }
    }

    fn read(&self) -> Result<Rules, Problems> {
        self.sources().read(&mut Reader::default())
    }
}

const ACCESS: &str = r#"
    [credentials.sales]
    api-key-file = "sales"
    [credentials.support]
    api-key-variable = "KEY"
    [clients.crm]
    credential = "sales"
    token-files = ["crm-token"]
    [clients.billing]
    token-variables = ["TOKEN"]
    token-sha256 = ["EBBD2281D10CF82816F5A357E212BE18F5718D1748FC5BD50CDF47DF2C9BB0DB"]
    certificates = ["billing.example.com"]
    pass-through = true
"#;

#[test]
fn credentials_and_clients_are_found_by_what_the_file_names() {
    let rules = Folder::new(ACCESS).read().unwrap();
    let keys: Vec<_> = rules
        .credentials
        .iter()
        .map(|credential| (credential.name.as_str(), credential.key.expose_secret()))
        .collect();
    assert_eq!(
        keys,
        [
            ("sales", "a-key-of-sales"),
            ("support", "a-key-in-the-environment"),
            ("default", "the-default-key"),
        ]
    );
    let of = |token: &str| rules.clients.identify(Some(&token.into()), None);
    let crm = of("token-of-the-crm-1").unwrap();
    assert_eq!((&*crm.name, &*crm.credential), ("crm", "sales"));
    assert!(!crm.pass_through);
    for token in ["a-token-in-the-environment", "a-token-known-by-its-hash"] {
        let billing = of(token).unwrap();
        assert_eq!(
            (&*billing.name, &*billing.credential),
            ("billing", "default")
        );
        assert!(billing.pass_through);
    }
    assert_eq!(of("token-of-the-crm-2"), Err(UnknownClient::Token));
}

#[track_caller]
fn assert_problem(access: &str, words: &[&str]) {
    let problems = Folder::new(access).read().unwrap_err();
    for word in [&["access.toml"], words].concat() {
        assert!(
            problems.iter().any(|it| it.contains(word)),
            "no {word:?} in {problems:?}"
        );
    }
    assert!(!format!("{problems:?}").contains("hunter"), "{problems:?}");
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_table_and_key() {
    assert_problem(
        "[credentials.a]\n",
        &["credentials.a: needs one of api-key-file and"],
    );
    assert_problem(
        "[credentials.a]\napi-key-file = \"sales\"\napi-key-variable = \"KEY\"\n",
        &["credentials.a: needs one of"],
    );
    for name in ["default", "key-1"] {
        let access = format!("[credentials.{name}]\napi-key-file = \"sales\"\n");
        assert_problem(
            &access,
            &[&format!("credentials.{name}: this name is taken")],
        );
    }
    assert_problem(
        "[credentials.a]\napi-key-file = \"missing\"\n",
        &["credentials.a: api-key-file: ", "/missing: No such file"],
    );
    assert_problem(
        "[credentials.a]\napi-key-variable = \"NO\"\n",
        &["credentials.a: api-key-variable: NO: there is no such variable"],
    );
    assert_problem(
        "[clients.a]\n",
        &["clients.a: needs a token", "certificates"],
    );
    assert_problem(
        "[clients.a]\ncredential = \"b\"\ntoken-files = [\"crm-token\"]\n",
        &["clients.a: credential: there is no \"b\""],
    );
    assert_problem(
        "[clients.a]\ntoken-variables = [\"SHORT\"]\n",
        &["clients.a: token-variables: must have at least 16"],
    );
    assert_problem(
        "[clients.a]\ntoken-sha256 = [\"hunter2\"]\n",
        &["clients.a: token-sha256[0]: must be 64 hexadecimal digits"],
    );
    assert_problem(
        "[clients.a]\ncertificates = [\" \"]\n",
        &["clients.a: certificates: a name"],
    );
}

#[test]
fn what_two_would_share_is_refused_and_both_are_named() {
    let two = |key: &str| format!("[clients.a]\n{key}\n[clients.b]\n{key}\n");
    assert_problem(
        &two("token-files = [\"crm-token\"]"),
        &["clients.b: token-files: a token is also that of clients.a"],
    );
    assert_problem(
        &two("certificates = [\"x.example.com\"]"),
        &["clients.b: certificates: \"x.example.com\" is also that of clients.a"],
    );
    let key = |name: &str| format!("[credentials.{name}]\napi-key-file = \"sales\"\n");
    assert_problem(
        &(key("a") + &key("b")),
        &["credentials.a: has the same key as b"],
    );
    let folder = Folder::new(&key("a"));
    folder.write("sales", "the-default-key");
    let problems = folder.read().unwrap_err();
    assert!(
        problems[0].contains("credentials.a: has the same key as default"),
        "{problems:?}"
    );
    // A client whose token is being replaced may have the same one twice.
    let same = "[clients.a]\ntoken-files = [\"crm-token\", \"crm-token\"]\n";
    assert!(Folder::new(same).read().is_ok());
}

#[test]
fn a_client_without_a_credential_needs_the_default_one_or_its_own() {
    let read = |access: &str| {
        let folder = Folder::new(access);
        let sources = AccessSources {
            api_key: None,
            ..folder.sources()
        };
        sources.read(&mut Reader::default()).map(drop)
    };
    let client = "[clients.a]\ntoken-files = [\"crm-token\"]\n";
    let problems = read(client).unwrap_err();
    assert!(
        problems[0].contains("clients.a: credential: there is no `default`"),
        "{problems:?}"
    );
    assert_eq!(read(&format!("{client}pass-through = true\n")), Ok(()));
}

#[test]
fn certificates_need_an_authority() {
    let folder = Folder::new("[clients.a]\ncertificates = [\"x.example.com\"]\n");
    let sources = AccessSources {
        has_client_ca: false,
        ..folder.sources()
    };
    let problems = sources.read(&mut Reader::default()).unwrap_err();
    assert!(problems[0].contains("clients.a: certificates: need the option `tls-client-ca`"));
}

#[test]
fn in_the_sandbox_every_key_is_its_own() {
    let sources = AccessSources {
        only_key: Some("sandbox-key".into()),
        api_key: None,
        ..Folder::new(ACCESS).sources()
    };
    assert!(
        sources.read(&mut Reader::default()).is_err(),
        "the folder is gone"
    );
    let folder = Folder::new(ACCESS);
    let sources = AccessSources {
        access_file: folder.sources().access_file,
        ..sources
    };
    let (access, _) = Access::load(&sources).unwrap();
    let keyring = access.keyring();
    for name in ["default", "sales", "support"] {
        let key = keyring.named(name).unwrap().key;
        assert_eq!(key.expose_secret(), "sandbox-key");
    }
    assert_eq!(keyring.of_key("sandbox-key".into()).name, "default");
}

// === reloading ===

struct Running {
    folder: Folder,
    access: Access,
    reloader: Reloader,
}

impl Running {
    fn start() -> Self {
        let folder = Folder::new(ACCESS);
        let sources = folder.sources();
        let (access, seen) = Access::load(&sources).unwrap();
        let mut reloader = Reloader::default();
        let source = AccessReload {
            access: access.clone(),
            sources,
        };
        assert_eq!(source.name(), "keys and clients");
        reloader.watch(source, seen);
        Self {
            folder,
            access,
            reloader,
        }
    }

    fn knows(&self, token: &str) -> bool {
        let token = || Ok(Some(token.into()));
        self.access.identify(token, None).is_ok()
    }

    fn key(&self, name: &str) -> Option<String> {
        let known = self.access.keyring().named(name);
        known.map(|credential| credential.key.expose_secret().to_owned())
    }
}

#[test]
fn tokens_and_keys_that_change_are_taken_over() {
    let mut running = Running::start();
    running.folder.write("crm-token", "token-of-the-crm-2");
    running.folder.write("sales", "another-key-of-sales");
    running.reloader.reload_now();
    assert!(running.knows("token-of-the-crm-2") && !running.knows("token-of-the-crm-1"));
    assert_eq!(
        running.key("sales").as_deref(),
        Some("another-key-of-sales")
    );
}

#[test]
fn what_is_unusable_changes_nothing() {
    let mut running = Running::start();
    running.folder.write("sales", "another-key-of-sales");
    running.folder.write("crm-token", "short");
    running.reloader.reload_now();
    assert!(running.knows("token-of-the-crm-1"));
    assert_eq!(running.key("sales").as_deref(), Some("a-key-of-sales"));
    running.folder.write("crm-token", "token-of-the-crm-2");
    running.reloader.reload_now();
    assert!(running.knows("token-of-the-crm-2"));
    assert_eq!(
        running.key("sales").as_deref(),
        Some("another-key-of-sales")
    );
}

#[test]
fn a_server_for_clients_does_not_become_open_to_everybody() {
    let mut running = Running::start();
    running.folder.write("access.toml", "");
    running.reloader.reload_now();
    assert!(running.access.has_clients() && !running.knows("token-of-nobody"));
    assert!(running.knows("token-of-the-crm-1"));
}

#[test]
fn a_credential_that_is_gone_comes_back() {
    let mut running = Running::start();
    let crm = "[clients.crm]\ntoken-files = [\"crm-token\"]\n";
    running.folder.write("access.toml", crm);
    running.reloader.reload_now();
    assert_eq!(running.key("sales"), None);
    running.folder.write("access.toml", ACCESS);
    running.reloader.reload_now();
    assert_eq!(running.key("sales").as_deref(), Some("a-key-of-sales"));
}
