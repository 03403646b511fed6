//! The body of a function that is being built: where instructions go, and which values may be used.

use skep_btf::TypeId;

use super::class::{Class, Shape};
use super::flow::Frame;
use super::handle::{Block, Brand, NOTHING, Ty, Value, Var};
use super::module::Module;
use crate::diag::Code;
use crate::ir::{self, Loc, Op, SlotData};

/// A function with more instructions or blocks than this is refused.
const MAX_NODES: usize = 1 << 24;

/// What is known of the body of a function.
#[derive(Debug)]
pub(crate) struct Body {
    pub(super) brand: Brand,
    /// The function, unless it is a mistake.
    pub(super) func: Option<u32>,
    pub(super) ir: ir::Func,
    /// What it returns.
    pub(super) ret: TypeId,
    /// Where instructions go.
    pub(super) at: ir::Block,
    /// Whether `at` has no end yet.
    pub(super) reachable: bool,
    /// Whether code behind an end has been reported.
    pub(super) told: bool,
    pub(super) vars: Vec<Variable>,
    /// Variables for what calls take by its address, and whether the current call has taken them.
    pub(super) temporaries: Vec<(Var, bool)>,
    pub(super) frames: Vec<Frame>,
    /// Statements that have been begun, which numbers labels.
    pub(super) frame_count: u32,
    /// Blocks where the ways of an `and` or `or` meet.
    pub(super) joins: Vec<ir::Block>,
    /// Whether it has a mistake.
    pub(super) failed: bool,
    /// Whether it has more than it may have, which has been reported.
    full: bool,
    /// Whether it is being built at all.
    open: bool,
}

/// A local variable. Each is a slot until the end, when those whose address nobody takes become values.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) ty: TypeId,
    /// The node that is its address; it stands in no block.
    pub(super) address: ir::Value,
    /// Whether its address is used for more than whole reads and writes.
    pub(super) taken: bool,
    /// The type it has as a value, if it can be one.
    pub(super) value: Option<ir::Type>,
    pub(super) slot: SlotData,
}

/// No body.
impl Default for Body {
    fn default() -> Body {
        let ir = ir::Func {
            symbol: ir::SymbolId(0),
            sig: ir::Signature::default(),
            ty: None,
            inline: ir::Inline::Auto,
            slots: Vec::new(),
            blocks: Vec::new(),
            nodes: Vec::new(),
            loc: Loc::UNKNOWN,
        };
        Body { open: false, ..Body::new(None, ir, TypeId::VOID) }
    }
}

impl Body {
    pub(super) fn new(func: Option<u32>, ir: ir::Func, ret: TypeId) -> Body {
        Body {
            brand: Brand::new(),
            func,
            ir,
            ret,
            at: ir::Func::ENTRY,
            reachable: true,
            told: false,
            vars: Vec::new(),
            temporaries: Vec::new(),
            frames: Vec::new(),
            frame_count: 0,
            joins: Vec::new(),
            failed: false,
            full: false,
            open: true,
        }
    }

    /// The body of no function, which takes what is written after a mistake.
    pub(super) fn orphan(loc: Loc) -> Body {
        let ir = ir::Func::new(ir::SymbolId(0), ir::Signature::default(), loc);
        Body { failed: true, ..Body::new(None, ir, TypeId::VOID) }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open
    }
}

/// Builds the body of a function: a cursor that instructions are added at.
///
/// No call fails or panics; see [`Module`].
#[derive(Debug)]
pub struct FuncBuilder<'m> {
    pub(super) m: &'m mut Module,
    /// Whether this finishes the body in the end.
    owner: bool,
}

impl Drop for FuncBuilder<'_> {
    fn drop(&mut self) {
        if self.owner {
            self.m.end_body();
        }
    }
}

impl<'m> FuncBuilder<'m> {
    pub(in crate::build) fn new(m: &'m mut Module, owner: bool) -> FuncBuilder<'m> {
        FuncBuilder { m, owner }
    }

    /// Finishes the body, as dropping the builder does.
    pub fn finish(self) {}

    /// The module that the function is in, for types and symbols. Another function may be defined meanwhile.
    pub fn module(&mut self) -> &mut Module {
        self.m
    }

    /// Where the source is that the following calls come from. Without it, that is where they stand in Rust code.
    pub fn set_place(&mut self, file: &str, line: u32, column: u32) {
        self.m.set_place(file, line, column);
    }

    /// Whether code at this place can be executed: not behind a `ret`, `break_` or jump.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.m.body.reachable
    }

