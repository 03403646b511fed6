//! Why a kernel refuses types: the table of its rules, and a refusal by one of them.

use std::fmt;

use crate::kind::Kind;
use crate::types::TypeId;

/// The error number of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Errno {
    /// `ENOENT`
    NoEntry,
    /// `E2BIG`
    TooBig,
    /// `EFAULT`
    Fault,
    /// `EEXIST`
    Exists,
    /// `EINVAL`
    Invalid,
    /// `ELOOP`
    Loop,
    /// `ENOTSUPP`, which is the kernel's own.
    Unsupported,
}

impl Errno {
    /// The number, as Linux has it on nearly all machines.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Errno::NoEntry => 2,
            Errno::TooBig => 7,
            Errno::Fault => 14,
            Errno::Exists => 17,
            Errno::Invalid => 22,
            Errno::Loop => 40,
            Errno::Unsupported => 524,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Errno::NoEntry => "ENOENT",
            Errno::TooBig => "E2BIG",
            Errno::Fault => "EFAULT",
            Errno::Exists => "EEXIST",
            Errno::Invalid => "EINVAL",
            Errno::Loop => "ELOOP",
            Errno::Unsupported => "ENOTSUPP",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One row of the table.
struct Row {
    errno: Errno,
    /// What the kernel writes into its log; `#` stands for a number, `^` for one in hex. Empty where it says nothing.
    log: &'static str,
    expected: &'static str,
    remedy: &'static str,
}

macro_rules! rules {
    ($($(#[doc = $group:literal])* $rule:ident $errno:ident $log:literal $expected:literal $remedy:literal;)*) => {
        /// A rule that types must keep.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = concat!("Expected: ", $expected, ".")] $rule,)*
        }

        static TABLE: &[Row] = &[$(Row {
            errno: Errno::$errno,
            log: $log,
            expected: $expected,
            remedy: $remedy,
        },)*];

        impl Rule {
            /// Every rule.
            pub const ALL: &[Rule] = &[$(Rule::$rule,)*];
        }
    };
}

// To add a rule: a row here, the check where it belongs, a probe in tests/it/verify/probes.txt.
rules! {
    // The blob and its header.
    BlobSize TooBig "" "at most 16 MiB" "leave out types that are not needed";
    HeaderLength Invalid "hdr_len not found" "a header of 24 bytes" "the blob is cut off";
    HeaderBytes Invalid "btf_header not found" "a header of 24 bytes" "the blob is cut off";
    HeaderTail TooBig "Unsupported btf_header" "a header of 24 bytes, or zeros behind them" "write the blob without a layout section";
    Magic Invalid "Invalid magic" "0xeb9f in the byte order of the machine" "swap the bytes of the blob";
    Version Unsupported "Unsupported version" "version 1" "there is no other version: the bytes are damaged";
    Flags Unsupported "Unsupported flags" "flags 0" "clear them";
    NoData Invalid "No data" "types and strings behind the header" "add a type: an empty blob cannot be loaded";
    SectionOffset Invalid "Invalid section offset" "types and strings inside the blob" "count offsets from the end of the header";
    SectionGap Invalid "Unsupported section found" "types, then strings, and nothing between or behind them" "write the blob without gaps, layout or padding";
    SectionOverlap Invalid "Section overlap found" "the strings behind the types" "write the sections one after another";
    SectionLength Invalid "Total section length too long" "types and strings inside the blob" "the blob is cut off, or its lengths are wrong";
    StringsPlace Invalid "String section is not at the end" "the strings behind the types" "write the types first";
    StringBytes Invalid "Invalid string section" "a zero byte at both ends" "begin and end the strings with a zero byte";
    TypesAlign Invalid "Unaligned type_off" "a multiple of 4" "begin the types right behind the header";
    NoTypes Invalid "No type found" "at least one type" "add a type: an empty blob cannot be loaded";

    // What each type says by itself.
    TypeBytes Invalid "meta_left:# meta_needed:#" "as many bytes as its kind and list take" "the types are cut off, or the length of a list is wrong";
    InfoBits Invalid "Invalid btf_info:^" "the reserved bits of info clear, and at most 65 535 elements" "split the list, or use a newer kernel";
    UnknownKind Invalid "Invalid kind:#" "a kind that the kernel knows" "write the types for that kernel (`Btf::for_kernel`)";
    NameOffset Invalid "Invalid name_offset:#" "an offset inside the strings" "the name's offset or the strings are damaged";
    NoVlen Invalid "vlen != 0" "vlen 0" "clear vlen: the kind has no list";
    NoFlag Invalid "Invalid btf_info kind_flag" "kind_flag 0" "clear kind_flag, or write the types for that kernel (`Btf::for_kernel`)";
    Ident Invalid "Invalid name" "an identifier: letters, digits, `_` and `.`, no digit first" "give it a name that C would take (`mangle`)";
    Anonymous Invalid "Invalid name" "no name" "drop the name: only what it refers to has one";
    SectionName Invalid "Invalid name" "a name of printable bytes" "rename the section";
    TypeTagText Invalid "Invalid name" "a text" "drop the tag: an empty one says nothing";
    DeclTagText Invalid "Invalid value" "a text" "drop the tag: an empty one says nothing";
    IntBits Invalid "Invalid int_data:^" "the highest 4 bits of the integer's data clear" "the type is damaged";
    IntTooWide Invalid "nr_bits exceeds 128" "at most 128 bits, the offset included" "use an array for wider numbers";
    IntOutside Invalid "nr_bits exceeds type_size" "no more bits than the size holds" "make the size fit the bits";
    IntEncoding Unsupported "Unsupported encoding" "unsigned, signed, char or bool, and only one of them" "choose one: a signed char is just signed";
    FloatSize Invalid "Invalid type_size" "2, 4, 8, 12 or 16 bytes" "use a struct of that size";
    TypeIdLimit Invalid "Invalid type_id" "a type id of at most 1 048 575" "leave out types that are not needed";
    ArraySize Invalid "size != 0" "0 in place of a size" "clear it: the length says how large an array is";
    ArrayElem Invalid "Invalid elem" "a type with a size" "use `char`, or a pointer";
    ArrayIndex Invalid "Invalid index" "an integer of 1, 2, 4, 8 or 16 whole bytes" "use an `unsigned int`, as compilers do";
    FwdType Invalid "type != 0" "0 in place of a type" "clear it";
    EnumSize Invalid "Unexpected size" "1, 2, 4 or 8 bytes" "use an enumeration of 8 bytes, or an integer";
    EnumSize4 Invalid "Unexpected size" "4 bytes" "write the types for that kernel (`Btf::for_kernel`)";
    EnumeratorName Invalid "Invalid name" "an identifier" "give it a name that C would take (`mangle`)";
    MemberNameOffset Invalid "Invalid member name_offset:#" "an offset inside the strings" "the name's offset or the strings are damaged";
    MemberVoid Invalid "Invalid type_id" "a type with a size" "a member cannot be void: use `char`, or leave it out";
    UnionOffset Invalid "Invalid member bits_offset" "every member of a union at bit 0" "use a struct";
    MemberOrder Invalid "Invalid member bits_offset" "members in the order of their offsets" "sort the members";
    MemberStart Invalid "Member bits_offset exceeds its struct size" "every member inside" "make the struct as large as its members";
    FuncLinkage Invalid "Invalid func linkage" "static or global" "write the types for that kernel (`Btf::for_kernel`); extern functions have no place in it";
    VarVoid Invalid "Invalid type_id" "a type with a size" "a variable cannot be void: leave it out";
    VarLinkage Invalid "Linkage not supported" "static or global" "leave extern variables out, or make them global";
    SecSize Invalid "size == 0" "a size" "fill in the sizes and offsets of sections, which compilers leave to loaders";
    SecVoid Invalid "Invalid type_id" "a variable" "leave it out";
    SecOffset Invalid "Invalid offset" "variables inside the section, one behind another" "fill in the offsets that compilers leave to loaders, and sort by them";
    SecVarSize Invalid "Invalid size" "1 byte up to the size of the section" "leave variables without a size out, or give them 1 byte";
    SecEnd Invalid "Invalid offset+size" "variables inside the section" "make the section as large as its variables";
    SecEmpty Invalid "vlen == 0" "a variable" "leave sections without variables out";
    TagIndex Invalid "Invalid component_idx" "-1, or the index of a member or parameter" "use -1 for the whole";

    // How types refer to each other.
    Depth TooBig "Exceeded max resolving depth:32" "no more than 32 types that each need the next one, still to come" "write types behind those that they need";
    Loop Exists "Loop detected" "no type that contains itself, other than through a pointer in a struct" "break the loop by a pointer to a struct";
    Target Invalid "Invalid type_id" "a type that there is, and no variable, section or tag" "point it to a type";
    Member Invalid "Invalid member" "a type that there is, with a size" "functions, forward declarations and void have no size: use a pointer";
    Elem Invalid "Invalid elem" "a type that there is, with a size" "functions, forward declarations and void have no size: use a pointer";
    Index Invalid "Invalid index" "an integer of 1, 2, 4, 8 or 16 whole bytes" "use an `unsigned int`, as compilers do";
    ElemInt Invalid "Invalid array of int" "integers of 1, 2, 4, 8 or 16 whole bytes" "use bytes, or a struct";
    ArrayBytes Invalid "Array size overflows U32_MAX" "less than 4 GiB" "make it shorter";
    MemberAlign Invalid "Member is not byte aligned" "the start of a byte" "only integers may start inside a byte";
    FloatAlign Invalid "Member is not properly aligned" "the alignment of the number, at most 8 bytes" "use an array of bytes, or put the number into a union of its size";
    MemberEnd Invalid "Member exceeds struct_size" "every member inside" "make the struct as large as its members";
    MemberBits Invalid "bits_offset exceeds U32_MAX" "an offset of 32 bits" "make the struct smaller";
    CopyBits Invalid "nr_copy_bits exceeds 128" "at most 128 bits from the start of a byte" "start wide members at whole bytes";
    BitfieldBase Invalid "Invalid member base type" "an integer that uses all of its bits" "a bit-field has its width in the member, not in its type";
    BitfieldSize Invalid "Invalid member bitfield_size" "an integer or enumeration, no narrower than the bit-field" "use a wider type";
    BitfieldStart Invalid "Invalid member offset" "the start of a byte" "give the member the width of a bit-field";
    VarType Invalid "Invalid type_id" "a type that there is, with a size" "functions, forward declarations and void have no size: use a pointer";
    SecMember Invalid "Not a VAR kind member" "a variable" "leave functions and what is not there out";
    SecVarBytes Invalid "Invalid size" "at least the size of the variable's type" "fill in the sizes that compilers leave to loaders";
    TagTarget Invalid "Invalid type_id" "a struct, union, typedef, variable or function" "leave the tag out";
    TagComponent Invalid "Invalid component_idx" "-1, or the index of a member or parameter that there is" "use -1 for the whole";
    FuncType Invalid "Invalid type_id" "a function's type" "point it to a FUNC_PROTO";
    FuncParam Invalid "Invalid arg##" "named parameters" "name each parameter of a function";
    Return Invalid "Invalid return type" "a type with a size, or void itself" "no typedef or const of void, no function, no forward declaration";
    Param Invalid "Invalid arg##" "a type with a size, and an identifier or no name" "use a pointer, and a name that C would take";

    // What only the whole tells.
    TagOrder Invalid "Type tags don't precede modifiers" "tags before `const`, `volatile`, `restrict` and typedefs" "put the tag in front: pointer, tag, const";
    ChainLength Loop "Max chain length or cycle detected" "no more than 32 typedefs and modifiers, one on another" "leave some of them out";

    // Members that the kernel itself uses. It writes nothing about them.
    FieldPlace Fault "" "the size and alignment of the kernel's own struct" "declare it as the kernel does, and keep it aligned";
    FieldBits Invalid "" "the start of a byte, as every member beside the kernel's own" "keep bit-fields and the kernel's fields in different structs";
    FieldOverlap Exists "" "each behind the other" "give each its own place";
    FieldTwice TooBig "" "at most one" "leave the second one out";
    FieldCount TooBig "" "at most 11" "use more than one struct";
    FieldDepth TooBig "" "less than 32" "put fewer structs inside of each other";
    FieldArray Invalid "" "a single one" "use an array of structs in a map";
    PointerTag Invalid "" "a struct behind one of the tags kptr, kptr_untrusted, percpu_kptr and uptr" "leave the tag out";
    OneLock Invalid "" "one of them" "leave the other one out";
    NodeCount Invalid "" "a `bpf_refcount` beside a list's node and a tree's" "add the count, so that the last one frees it";
    RootLock Invalid "" "a `bpf_spin_lock` beside it" "add the lock that guards it";
    RootTag Invalid "" "one tag 'contains:STRUCT:MEMBER'" "tag it with what it contains (`__contains`)";
    RootTarget NoEntry "" "a struct and its member" "name a struct of the set and its member";
    RootNode Invalid "" "a node of the same sort, aligned" "name the node by which it is linked";
    RootOwner Loop "" "no more than two levels" "let only what is in no list or tree itself contain what contains others";
}

impl Rule {
    fn row(self) -> &'static Row {
        &TABLE[usize::from(self as u8)]
    }

    /// The error number that `BPF_BTF_LOAD` gives.
    #[must_use]
    pub fn errno(self) -> Errno {
        self.row().errno
    }

    /// What is expected instead.
    #[must_use]
    pub fn expected(self) -> &'static str {
        self.row().expected
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.row().remedy
    }

