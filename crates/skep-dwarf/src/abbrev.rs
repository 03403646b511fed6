//! Abbreviations, compiled: what to load, and how far to go on.
//!
//! An abbreviation says which attributes a debugging information entry (DIE) has and how each is written. Reading one
//! attribute after the other is most of what reading DWARF costs, and most of them are of no use here. So each
//! abbreviation is compiled into [`Step`]s once per unit: attributes of known length that are not needed cost nothing,
//! they only move the offsets of the next ones. `skips` is the same without any loads.
//!
//! To read another attribute: a slot in [`Slot`], a row in [`slot_of`], and the slot in the `wanted` set of the tags
//! that have a use for it.

use gimli::constants as dw;
use gimli::{DwAt, DwForm, DwTag};

use crate::error::Error;
use crate::reader::{Cursor, Expected, index};

/// Where the value of an attribute is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Slot {
    Name,
    Type,
    Size,
    Encoding,
    /// `DW_AT_data_member_location`
    Place,
    BitSize,
    /// `DW_AT_data_bit_offset`
    BitPlace,
    /// `DW_AT_bit_offset`, counted from the most significant bit of the storage unit.
    OldBitPlace,
    Const,
    Count,
    Upper,
    Lower,
    Declaration,
    External,
    Specification,
    Origin,
    Location,
    LowPc,
    Ranges,
    LinkageName,
    Inline,
    Discr,
    DiscrValue,
    Signature,
    Artificial,
    EnumClass,
    Language,
    Producer,
    StrOffsetsBase,
    AddrBase,
    LocListsBase,
    DwoName,
    DwoId,
    CompDir,
    StmtList,
    DeclFile,
    DeclLine,
    /// `DW_AT_GNU_annotation`
    Annotation,
    Prototyped,
    Vector,
}

impl Slot {
    pub(crate) const COUNT: usize = Slot::Vector as usize + 1;

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// `DW_AT_GNU_annotation`, which the constants of the reader library lack.
const DW_AT_GNU_ANNOTATION: DwAt = DwAt(0x2139);
/// `DW_TAG_LLVM_annotation`
const DW_TAG_LLVM_ANNOTATION: DwTag = DwTag(0x6000);
/// `DW_TAG_GNU_annotation`
const DW_TAG_GNU_ANNOTATION: DwTag = DwTag(0x6001);

fn slot_of(at: DwAt) -> Option<Slot> {
    Some(match at {
        dw::DW_AT_name => Slot::Name,
        dw::DW_AT_type => Slot::Type,
        dw::DW_AT_byte_size => Slot::Size,
        dw::DW_AT_encoding => Slot::Encoding,
        dw::DW_AT_data_member_location => Slot::Place,
        dw::DW_AT_bit_size => Slot::BitSize,
        dw::DW_AT_data_bit_offset => Slot::BitPlace,
        dw::DW_AT_bit_offset => Slot::OldBitPlace,
        dw::DW_AT_const_value => Slot::Const,
        dw::DW_AT_count => Slot::Count,
        dw::DW_AT_upper_bound => Slot::Upper,
        dw::DW_AT_lower_bound => Slot::Lower,
        dw::DW_AT_declaration => Slot::Declaration,
        dw::DW_AT_external => Slot::External,
        dw::DW_AT_specification => Slot::Specification,
        dw::DW_AT_abstract_origin => Slot::Origin,
        dw::DW_AT_location => Slot::Location,
        dw::DW_AT_low_pc => Slot::LowPc,
        dw::DW_AT_ranges => Slot::Ranges,
        dw::DW_AT_linkage_name | dw::DW_AT_MIPS_linkage_name => Slot::LinkageName,
        dw::DW_AT_inline => Slot::Inline,
        dw::DW_AT_discr => Slot::Discr,
        dw::DW_AT_discr_value => Slot::DiscrValue,
        dw::DW_AT_signature => Slot::Signature,
        dw::DW_AT_artificial => Slot::Artificial,
        dw::DW_AT_enum_class => Slot::EnumClass,
        dw::DW_AT_language => Slot::Language,
        dw::DW_AT_producer => Slot::Producer,
        dw::DW_AT_str_offsets_base => Slot::StrOffsetsBase,
        dw::DW_AT_addr_base | dw::DW_AT_GNU_addr_base => Slot::AddrBase,
        dw::DW_AT_loclists_base => Slot::LocListsBase,
        dw::DW_AT_dwo_name | dw::DW_AT_GNU_dwo_name => Slot::DwoName,
        dw::DW_AT_GNU_dwo_id => Slot::DwoId,
        dw::DW_AT_comp_dir => Slot::CompDir,
        dw::DW_AT_stmt_list => Slot::StmtList,
        dw::DW_AT_decl_file => Slot::DeclFile,
        dw::DW_AT_decl_line => Slot::DeclLine,
        dw::DW_AT_prototyped => Slot::Prototyped,
        dw::DW_AT_GNU_vector => Slot::Vector,
        DW_AT_GNU_ANNOTATION => Slot::Annotation,
        _ => return None,
    })
}

/// What a DIE is, as far as it matters here. What the walk does with each is in `decode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    Unit,
    /// A namespace or module.
    Namespace,
    Base,
    /// A pointer, reference or qualifier.
    Modifier,
    Typedef,
    /// A struct, class, union.
    Composite,
    Enum,
    Array,
    Subrange,
    /// The type of a function.
    Subroutine,
    /// `void` by another name.
    Unspecified,
    Member,
    Inheritance,
    VariantPart,
    Variant,
    Enumerator,
    Param,
    Variadic,
    Subprogram,
    Variable,
    Template,
    Annotation,
    /// Code: blocks, inlined calls, labels, calls.
    Code,
    /// Names made visible elsewhere.
    Import,
    /// Whatever has no place in BTF.
    Other,
}

