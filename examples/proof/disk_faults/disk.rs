//! The disk of a server under test; `disk_faults.c` is its other end.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What goes wrong. The numbers are those of `disk_faults.c`, which says what each
/// of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// Nothing.
    None = 0,
    /// The device fails.
    Io = 1,
    /// The disk is full.
    Full = 2,
    /// A write is torn, then the disk is full.
    Torn = 3,
    /// Syncs fail.
    Sync = 4,
    /// The process dies in the middle of a write.
    Kill = 5,
    /// The power fails.
    Power = 6,
}

impl Fault {
    /// Whether the process dies of it.
    pub fn is_deadly(self) -> bool {
        matches!(self, Self::Kill | Self::Power)
    }
}

/// A fault at one operation of the disk.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What goes wrong.
    pub fault: Fault,
    /// Whether it stays, once it is there.
    pub stays: bool,
    /// At which operation, counted from 1.
    pub at: u64,
}

/// A disk that fails on command.
pub struct Disk {
    control: File,
    folder: PathBuf,
}

/// Where the fields of the control are.
mod offset {
    pub const FAULT: u64 = 0;
    pub const STAYS: u64 = 4;
    pub const AT: u64 = 8;
    pub const COUNT: u64 = 16;
    pub const FAILED: u64 = 24;
    pub const END: u64 = 32;
}

impl Disk {
    /// A disk that works. Keeps its own files in a folder.
    pub fn new(folder: &Path) -> Self {
        let folder = folder.join("faults");
        std::fs::create_dir_all(folder.join("undo")).unwrap();
        let options = &mut File::options();
        let options = options.read(true).write(true).create(true);
        let control = options.open(folder.join("control")).unwrap();
        control.set_len(offset::END).unwrap();
        Self { control, folder }
    }

    /// Lets a server keep its data on this disk.
    pub fn attach(&self, command: &mut Command, data: &Path) {
        let library = std::env::current_exe().unwrap();
        command
            .env("LD_PRELOAD", library.with_file_name("disk_faults.so"))
            .env("FAULTS_FOLDER", data)
            .env("FAULTS_CONTROL", self.folder.join("control"))
            .env("FAULTS_UNDO", self.folder.join("undo"));
    }

    /// Lets it fail from an operation on, counted from now.
    pub fn fail(&self, case: Case) {
        self.write(offset::FAULT, &0_u32.to_le_bytes());
        self.write(offset::STAYS, &u32::from(case.stays).to_le_bytes());
        self.write(offset::AT, &case.at.to_le_bytes());
        self.write(offset::COUNT, &0_u64.to_le_bytes());
        self.write(offset::FAILED, &0_u64.to_le_bytes());
        self.write(offset::FAULT, &(case.fault as u32).to_le_bytes());
    }

    /// Lets it work again.
    pub fn heal(&self) {
        self.write(offset::FAULT, &(Fault::None as u32).to_le_bytes());
    }

    /// Whether it works.
    pub fn is_healed(&self) -> bool {
        // The lower half is the fault, the upper one whether it stays.
        self.read(offset::FAULT) as u32 == Fault::None as u32
    }

    /// Operations that the fault concerns, since it was set.
    pub fn count(&self) -> u64 {
        self.read(offset::COUNT)
    }

    /// Operations that failed.
    pub fn failed(&self) -> u64 {
        self.read(offset::FAILED)
    }

    /// Keeps what is not synced, as after the death of a process alone.
    pub fn keep_unsynced(&self) {
        for file in std::fs::read_dir(self.folder.join("undo")).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        self.control.write_all_at(bytes, offset).unwrap();
    }

    fn read(&self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, offset).unwrap();
        u64::from_le_bytes(bytes)
    }
}
