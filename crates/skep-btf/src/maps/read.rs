//! From the types of a set to its map declarations.

use super::{MapDecl, MapDef, MapType, Part, Pinning, SECTION, Values};
use crate::btf::Btf;
use crate::error::{Error, MemberName};
use crate::kind::Kind;
use crate::types::{Composite, Linkage, Member, SecVar, Type, TypeId, Var};

/// What becomes of a member that no version of the declaration is known to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is an error.
    Refuse,
    /// It is skipped, as a loader does that must work with programs newer than itself.
    Ignore,
}

/// The kernel's longest symbol name (`KSYM_NAME_LEN` without its terminator), in bytes.
const MAX_NAME: usize = 511;
/// A declaration has about ten members; the limit keeps what a hostile one costs small.
const MAX_MEMBERS: usize = 256;
/// Ids of maps and programs, which is what user space sees of `values`, in bytes.
const REFERENCE_SIZE: u32 = 4;

/// The maps that the set declares, in the order of its section `.maps`.
///
/// ```
/// use skep_btf::maps::{self, MapDecl, MapType, Part, Unknown};
/// use skep_btf::{Btf, IntEncoding, SecVar};
///
/// let mut types = Btf::builder();
/// let key = types.int("unsigned int", 4, IntEncoding::Unsigned);
/// let decl = MapDecl {
///     max_entries: 64,
///     key: Part::Typed { ty: key, size: 4 },
///     value: Part::Size(8),
///     ..MapDecl::new(MapType::HASH)
/// };
/// let declared = maps::declare(&mut types, "counts", &decl);
/// types.datasec(maps::SECTION, declared.size, &[SecVar { var: declared.var, offset: 0, size: declared.size }]);
/// let btf = types.build()?;
///
/// let found = maps::read(&btf, Unknown::Refuse)?;
/// assert_eq!(found[0].name, "counts");
/// assert_eq!(found[0].decl, decl);
/// # Ok::<(), skep_btf::Error>(())
/// ```
///
/// # Errors
///
/// The first declaration that is not valid: which map and member, and why.
pub fn read(btf: &Btf, unknown: Unknown) -> Result<Vec<MapDef>, Error> {
    let mut defs = Vec::new();
    for section in btf.find_all(SECTION) {
        if let Type::Datasec(section) = btf.ty(section) {
            for var in section.vars {
                defs.push(read_one(btf, unknown, var)?);
            }
        }
    }
    Ok(defs)
}

/// The map that one variable declares: for compilers that write the variables and no section of them, as gcc 12 does.
///
/// # Errors
///
/// If the declaration is not valid: which member, and why.
pub fn read_one(btf: &Btf, unknown: Unknown, place: &SecVar) -> Result<MapDef, Error> {
    let name = btf.string_prefix(btf.name_ref(place.var), MAX_NAME);
    let fault = |problem| Err(Error::Map { map: name.to_owned(), member: MemberName::default(), problem });
    let Type::Var(Var { ty, linkage }) = btf.ty(place.var) else {
        let kind = btf.kind(place.var).map_or("void", Kind::name);
        return fault(format!("type {} in section {SECTION} is {kind}, expected a variable", place.var));
    };
    if name.is_empty() || name != btf.name(place.var) {
        let len = btf.name(place.var).len();
        return fault(format!("its name has {len} bytes, expected 1 to {MAX_NAME}"));
    }
    if linkage == Linkage::Static {
        return fault(
            "it is static, and a compiler or linker may rename or drop what is static; remove 'static'"
                .to_owned(),
        );
    }
    let reader = Reader { btf, unknown, map: name.to_owned() };
    let Type::Struct(body) = btf.resolved(ty) else { return fault(reader.not_a_struct(ty)) };
    let (decl, values_at) = reader.declaration(&body)?;
    let &SecVar { var, offset, size } = place;
    Ok(MapDef { name: reader.map, var, linkage, offset, size, values_at, decl })
}

/// Reads one declaration.
struct Reader<'a> {
    btf: &'a Btf,
    unknown: Unknown,
    /// What errors call it.
    map: String,
}

/// The members of a declaration, each if it is there.
#[derive(Default)]
struct Members<'a> {
    ty: Option<u32>,
    max_entries: Option<u32>,
    flags: Option<u32>,
    numa_node: Option<u32>,
    key_size: Option<u32>,
    key: Option<Part>,
    value_size: Option<u32>,
    value: Option<Part>,
    pinning: Option<Pinning>,
    extra: Option<u64>,
    values: Option<&'a Member>,
}