    /// The kernel's words, with `#` or `^` for numbers; empty if it says nothing.
    #[doc(hidden)]
    #[must_use]
    pub fn log(self) -> &'static str {
        self.row().log
    }
}

/// A rule that is broken, before it is told in words.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) rule: Rule,
    /// 0 for the blob.
    pub(super) id: u32,
    pub(super) element: Option<u32>,
    /// The numbers of the kernel's words.
    pub(super) numbers: [u32; 2],
    /// What is there.
    pub(super) found: String,
}

impl Fault {
    pub(super) fn new(rule: Rule, id: u32, found: impl Into<String>) -> Fault {
        Fault { rule, id, element: None, numbers: [0; 2], found: found.into() }
    }

    pub(super) fn element(self, index: u32) -> Fault {
        Fault { element: Some(index), ..self }
    }

    pub(super) fn numbers(self, first: u32, second: u32) -> Fault {
        Fault { numbers: [first, second], ..self }
    }
}

/// Why a kernel would refuse types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that is broken first.
    pub rule: Rule,
    /// The type that breaks it; `None` if it is the blob as a whole.
    pub id: Option<TypeId>,
    /// The kind of the type; `None` also if that is what is wrong.
    pub kind: Option<Kind>,
    /// The name of the type; empty for none.
    pub name: Box<str>,
    /// The element of the type's list.
    pub element: Option<Element>,
    /// What is there.
    pub found: Box<str>,
    /// The numbers in the kernel's words.
    pub(super) numbers: [u32; 2],
}

