//! struct_ops: structs of functions that the kernel calls, as a congestion control of TCP is one.
//!
//! A variable in `.struct_ops` or `.struct_ops.link` is made into the kernel's struct of the same name, member by
//! member, since the two may have been compiled from different sources. Its functions are programs; what each is for
//! follows from the member that points to it.

use std::collections::HashMap;
use std::os::fd::AsFd;

use skep_btf::maps::MapType;
use skep_btf::{Btf, Composite, Kind, Member, Type, TypeId};
use skep_object::Image;
use skep_object::image::{Data, FuncId, Target, Var};
use skep_object::section::{ProgType, attach_type};

use crate::attach::AttachTo;
use crate::error::{Error, remedy};
use crate::map::{Map, shape};
use crate::maps::kernel_name;
use crate::options::Options;
use crate::prog::Prog;
use crate::select::Selection;
use crate::sys::{self, attr::MapCreate};
use crate::types::{ById, DEPTH, Header, Types, essential, string};
use crate::vmlinux::KernelTypes;

/// What the variables of an image are in this kernel.
#[derive(Debug, Default)]
pub(crate) struct Plans<'a> {
    plans: Vec<Plan<'a>>,
    /// What each program is for.
    pub(crate) programs: HashMap<FuncId, AttachTo>,
}

/// A struct of functions, as the kernel has it.
#[derive(Debug)]
struct Plan<'a> {
    name: &'a str,
    /// Attached by a link.
    linked: bool,
    /// The kernel's struct around the struct of functions.
    value_type: TypeId,
    /// Its bytes; where functions stand, zeros.
    value: Vec<u8>,
    /// Where which function stands.
    funcs: Vec<(usize, FuncId)>,
}

/// A struct of functions in the kernel.
#[derive(Debug)]
pub(crate) struct StructOps {
    map: Map,
    linked: bool,
    value: Vec<u8>,
}

/// What is in front of the names of the kernel's structs around structs of functions.
const VALUE_PREFIX: &str = "bpf_struct_ops_";
/// `BPF_F_LINK`
const LINK: u32 = 1 << 13;

/// Finds out what the variables whose functions are loaded are in this kernel.
pub(crate) fn plan<'a>(
    image: &'a Image,
    selection: &Selection<'_>,
    kernel: &mut KernelTypes,
) -> Result<Plans<'a>, Error> {
    let mut plans = Plans::default();
    if selection.programs.iter().all(|program| program.section.ty != ProgType::STRUCT_OPS) {
        return Ok(plans);
    }
    let Some(btf) = image.btf.as_deref() else { return Ok(plans) };
    let mut wanted = Vec::new();
    for data in image.data.iter().filter(|data| is_struct_ops(&data.name)) {
        for var in data.vars.iter().filter(|var| var.size > 0) {
            let funcs = pointers(data, var);
            let is_loaded = |id: &FuncId| selection.programs.iter().any(|program| program.id == *id);
            if funcs.values().any(is_loaded) {
                let is_whole = funcs.values().all(is_loaded);
                wanted.push(Wanted { btf, data, var, funcs, is_whole });
            }
        }
    }
    for wanted in wanted {
        let fail = |problem| Error::Data { section: wanted.data.name.clone(), problem };
        let ty =
            wanted.ty().ok_or_else(|| fail(format!("'{}' has no struct for a type", wanted.var.name)))?;
        let name = essential(btf.name(ty)).to_owned();
        let value_name = format!("{VALUE_PREFIX}{name}");
        let found = kernel.find(&[(Kind::Struct, &name), (Kind::Struct, &value_name)])?;
        let [Some(ops), Some(value_type)] = found[..] else {
            let problem =
                format!("'{}' is a '{name}', which this kernel has no struct_ops of", wanted.var.name);
            return Err(fail(problem));
        };
        let (types, strings) = kernel.whole()?;
        let there = Kernel { types: &types, strings, ops, value_type };
        let plan = there.convert(&wanted, ty).map_err(|problem| {
            fail(format!("'{}' is no '{name}' of this kernel: {problem}", wanted.var.name))
        })?;
        plans.add(plan, ops, wanted.is_whole);
    }
    Ok(plans)
}

fn is_struct_ops(section: &str) -> bool {
    section.strip_prefix('?').unwrap_or(section).starts_with(".struct_ops")
}

/// The functions that a variable points to, by where.
fn pointers(data: &Data, var: &Var) -> HashMap<u64, FuncId> {
    let inside = |at: u64| at.checked_sub(var.offset).filter(|&at| at < var.size);
    let func = |target| match target {
        Target::Func(func) => Some(func),
        _ => None,
    };
    data.refs.iter().filter_map(|r| Some((inside(r.at)?, func(r.target)?))).collect()
}

