//! Each type by itself: the first pass over the types, which also finds out where they are.

use super::blob::{Blob, Item, Parts, VLEN, head};
use super::names::{Naming, ident_problem};
use super::refusal::{Fault, Rule};
use super::version::{Feature, Rules};
use crate::bytes::word;
use crate::kind::{Kind, Vlen, row};

/// The greatest id that types may refer to, whether it exists or not. Functions, their types and tags may go on.
const MAX_ID: u32 = 0x000f_ffff;
/// The bits of `info` that have a meaning: `vlen`, the kind and `kind_flag`.
const INFO: u32 = 0x9f00_ffff;

/// Checks each type, in order, and notes where it is.
pub(super) fn check<'a>(parts: &Parts<'a>, rules: &Rules) -> Result<Blob<'a>, Fault> {
    // Most types take 20 bytes and more.
    let expected = parts.types.len() / 20;
    let mut blob =
        Blob { parts: *parts, starts: Vec::with_capacity(expected), kinds: Vec::with_capacity(expected) };
    let mut rest = parts.types;
    while !rest.is_empty() {
        let (item, after) = next(parts, rest, blob.count() + 1, rules)?;
        let checker = Checker { parts, rules, item };
        checker.check()?;
        blob.starts.push(word(parts.types.len() - rest.len()));
        blob.kinds.push(item.kind);
        rest = after;
    }
    Ok(blob)
}

/// The next type and what follows.
fn next<'a>(
    parts: &Parts<'a>,
    rest: &'a [u8],
    id: u32,
    rules: &Rules,
) -> Result<(Item<'a>, &'a [u8]), Fault> {
    let cut = |have: &[u8], need| {
        let found = format!("{} bytes are left of it, it takes {need}", have.len());
        Fault::new(Rule::TypeBytes, id, found).numbers(word(have.len()), word(need))
    };
    let Some(([name, info, arg], tail)) = head(rest) else { return Err(cut(rest, 12)) };
    if info & !INFO != 0 {
        return Err(Fault::new(Rule::InfoBits, id, format!("info is {info:#x}")).numbers(info, 0));
    }
    let number = info >> 24 & 0x1f;
    let Some(row) = row(number).filter(|row| rules.knows(row.kind)) else {
        return Err(Fault::new(Rule::UnknownKind, id, format!("the kind is {number}")).numbers(number, 0));
    };
    if !parts.has_string(name) {
        return Err(Fault::new(Rule::NameOffset, id, bad_offset(name, parts)).numbers(name, 0));
    }
    let vlen = info & VLEN;
    let len = row.kind.encoded_size(if row.vlen == Vlen::Count { vlen } else { 0 }) - 12;
    let Some((own, after)) = tail.split_at_checked(len) else { return Err(cut(tail, len)) };
    Ok((Item { id, kind: row.kind, name, vlen, flag: info >> 31 != 0, arg, tail: own }, after))
}

fn bad_offset(name: u32, parts: &Parts<'_>) -> String {
    format!("its name is at {name:#x}, the strings have {:#x} bytes", parts.strings.len())
}

/// One type that is being checked. The order of the checks of each kind is the kernel's.
struct Checker<'a, 'b> {
    parts: &'b Parts<'a>,
    rules: &'b Rules,
    item: Item<'a>,
}

impl Checker<'_, '_> {
    fn check(&self) -> Result<(), Fault> {
        let item = &self.item;
        match item.kind {
            Kind::Int => self.int(),
            Kind::Ptr | Kind::Volatile | Kind::Const | Kind::Restrict => self.reference(Naming::Anonymous),
            Kind::Typedef => self.reference(Naming::Ident),
            Kind::TypeTag => self.reference(Naming::TypeTag),
            Kind::Array => self.array(),
            Kind::Struct | Kind::Union => self.composite(),
            Kind::Enum | Kind::Enum64 => self.enumeration(),
            Kind::Fwd => {
                self.no_vlen()?;
                self.ensure(item.arg == 0, Rule::FwdType, || format!("it is type [{}]", item.arg))?;
                self.named(Naming::Ident)
            }
            Kind::Func => {
                self.named(Naming::Ident)?;
                let most = if self.rules.has(Feature::FuncLinkage) { 1 } else { 0 };
                self.ensure(item.vlen <= most, Rule::FuncLinkage, || linkage(item.vlen))?;
                self.no_flag()
            }
            Kind::FuncProto => {
                self.named(Naming::Anonymous)?;
                self.no_flag()
            }
            Kind::Var => self.var(),
            Kind::Datasec => self.datasec(),
            Kind::Float => {
                self.no_vlen()?;
                self.no_flag()?;
                let is_right = matches!(item.arg, 2 | 4 | 8 | 12 | 16);
                self.ensure(is_right, Rule::FloatSize, || format!("it has {} bytes", item.arg))
            }
            Kind::DeclTag => {
                self.named(Naming::DeclTag)?;
                self.no_vlen()?;
                self.tag_flag()?;
                let [component] = item.first::<1>().map(u32::cast_signed);
                self.ensure(component >= -1, Rule::TagIndex, || format!("component_idx is {component}"))
            }
        }
    }

