//! What came of a case.

/// What came of one case, or of many.
#[derive(Default)]
pub struct Outcome {
    /// Cases.
    pub cases: usize,
    /// Operations of the disk that the fault concerns.
    pub operations: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Times that the process died of the fault.
    pub deaths: usize,
    /// Times that the server said why it could not start.
    pub refused_starts: usize,
    /// Callbacks that were answered 2xx.
    pub acked: usize,
    /// Callbacks that were answered 503.
    pub refused: usize,
    /// Callbacks that were answered 2xx and are not there.
    pub lost: usize,
    /// Callbacks that were answered 2xx while nothing could be stored.
    pub false_acks: usize,
    /// Times that health was not what it should be.
    pub health_wrong: usize,
    /// Everything that is not as promised.
    pub broken: Vec<String>,
}

impl Outcome {
    /// Adds another one.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.operations += other.operations;
        self.failed += other.failed;
        self.deaths += other.deaths;
        self.refused_starts += other.refused_starts;
        self.acked += other.acked;
        self.refused += other.refused;
        self.lost += other.lost;
        self.false_acks += other.false_acks;
        self.health_wrong += other.health_wrong;
        self.broken.extend(other.broken);
    }
}