/// A variable of the image.
struct Wanted<'a> {
    btf: &'a Btf,
    data: &'a Data,
    var: &'a Var,
    /// By where in the variable.
    funcs: HashMap<u64, FuncId>,
    /// Whether all of these are loaded.
    is_whole: bool,
}

impl Wanted<'_> {
    /// The struct that is its type.
    fn ty(&self) -> Option<TypeId> {
        let var = self.btf.find_by_name(Kind::Var, &self.var.name)?;
        let Type::Var(var) = self.btf.ty(var) else { return None };
        self.btf.resolve(var.ty).filter(|&ty| self.btf.kind(ty) == Some(Kind::Struct))
    }

    fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let start =
            self.var.offset.checked_add(at).and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
        let there = self.data.bytes.get(start..).unwrap_or_default();
        // Behind what the section begins with there are zeros.
        there.iter().copied().chain(std::iter::repeat(0)).take(len).collect()
    }
}

impl<'a> Plans<'a> {
    fn add(&mut self, (plan, members): (Plan<'a>, Vec<(u32, FuncId)>), ops: TypeId, is_whole: bool) {
        for (member, func) in members {
            self.programs.entry(func).or_insert(AttachTo { attach_type: member, btf_id: ops.0 });
        }
        // Without one of its functions it would do something else.
        if is_whole {
            self.plans.push(plan);
        }
    }

    /// Makes the maps, with the programs in them.
    pub(crate) fn create(
        self,
        selection: &Selection<'_>,
        programs: &[Prog],
        types: &Types<'_>,
        options: &Options,
    ) -> Result<Vec<StructOps>, Error> {
        let loaded: HashMap<FuncId, &Prog> =
            selection.programs.iter().map(|program| program.id).zip(programs).collect();
        self.plans.into_iter().map(|plan| plan.create(&loaded, types, options)).collect()
    }
}

impl Plan<'_> {
    fn create(
        self,
        loaded: &HashMap<FuncId, &Prog>,
        types: &Types<'_>,
        options: &Options,
    ) -> Result<StructOps, Error> {
        let attr = MapCreate {
            map_type: MapType::STRUCT_OPS.0,
            key_size: 4,
            value_size: u32::try_from(self.value.len()).unwrap_or(u32::MAX),
            max_entries: 1,
            map_flags: if self.linked { LINK } else { 0 },
            map_name: kernel_name(&options.name_prefix, self.name),
            // The kernel wants some types, though it has those of the value itself.
            btf_fd: types.set().map_or(0, |set| sys::number(set.fd())),
            btf_vmlinux_value_type_id: self.value_type.0,
            ..MapCreate::default()
        };
        let fd = sys::map_create(&attr).map_err(|source| Error::Map {
            map: self.name.to_owned(),
            doing: "create",
            shape: shape(MapType::STRUCT_OPS, 4, attr.value_size, 1),
            remedy: remedy(&source),
            source,
        })?;
        let map = Map::new(self.name.to_owned(), &attr, fd)?;
        let mut value = self.value;
        for (at, func) in self.funcs {
            let fd = loaded.get(&func).map_or(0, |prog| sys::number(prog.as_fd()));
            if let Some(place) = value.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *place = u64::from(fd).to_ne_bytes();
            }
        }
        Ok(StructOps { map, linked: self.linked, value })
    }
}

impl StructOps {
    pub(crate) fn map(&self) -> &Map {
        &self.map
    }

    /// Hands it to the kernel. With a link it is in use as long as the link; else until the key is deleted.
    pub(crate) fn register(&self) -> Result<Option<std::os::fd::OwnedFd>, Error> {
        match self.map.update(&[0; 4], &self.value) {
            // It was handed over before, for another link.
            Err(Error::Map { source, .. }) if self.linked && source.raw_os_error() == Some(libc::EBUSY) => {}
            result => result?,
        }
        if !self.linked {
            return Ok(None);
        }
        let number = attach_type("BPF_STRUCT_OPS").unwrap_or_default();
        let link = sys::link_create(self.map.as_fd(), 0, number, 0, [0; 4]);
        link.map(Some).map_err(|source| self.map.error("attach", source))
    }
}

/// A struct of functions in the kernel's types.
struct Kernel<'a> {
    types: &'a ById<'a>,
    strings: &'a [u8],
    ops: TypeId,
    value_type: TypeId,
}

