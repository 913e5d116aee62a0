//! Clients, tokens and certificates.

use std::path::{Path, PathBuf};

use pronto_grpc::access::{Access, AccessReload, AccessSources};
use pronto_grpc::reload::Reloader;
use tempfile::TempDir;
use tonic::Request;

use super::KEY;

/// An access file, and the files that it names.
pub struct AccessFolder(TempDir);

impl AccessFolder {
    /// With this text in the access file.
    pub fn new(access: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("access.toml", access);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    /// What the files say, beside the key of the harness, and who reads them again.
    pub fn load(&self) -> (Access, Reloader) {
        let sources = AccessSources {
            access_file: Some(self.path("access.toml")),
            has_client_ca: true,
            ..AccessSources::key(Some(KEY.into()))
        };
        let (access, seen) = Access::load(&sources).unwrap();
        let mut reloader = Reloader::default();
        let source = AccessReload {
            access: access.clone(),
            sources,
        };
        reloader.watch(source, seen);
        (access, reloader)
    }
}

pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// A request with a token.
pub fn with_token<R>(message: R, token: &str) -> Request<R> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}