fn class_of(tag: DwTag) -> Class {
    match tag {
        dw::DW_TAG_compile_unit
        | dw::DW_TAG_partial_unit
        | dw::DW_TAG_type_unit
        | dw::DW_TAG_skeleton_unit => Class::Unit,
        dw::DW_TAG_namespace | dw::DW_TAG_module => Class::Namespace,
        dw::DW_TAG_base_type => Class::Base,
        dw::DW_TAG_pointer_type
        | dw::DW_TAG_reference_type
        | dw::DW_TAG_rvalue_reference_type
        | dw::DW_TAG_const_type
        | dw::DW_TAG_volatile_type
        | dw::DW_TAG_restrict_type
        | dw::DW_TAG_atomic_type
        | dw::DW_TAG_immutable_type
        | dw::DW_TAG_packed_type
        | dw::DW_TAG_shared_type
        | dw::DW_TAG_subrange_type
        | dw::DW_TAG_generic_subrange
        | dw::DW_TAG_ptr_to_member_type => {
            if matches!(tag, dw::DW_TAG_subrange_type | dw::DW_TAG_generic_subrange) {
                Class::Subrange
            } else {
                Class::Modifier
            }
        }
        dw::DW_TAG_typedef | dw::DW_TAG_template_alias => Class::Typedef,
        dw::DW_TAG_structure_type
        | dw::DW_TAG_class_type
        | dw::DW_TAG_interface_type
        | dw::DW_TAG_union_type => Class::Composite,
        dw::DW_TAG_enumeration_type => Class::Enum,
        dw::DW_TAG_array_type => Class::Array,
        dw::DW_TAG_subroutine_type => Class::Subroutine,
        dw::DW_TAG_unspecified_type => Class::Unspecified,
        dw::DW_TAG_member => Class::Member,
        dw::DW_TAG_inheritance => Class::Inheritance,
        dw::DW_TAG_variant_part => Class::VariantPart,
        dw::DW_TAG_variant => Class::Variant,
        dw::DW_TAG_enumerator => Class::Enumerator,
        dw::DW_TAG_formal_parameter => Class::Param,
        dw::DW_TAG_unspecified_parameters => Class::Variadic,
        dw::DW_TAG_subprogram => Class::Subprogram,
        dw::DW_TAG_variable | dw::DW_TAG_constant => Class::Variable,
        dw::DW_TAG_template_type_parameter
        | dw::DW_TAG_template_value_parameter
        | dw::DW_TAG_GNU_template_template_param
        | dw::DW_TAG_GNU_template_parameter_pack
        | dw::DW_TAG_GNU_formal_parameter_pack => Class::Template,
        DW_TAG_LLVM_ANNOTATION | DW_TAG_GNU_ANNOTATION => Class::Annotation,
        dw::DW_TAG_lexical_block
        | dw::DW_TAG_inlined_subroutine
        | dw::DW_TAG_label
        | dw::DW_TAG_call_site
        | dw::DW_TAG_call_site_parameter
        | dw::DW_TAG_GNU_call_site
        | dw::DW_TAG_GNU_call_site_parameter
        | dw::DW_TAG_entry_point
        | dw::DW_TAG_try_block
        | dw::DW_TAG_catch_block
        | dw::DW_TAG_with_stmt => Class::Code,
        dw::DW_TAG_imported_declaration
        | dw::DW_TAG_imported_module
        | dw::DW_TAG_imported_unit
        | dw::DW_TAG_friend => Class::Import,
        _ => Class::Other,
    }
}

