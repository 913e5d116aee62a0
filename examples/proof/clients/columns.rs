//! The clients, and what each of them has.

/// A client: a column of the matrix.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What runs its scenarios, from the repository.
    pub program: &'static str,
    has: Has,
}

/// Which scenarios a client has.
#[derive(Clone, Copy)]
enum Has {
    /// But the page, which is the browser's example.
    Everything,
    Only(&'static [&'static str]),
}

impl Column {
    /// Whether it has a scenario.
    pub fn has(&self, scenario: &str) -> bool {
        match self.has {
            Has::Everything => scenario != "page",
            Has::Only(scenarios) => scenarios.contains(&scenario),
        }
    }
}

/// Streams that resume.
const FOLLOWING: &[&str] = &["disconnects", "restarts", "silence"];

/// What gRPC has by itself: grpc-js is tried without a client of ours.
const BARE: &[&str] = &[
    "unary",
    "streaming",
    "deadline",
    "cancellation",
    "metadata",
    "large",
    "compression",
    "errors",
    "health",
    "reflection",
    "tls",
];

/// What a browser can do: it has no compression of its own, no stream of requests as
/// reflection needs, no Unix sockets, and its own trust in certificates.
const BROWSER: &[&str] = &[
    "page",
    "unary",
    "streaming",
    "deadline",
    "cancellation",
    "metadata",
    "large",
    "errors",
    "health",
    "disconnects",
    "restarts",
    "silence",
];

/// The clients.
pub const COLUMNS: &[Column] = &[
    Column {
        name: "go",
        program: "clients/go/run",
        has: Has::Everything,
    },
    Column {
        name: "java",
        program: "clients/java/run",
        has: Has::Everything,
    },
    Column {
        name: "java-flow",
        program: "clients/java/run-flow",
        has: Has::Only(FOLLOWING),
    },
    Column {
        name: "python",
        program: "clients/python/run",
        has: Has::Everything,
    },
    Column {
        name: "asyncio",
        program: "clients/python/run-asyncio",
        has: Has::Everything,
    },
    Column {
        name: "connect",
        program: "clients/typescript/run",
        has: Has::Everything,
    },
    Column {
        name: "grpc-js",
        program: "clients/typescript/run-grpc-js",
        has: Has::Only(BARE),
    },
    Column {
        name: "browser",
        program: "clients/typescript/run-browser",
        has: Has::Only(BROWSER),
    },
];