    fn int(&self) -> Result<(), Fault> {
        self.no_vlen()?;
        self.no_flag()?;
        let [data] = self.item.first();
        if data >> 28 != 0 {
            let found = format!("the integer's data is {data:#x}");
            return Err(Fault::new(Rule::IntBits, self.item.id, found).numbers(data, 0));
        }
        let bits = (data & 0xff) + (data >> 16 & 0xff);
        let found = || format!("it has {} bits at bit {}", data & 0xff, data >> 16 & 0xff);
        self.ensure(bits <= 128, Rule::IntTooWide, found)?;
        self.ensure(bits.div_ceil(8) <= self.item.arg, Rule::IntOutside, || {
            format!("it has {} bits at bit {} of {} bytes", data & 0xff, data >> 16 & 0xff, self.item.arg)
        })?;
        let encoding = data >> 24;
        self.ensure(matches!(encoding, 0 | 1 | 2 | 4), Rule::IntEncoding, || {
            let name = if encoding == 3 { " (signed and char)" } else { "" };
            format!("the encoding is {encoding}{name}")
        })
    }

    fn reference(&self, naming: Naming) -> Result<(), Fault> {
        self.no_vlen()?;
        if self.item.kind == Kind::TypeTag {
            self.tag_flag()?
        } else {
            self.no_flag()?
        }
        self.id_in_range(self.item.arg, Rule::TypeIdLimit, 0)?;
        self.named(naming)
    }

    fn array(&self) -> Result<(), Fault> {
        let [elem, index, _] = self.item.first();
        self.named(Naming::Anonymous)?;
        self.no_vlen()?;
        self.no_flag()?;
        self.ensure(self.item.arg == 0, Rule::ArraySize, || format!("its size is {}", self.item.arg))?;
        self.id_in_range(elem, Rule::ArrayElem, 1)?;
        self.id_in_range(index, Rule::ArrayIndex, 1)
    }

    fn composite(&self) -> Result<(), Fault> {
        if !self.rules.has(Feature::Func) {
            self.no_flag()?;
        }
        self.named(Naming::IdentOrNone)?;
        let mut last = 0;
        for (at, [name, ty, place]) in (0..).zip(self.item.words()) {
            let (start, _) = self.item.place(place);
            let wrong = |rule, found: String| Err(Fault::new(rule, self.item.id, found).element(at));
            if !self.parts.has_string(name) {
                let fault = Fault::new(Rule::MemberNameOffset, self.item.id, bad_offset(name, self.parts));
                return Err(fault.element(at).numbers(name, 0));
            }
            if let Some(problem) = self.ident(name).filter(|_| name != 0) {
                return wrong(Rule::Ident, problem);
            }
            if ty == 0 || ty > MAX_ID {
                return wrong(Rule::MemberVoid, format!("it is of type [{ty}]"));
            }
            if self.item.kind == Kind::Union && start != 0 {
                return wrong(Rule::UnionOffset, format!("it starts at bit {start}"));
            }
            if start < last {
                return wrong(
                    Rule::MemberOrder,
                    format!("it starts at bit {start}, behind one at bit {last}"),
                );
            }
            if start.div_ceil(8) > self.item.arg {
                return wrong(
                    Rule::MemberStart,
                    format!("it starts at bit {start} of {} bytes", self.item.arg),
                );
            }
            last = start;
        }
        Ok(())
    }