/// The slots that the class has a use for.
fn wanted(class: Class) -> u64 {
    let set: &[Slot] = match class {
        Class::Unit => &[
            Slot::Name,
            Slot::Producer,
            Slot::Language,
            Slot::StrOffsetsBase,
            Slot::AddrBase,
            Slot::LocListsBase,
            Slot::DwoName,
            Slot::DwoId,
            Slot::CompDir,
            Slot::StmtList,
        ],
        Class::Namespace | Class::Unspecified => &[Slot::Name],
        Class::Base => &[Slot::Name, Slot::Size, Slot::Encoding, Slot::BitSize],
        Class::Modifier => &[Slot::Name, Slot::Type, Slot::Annotation],
        Class::Typedef => &[Slot::Name, Slot::Type, Slot::Annotation],
        Class::Composite | Class::Enum => &[
            Slot::Name,
            Slot::Size,
            Slot::Type,
            Slot::Declaration,
            Slot::Specification,
            Slot::Signature,
            Slot::Annotation,
        ],
        Class::Array => &[Slot::Type, Slot::Size, Slot::Vector],
        Class::Subrange => &[Slot::Type, Slot::Count, Slot::Upper, Slot::Lower],
        Class::Subroutine => &[Slot::Type, Slot::Prototyped],
        Class::Member | Class::Inheritance => &[
            Slot::Name,
            Slot::Type,
            Slot::Size,
            Slot::Place,
            Slot::BitSize,
            Slot::BitPlace,
            Slot::OldBitPlace,
            Slot::External,
            Slot::Declaration,
            Slot::Artificial,
            Slot::Annotation,
        ],
        Class::VariantPart => &[Slot::Discr, Slot::Type],
        Class::Variant => &[Slot::DiscrValue],
        Class::Enumerator => &[Slot::Name, Slot::Const],
        Class::Param => {
            &[Slot::Name, Slot::Type, Slot::Origin, Slot::Location, Slot::Const, Slot::Annotation]
        }
        Class::Subprogram => &[
            Slot::Name,
            Slot::LinkageName,
            Slot::Type,
            Slot::Declaration,
            Slot::External,
            Slot::Specification,
            Slot::Origin,
            Slot::LowPc,
            Slot::Ranges,
            Slot::Inline,
            Slot::Annotation,
        ],
        Class::Variable => &[
            Slot::Name,
            Slot::LinkageName,
            Slot::Type,
            Slot::Declaration,
            Slot::External,
            Slot::Specification,
            Slot::Origin,
            Slot::Location,
            Slot::Annotation,
        ],
        Class::Template => &[Slot::Name, Slot::Type, Slot::Const],
        Class::Annotation => &[Slot::Name, Slot::Const, Slot::Annotation],
        Class::Variadic | Class::Code | Class::Import | Class::Other => &[],
    };
    set.iter().fold(0, |bits, slot| bits | slot.bit())
}

