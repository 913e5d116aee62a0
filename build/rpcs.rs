//! The RPCs of the API, by their paths.

use prost_reflect::DescriptorPool;

use crate::schema::PACKAGE;

pub fn generate(pool: &DescriptorPool) -> String {
    let services = pool.services().filter(|s| s.package_name() == PACKAGE);
    let mut rows: Vec<_> = services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| {
            let service = method.parent_service().full_name().to_owned();
            let name = format!("{service}/{}", method.name());
            format!(
                "Rpc {{ name: {name:?}, streams: {} }},\n",
                method.is_server_streaming()
            )
        })
        .collect();
    // Sorted, because they are searched.
    rows.sort();
    format!(
        "/// Every RPC, sorted by name.\npub static RPCS: &[Rpc] = &[\n{}];\n",
        rows.concat()
    )
}
