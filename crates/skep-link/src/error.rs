//! What can be wrong with the input: where, what, and what was expected.

use skep_insn::check::CheckError;
use skep_object::object::RelocKind;

use crate::site::Site;

/// Why objects cannot be linked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to link.
    #[error("no object to link; libraries are only searched for what objects lack")]
    NoObject,
    /// An archive cannot be read.
    #[error("cannot read {name}")]
    Archive {
        /// The archive.
        name: String,
        /// Why.
        source: Box<skep_object::Error>,
    },
    /// Two objects say different things about the whole program.
    #[error("{} has {what} {}, and {} has {}; expected one for the whole program", .objects[0], .values[0], .objects[1], .values[1])]
    Disagreement {
        /// What they say it about.
        what: &'static str,
        /// The objects.
        objects: Box<[String; 2]>,
        /// What each of them says.
        values: Box<[String; 2]>,
    },
    /// Two objects define a map, in different ways.
    #[error(
        "map '{name}' is defined at {first} and at {second}, with different {field}: {} and {}; make them equal, or one \
         of them another map", .values[0], .values[1]
    )]
    MapDiffers {
        /// The map.
        name: String,
        /// The first field that differs.
        field: &'static str,
        /// Its values.
        values: Box<[String; 2]>,
        /// One definition.
        first: Box<Site>,
        /// The other one.
        second: Box<Site>,
    },
    /// The linked program is more than an object can hold.
    #[error("{name} cannot be written as an object")]
    Object {
        /// The name of the program.
        name: String,
        /// Why.
        source: Box<skep_object::Error>,
    },
    /// The types of all objects together.
    #[error("the types of the objects cannot be one set")]
    Types {
        /// Why.
        source: skep_btf::Error,
    },
    /// The sections of a name are more than one section can be.
    #[error("the sections '{name}' have {size:#x} bytes together, expected at most {max:#x}")]
    SectionTooLarge {
        /// Their name.
        name: String,
        /// What they have in bytes.
        size: u128,
        /// What one section can have.
        max: u64,
    },
    /// No function has the name of an entry.
    #[error("no function '{name}' to begin with in {object}{}", skep_object::nearest::did_you_mean(.near))]
    UnknownEntry {
        /// The name.
        name: String,
        /// The objects that were searched.
        object: String,
        /// Names of functions that are near.
        near: Vec<String>,
    },
    /// Several functions have the name of an entry, and none of them is visible to others.
    #[error("entry '{name}' may be the function at {first} or the one at {second}; make one of them global")]
    AmbiguousEntry {
        /// The name.
        name: String,
        /// One of them.
        first: Box<Site>,
        /// Another one.
        second: Box<Site>,
    },
    /// A name has two global definitions.
    #[error("symbol '{name}' is defined at {first} and at {second}; make one of them static or weak")]
    DefinedTwice {
        /// The name.
        name: String,
        /// One definition.
        first: Box<Site>,
        /// The other one.
        second: Box<Site>,
    },
    /// What a relocation, or a call without one, refers to is nothing that can stand there.
    #[error("{what} to {target} at {site}: {problem}")]
    Target {
        /// Where.
        site: Box<Site>,
        /// `call`, or the relocation's type.
        what: &'static str,
        /// Symbol and addend, or the distance in slots.
        target: String,
        /// What is wrong with it.
        problem: TargetProblem,
    },
    /// A relocation cannot be applied where it stands, whatever it refers to.
    #[error("{} at {site}: {problem}", .kind.spec_name())]
    Place {
        /// Where.
        site: Box<Site>,
        /// The relocation's type.
        kind: RelocKind,
        /// What is wrong with the place.
        problem: PlaceProblem,
    },
    /// A jump table has an entry that is no place to jump to.
    #[error("jump table '{table}' of {site}: {problem}")]
    JumpTable {
        /// Where the table is loaded.
        site: Box<Site>,
        /// The name of the table.
        table: String,
        /// What is wrong with it.
        problem: JumpTableProblem,
    },
    /// A jump leaves its function.
    #[error("jump by {off} at {site} leaves function '{func}'{}; expected a call, or both in one function", into(.lands))]
    JumpAcross {
        /// Where.
        site: Box<Site>,
        /// The offset in slots from the next slot.
        off: i32,
        /// The function that it leaves.
        func: String,
        /// The function that it would land in.
        lands: Option<String>,
    },
    /// A function that no runtime could run.
    #[error("function '{func}' is not valid at {site}")]
    Code {
        /// Where.
        site: Box<Site>,
        /// The function.
        func: String,
        /// What is wrong with it.
        source: CheckError,
    },
    /// An object contradicts itself: a reader or a host has put it together wrongly.
    #[error("object {object} is inconsistent: {what}")]
    Inconsistent {
        /// The object.
        object: String,
        /// The contradiction.
        what: String,
    },
}

