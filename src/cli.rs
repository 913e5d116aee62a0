//! What the commands do.

use std::error::Error;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::admin::Admin;
use crate::callback::CallbackLimits;
use crate::config::{CheckArgs, Command, ConfigError, LogFormat, SandboxArgs, ServeArgs};
use crate::health::Health;
use crate::jobs::store::sqlite::SqliteStore;
use crate::pronto::{BaseUrls, DriftLog};
use crate::proto::DESCRIPTORS;
use crate::sandbox::{self, Sandbox, SandboxConfig};
use crate::server::{self, Listeners, OpenedStore, ServerOptions};
use crate::telemetry::LogFilter;
use crate::trace::Exporter;
use crate::{admin, demo, metrics, open_files, signals, telemetry};

/// At the end nobody waits for longer than this for what blocks a thread, such as a file of
/// a volume that does not answer.
const BLOCKED: Duration = Duration::from_secs(2);

/// How a command can fail.
#[derive(Debug)]
pub enum CliError {
    /// The configuration is not usable, or help was asked for.
    Config(ConfigError),
    /// Something failed.
    Failed(Box<dyn Error + Send + Sync>),
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> CliError {
    CliError::Failed(error.into())
}

/// Carries out a command.
///
/// # Errors
///
/// When the configuration is not usable, or something fails.
pub fn run(command: Command) -> Result<(), CliError> {
    // Declared before the runtime, so it is dropped after it: with the runtime goes the
    // store, which still writes what it has accepted.
    let mut lock = None;
    let runtime = tokio::runtime::Runtime::new().map_err(failed)?;
    let done = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve(*args, &mut lock).await,
            Command::Check(args) => check(&args),
            Command::Sandbox(args) => run_sandbox(args).await,
            Command::Demo => demo::run().await.map_err(CliError::Failed),
            Command::Descriptor { file } => write_descriptors(&file).map_err(failed),
        }
    });
    runtime.shutdown_timeout(BLOCKED);
    done
}

/// Checks a configuration and prints it.
fn check(args: &CheckArgs) -> Result<(), CliError> {
    let effective = args.effective()?;
    // Nobody listening, as behind `| head`, is no failure.
    let _ = std::io::stdout().write_all(effective.as_bytes());
    Ok(())
}

/// Serves; `lock` receives the lock of the store.
async fn serve(mut args: ServeArgs, lock: &mut Option<File>) -> Result<(), CliError> {
    let ended = signals::end().map_err(failed)?;
    let log = telemetry::init(&args.telemetry.log, args.telemetry.log_format);
    telemetry::log_panics();
    let exporter = match args.telemetry.export_options() {
        Some(options) => {
            let started = Exporter::start(&options);
            Some(started.map_err(|error| ConfigError::new(error.to_string()))?)
        }
        None => None,
    };
    let open_files = open_files::raise_limit();
    let callbacks = callback_limits(&args, open_files);
    let material = args.material()?;
    for warning in args.warnings(&material.access) {
        tracing::warn!("{warning}");
    }
    let listeners = Listeners::bind(
        &args.listen.grpc_address,
        args.listen.socket_mode,
        args.listen.callback_address,
    )
    .await
    .map_err(failed)?;
    let health = Health::new(server::names(args.sandbox)).await;
    let mut client = args.upstream.client_options()?;
    if let Some(address) = args.listen.admin_address {
        serve_admin(address, health.clone(), client.drift.clone(), log)
            .await
            .map_err(failed)?;
    }
    let mut sandbox = None;
    if args.sandbox {
        *lock = Some(lock_data(&args).map_err(failed)?);
        let (started, urls) = start_sandbox(&args).await.map_err(failed)?;
        (sandbox, client.base_urls) = (Some(started), urls);
        let has_key = args.access.api_key.is_some() || args.access.api_key_file.is_some();
        if has_key || args.callback.callback_url.is_some() {
            tracing::warn!("api-key and callback-url are those of the sandbox.");
        }
        let callbacks = listeners.callbacks.local_addr().map_err(failed)?;
        args.callback.callback_url = Some(format!("http://{callbacks}").parse().map_err(failed)?);
    }
    if args.callback.callback_url.is_none() {
        tracing::warn!(
            "No callback-url is configured: results are polled where Pronto allows that, \
             other operations are refused."
        );
    }
    let mut serving = args.serving_options();
    lower_connections(&mut serving.connections.max_connections, open_files);
    let options = ServerOptions {
        client,
        access: material.access,
        tls: material.tls,
        jobs: args.job_options(),
        callbacks,
        serving,
        health,
        sandbox,
    };
    tokio::spawn(material.reloader.run());
    let store = open_store(&args, lock);
    let served = server::run(options, listeners, store, ended).await;
    if let Some(exporter) = exporter {
        exporter.end().await;
    }
    served.map_err(failed)
}