/// An element of a type's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// What it is: a member, enumerator, parameter or variable.
    pub what: &'static str,
    /// Which one, from 0.
    pub index: u32,
    /// Its name; empty for none.
    pub name: Box<str>,
}

impl Refusal {
    /// The error number that `BPF_BTF_LOAD` gives.
    #[must_use]
    pub fn errno(&self) -> Errno {
        self.rule.errno()
    }

    /// What the kernel says at the end of its log; empty if nothing.
    #[must_use]
    pub fn log(&self) -> String {
        let mut numbers = self.numbers.iter();
        let mut text = String::new();
        let mut rest = self.rule.log();
        while let Some(at) = rest.find(['#', '^']) {
            // `arg##`: the first one is the kernel's own.
            let own = rest[at..].starts_with("##");
            text.push_str(&rest[..at + usize::from(own)]);
            let number = numbers.next().copied().unwrap_or_default();
            let is_hex = rest[at..].starts_with('^');
            text.push_str(&if is_hex { format!("{number:x}") } else { number.to_string() });
            rest = &rest[at + 1 + usize::from(own)..];
        }
        text + rest
    }
}

/// `type [3] BTF_KIND_STRUCT 's', member 1 'b': it starts at bit 32, behind one at bit 64, expected members in the order
/// of their offsets; sort the members (EINVAL, "Invalid member bits_offset")`
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "type {id}")?,
            None => f.write_str("the blob")?,
        }
        if let Some(kind) = self.kind {
            write!(f, " {kind}")?;
        }
        if !self.name.is_empty() {
            write!(f, " '{}'", self.name.escape_debug())?;
        }
        if let Some(element) = &self.element {
            write!(f, ", {} {}", element.what, element.index)?;
            if !element.name.is_empty() {
                write!(f, " '{}'", element.name.escape_debug())?;
            }
        }
        let (expected, remedy) = (self.rule.expected(), self.rule.remedy());
        write!(f, ": {}, expected {expected}; {remedy} ({}", self.found, self.errno())?;
        match self.log() {
            log if log.is_empty() => f.write_str(")"),
            log => write!(f, ", {log:?})"),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::{Refusal, Rule};

    fn refusal(rule: Rule, numbers: [u32; 2]) -> Refusal {
        Refusal {
            rule,
            id: None,
            kind: None,
            name: "".into(),
            element: None,
            found: "it is odd".into(),
            numbers,
        }
    }

    #[test]
    fn the_kernels_words_have_its_numbers() {
        for (rule, numbers, expected) in [
            (Rule::NoVlen, [0, 0], "vlen != 0"),
            (Rule::TypeBytes, [4, 12], "meta_left:4 meta_needed:12"),
            (Rule::InfoBits, [0x201_0000, 0], "Invalid btf_info:2010000"),
            (Rule::Param, [3, 0], "Invalid arg#3"),
            (Rule::Depth, [0, 0], "Exceeded max resolving depth:32"),
            (Rule::BlobSize, [0, 0], ""),
        ] {
            assert_eq!(refusal(rule, numbers).log(), expected);
        }
    }

    #[test]
    fn a_message_says_where_what_expected_and_remedy() {
        assert_eq!(
            refusal(Rule::Flags, [0, 0]).to_string(),
            "the blob: it is odd, expected flags 0; clear them (ENOTSUPP, \"Unsupported flags\")"
        );
        for &rule in Rule::ALL {
            let text = refusal(rule, [1, 2]).to_string();
            assert!(!text.contains(['\n', '^']) && !text.ends_with('.'), "{text}");
            assert!(!rule.expected().is_empty() && !rule.remedy().is_empty(), "{rule:?}");
        }
    }
}