/// A member in the kernel's types.
#[derive(Clone, Copy)]
struct There {
    index: u32,
    ty: TypeId,
    /// In bits.
    at: u32,
}

impl Kernel<'_> {
    /// The variable as the kernel has it, and which member is which function.
    fn convert<'a>(&self, wanted: &Wanted<'a>, ty: TypeId) -> Result<(Plan<'a>, Vec<(u32, FuncId)>), String> {
        let size = self.size(self.value_type, 0).ok_or("its size is not known")?;
        let inner = self.members(self.value_type).into_iter().find(|(_, there)| there.ty == self.ops);
        let data_at = inner.map(|(_, there)| there.at / 8).ok_or("it has no place for it")?;
        let members: HashMap<&[u8], There> = self.members(self.ops).into_iter().collect();
        let Type::Struct(Composite { members: declared, .. }) = wanted.btf.ty(ty) else {
            return Err("it is no struct".to_owned());
        };
        let mut plan = Plan {
            name: &wanted.var.name,
            linked: wanted.data.name.ends_with(".link"),
            value_type: self.value_type,
            value: vec![0; size],
            funcs: Vec::new(),
        };
        let mut indices = Vec::new();
        for member in declared {
            let name = wanted.btf.string(member.name);
            let fail = |what: &str| format!("member '{name}' {what}");
            let at = member.byte_offset().filter(|_| member.bitfield_size == 0).map(u64::from);
            let at = at.ok_or_else(|| fail("is a bit-field"))?;
            let len = wanted.btf.size_of(member.ty).and_then(|size| usize::try_from(size).ok());
            let len = len.filter(|&len| len as u64 <= wanted.var.size).ok_or_else(|| fail("has no size"))?;
            let bytes = wanted.bytes(at, len);
            let func = wanted.funcs.get(&at).copied();
            let Some(there) = members.get(name.as_bytes()) else {
                // A kernel that does not have the member yet does what it does without it.
                match func.is_none() && bytes.iter().all(|&byte| byte == 0) {
                    true => continue,
                    false => return Err(fail("does not exist there, and is not zero here")),
                }
            };
            let place = usize::try_from(data_at + there.at / 8).unwrap_or(usize::MAX);
            match func {
                Some(func) => {
                    plan.funcs.push((place, func));
                    indices.push((there.index, func));
                }
                None if self.is_alike(wanted.btf, member, there) => {
                    let to = plan.value.get_mut(place..).and_then(|rest| rest.get_mut(..len));
                    to.ok_or_else(|| fail("ends outside"))?.copy_from_slice(&bytes);
                }
                None => return Err(fail("has another type there")),
            }
        }
        Ok((plan, indices))
    }

    fn is_alike(&self, btf: &Btf, member: &Member, there: &There) -> bool {
        let kind = btf.resolved(member.ty).kind();
        let same_kind = kind.is_some() && self.types.resolve(there.ty).map(|record| record.kind) == kind;
        same_kind && btf.size_of(member.ty) == self.size(there.ty, 0).map(|size| size as u64)
    }

    /// The members of a struct, by name.
    fn members(&self, ty: TypeId) -> Vec<(&[u8], There)> {
        let Some(record) = self.types.get(ty).filter(|record| record.kind == Kind::Struct) else {
            return Vec::new();
        };
        let has_bitfields = record.word(4).is_some_and(|info| info >> 31 == 1);
        let member = |index: u32| {
            let at = 12 + usize::try_from(index).ok()? * 12;
            let place = record.word(at + 8)?;
            let bits = if has_bitfields { place & 0x00ff_ffff } else { place };
            let ty = TypeId(record.word(at + 4)?);
            Some((string(self.strings, record.word(at)?), There { index, ty, at: bits }))
        };
        (0..record.vlen).map_while(member).collect()
    }

    /// The size of a value, in bytes.
    fn size(&self, ty: TypeId, depth: u32) -> Option<usize> {
        let record = self.types.resolve(ty)?;
        match record.kind {
            Kind::Ptr => Some(8),
            Kind::Array if depth < DEPTH => {
                let element = self.size(TypeId(record.word(12)?), depth + 1)?;
                element.checked_mul(usize::try_from(record.word(20)?).ok()?)
            }
            Kind::Int | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Float => {
                usize::try_from(record.word(8)?).ok()
            }
            _ => None,
        }
    }
}

/// For whoever looks at names and types at once.
impl KernelTypes {
    fn whole(&mut self) -> Result<(ById<'_>, &[u8]), Error> {
        let Header { types, strings } = self.header()?;
        Ok((ById::new(types), strings))
    }
}