    /// How many parameters the function has.
    #[must_use]
    pub fn param_count(&self) -> usize {
        self.m.body.func.map_or(0, |func| self.m.funcs[func as usize].params.len())
    }

    /// A parameter of the function, counted from 0.
    #[track_caller]
    pub fn param(&mut self, index: usize) -> Value {
        self.m.here();
        let Some(func) = self.m.body.func else { return Value::POISON };
        let decl = &self.m.funcs[func as usize];
        let Some(&ty) = decl.params.get(index) else {
            let count = decl.params.len();
            let message = format!("parameter {index} of a function that has {count}: they count from 0");
            self.m.mistake(Code::OutOfRange, message);
            return Value::POISON;
        };
        let node = self.m.body.ir.block(ir::Func::ENTRY).params[index];
        self.value(node, ty)
    }

    /// The type of a value.
    #[track_caller]
    pub fn type_of(&mut self, value: Value) -> Ty {
        self.m.here();
        match self.operand(value) {
            Some(_) => self.m.ty(value.ty),
            None => Ty::POISON,
        }
    }

    /// An integer of that type. What does not fit is a mistake.
    #[track_caller]
    pub fn int(&mut self, ty: Ty, number: impl Into<i128>) -> Value {
        self.m.here();
        let Some(id) = self.m.type_id(ty) else { return Value::POISON };
        self.int_of(id, number.into())
    }

    pub(in crate::build) fn int_of(&mut self, id: TypeId, number: i128) -> Value {
        let class = self.m.class(id);
        let (bits, signed) = match class.shape {
            Shape::Int { bits, signed } => (bits, signed),
            Shape::Bool => (1, false),
            _ => {
                let name = self.m.type_name(id);
                self.m.mistake(Code::TypeMismatch, format!("the number {number} cannot be of type {name}"));
                return Value::POISON;
            }
        };
        if !super::types::fits(number, bits, signed) {
            let name = self.m.type_name(id);
            self.m.mistake(
                Code::OutOfRange,
                format!("{number} is no value of {name}: take a wider type, or cast"),
            );
            return Value::POISON;
        }
        let ty = ir::Type::Int(bits);
        // The number fits into 64 bits, signed or not.
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        let number = ty.canonical(number as i64);
        let node = self.emit(Op::Const(number), Some(ty));
        self.value(node, id)
    }

    /// A truth value.
    #[track_caller]
    pub fn bool(&mut self, value: bool) -> Value {
        self.m.here();
        let ty = self.m.rust_id::<bool>();
        self.int_of(ty, value.into())
    }

    /// The pointer to nothing, of that type.
    #[track_caller]
    pub fn null(&mut self, ty: Ty) -> Value {
        self.m.here();
        let Some(id) = self.m.type_id(ty) else { return Value::POISON };
        let class = self.m.class(id);
        let Some(ir_ty) = class.ir().filter(|ty| ty.is_ptr()) else {
            let name = self.m.type_name(id);
            self.m.mistake(Code::TypeMismatch, format!("null of {name}: only pointers can be null"));
            return Value::POISON;
        };
        let node = self.emit(Op::Const(0), Some(ir_ty));
        self.value(node, id)
    }

    /// A local variable, which must be written before it is read. The name is for messages.
    #[track_caller]
    pub fn var(&mut self, name: &str, ty: Ty) -> Var {
        self.m.here();
        let Some(ty) = self.m.object_type(ty, "a variable of type") else { return Var::POISON };
        self.var_of(Some(name), ty)
    }

    pub(in crate::build) fn var_of(&mut self, name: Option<&str>, ty: TypeId) -> Var {
        let class = self.m.class(ty);
        let align = match class.size {
            8.. => 8,
            _ => u32::from(class.align.min(8)),
        };
        let slot = SlotData { name: name.map(Into::into), size: class.size.max(1), align };
        let loc = self.m.loc();
        let body = &mut self.m.body;
        let index = u32::try_from(body.vars.len()).unwrap_or(u32::MAX);
        let address = body.ir.new_node(Op::Slot(ir::Slot(index)), Some(ir::Type::PTR), loc);
        let value = class.ir().filter(|_| class.width().is_some() && !class.volatile);
        body.vars.push(Variable { ty, address, taken: false, value, slot });
        Var { index, brand: body.brand }
    }

