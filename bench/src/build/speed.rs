//! The speed of code generation: the same workloads through each peer's API, in turns, in one run.

use std::error::Error;
use std::io::{self, IsTerminal, Write, stderr};
use std::process::Command;

use object::{Object, ObjectSection};
use skep::insn::{Endian, RawInsn};

use super::figures::Size;
use super::peer::{self, Entry, Peer};
use super::workload::{ENTRY, Workload, small_result};
use crate::clock::{self, Took};

/// A peer's rounds at one workload end when they have taken this much CPU time, in ns; it has at least one.
const ENOUGH: u64 = 3_000_000_000;
/// In each round a peer goes on for this long, in ns of CPU time: its turn begins with caches full of others' work.
const TURN: u64 = 10_000_000;
/// Fresh processes per peer, of which the fastest counts.
const COLD_STARTS: u32 = 5;
/// What the functions are called with to compare results.
const ARGUMENT: u64 = 10;

/// All figures.
pub(crate) struct Speed {
    notes: Vec<String>,
    absent: Vec<String>,
    /// Titles of the columns.
    peers: Vec<&'static str>,
    abouts: Vec<&'static str>,
    /// Of a fresh process, from opening the library to the object; one small function.
    cold: Vec<Result<Took, String>>,
    rows: Vec<Row>,
    /// Results that were not like the others'.
    wrong: Vec<String>,
}

struct Row {
    workload: Workload,
    cells: Vec<Cell>,
}

/// One peer at one workload.
enum Cell {
    /// Its time, and its instructions of BPF if it is for BPF.
    Ran(Took, Option<usize>),
    Failed(String),
    /// It would take minutes.
    LeftOut,
}

impl Cell {
    fn took(&self) -> Option<&Took> {
        match self {
            Self::Ran(took, _) => Some(took),
            _ => None,
        }
    }

    /// What stands where there is no figure.
    fn blank(&self) -> String {
        if matches!(self, Self::Failed(_)) { "fails".into() } else { "-".into() }
    }
}

/// Measures everyone that is installed and has `peers` in its name, at workloads with `filter` in theirs.
///
/// # Errors
/// This program cannot be started again, for cold starts.
pub(crate) fn measure(rounds: u32, filter: &str, peers: &str) -> Result<Speed, Box<dyn Error>> {
    let mut speed = Speed {
        notes: Vec::new(),
        absent: Vec::new(),
        peers: Vec::new(),
        abouts: Vec::new(),
        cold: Vec::new(),
        rows: Vec::new(),
        wrong: Vec::new(),
    };
    speed.notes.push(match clock::pin() {
        Ok(core) => {
            format!("pinned to core {core}; fastest of up to {rounds} rounds, child processes included")
        }
        Err(reason) => format!("not pinned to a core: {reason}"),
    });
    let wanted = peer::all().into_iter().filter(|entry| entry.name.contains(peers));
    let mut peers = Vec::new();
    for entry in wanted {
        match (entry.open)() {
            Ok(peer) => {
                speed.peers.push(entry.name);
                speed.abouts.push(entry.about);
                speed.cold.push(cold(&entry)?);
                peers.push((entry, peer));
            }
            Err(reason) => speed.absent.push(format!("{}: {reason}", entry.name)),
        }
    }
    for workload in Workload::ALL {
        if workload.name().contains(filter) {
            progress(&workload.name());
            let (row, objects) = row(&mut peers, workload, rounds);
            if workload.runs() {
                speed.compare(&mut peers, &objects, workload);
            }
            speed.rows.push(row);
        }
    }
    progress("");
    Ok(speed)
}

/// One workload's times, and the object that each peer made last.
fn row(peers: &mut [(Entry, Box<dyn Peer>)], workload: Workload, rounds: u32) -> (Row, Vec<Vec<u8>>) {
    let leaves_out = |entry: &Entry| !entry.patient && workload == Workload::Long(100_000);
    let mut lanes: Vec<Lane> = peers
        .iter()
        .map(|(entry, _)| Lane {
            best: None,
            spent: 0,
            object: Vec::new(),
            over: leaves_out(entry),
            error: None,
        })
        .collect();
    for _ in 0..rounds {
        for ((_, peer), lane) in peers.iter_mut().zip(&mut lanes) {
            let until = lane.spent + TURN;
            while !lane.over && lane.spent < until {
                let (took, object) = Took::measure(|| peer.build(workload));
                lane.spent += took.cpu;
                lane.over = lane.spent > ENOUGH;
                match object {
                    Ok(object) => {
                        lane.best = Some(lane.best.map_or(took, |best| best.least(took)));
                        lane.object = object;
                    }
                    Err(error) => {
                        lane.error = Some(crate::chain(error.as_ref()));
                        lane.over = true;
                    }
                }
            }
        }
    }
    let cells = lanes.iter().map(|lane| match (&lane.error, lane.best) {
        (Some(error), _) => Cell::Failed(error.clone()),
        (None, Some(took)) => Cell::Ran(took, bpf_insns(&lane.object)),
        (None, None) => Cell::LeftOut,
    });
    (Row { workload, cells: cells.collect() }, lanes.into_iter().map(|lane| lane.object).collect())
}

