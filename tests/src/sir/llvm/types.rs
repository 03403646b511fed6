//! From debug information to BTF, as LLVM's BPF back end does it: a struct that members only point to is a forward
//! declaration.

use std::collections::{HashMap, HashSet};

use skep_btf::{BtfBuilder, Enumerator, FwdKind, IntEncoding, Kind, Linkage, Member, Param, TypeId};
use skep_codegen::ir;

use super::debug::Debug;
use super::node::{self, Node};
use super::syntax::Module;

/// The types of a module.
pub(super) struct Types<'p, 'a> {
    parsed: &'p Module<'a>,
    /// Structs and unions whose members are known.
    full: HashSet<&'a str>,
    ids: HashMap<&'a str, TypeId>,
    /// Structs and unions whose members are still to be added.
    open: Vec<(TypeId, &'a str)>,
}

/// Finds which types are needed: those of functions and variables.
pub(super) fn collect<'p, 'a>(
    parsed: &'p Module<'a>,
    _debug: &mut Debug<'p, 'a>,
    _module: &mut ir::Module,
) -> Types<'p, 'a> {
    let mut types = Types { parsed, full: HashSet::new(), ids: HashMap::new(), open: Vec::new() };
    let funcs = parsed.funcs.iter().filter_map(|func| func.dbg);
    let roots = funcs.filter_map(|dbg| node::find(parsed, dbg)?.link("type"));
    let is_map = |section: Option<&str>| section == Some(skep_btf::maps::SECTION);
    let globals = parsed.globals.iter().filter_map(|global| types.variable_type(global.dbg?));
    let maps = parsed.globals.iter().filter(|global| is_map(global.section));
    let maps = maps.filter_map(|global| types.variable_type(global.dbg?)).flat_map(|ty| types.map_roots(ty));
    let accesses = parsed.funcs.iter().flat_map(|func| &func.blocks).flat_map(|block| &block.insts);
    let accesses = accesses.filter_map(|inst| inst.access);
    let roots: Vec<&'a str> = roots.chain(globals).chain(maps).chain(accesses).collect();
    types.reach(roots);
    types
}

const DECL_TAG: &str = "btf_decl_tag";
const POINTER: &str = "DW_TAG_pointer_type";

fn is_composite(node: &Node<'_>) -> bool {
    matches!(node.get("tag"), Some("DW_TAG_structure_type" | "DW_TAG_union_type" | "DW_TAG_class_type"))
}

fn is_forward(node: &Node<'_>) -> bool {
    node.get("flags").is_some_and(|flags| flags.contains("DIFlagFwdDecl"))
}

impl<'a> Types<'_, 'a> {
    /// The type of the variable that a `DIGlobalVariableExpression` is about.
    fn variable_type(&self, dbg: &str) -> Option<&'a str> {
        let node = node::find(self.parsed, dbg)?;
        let var = if node.kind == "DIGlobalVariable" { node } else { node.follow(self.parsed, "var")? };
        var.link("type")
    }

    /// What the members of a map's type point to, and those of the maps inside: all of it is needed.
    fn map_roots(&self, ty: &'a str) -> Vec<&'a str> {
        let mut roots = Vec::new();
        let mut todo = vec![ty];
        let mut seen = HashSet::new();
        while let Some(name) = todo.pop() {
            let Some(node) = node::find(self.parsed, name) else { continue };
            if !seen.insert(name) {
                continue;
            }
            if !is_composite(&node) {
                todo.extend(node.link("baseType"));
                continue;
            }
            for member in node.list(self.parsed, "elements").into_iter().flatten() {
                let Some(member) = node::find(self.parsed, member) else { continue };
                let Some((ty, node)) = member.link("baseType").zip(member.follow(self.parsed, "baseType"))
                else {
                    continue;
                };
                if node.get("tag") == Some("DW_TAG_array_type") { todo.push(ty) } else { roots.push(ty) }
            }
        }
        roots
    }

    /// Visits types; a member that points to a named struct or union does not lead there.
    fn reach(&mut self, roots: Vec<&'a str>) {
        // Whether a type is a member's, and whether a pointer has been passed since.
        let mut todo: Vec<(&'a str, bool, bool)> =
            roots.into_iter().map(|root| (root, false, false)).collect();
        let mut seen = HashSet::new();
        while let Some((name, member, passed)) = todo.pop() {
            let Some(node) = node::find(self.parsed, name) else { continue };
            if member && passed && is_composite(&node) && node.get("name").is_some() {
                continue;
            }
            if !seen.insert((name, member, passed)) {
                continue;
            }
            match node.kind {
                "DIDerivedType" => {
                    let passed = passed || node.get("tag") == Some(POINTER);
                    let is_member = node.get("tag") == Some("DW_TAG_member");
                    todo.extend(node.link("baseType").map(|base| (base, member || is_member, passed)));
                }
                "DISubroutineType" => {
                    let types = node.list(self.parsed, "types");
                    todo.extend(types.into_iter().flatten().map(|ty| (ty, false, false)));
                }
                "DICompositeType" if is_composite(&node) => {
                    self.full.insert(name);
                    let members = node.list(self.parsed, "elements");
                    todo.extend(members.into_iter().flatten().map(|member| (member, true, false)));
                }
                "DICompositeType" => todo.extend(node.link("baseType").map(|base| (base, false, false))),
                _ => {}
            }
        }
    }

    /// The FUNC_PROTO of the function that a `DISubprogram` is about.
    pub(super) fn proto(&mut self, out: &mut BtfBuilder, dbg: &str) -> Option<TypeId> {
        let node = node::find(self.parsed, dbg)?;
        let sub = node.follow(self.parsed, "type")?;
        let mut names = HashMap::new();
        for local in node.list(self.parsed, "retainedNodes").into_iter().flatten() {
            let Some(local) = node::find(self.parsed, local) else { continue };
            if let (Some(arg), Some(name)) = (local.number::<usize>("arg"), local.string("name")) {
                names.insert(arg, name);
            }
        }
        let id = self.func_proto(out, &sub, &names);
        self.finish(out);
        Some(id)
    }

    /// The type of the variable that a `DIGlobalVariableExpression` is about.
    pub(super) fn variable(&mut self, out: &mut BtfBuilder, dbg: &str) -> Option<TypeId> {
        let ty = self.variable_type(dbg)?;
        let id = self.id(out, Some(ty));
        self.finish(out);
        Some(id)
    }

    /// The type that a node describes.
    pub(super) fn named(&mut self, out: &mut BtfBuilder, node: &'a str) -> TypeId {
        let id = self.id(out, Some(node));
        self.finish(out);
        id
    }

    /// Adds what is said of a function and its parameters, in the words of `__attribute__((btf_decl_tag))`.
    pub(super) fn tag_function(&mut self, out: &mut BtfBuilder, dbg: &str, name: &str, linkage: Linkage) {
        let Some(node) = node::find(self.parsed, dbg) else { return };
        let mut tags: Vec<_> = self.tags(&node, DECL_TAG).into_iter().map(|tag| (tag, None)).collect();
        for local in node.list(self.parsed, "retainedNodes").into_iter().flatten() {
            let Some(local) = node::find(self.parsed, local) else { continue };
            if let Some(arg) = local.number::<u32>("arg") {
                let component = arg.checked_sub(1);
                tags.extend(self.tags(&local, DECL_TAG).into_iter().map(|tag| (tag, component)));
            }
        }
        if tags.is_empty() {
            return;
        }
        let Some(proto) = self.proto(out, dbg) else { return };
        // The same is found again when the object is written.
        let func = out.func(&skep_btf::mangle(name), proto, linkage);
        for (tag, component) in tags {
            out.decl_tag(&tag, func, component);
        }
    }

    /// Adds the members that are still missing.
    fn finish(&mut self, out: &mut BtfBuilder) {
        while let Some((id, name)) = self.open.pop() {
            let Some(node) = node::find(self.parsed, name) else { continue };
            let mut members = Vec::new();
            let mut tags = Vec::new();
            for member in node.list(self.parsed, "elements").into_iter().flatten() {
                let Some(member) = node::find(self.parsed, member) else { continue };
                let index = u32::try_from(members.len()).unwrap_or(u32::MAX);
                tags.extend(self.tags(&member, DECL_TAG).into_iter().map(|tag| (tag, index)));
                members.push(self.member(out, &member));
            }
            out.define(id, &members);
            for (tag, index) in tags {
                out.decl_tag(&tag, id, Some(index));
            }
        }
    }

    fn member(&mut self, out: &mut BtfBuilder, member: &Node<'a>) -> Member {
        let ty = self.id(out, member.link("baseType"));
        let name = member.string("name").unwrap_or_default();
        let offset = member.number("offset").unwrap_or(0);
        let bits = member.get("flags").is_some_and(|flags| flags.contains("DIFlagBitField"));
        let size = if bits { member.number("size").unwrap_or(0) } else { 0 };
        Member { bitfield_size: size, ..out.member(&name, ty, offset) }
    }

    /// The tags that are put on a declaration or a pointer.
    fn tags(&self, node: &Node<'a>, kind: &str) -> Vec<String> {
        let items = node.list(self.parsed, "annotations").into_iter().flatten();
        let items = items.filter_map(|item| node::find(self.parsed, item));
        let texts = items.filter_map(|item| {
            let mut texts = item.items().map(|text| text.trim_start_matches('!').trim_matches('"'));
            (texts.next() == Some(kind)).then(|| texts.next().unwrap_or_default().to_owned())
        });
        texts.collect()
    }

    fn id(&mut self, out: &mut BtfBuilder, name: Option<&'a str>) -> TypeId {
        let Some(name) = name else { return TypeId::VOID };
        if let Some(&known) = self.ids.get(name) {
            return known;
        }
        let Some(node) = node::find(self.parsed, name) else { return TypeId::VOID };
        let id = match node.kind {
            "DIBasicType" => basic(out, &node),
            "DIDerivedType" => self.derived(out, &node),
            "DISubroutineType" => self.func_proto(out, &node, &HashMap::new()),
            "DICompositeType" => self.composite(out, name, &node),
            _ => TypeId::VOID,
        };
        self.ids.insert(name, id);
        id
    }

    fn derived(&mut self, out: &mut BtfBuilder, node: &Node<'a>) -> TypeId {
        let mut base = self.id(out, node.link("baseType"));
        match node.get("tag").unwrap_or_default() {
            POINTER => {
                for tag in self.tags(node, "btf_type_tag") {
                    base = out.type_tag(&tag, base);
                }
                out.ptr(base)
            }
            "DW_TAG_typedef" => {
                let id = out.typedef(&node.string("name").unwrap_or_default(), base);
                for tag in self.tags(node, DECL_TAG) {
                    out.decl_tag(&tag, id, None);
                }
                id
            }
            "DW_TAG_const_type" => out.constant(base),
            "DW_TAG_volatile_type" => out.volatile(base),
            "DW_TAG_restrict_type" => out.restrict(base),
            // A member as the root of an access, or `_Atomic`.
            _ => base,
        }
    }

    fn composite(&mut self, out: &mut BtfBuilder, name: &'a str, node: &Node<'a>) -> TypeId {
        let title = node.string("name").unwrap_or_default();
        let bytes = |node: &Node<'a>| node.number::<u32>("size").unwrap_or(0) / 8;
        match node.get("tag").unwrap_or_default() {
            "DW_TAG_array_type" => {
                let elem = self.id(out, node.link("baseType"));
                let ranges = node.list(self.parsed, "elements");
                let ranges = ranges.into_iter().flatten().filter_map(|range| node::find(self.parsed, range));
                let lens: Vec<u32> = ranges.map(|range| range.number("count").unwrap_or(0)).collect();
                lens.iter().rev().fold(elem, |elem, &len| out.array_of(elem, len))
            }
            "DW_TAG_enumeration_type" => self.enumeration(out, &title, node),
            tag => {
                let union = tag == "DW_TAG_union_type";
                if is_forward(node) || !self.full.contains(name) {
                    return out.fwd(&title, if union { FwdKind::Union } else { FwdKind::Struct });
                }
                let kind = if union { Kind::Union } else { Kind::Struct };
                let id = out.declare(kind, &title, bytes(node));
                self.open.push((id, name));
                id
            }
        }
    }

    fn enumeration(&mut self, out: &mut BtfBuilder, title: &str, node: &Node<'a>) -> TypeId {
        let size = node.number::<u32>("size").unwrap_or(32) / 8;
        let base = node.follow(self.parsed, "baseType");
        let base_is =
            |what: &str| base.as_ref().and_then(|b| b.get("encoding")).is_some_and(|e| e.contains(what));
        let signed = base_is("DW_ATE_signed");
        let mut values: Vec<Enumerator> = Vec::new();
        for value in node.list(self.parsed, "elements").into_iter().flatten() {
            let Some(value) = node::find(self.parsed, value) else { continue };
            let number = value.number::<i128>("value").unwrap_or(0);
            let low = u64::try_from(number & i128::from(u64::MAX)).unwrap_or(0).cast_signed();
            values.push(out.enumerator(&value.string("name").unwrap_or_default(), low));
        }
        out.enumeration(title, size, signed, &values)
    }

    fn func_proto(
        &mut self,
        out: &mut BtfBuilder,
        node: &Node<'a>,
        names: &HashMap<usize, String>,
    ) -> TypeId {
        let types = node.list(self.parsed, "types");
        let ret = self.id(out, types.first().copied().flatten());
        let mut params = Vec::new();
        for (at, &ty) in types.iter().enumerate().skip(1) {
            if ty.is_none() && at + 1 == types.len() {
                params.push(Param::VARIADIC);
                break;
            }
            let ty = self.id(out, ty);
            params.push(out.param(names.get(&at).map_or("", String::as_str), ty));
        }
        out.func_proto(ret, &params)
    }
}

fn basic(out: &mut BtfBuilder, node: &Node<'_>) -> TypeId {
    let name = node.string("name").unwrap_or_default();
    let size = node.number::<u32>("size").unwrap_or(0) / 8;
    let encoding = match node.get("encoding").unwrap_or_default() {
        "DW_ATE_boolean" => IntEncoding::Bool,
        "DW_ATE_signed" | "DW_ATE_signed_char" => IntEncoding::Signed,
        "DW_ATE_float" => return out.float(&name, size),
        _ => IntEncoding::Unsigned,
    };
    out.int(&name, size, encoding)
}