/// What DIEs are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Types,
    /// Where they are in the source.
    Declarations,
}

impl Purpose {
    /// The slots that all classes have a use for.
    fn wanted(self) -> u64 {
        match self {
            Purpose::Types => 0,
            Purpose::Declarations => [Slot::DeclFile, Slot::DeclLine, Slot::Specification, Slot::Origin]
                .iter()
                .fold(0, |bits, slot| bits | slot.bit()),
        }
    }
}

/// How the bytes of an attribute are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Op {
    /// A number of 1 to 8 bytes, zero-extended; the length is in the step.
    Number,
    Flag,
    /// Offset of a string: `.debug_str`, `.debug_line_str`, the supplementary file's `.debug_str`.
    Str,
    LineStr,
    SupStr,
    /// Index of a string.
    StrIndex,
    /// A DIE of this unit, of the section, of the supplementary file; a type unit.
    Ref,
    RefAddr,
    RefSup,
    RefSignature,
    /// Offset into another section.
    SecOffset,
    /// An address, and the index of one.
    Address,
    AddressIndex,
    /// 16 bytes.
    Wide,
    /// The value is in the abbreviation: an index into its constants.
    Constant,
    // From here on, the length is in the bytes.
    ULeb,
    SLeb,
    StrIndexLeb,
    RefLeb,
    AddressIndexLeb,
    /// Index into the offsets of `.debug_loclists` or `.debug_rnglists`.
    ListIndexLeb,
    String,
    Block1,
    Block2,
    Block4,
    BlockLeb,
    /// The form is in the bytes as well.
    Indirect,
    /// No more attributes.
    End,
}

/// No slot: the value is skipped.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// One attribute to load, or to skip because its length is not known. It starts `at` bytes behind the end of the last
/// attribute whose length was not known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) slot: u8,
    pub(crate) len: u8,
    pub(crate) at: u32,
}

/// An abbreviation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abbrev {
    pub(crate) tag: DwTag,
    pub(crate) class: Class,
    pub(crate) has_children: bool,
    /// Where its steps start, those that load and those that only skip; each ends with [`Op::End`].
    pub(crate) loads: u32,
    pub(crate) skips: u32,
}

/// How the units of one abbreviation table write numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Encoding {
    pub(crate) version: u16,
    /// 4 or 8.
    pub(crate) offset_size: u8,
    /// 1 to 8.
    pub(crate) address_size: u8,
}

/// The abbreviations of a unit.
#[derive(Debug, Default)]
pub(crate) struct Abbrevs {
    /// By code; compilers number them from 1 without gaps.
    dense: Vec<Abbrev>,
    /// The others, sorted by code.
    sparse: Vec<(u64, Abbrev)>,
    steps: Vec<Step>,
    constants: Vec<i64>,
}

impl Abbrevs {
    pub(crate) fn get(&self, code: u64) -> Option<&Abbrev> {
        match self.dense.get(index(code).wrapping_sub(1)) {
            Some(abbrev) => Some(abbrev),
            None if self.sparse.is_empty() => None,
            None => {
                let at = self.sparse.binary_search_by_key(&code, |&(code, _)| code).ok()?;
                Some(&self.sparse[at].1)
            }
        }
    }

    pub(crate) fn steps(&self, start: u32) -> &[Step] {
        self.steps.get(index(start)..).unwrap_or_default()
    }

    pub(crate) fn constant(&self, at: u32) -> i64 {
        self.constants.get(index(at)).copied().unwrap_or_default()
    }