/// Why a target is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetProblem {
    /// It lies outside of its section.
    #[error("offset {offset} is outside of section {section}, which has {len} bytes")]
    Outside {
        /// The section.
        section: String,
        /// Bytes from its start.
        offset: i128,
        /// Its length in bytes.
        len: u64,
    },
    /// It is no multiple of 8 bytes into a code section.
    #[error("offset {offset:#x} in section {section} is inside an instruction, expected a multiple of 8")]
    Misaligned {
        /// The section.
        section: String,
        /// Bytes from its start.
        offset: u64,
    },
    /// It is code that belongs to no function.
    #[error("no function holds {section}+{offset:#x}; declare one there (.type NAME, @function)")]
    NoFunction {
        /// The section.
        section: String,
        /// Bytes from its start.
        offset: u64,
    },
    /// It is inside of a function.
    #[error("{func}+{into:#x} is inside a function, expected the start of one")]
    InsideFunction {
        /// The function.
        func: String,
        /// Bytes from its start.
        into: u64,
    },
    /// It is inside of a function which has no use for the addresses of its instructions.
    #[error(
        "{func}+{into:#x} is inside a function without gotox; expected the start of a function, or code of -mcpu=v4 \
         that jumps there"
    )]
    Label {
        /// The function.
        func: String,
        /// Bytes from its start.
        into: u64,
    },
    /// A call of what is no function.
    #[error("it is {found}, expected a function")]
    NotCallable {
        /// What it is.
        found: &'static str,
    },
    /// A call of a number that is none of a helper.
    #[error("it is the number {value:#x}, expected the number of a helper, less than 2^31")]
    NoHelper {
        /// The number.
        value: u64,
    },
    /// No map lies there.
    #[error("no map is defined at {section} + {offset}, expected the start of one")]
    NoMap {
        /// The section.
        section: String,
        /// Bytes from its start.
        offset: i128,
    },
    /// A call of something beyond an undefined symbol.
    #[error("{addend} bytes beyond an undefined function, expected the function itself")]
    BeyondImport {
        /// Bytes beyond the symbol.
        addend: i64,
    },
    /// An initial value of a map is neither a map nor a function.
    #[error("it is {found}, expected a map or a function")]
    NotMapValue {
        /// What it is.
        found: &'static str,
    },
}

/// Why a place cannot be patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceProblem {
    /// The place is no multiple of 8 bytes into a code section.
    #[error("the place is inside an instruction, expected a multiple of 8")]
    Misaligned,
    /// The place is the second slot of `ld_imm64`.
    #[error("the place is the second slot of ld_imm64, expected the first")]
    SecondSlot,
    /// The instruction there is another one.
    #[error("opcode {opcode:#04x} with src {src} cannot be patched, expected {expected}")]
    Opcode {
        /// The opcode that stands there.
        opcode: u8,
        /// Its source register field.
        src: u8,
        /// What was expected.
        expected: &'static str,
    },
    /// Two relocations for one place.
    #[error("another relocation patches the same bytes, expected one")]
    Twice,
    /// The place ends outside of the section.
    #[error("the place ends outside of the section of {len:#x} bytes")]
    Outside {
        /// Length of the section in bytes.
        len: u64,
    },
    /// The section has no contents that could be patched.
    #[error("the section begins as zeros and cannot be patched, expected one with contents")]
    Zeros,
    /// Pointers have 64 bits.
    #[error("32 bits cannot hold an address; declare the variable with 64 bits")]
    Narrow,
    /// The type belongs elsewhere.
    #[error("the type has no meaning here, expected {expected}")]
    Kind {
        /// What was expected.
        expected: &'static str,
    },
}

/// Why a jump table is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JumpTableProblem {
    /// No symbol says where the table begins and ends.
    #[error("no symbol with a size holds .jumptables+{offset:#x}")]
    NoSymbol {
        /// Bytes from the start of the section.
        offset: i64,
    },
    /// Its length is no multiple of 8, or it ends outside of the section.
    #[error(
        "it has {size:#x} bytes at .jumptables+{offset:#x}, expected a multiple of 8 inside the section of {len:#x}"
    )]
    Size {
        /// Bytes from the start of the section.
        offset: u64,
        /// Its size in bytes.
        size: u64,
        /// Length of the section in bytes.
        len: u64,
    },
    /// An entry is no instruction of the function that loads the table.
    #[error("entry {index} is {target:#x}, expected an instruction of the function, {start:#x} to {end:#x}")]
    Entry {
        /// Which, from 0.
        index: usize,
        /// What it holds: bytes from the start of the code section.
        target: u64,
        /// Where the function starts, in bytes from the start of its section.
        start: u64,
        /// Where it ends.
        end: u64,
    },
    /// Two functions load the table.
    #[error("function '{other}' loads it too, expected one table for each")]
    Shared {
        /// The other function.
        other: String,
    },
    /// The table runs into another one, or into a pointer that a relocation writes.
    #[error("it overlaps {other} at .jumptables+{at:#x}, expected the places of a table to be its own")]
    Overlap {
        /// What is there, too.
        other: String,
        /// Where, in bytes from the start of the section.
        at: u64,
    },
    /// An entry is the second slot of `ld_imm64`.
    #[error("{func}+{into:#x} is the second slot of ld_imm64, expected the start of an instruction")]
    SecondSlot {
        /// The function.
        func: String,
        /// Bytes from its start.
        into: u64,
    },
}

fn into(lands: &Option<String>) -> String {
    lands.as_ref().map_or_else(String::new, |func| format!(" for '{func}'"))
}