    /// A new block, empty and nowhere yet; see [`switch_to`](FuncBuilder::switch_to).
    #[track_caller]
    pub fn new_block(&mut self) -> Block {
        self.m.here();
        let block = self.add_block();
        Block { index: block.0, brand: self.m.body.brand }
    }

    pub(super) fn add_block(&mut self) -> ir::Block {
        let loc = self.m.loc();
        let body = &mut self.m.body;
        if body.ir.blocks.len() >= MAX_NODES {
            self.too_large();
            return ir::Func::ENTRY;
        }
        body.ir.new_block(loc)
    }

    /// Puts what follows into a block: at its end, if it has instructions already.
    #[track_caller]
    pub fn switch_to(&mut self, block: Block) {
        self.m.here();
        let Some(block) = self.block_of(block) else { return };
        self.go_to(block);
        let body = &mut self.m.body;
        body.reachable = matches!(body.ir.block(block).term, ir::Term::Open);
    }

    /// Puts what follows into a block that is known to have no end.
    pub(super) fn go_to(&mut self, block: ir::Block) {
        let body = &mut self.m.body;
        (body.at, body.reachable, body.told) = (block, true, false);
    }

    pub(super) fn block_of(&mut self, block: Block) -> Option<ir::Block> {
        let body = &self.m.body;
        if block.brand == body.brand && (block.index as usize) < body.ir.blocks.len() {
            return Some(ir::Block(block.index));
        }
        if block.is_poison() {
            self.m.meet_poison();
        } else {
            self.m.mistake(Code::Foreign, "this block is of another function".to_owned());
        }
        None
    }

    /// Adds an instruction.
    #[inline]
    pub(super) fn emit(&mut self, op: Op, ty: Option<ir::Type>) -> ir::Value {
        if !self.m.body.reachable {
            self.dead_code();
        }
        let loc = self.m.loc();
        let body = &mut self.m.body;
        if body.ir.nodes.len() >= MAX_NODES {
            self.too_large();
            return ir::Value(0);
        }
        body.ir.push(body.at, op, ty, loc)
    }

    /// Adds an integer constant.
    pub(super) fn number(&mut self, number: i64, ty: ir::Type) -> ir::Value {
        self.emit(Op::Const(ty.canonical(number)), Some(ty))
    }

    /// A handle for what an instruction makes.
    #[inline]
    pub(super) fn value(&self, node: ir::Value, ty: TypeId) -> Value {
        Value { node: node.0, brand: self.m.body.brand, ty }
    }

    /// What a function without a result returns.
    pub(super) fn nothing(&self) -> Value {
        Value { node: NOTHING, brand: self.m.body.brand, ty: TypeId::VOID }
    }

    /// An operand and its class. Poison is none, silently; what is of another function is a mistake.
    #[inline]
    pub(super) fn operand(&mut self, value: Value) -> Option<(ir::Value, Class)> {
        let body = &self.m.body;
        if value.brand == body.brand && (value.node as usize) < body.ir.nodes.len() {
            let class = self.m.class(value.ty);
            return Some((ir::Value(value.node), class));
        }
        self.no_operand(value);
        None
    }

    #[cold]
    fn no_operand(&mut self, value: Value) {
        if value.is_poison() {
            return self.m.meet_poison();
        }
        let (code, message) = match value.node {
            NOTHING => (Code::TypeMismatch, "the value of a function that returns nothing is used"),
            _ => (
                Code::Foreign,
                "this value is of another function: pass it as an argument, or through memory",
            ),
        };
        self.m.mistake(code, message.to_owned());
    }

    /// Tells of code behind an end, once, and gives it a block of its own.
    #[cold]
    fn dead_code(&mut self) {
        if !self.m.body.told {
            self.m.mistake(
                Code::Unterminated,
                "this is never reached: it stands behind a ret, a break or a jump; remove it, or begin a block"
                    .to_owned(),
            );
        }
        let block = self.add_block();
        self.go_to(block);
        self.m.body.told = true;
    }

    #[cold]
    fn too_large(&mut self) {
        if !std::mem::replace(&mut self.m.body.full, true) {
            self.m.mistake(
                Code::TooLarge,
                format!("more than {MAX_NODES} instructions or blocks in one function: split it"),
            );
        }
    }
}