    /// Reads the table at `offset`, replacing what was here.
    pub(crate) fn read(
        &mut self,
        table: Cursor<'_>,
        encoding: Encoding,
        purpose: Purpose,
    ) -> Result<(), Error> {
        self.dense.clear();
        self.sparse.clear();
        self.steps.clear();
        self.constants.clear();
        let mut cursor = table;
        self.read_all(&mut cursor, encoding, purpose).map_err(|expected| Error::Malformed {
            section: ".debug_abbrev",
            offset: u64::try_from(cursor.pos()).unwrap_or(u64::MAX),
            found: "an abbreviation that is not readable".to_owned(),
            expected,
        })
    }

    fn read_all(
        &mut self,
        cursor: &mut Cursor<'_>,
        encoding: Encoding,
        purpose: Purpose,
    ) -> Result<(), Expected> {
        let mut skips = Vec::new();
        loop {
            let code = cursor.uleb()?;
            if code == 0 {
                break;
            }
            let tag = DwTag(u16::try_from(cursor.uleb()?).map_err(|_| "a tag of 16 bits")?);
            let has_children = match cursor.fixed(1)? {
                0 => false,
                1 => true,
                _ => return Err("DW_CHILDREN_yes or DW_CHILDREN_no"),
            };
            let class = class_of(tag);
            let loads = u32::try_from(self.steps.len()).map_err(|_| "fewer attributes")?;
            skips.clear();
            self.compile(cursor, encoding, wanted(class) | purpose.wanted(), &mut skips)?;
            // What has no loads is its own skip.
            let skips_at = if self.steps.len() - index(loads) == skips.len() {
                loads
            } else {
                let at = u32::try_from(self.steps.len()).map_err(|_| "fewer attributes")?;
                self.steps.extend_from_slice(&skips);
                at
            };
            let abbrev = Abbrev { tag, class, has_children, loads, skips: skips_at };
            if index(code) == self.dense.len() + 1 {
                self.dense.push(abbrev);
            } else {
                self.sparse.push((code, abbrev));
            }
        }
        self.sparse.sort_by_key(|&(code, _)| code);
        Ok(())
    }

    /// Compiles the attributes of one abbreviation.
    fn compile(
        &mut self,
        cursor: &mut Cursor<'_>,
        encoding: Encoding,
        wanted: u64,
        skips: &mut Vec<Step>,
    ) -> Result<(), Expected> {
        let (mut load_at, mut skip_at) = (0_u32, 0_u32);
        loop {
            let (at, form) = (cursor.uleb()?, cursor.uleb()?);
            if at == 0 && form == 0 {
                break;
            }
            let at = DwAt(u16::try_from(at).map_err(|_| "an attribute of 16 bits")?);
            let form = DwForm(u16::try_from(form).map_err(|_| "a form of 16 bits")?);
            let implicit = if form == dw::DW_FORM_implicit_const { Some(cursor.sleb()?) } else { None };
            let slot = slot_of(at).filter(|slot| wanted & slot.bit() != 0);
            let slot = slot.map_or(NO_SLOT, |slot| slot as u8);
            let (op, len) = op_of(form, encoding)?;
            let mut step = Step { op, slot, len, at: load_at };
            match op {
                Op::Constant => {
                    if slot != NO_SLOT {
                        step.at = u32::try_from(self.constants.len()).map_err(|_| "fewer attributes")?;
                        // A flag that is present has no bytes, like a constant 1.
                        self.constants.push(implicit.unwrap_or(1));
                        self.steps.push(step);
                    }
                }
                _ if op as u8 >= Op::ULeb as u8 => {
                    self.steps.push(step);
                    skips.push(Step { slot: NO_SLOT, at: skip_at, ..step });
                    (load_at, skip_at) = (0, 0);
                }
                _ => {
                    if slot != NO_SLOT {
                        self.steps.push(step);
                    }
                    load_at = load_at.checked_add(len.into()).ok_or("fewer attributes")?;
                    skip_at = skip_at.checked_add(len.into()).ok_or("fewer attributes")?;
                }
            }
        }
        self.steps.push(Step { op: Op::End, slot: NO_SLOT, len: 0, at: load_at });
        skips.push(Step { op: Op::End, slot: NO_SLOT, len: 0, at: skip_at });
        Ok(())
    }
}