/// Serves operators, for the life of the process.
async fn serve_admin(
    address: SocketAddr,
    health: Health,
    drift: DriftLog,
    log: LogFilter,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let metrics = metrics::install()?;
    let listener = server::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(metrics.clone().keep());
    let admin = Admin {
        metrics,
        health,
        drift,
        log,
    };
    tokio::spawn(admin::serve(listener, admin, std::future::pending()));
    tracing::info!(%address, "The admin listener answers.");
    Ok(())
}

/// The limits of the callback receiver, as far as the limit of open files allows.
fn callback_limits(args: &ServeArgs, open_files: Option<u64>) -> CallbackLimits {
    let mut limits = args.callback.callback_limits();
    let Some(open_files) = open_files else {
        return limits;
    };
    // The rest is for gRPC, for calls to Pronto and for the store.
    let most = usize::try_from(open_files / 4 * 3).unwrap_or(usize::MAX);
    if limits.max_connections > most {
        tracing::warn!(
            open_files,
            max_callback_connections = most,
            "max-callback-connections is lowered to three quarters of the open files allowed."
        );
        limits.max_connections = most;
    }
    limits
}

/// Lowers the number of gRPC connections as far as the limit of open files demands it.
fn lower_connections(max: &mut usize, open_files: Option<u64>) {
    let Some(open_files) = open_files else {
        return;
    };
    let most = usize::try_from(open_files / 8).unwrap_or(usize::MAX).max(1);
    if *max > most {
        tracing::warn!(
            open_files,
            max_connections = most,
            "max-connections is lowered to an eighth of the open files allowed."
        );
        *max = most;
    }
}

/// Locks the store, and what the sandbox has beside it. That keeps other processes from it:
/// each would number the events of the same jobs. It must be held for longer than the store.
fn lock_data(args: &ServeArgs) -> Result<File, Box<dyn Error + Send + Sync>> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.jobs.data_dir)
        .map_err(|error| format!("data-dir: {}: {error}", args.jobs.data_dir.display()))?;
    let mut private = OpenOptions::new();
    private.create(true).append(true).mode(0o600);
    let file = args.store_file().with_extension("lock");
    let lock = private
        .open(&file)
        .map_err(|error| format!("data-dir: {}: {error}", file.display()))?;
    if lock.try_lock().is_err() {
        let folder = args.jobs.data_dir.display();
        return Err(format!("data-dir: {folder}: another process uses it").into());
    }
    Ok(lock)
}

/// Opens the store, under its lock.
async fn open_store(args: &ServeArgs, held: &mut Option<File>) -> OpenedStore {
    if held.is_none() {
        *held = Some(lock_data(args)?);
    }
    let file = args.store_file();
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&file));
    Ok(Arc::new(opened.await??))
}

/// Starts the built-in Pronto on a free port, for the life of the process. What it does is
/// kept beside the store of its jobs.
async fn start_sandbox(
    args: &ServeArgs,
) -> Result<(Sandbox, BaseUrls), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let config = SandboxConfig::from(&args.sandbox_options);
    let file = args.store_file().with_extension("jsonl");
    let opened = tokio::task::spawn_blocking(move || Sandbox::open(config, &file));
    let sandbox = opened.await??;
    tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    tracing::info!(%address, "The sandbox answers instead of Pronto.");
    Ok((sandbox, sandbox_urls(address)?))
}

/// Where the sandbox's two hosts are.
///
/// # Errors
///
/// Never for an address of a listener.
pub fn sandbox_urls(address: SocketAddr) -> Result<BaseUrls, url::ParseError> {
    Ok(BaseUrls {
        main: format!("http://{address}{}", sandbox::MAIN_BASE_PATH).parse()?,
        synchronous: format!("http://{address}{}", sandbox::SYNCHRONOUS_BASE_PATH).parse()?,
    })
}

async fn run_sandbox(args: SandboxArgs) -> Result<(), CliError> {
    let ended = signals::end().map_err(failed)?;
    telemetry::init("info", LogFormat::Text);
    let listener = TcpListener::bind(args.address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let urls = sandbox_urls(address).map_err(failed)?;
    tracing::info!(
        main_url = %urls.main,
        synchronous_url = %urls.synchronous,
        "The sandbox answers."
    );
    Sandbox::new(SandboxConfig::from(&args.options))
        .serve(listener, async {
            ended.await;
        })
        .await
        .map_err(failed)
}

fn write_descriptors(file: &Path) -> std::io::Result<()> {
    match file.as_os_str() == "-" {
        true => std::io::stdout().write_all(DESCRIPTORS),
        false => std::fs::write(file, DESCRIPTORS),
    }
}