    fn enumeration(&self) -> Result<(), Fault> {
        let item = &self.item;
        if !self.rules.has(Feature::Enum64) {
            self.no_flag()?;
        }
        let size = || format!("it has {} bytes", item.arg);
        self.ensure(matches!(item.arg, 1 | 2 | 4 | 8), Rule::EnumSize, size)?;
        self.ensure(item.arg == 4 || self.rules.has(Feature::EnumSize), Rule::EnumSize4, size)?;
        self.named(Naming::IdentOrNone)?;
        match item.kind {
            Kind::Enum => self.enumerators(item.words::<2>().map(|[name, _]| name)),
            _ => self.enumerators(item.words::<3>().map(|[name, ..]| name)),
        }
    }

    fn enumerators(&self, names: impl Iterator<Item = u32>) -> Result<(), Fault> {
        for (at, name) in (0..).zip(names) {
            if !self.parts.has_string(name) {
                let fault = Fault::new(Rule::NameOffset, self.item.id, bad_offset(name, self.parts));
                return Err(fault.element(at).numbers(name, 0));
            }
            if let Some(problem) = self.ident(name) {
                return Err(Fault::new(Rule::EnumeratorName, self.item.id, problem).element(at));
            }
        }
        Ok(())
    }

    fn var(&self) -> Result<(), Fault> {
        self.no_vlen()?;
        self.no_flag()?;
        self.named(Naming::Ident)?;
        self.id_in_range(self.item.arg, Rule::VarVoid, 1)?;
        let [number] = self.item.first();
        self.ensure(number <= 1, Rule::VarLinkage, || linkage(number))
    }

    fn datasec(&self) -> Result<(), Fault> {
        let size = self.item.arg;
        self.ensure(size != 0, Rule::SecSize, || "its size is 0".to_owned())?;
        self.no_flag()?;
        self.named(Naming::Section)?;
        let is_full = self.item.vlen != 0 || self.rules.has(Feature::EmptyDatasec);
        self.ensure(is_full, Rule::SecEmpty, || "it has no variables".to_owned())?;
        let mut end = 0;
        for (at, [var, offset, len]) in (0..).zip(self.item.words()) {
            let wrong = |rule, found: String| Err(Fault::new(rule, self.item.id, found).element(at));
            if var == 0 || var > MAX_ID {
                return wrong(Rule::SecVoid, format!("it is type [{var}]"));
            }
            if offset < end || offset >= size {
                return wrong(
                    Rule::SecOffset,
                    format!("it is at {offset} of {size} bytes, and the one before ends at {end}"),
                );
            }
            if len == 0 || len > size {
                return wrong(Rule::SecVarSize, format!("it has {len} bytes, the section {size}"));
            }
            // The kernel's sum has 32 bits, too.
            end = offset.wrapping_add(len);
            if end > size {
                return wrong(Rule::SecEnd, format!("it ends at {end}, the section at {size}"));
            }
        }
        Ok(())
    }

    fn named(&self, naming: Naming) -> Result<(), Fault> {
        naming.check(self.parts, &self.item, self.rules)
    }

    fn ident(&self, name: u32) -> Option<String> {
        ident_problem(self.parts.string(name), self.rules)
    }

    fn id_in_range(&self, id: u32, rule: Rule, least: u32) -> Result<(), Fault> {
        self.ensure((least..=MAX_ID).contains(&id), rule, || format!("it refers to type [{id}]"))
    }

    fn no_vlen(&self) -> Result<(), Fault> {
        self.ensure(self.item.vlen == 0, Rule::NoVlen, || format!("vlen is {}", self.item.vlen))
    }

    fn no_flag(&self) -> Result<(), Fault> {
        self.ensure(!self.item.flag, Rule::NoFlag, || "kind_flag is 1".to_owned())
    }

    fn tag_flag(&self) -> Result<(), Fault> {
        if self.rules.has(Feature::TagFlag) { Ok(()) } else { self.no_flag() }
    }

    fn ensure(&self, holds: bool, rule: Rule, found: impl FnOnce() -> String) -> Result<(), Fault> {
        if holds { Ok(()) } else { Err(Fault::new(rule, self.item.id, found())) }
    }
}

fn linkage(number: u32) -> String {
    match number {
        1 => "it is global".to_owned(),
        2 => "it is extern".to_owned(),
        _ => format!("the linkage is {number}"),
    }
}
