//! What goes wrong: every kind of fault of the sandbox, at every place where it can
//! strike a job.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use pronto_grpc::proto::v1::{
    FaultKind, FinalMessage, Generation, SandboxFault, SandboxSettings, StreamingShape,
};

/// What is asked while a job runs: how far a search or a contact is, and which
/// searches there are.
const POLLS: [&str; 3] = ["GetSearch", "GetContactEnrichment", "ListSearches"];

/// For kinds that take time: longer than a step of a search, shorter than patience.
const MOMENT: Duration = Duration::from_millis(40);

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Deliveries, and the work itself.
    Work,
    /// The answer to the request that starts the job.
    Start,
    /// The answers while it runs.
    Poll,
}

/// A kind of fault at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    at: At,
    carried_out: bool,
}

/// Every fault. A 429 that was carried out is none: no API refuses that way.
pub fn all() -> Vec<Fault> {
    let kinds = (1..100).filter_map(|number| FaultKind::try_from(number).ok());
    kinds.flat_map(places).collect()
}

fn places(kind: FaultKind) -> Vec<Fault> {
    let at = |at, carried_out| Fault {
        kind,
        at,
        carried_out,
    };
    if !kind.as_str_name().starts_with("FAULT_KIND_ANSWER_") {
        return vec![at(At::Work, false)];
    }
    let mut places = vec![at(At::Start, false), at(At::Poll, false)];
    if is_server_error(kind) {
        places.push(at(At::Start, true));
    }
    places
}

fn is_server_error(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::AnswerInternalError
            | FaultKind::AnswerBadGateway
            | FaultKind::AnswerUnavailable
            | FaultKind::AnswerGatewayTimeout
    )
}

impl Fault {
    /// Its name: `drop`, `answer-lost@poll`, `answer-bad-gateway@start!` when it is
    /// carried out nevertheless.
    pub fn name(&self) -> String {
        let kind = self.kind.as_str_name().trim_start_matches("FAULT_KIND_");
        let kind = kind.to_lowercase().replace('_', "-");
        match (self.at, self.carried_out) {
            (At::Work, _) => kind,
            (At::Start, false) => format!("{kind}@start"),
            (At::Start, true) => format!("{kind}@start!"),
            (At::Poll, _) => format!("{kind}@poll"),
        }
    }

    /// The kind, as the sandbox counts it.
    pub fn kind_name(&self) -> &'static str {
        self.kind.as_str_name()
    }

    /// Where it strikes.
    pub fn at(&self) -> At {
        self.at
    }

    /// Whether deliveries get lost.
    pub fn loses(&self) -> bool {
        self.damages()
            || matches!(
                self.kind,
                FaultKind::Drop | FaultKind::Refuse | FaultKind::Reset | FaultKind::Stall
            )
    }

    /// Whether bodies arrive that cannot be read.
    pub fn damages(&self) -> bool {
        matches!(self.kind, FaultKind::Truncate | FaultKind::Html)
    }

    /// The status with which a search ends.
    pub fn status(&self) -> Option<&'static str> {
        Some(match self.kind {
            FaultKind::SearchRateLimited => "RATE_LIMITED",
            FaultKind::SearchUnauthorized => "UNAUTHORIZED",
            FaultKind::SearchForbidden => "FORBIDDEN",
            FaultKind::SearchError => "ERROR",
            _ => return None,
        })
    }

    /// As the sandbox takes it, for jobs that these RPCs start. Each job counts its
    /// own occasions, so that it meets the same whatever the others do.
    fn settings(&self, starts: &[String], chance: &mut Chance) -> Vec<SandboxFault> {
        let places: Vec<&str> = match self.at {
            At::Work | At::Start => starts.iter().map(String::as_str).collect(),
            At::Poll => POLLS.to_vec(),
        };
        let share = match self.at {
            At::Start => Share::Always,
            At::Work | At::Poll => chance.pick(&[
                Share::Always,
                Share::Every(2),
                Share::Every(3),
                Share::Percent(60),
            ]),
        };
        let (mut every, mut percent) = (None, None);
        match share {
            Share::Always => {}
            // A search has one occasion.
            _ if self.status().is_some() || self.kind == FaultKind::SearchEmpty => {}
            // One contact has one delivery, and a job one start.
            Share::Every(_) if self.kind == FaultKind::Early => {}
            Share::Every(n) => every = Some(n),
            Share::Percent(n) => percent = Some(n),
        }
        let fault = |endpoint: &str| SandboxFault {
            kind: self.kind.into(),
            endpoint: endpoint.to_owned(),
            every,
            percent,
            duration: takes_time(self.kind).then(moment),
            carried_out: self.carried_out.then_some(true),
            ..Default::default()
        };
        places.into_iter().map(fault).collect()
    }
}

fn takes_time(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Delay
            | FaultKind::Stall
            | FaultKind::Slow
            | FaultKind::AnswerRateLimited
            | FaultKind::AnswerRateLimitedDate
            | FaultKind::AnswerStall
            | FaultKind::AnswerSlow
            | FaultKind::EnrichmentSlow
    )
}

fn moment() -> prost_types::Duration {
    MOMENT.try_into().unwrap()
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    Always,
    Every(u32),
    Percent(u32),
}

/// Faults that strike together, and the forms in which Pronto writes meanwhile.
#[derive(Clone, Debug)]
pub struct Combination {
    /// None, one or two.
    pub faults: Vec<Fault>,
    seed: u64,
}

impl Combination {
    /// Of these faults. The seed and their names decide on everything else.
    pub fn new(faults: Vec<Fault>, seed: u64) -> Self {
        Self { faults, seed }
    }

    /// What names it, such as `drop+answer-lost@start`.
    pub fn name(&self) -> String {
        let names: Vec<_> = self.faults.iter().map(Fault::name).collect();
        names.join("+")
    }

    /// Chance that is the same for the same combination and seed.
    pub fn chance(&self, what: &str) -> Chance {
        let mut hasher = DefaultHasher::new();
        (self.seed, self.name(), what).hash(&mut hasher);
        Chance(hasher.finish())
    }

    /// The sandbox's settings, for jobs that these RPCs start.
    pub fn settings(&self, starts: &[String]) -> SandboxSettings {
        let mut chance = self.chance("settings");
        let faults = self.faults.iter();
        SandboxSettings {
            generation: Some(chance.pick(&GENERATIONS).into()),
            streaming_shape: Some(chance.pick(&SHAPES).into()),
            final_message: Some(chance.pick(&FINAL_MESSAGES).into()),
            faults: faults
                .flat_map(|fault| fault.settings(starts, &mut chance))
                .collect(),
            ..Default::default()
        }
    }

    /// Whether one of its faults is like that.
    pub fn any(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.faults.iter().any(is)
    }
}

const GENERATIONS: [Generation; 3] = [
    Generation::Observed,
    Generation::Documented,
    Generation::Alternating,
];
const SHAPES: [StreamingShape; 3] = [
    StreamingShape::Flat,
    StreamingShape::Nested,
    StreamingShape::Alternating,
];
const FINAL_MESSAGES: [FinalMessage; 4] = [
    FinalMessage::Repeating,
    FinalMessage::Bare,
    FinalMessage::Twice,
    FinalMessage::Off,
];

/// Numbers by chance (SplitMix64).
pub struct Chance(u64);

impl Chance {
    /// A number below another.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }

    /// One of several values.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}