impl Reader<'_> {
    /// What the struct says, and where its `values` are, in bytes.
    fn declaration(&self, body: &Composite<'_>) -> Result<(MapDecl, Option<u32>), Error> {
        let members = self.members(body)?;
        let Some(ty) = members.ty.filter(|&ty| ty != MapType::UNSPEC.0).map(MapType) else {
            return Err(
                self.fault("", "it has no 'type'; give it one, as in __uint(type, BPF_MAP_TYPE_HASH)")
            );
        };
        let mut decl = MapDecl {
            ty,
            max_entries: members.max_entries.unwrap_or_default(),
            flags: members.flags.unwrap_or_default(),
            numa_node: members.numa_node,
            key: self.part("key", members.key, members.key_size)?,
            value: self.part("value", members.value, members.value_size)?,
            values: None,
            pinning: members.pinning.unwrap_or_default(),
            extra: members.extra.unwrap_or_default(),
        };
        let Some(values) = members.values else { return Ok((decl, None)) };
        if body.members.last() != Some(values) {
            return Err(
                self.fault("values", "it is followed by other members, expected it to be the last one")
            );
        }
        if !matches!(decl.value.size(), 0 | REFERENCE_SIZE) {
            let problem =
                format!("beside it, the value has {} bytes, expected {REFERENCE_SIZE}", decl.value.size());
            return Err(self.fault("values", problem));
        }
        if decl.value == Part::None {
            decl.value = Part::Size(REFERENCE_SIZE);
        }
        let Some(values_at) = values.byte_offset() else {
            return Err(self.fault("values", "it starts inside a byte"));
        };
        decl.values = Some(self.values(ty, values.ty)?);
        Ok((decl, Some(values_at)))
    }

    fn members<'a>(&self, body: &Composite<'a>) -> Result<Members<'a>, Error> {
        if body.members.len() > MAX_MEMBERS {
            let problem = format!("it has {} members, expected at most {MAX_MEMBERS}", body.members.len());
            return Err(self.fault("", problem));
        }
        let mut found = Members::default();
        for member in body.members {
            let name = self.name(member);
            let fresh = match name {
                "type" => set(&mut found.ty, self.u32(member)?),
                "max_entries" => set(&mut found.max_entries, self.u32(member)?),
                "map_flags" => set(&mut found.flags, self.u32(member)?),
                "numa_node" => set(&mut found.numa_node, self.u32(member)?),
                "key_size" => set(&mut found.key_size, self.u32(member)?),
                "key" => set(&mut found.key, self.pointee(member)?),
                "value_size" => set(&mut found.value_size, self.u32(member)?),
                "value" => set(&mut found.value, self.pointee(member)?),
                "pinning" => set(&mut found.pinning, self.pinning(member)?),
                "map_extra" => set(&mut found.extra, self.number(member)?),
                "values" => set(&mut found.values, member),
                _ if self.unknown == Unknown::Ignore => true,
                _ => return Err(self.fault(name, "no map has such a member")),
            };
            if !fresh {
                return Err(self.fault(name, "it is given twice"));
            }
        }
        Ok(found)
    }

    /// A number: the length of the array pointed to, or the one value of an enumeration.
    fn number(&self, member: &Member) -> Result<u64, Error> {
        let btf = self.btf;
        let number = match btf.resolved(member.ty) {
            Type::Ptr(to) => match btf.resolved(to) {
                Type::Array(array) => Some(array.len.into()),
                _ => None,
            },
            Type::Enum(e) | Type::Enum64(e) => match e.values {
                [value] => u64::try_from(e.number(value)).ok(),
                _ => None,
            },
            _ => None,
        };
        number.ok_or_else(|| {
            let expected = "expected a pointer to an array of that length, as __uint(name, number) declares it, or an \
                            enumeration of that one number, as __ulong does";
            self.fault(self.name(member), format!("it is no number: {expected}"))
        })
    }

    fn u32(&self, member: &Member) -> Result<u32, Error> {
        let number = self.number(member)?;
        u32::try_from(number).map_err(|_| {
            let problem = format!("it is {number}, expected at most {}", u32::MAX);
            self.fault(self.name(member), problem)
        })
    }

    fn pinning(&self, member: &Member) -> Result<Pinning, Error> {
        match self.u32(member)? {
            0 => Ok(Pinning::None),
            1 => Ok(Pinning::ByName),
            other => {
                let problem =
                    format!("it is {other}, expected 0 (LIBBPF_PIN_NONE) or 1 (LIBBPF_PIN_BY_NAME)");
                Err(self.fault("pinning", problem))
            }
        }
    }

    /// The type that the member points to.
    fn pointee(&self, member: &Member) -> Result<Part, Error> {
        let name = self.name(member);
        let Type::Ptr(ty) = self.btf.resolved(member.ty) else {
            let problem = format!(
                "it is no pointer, expected one to the type of the {name}, as __type({name}, T) does"
            );
            return Err(self.fault(name, problem));
        };
        let Some(size) = self.btf.size_of(ty) else {
            return Err(
                self.fault(name, format!("it points to type {ty} {}, which has no size", self.kind_of(ty)))
            );
        };
        let Ok(size) = u32::try_from(size) else {
            return Err(self.fault(name, format!("its type has {size} bytes, expected at most {}", u32::MAX)));
        };
        Ok(Part::Typed { ty, size })
    }

    fn part(&self, name: &str, typed: Option<Part>, size: Option<u32>) -> Result<Part, Error> {
        match (typed, size) {
            (Some(part), Some(size)) if part.size() != size => {
                let problem =
                    format!("its type has {} bytes and {name}_size is {size}; they must agree", part.size());
                Err(self.fault(name, problem))
            }
            (Some(part), _) => Ok(part),
            (None, Some(size)) => Ok(Part::Size(size)),
            (None, None) => Ok(Part::None),
        }
    }

    fn values(&self, ty: MapType, member: TypeId) -> Result<Values, Error> {
        let pointed = match self.btf.resolved(member) {
            Type::Array(array) if array.len == 0 => match self.btf.resolved(array.elem) {
                Type::Ptr(to) => self.btf.resolve(to),
                _ => None,
            },
            _ => None,
        };
        let Some(pointed) = pointed else {
            let expected = "an array of no length of pointers, as __array(values, T) declares it";
            return Err(self.fault("values", format!("it is not {expected}")));
        };
        match self.btf.ty(pointed) {
            Type::Struct(inner) if ty.holds_maps() => self.inner(&inner),
            Type::FuncProto(_) if ty == MapType::PROG_ARRAY => Ok(Values::Programs(pointed)),
            _ if ty.holds_maps() => Err(self.fault("values", self.not_a_struct(pointed))),
            _ if ty == MapType::PROG_ARRAY => Err(self
                .fault("values", "it does not point to functions, expected __array(values, int (void *))")),
            _ => Err(self.fault(
                "values",
                format!("a map of type {ty} has none; only maps of maps and of programs do"),
            )),
        }
    }

    fn inner(&self, body: &Composite<'_>) -> Result<Values, Error> {
        let inner = Reader { btf: self.btf, unknown: self.unknown, map: format!("{}.inner", self.map) };
        if body.members.iter().any(|member| self.name(member) == "values") {
            let problem = "a map inside a map of maps has no 'values': there is one inner level";
            return Err(inner.fault("values", problem));
        }
        let (decl, _) = inner.declaration(body)?;
        if decl.pinning != Pinning::None {
            return Err(inner.fault("pinning", "a map inside a map of maps cannot be pinned"));
        }
        Ok(Values::Maps(Box::new(decl)))
    }

    fn not_a_struct(&self, ty: TypeId) -> String {
        format!("type {ty} is {}, expected a struct whose members say what the map is", self.kind_of(ty))
    }

    /// Its start, if it is longer than any member's that means something.
    fn name(&self, member: &Member) -> &str {
        self.btf.string_prefix(member.name, MAX_NAME)
    }

    fn kind_of(&self, ty: TypeId) -> &'static str {
        self.btf.resolved(ty).kind().map_or("void", Kind::name)
    }

    fn fault(&self, member: &str, problem: impl Into<String>) -> Error {
        Error::Map { map: self.map.clone(), member: MemberName(member.to_owned()), problem: problem.into() }
    }
}

/// Whether there was nothing before.
fn set<T>(slot: &mut Option<T>, value: T) -> bool {
    slot.replace(value).is_none()
}
