//! Turns `proto/` into Rust: messages and services through tonic, and from the
//! options of `upstream.proto` the JSON spellings, the validation and the table
//! of Pronto's endpoints. Needs no protoc.

#[path = "build/checks.rs"]
mod checks;
#[path = "build/endpoints.rs"]
mod endpoints;
#[path = "build/errors.rs"]
mod errors;
#[path = "build/json.rs"]
mod json;
#[path = "build/locations.rs"]
mod locations;
#[path = "build/methods.rs"]
mod methods;
#[path = "build/options.rs"]
mod options;
#[path = "build/rpcs.rs"]
mod rpcs;
#[path = "build/schema.rs"]
mod schema;
#[path = "build/wire.rs"]
mod wire;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(proto_files(Path::new("proto/pronto/v1"))?)?;
    // The encoded set keeps the options that the decoded one loses.
    let descriptors = compiler.encode_file_descriptor_set();
    let pool = prost_reflect::DescriptorPool::decode(&descriptors[..])?;
    let schema = schema::Schema::read(&pool)?;

    let ordered = locations::in_order(&descriptors, &pool)?;
    fs::write(out.join("descriptors.bin"), ordered)?;
    fs::write(out.join("json.rs"), json::generate(&schema))?;
    fs::write(out.join("wire.rs"), wire::generate(&schema))?;
    fs::write(out.join("checks.rs"), checks::generate(&schema))?;
    fs::write(out.join("endpoints.rs"), endpoints::generate(&schema)?)?;
    fs::write(out.join("errors.rs"), errors::generate(&pool)?)?;
    fs::write(out.join("rpcs.rs"), rpcs::generate(&pool))?;
    let mut prost = tonic_prost_build::Config::new();
    // Names find the descriptors of messages that are read from JSON of our own.
    prost.enable_type_names();
    tonic_prost_build::configure()
        .compile_fds_with_config(compiler.file_descriptor_set(), prost)?;
    Ok(())
}

fn proto_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "proto")
    });
    files.sort();
    Ok(files)
}