/// A peer at one workload, while it is measured.
struct Lane {
    best: Option<Took>,
    spent: u64,
    object: Vec<u8>,
    over: bool,
    error: Option<String>,
}

/// Runs the first function of a BPF object.
fn run(object: &[u8]) -> Result<u64, Box<dyn Error>> {
    let object = skep::read("workload", object)?;
    let image = skep::linker::link(&object, &skep::linker::Options::new().entry(ENTRY))?;
    let unit = skep::Engine::checked(skep::Hosts::new()).add(&image)?;
    Ok(unit.func(ENTRY).ok_or("no first function")?.call(&[ARGUMENT])?)
}

/// Instructions in an object's code, if it is one for BPF.
fn bpf_insns(object: &[u8]) -> Option<usize> {
    let file = object::File::parse(object).ok()?;
    if file.architecture() != object::Architecture::Bpf {
        return None;
    }
    let code = file.sections().filter(|section| section.kind() == object::SectionKind::Text);
    let slots = code.map(|section| RawInsn::slots(section.data().ok()?, Endian::Little));
    slots.map(|code| Some(Size::of(&code?).insns)).sum()
}

impl Speed {
    /// Runs everyone's code once. What did not compile is told in its row.
    fn compare(&mut self, peers: &mut [(Entry, Box<dyn Peer>)], objects: &[Vec<u8>], workload: Workload) {
        let mut expected = matches!(workload, Workload::Small(_)).then(|| small_result(ARGUMENT));
        for ((Entry { name, .. }, peer), object) in peers.iter_mut().map(|(e, p)| (&*e, p)).zip(objects) {
            let result = if object.is_empty() {
                continue;
            } else if bpf_insns(object).is_some() {
                run(object)
            } else {
                match peer.native_result(workload, ARGUMENT) {
                    Some(result) => result,
                    None => continue,
                }
            };
            match result {
                Ok(value) if value == *expected.get_or_insert(value) => {}
                Ok(value) => self.wrong.push(format!("{name}, {}: result {value:#x}", workload.name())),
                Err(e) => {
                    self.wrong.push(format!("{name}, {}: {}", workload.name(), crate::chain(e.as_ref())))
                }
            }
        }
    }

    /// Whether skep failed at something that it took part in.
    pub(crate) fn skep_failed(&self) -> bool {
        let ours = |column: usize| self.peers[column].starts_with("skep");
        let failed = |row: &Row| {
            row.cells.iter().enumerate().any(|(c, cell)| ours(c) && matches!(cell, Cell::Failed(_)))
        };
        self.rows.iter().any(failed) || !self.wrong.is_empty()
    }

    /// Whether someone is not installed.
    pub(crate) fn incomplete(&self) -> bool {
        !self.absent.is_empty()
    }