/// How a form is read, and its length in bytes if that is always the same.
pub(crate) fn op_of(form: DwForm, encoding: Encoding) -> Result<(Op, u8), Expected> {
    let (offset, address) = (encoding.offset_size, encoding.address_size);
    Ok(match form {
        dw::DW_FORM_data1 => (Op::Number, 1),
        dw::DW_FORM_data2 => (Op::Number, 2),
        dw::DW_FORM_data4 => (Op::Number, 4),
        dw::DW_FORM_data8 => (Op::Number, 8),
        dw::DW_FORM_data16 => (Op::Wide, 16),
        dw::DW_FORM_flag => (Op::Flag, 1),
        dw::DW_FORM_flag_present | dw::DW_FORM_implicit_const => (Op::Constant, 0),
        dw::DW_FORM_strp => (Op::Str, offset),
        dw::DW_FORM_line_strp => (Op::LineStr, offset),
        dw::DW_FORM_strp_sup | dw::DW_FORM_GNU_strp_alt => (Op::SupStr, offset),
        dw::DW_FORM_strx1 => (Op::StrIndex, 1),
        dw::DW_FORM_strx2 => (Op::StrIndex, 2),
        dw::DW_FORM_strx3 => (Op::StrIndex, 3),
        dw::DW_FORM_strx4 => (Op::StrIndex, 4),
        dw::DW_FORM_strx | dw::DW_FORM_GNU_str_index => (Op::StrIndexLeb, 0),
        dw::DW_FORM_ref1 => (Op::Ref, 1),
        dw::DW_FORM_ref2 => (Op::Ref, 2),
        dw::DW_FORM_ref4 => (Op::Ref, 4),
        dw::DW_FORM_ref8 => (Op::Ref, 8),
        dw::DW_FORM_ref_udata => (Op::RefLeb, 0),
        // DWARF 2 wrote addresses here.
        dw::DW_FORM_ref_addr => (Op::RefAddr, if encoding.version <= 2 { address } else { offset }),
        dw::DW_FORM_ref_sup4 => (Op::RefSup, 4),
        dw::DW_FORM_ref_sup8 => (Op::RefSup, 8),
        dw::DW_FORM_GNU_ref_alt => (Op::RefSup, offset),
        dw::DW_FORM_ref_sig8 => (Op::RefSignature, 8),
        dw::DW_FORM_sec_offset => (Op::SecOffset, offset),
        dw::DW_FORM_addr => (Op::Address, address),
        dw::DW_FORM_addrx1 => (Op::AddressIndex, 1),
        dw::DW_FORM_addrx2 => (Op::AddressIndex, 2),
        dw::DW_FORM_addrx3 => (Op::AddressIndex, 3),
        dw::DW_FORM_addrx4 => (Op::AddressIndex, 4),
        dw::DW_FORM_addrx | dw::DW_FORM_GNU_addr_index => (Op::AddressIndexLeb, 0),
        dw::DW_FORM_loclistx | dw::DW_FORM_rnglistx => (Op::ListIndexLeb, 0),
        dw::DW_FORM_udata => (Op::ULeb, 0),
        dw::DW_FORM_sdata => (Op::SLeb, 0),
        dw::DW_FORM_string => (Op::String, 0),
        dw::DW_FORM_block1 => (Op::Block1, 0),
        dw::DW_FORM_block2 => (Op::Block2, 0),
        dw::DW_FORM_block4 => (Op::Block4, 0),
        dw::DW_FORM_block | dw::DW_FORM_exprloc => (Op::BlockLeb, 0),
        dw::DW_FORM_indirect => (Op::Indirect, 0),
        _ => return Err("a form of DWARF 2 to 5 or of its GNU extensions"),
    })
}
