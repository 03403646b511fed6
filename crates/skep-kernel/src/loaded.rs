//! What is in the kernel after an image was loaded.

use skep_btf::BpfType;
use skep_object::nearest::nearest;

use crate::attach::{self, Link, Target};
use crate::data::{Global, Sections};
use crate::error::Error;
use crate::map::{Map, PerCpuMap, TypedMap};
use crate::prog::Prog;
use crate::struct_ops::StructOps;

/// The programs, maps and data of an image in the kernel. Unloaded when dropped; what is attached stays as long as
/// its [`Link`].
#[derive(Debug)]
pub struct Loaded {
    programs: Vec<Prog>,
    maps: Vec<Map>,
    data: Sections,
    struct_ops: Vec<StructOps>,
    remarks: Vec<String>,
}

/// How many names an error lists.
const FEW: usize = 8;

impl Loaded {
    pub(crate) fn new(
        programs: Vec<Prog>,
        maps: Vec<Map>,
        data: Sections,
        struct_ops: Vec<StructOps>,
        remarks: Vec<String>,
    ) -> Loaded {
        Loaded { programs, maps, data, struct_ops, remarks }
    }

    /// All programs, in the order of the image.
    #[must_use]
    pub fn programs(&self) -> &[Prog] {
        &self.programs
    }

    /// The program of that name.
    ///
    /// # Errors
    /// If none was loaded; with the nearest names.
    pub fn program(&self, name: &str) -> Result<&Prog, Error> {
        let found = self.programs.iter().find(|program| program.is_called(name));
        found.ok_or_else(|| no_such("program", name, self.programs.iter().map(Prog::name)))
    }

    /// All maps of the image, in its order; data sections are not among them.
    #[must_use]
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// The data sections, each as the map that it is in the kernel.
    pub fn data(&self) -> impl Iterator<Item = &Map> {
        self.data.maps()
    }

    /// The map of that name, with keys and values as bytes; also a data section, `.bss`, or a variable in
    /// `.struct_ops`.
    ///
    /// # Errors
    /// If there is none; with the nearest names.
    pub fn map_raw(&self, name: &str) -> Result<&Map, Error> {
        let all =
            || self.maps.iter().chain(self.data.maps()).chain(self.struct_ops.iter().map(StructOps::map));
        all().find(|map| map.name() == name).ok_or_else(|| no_such("map", name, all().map(Map::name)))
    }

    /// The map of that name, with keys and values of these types.
    ///
    /// # Errors
    /// If there is none, if keys or values have other sizes, or if it has one value for each CPU.
    pub fn map<K: BpfType, V: BpfType>(&self, name: &str) -> Result<TypedMap<'_, K, V>, Error> {
        self.map_raw(name)?.typed()
    }

    /// The map of that name, with keys and, for each CPU, values of these types.
    ///
    /// # Errors
    /// If there is none, if keys or values have other sizes, or if it has one value for all CPUs.
    pub fn map_per_cpu<K: BpfType, V: BpfType>(&self, name: &str) -> Result<PerCpuMap<'_, K, V>, Error> {
        self.map_raw(name)?.per_cpu()
    }

    /// The global variable of that name, shared with the programs.
    ///
    /// # Errors
    /// If there is none that programs use or that is visible by name; if `T` has another size; or if it cannot be
    /// shared.
    pub fn global<T: BpfType>(&self, name: &str) -> Result<Global<'_, T>, Error> {
        self.data.global(name)
    }

    /// Attaches a program to what its section names, or a variable in `.struct_ops`, until the link is dropped.
    ///
    /// # Errors
    /// If there is no such program or variable, if its section does not say where to attach it, or if the kernel does not do it.
    pub fn attach(&self, program: &str) -> Result<Link, Error> {
        match self.struct_ops.iter().find(|ops| ops.map().name() == program) {
            Some(ops) => Link::of_struct_ops(ops),
            None => attach::by_section(self.program(program)?),
        }
    }

    /// Attaches every program whose section says where, and every variable in `.struct_ops`, until the links are dropped.
    ///
    /// # Errors
    /// If the kernel does not attach one of them; then none is.
    pub fn attach_all(&self) -> Result<Vec<Link>, Error> {
        let programs =
            self.programs.iter().filter(|prog| attach::is_by_section(prog)).map(attach::by_section);
        programs.chain(self.struct_ops.iter().map(Link::of_struct_ops)).collect()
    }

    /// Attaches a program to something that its section does not name, until the link is dropped.
    ///
    /// # Errors
    /// If there is no such program, if programs of its type cannot be attached there, or if the kernel does not do it.
    pub fn attach_to(&self, program: &str, target: Target<'_>) -> Result<Link, Error> {
        attach::to(self.program(program)?, target)
    }

    /// What the kernel did not take, but does not need.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Adds to the [`remarks`](Loaded::remarks): for what comes before loading, and changes its course.
    pub fn remark(&mut self, remark: String) {
        self.remarks.push(remark);
    }
}

fn no_such<'a>(what: &'static str, name: &str, names: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<&str> = names.collect();
    let near = nearest(name, names.iter().copied());
    let there = if near.is_empty() && names.len() <= FEW {
        names.iter().map(|&name| name.to_owned()).collect()
    } else {
        Vec::new()
    };
    Error::NoSuch { what, name: name.to_owned(), near, there }
}
