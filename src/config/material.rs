//! What the files are read for that options name: keys, clients, certificates.

use std::net::SocketAddr;

use super::{ConfigError, ServeArgs};
use crate::access::{Access, AccessReload};
use crate::pronto::credential::{ANONYMOUS, DEFAULT};
use crate::reload::{Problems, Reloader};
use crate::sandbox::DEFAULT_API_KEY;
use crate::server::Address;
use crate::tls::{Acceptor, TlsFiles, TlsReload};

/// What is in the files, and who reads them again.
#[derive(Debug)]
pub struct Material {
    /// Who may call, and with which keys.
    pub access: Access,
    /// TLS of the gRPC listeners, if there is any.
    pub tls: Option<Acceptor>,
    /// Takes over what changes.
    pub reloader: Reloader,
}

impl ServeArgs {
    /// Reads the files, and checks what they decide.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub fn material(&self) -> Result<Material, ConfigError> {
        self.load().map_err(|problems| ConfigError::all(&problems))
    }

    /// The same, with a list of what is wrong.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub(super) fn load(&self) -> Result<Material, Problems> {
        let mut reloader = Reloader::default();
        let mut problems = Problems::new();
        let access = self.load_access(&mut reloader);
        let access = access.map_err(|found| problems.extend(found)).ok();
        let tls = self.load_tls(&mut reloader);
        let tls = tls.map_err(|found| problems.extend(found)).ok();
        if let Some(access) = &access {
            problems.extend(self.unknown_budgets(access));
            problems.extend(self.insecure_address(access));
        }
        match access.zip(tls).filter(|_| problems.is_empty()) {
            Some((access, tls)) => Ok(Material {
                access,
                tls,
                reloader,
            }),
            None => Err(problems),
        }
    }

    fn load_access(&self, reloader: &mut Reloader) -> Result<Access, Problems> {
        let mut sources = self.access.sources();
        sources.has_client_ca = self.tls.tls_client_ca.is_some();
        sources.only_key = self.sandbox.then(|| DEFAULT_API_KEY.into());
        let (access, seen) = Access::load(&sources)?;
        let reload = AccessReload {
            access: access.clone(),
            sources,
        };
        reloader.watch(reload, seen);
        Ok(access)
    }

    fn load_tls(&self, reloader: &mut Reloader) -> Result<Option<Acceptor>, Problems> {
        let Some(files) = self.tls.files() else {
            return Ok(None);
        };
        let (acceptor, seen) = Acceptor::load(&files)?;
        let reload = TlsReload {
            acceptor: acceptor.clone(),
            files,
        };
        reloader.watch(reload, seen);
        Ok(Some(acceptor))
    }

    /// Budgets that would hold nobody back.
    fn unknown_budgets(&self, access: &Access) -> Problems {
        let keyring = access.keyring();
        let budgets = self.money.budgets();
        let names = budgets.own.keys();
        let unknown = names.filter(|name| {
            *name != DEFAULT && !name.starts_with(ANONYMOUS) && !keyring.is_configured(name)
        });
        let problems = unknown.map(|name| {
            format!(
                "daily-budget: {name:?} is no credential; it must be `default` for the key of \
                 `api-key`, one of the access file, or for another key `key-` and its \
                 fingerprint of 16 digits and letters a-f"
            )
        });
        problems.collect()
    }

    /// An address at which everybody could spend credits.
    fn insecure_address(&self, access: &Access) -> Option<String> {
        let is_guarded = self.tls.files().is_some() || access.has_clients();
        if is_guarded || self.access.allow_insecure {
            return None;
        }
        let address = self.listen.grpc_address.iter().find_map(reachable)?;
        Some(format!(
            "grpc-address: {address} can be reached from other machines, and neither TLS \
             (tls-certificate, tls-key) nor clients (access-file) guard it: whoever reaches it \
             would spend your credits. Configure one of them, or set allow-insecure where the \
             network keeps others out"
        ))
    }

    /// What an operator should know although it is no mistake.
    #[must_use]
    pub fn warnings(&self, access: &Access) -> Vec<&'static str> {
        let is_reachable = self
            .listen
            .grpc_address
            .iter()
            .any(|it| reachable(it).is_some());
        if !is_reachable || self.sandbox {
            return Vec::new();
        }
        let tls = self.tls.files();
        let is_open = !access.has_clients()
            && !demands_certificate(tls.as_ref())
            && access.keyring().is_configured(DEFAULT);
        let warnings = [
            is_open.then_some(
                "No clients are configured (access-file): whoever reaches the gRPC port spends \
                 the credits of the configured key.",
            ),
            tls.is_none().then_some(
                "The gRPC port has no TLS (tls-certificate): tokens, keys and results travel in \
                 the clear.",
            ),
        ];
        warnings.into_iter().flatten().collect()
    }
}

/// Whether only clients with a certificate get through.
fn demands_certificate(files: Option<&TlsFiles>) -> bool {
    let authority = files.and_then(|files| files.client_ca.as_ref());
    authority.is_some_and(|authority| authority.is_required)
}

/// The address, if other machines may reach it.
fn reachable(address: &Address) -> Option<SocketAddr> {
    match address {
        Address::Tcp(address) if !address.ip().to_canonical().is_loopback() => Some(*address),
        _ => None,
    }
}
