//! The command line.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use pronto_grpc::{cli, config};

/// The configuration is not usable (`EX_USAGE`).
const UNUSABLE_CONFIGURATION: u8 = 64;
/// Something failed (`EX_SOFTWARE`).
const FAILED: u8 = 70;

fn main() -> ExitCode {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let outcome = config::parse(std::env::args_os().collect(), &environment)
        .map_err(cli::CliError::Config)
        .and_then(|command_line| cli::run(command_line.command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(cli::CliError::Config(help)) if help.is_help() => {
            // Nobody listening, as behind `| head`, is no failure.
            let _ = writeln!(std::io::stdout(), "{help}");
            ExitCode::SUCCESS
        }
        Err(cli::CliError::Config(error)) => {
            let name = if error.is_usage() {
                ""
            } else {
                "pronto-grpc: "
            };
            eprintln!("{name}{error}");
            ExitCode::from(UNUSABLE_CONFIGURATION)
        }
        Err(cli::CliError::Failed(error)) => {
            eprintln!("pronto-grpc: {error}");
            ExitCode::from(FAILED)
        }
    }
}