    /// Writes the tables.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nspeed of code generation")?;
        for note in &self.notes {
            writeln!(out, "  {note}")?;
        }
        for (peer, about) in self.peers.iter().zip(&self.abouts) {
            writeln!(out, "  {peer:<12}{about}")?;
        }
        for reason in &self.absent {
            writeln!(out, "  skipped: {reason}")?;
        }
        for (title, of) in [("CPU", cpu as fn(&Took) -> u64), ("wall", wall)] {
            self.print_times(out, title, of)?;
        }
        if let Some(skep) = self.peers.iter().position(|peer| *peer == "skep-O2") {
            self.print_ratios(out, skep)?;
        }
        write!(out, "\n{:<28}", "instructions of BPF")?;
        self.print_names(out)?;
        for row in &self.rows {
            write!(out, "  {:<26}", row.workload.name())?;
            for cell in &row.cells {
                let insns = if let Cell::Ran(_, Some(insns)) = cell { insns.to_string() } else { "-".into() };
                write!(out, "{insns:>12}")?;
            }
            writeln!(out)?;
        }
        self.print_failures(out)
    }

    fn print_times(&self, out: &mut dyn Write, title: &str, of: fn(&Took) -> u64) -> io::Result<()> {
        write!(out, "\n{:<28}", format!("{title} time, us"))?;
        self.print_names(out)?;
        write!(out, "  {:<26}", "first small function, cold")?;
        for took in &self.cold {
            write!(out, "{:>12}", took.as_ref().map_or("fails".into(), |took| us(of(took))))?;
        }
        writeln!(out)?;
        for row in &self.rows {
            write!(out, "  {:<26}", row.workload.name())?;
            for cell in &row.cells {
                write!(out, "{:>12}", cell.took().map_or_else(|| cell.blank(), |took| us(of(took))))?;
            }
            writeln!(out)?;
        }
        let (ten, hundred) = (Workload::Long(10_000), Workload::Long(100_000));
        let find = |workload| self.rows.iter().find(|row| row.workload == workload);
        if let (Some(ten), Some(hundred)) = (find(ten), find(hundred)) {
            write!(out, "  {:<26}", "growth, 10 times the length")?;
            for cells in ten.cells.iter().zip(&hundred.cells) {
                let growth = match (cells.0.took(), cells.1.took()) {
                    (Some(ten), Some(hundred)) => {
                        format!("{:.1}", of(hundred) as f64 / of(ten) as f64)
                    }
                    _ => "-".into(),
                };
                write!(out, "{growth:>12}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn print_ratios(&self, out: &mut dyn Write, skep: usize) -> io::Result<()> {
        write!(out, "\n{:<28}", "CPU time / skep-O2's")?;
        self.print_names(out)?;
        for row in &self.rows {
            write!(out, "  {:<26}", row.workload.name())?;
            for cell in &row.cells {
                let ratio = match (cell.took(), row.cells[skep].took()) {
                    (Some(peer), Some(skep)) => format!("{:.1}", peer.cpu as f64 / skep.cpu as f64),
                    _ => "-".into(),
                };
                write!(out, "{ratio:>12}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn print_names(&self, out: &mut dyn Write) -> io::Result<()> {
        for name in &self.peers {
            write!(out, "{name:>12}")?;
        }
        writeln!(out)
    }

    fn print_failures(&self, out: &mut dyn Write) -> io::Result<()> {
        let cold = self
            .cold
            .iter()
            .zip(&self.peers)
            .filter_map(|(took, peer)| Some(format!("{peer}, cold: {}", took.as_ref().err()?)));
        let warm = self.rows.iter().flat_map(|row| {
            row.cells.iter().zip(&self.peers).filter_map(|(cell, peer)| match cell {
                Cell::Failed(reason) => Some(format!("{peer}, {}: {reason}", row.workload.name())),
                _ => None,
            })
        });
        for failure in cold.chain(warm) {
            writeln!(out, "  fails: {failure}")?;
        }
        for wrong in &self.wrong {
            writeln!(out, "  wrong code: {wrong}")?;
        }
        Ok(())
    }
}

fn cpu(took: &Took) -> u64 {
    took.cpu
}

fn wall(took: &Took) -> u64 {
    took.wall
}

fn us(ns: u64) -> String {
    let us = ns as f64 / 1000.0;
    if us < 100.0 { format!("{us:.1}") } else { format!("{us:.0}") }
}

/// The first compilation of fresh processes: this program with `--cold PEER`.
fn cold(entry: &Entry) -> Result<Result<Took, String>, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut best: Option<Took> = None;
    for _ in 0..COLD_STARTS {
        let output = Command::new(&program).args(["build", "speed", "--cold", entry.name]).output()?;
        if !output.status.success() {
            return Ok(Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")));
        }
        let text = String::from_utf8(output.stdout)?;
        let (cpu, wall) = text.trim().split_once(' ').ok_or("a cold start prints two numbers")?;
        let took = Took { cpu: cpu.parse()?, wall: wall.parse()? };
        best = Some(best.map_or(took, |best| best.least(took)));
    }
    Ok(best.ok_or_else(|| "never started".into()))
}

/// In the fresh process: opens one peer, compiles one function, prints CPU and wall time in ns.
///
/// # Errors
/// There is no such peer, or it cannot compile.
pub(crate) fn cold_start(name: &str, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let entry = peer::all().into_iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| format!("no peer '{name}'"))?;
    let (took, object) = Took::measure(|| (entry.open)()?.build(Workload::Small(1)));
    object?;
    writeln!(out, "{} {}", took.cpu, took.wall)?;
    Ok(())
}

/// Says on a terminal what is going on; the line is overwritten.
fn progress(what: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}
