//! Control flow: structured statements, which are begun and ended, and raw blocks beside them.
//!
//! ```text
//! begin_if(c) .. [begin_else() ..] end()
//! begin_loop() .. [break_if / break_unless / break_ / continue_] .. end()
//! begin_loop() .. begin_continue() .. end()          what `continue` goes to: the step of a `for`
//! begin_block() .. break_(label) .. end()            a way out of the middle
//! begin_switch(v) { begin_case(&[..]) .. [fall_through()] } [begin_default() ..] end()
//! begin_and(a) .. end_logic(b)                       `a && b`; begin_or for `a || b`
//! ```
//!
//! Statements nest. After a statement, code goes on where its ways meet, even if none leads there.

use super::body::FuncBuilder;
use super::class::Shape;
use super::handle::{Block, Label, Value};
use crate::diag::Code;
use crate::ir::{self, Edge, Op, Term, Type, Values};

/// A structured statement that has been begun.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its label.
    number: u32,
    kind: Kind,
    /// Where code goes on after it.
    exit: ir::Block,
}

impl Frame {
    /// What messages call it.
    pub(super) const fn name(&self) -> &'static str {
        self.kind.name()
    }
}

#[derive(Debug)]
enum Kind {
    If {
        /// Where the other way begins, which is still to be written.
        other: Option<ir::Block>,
    },
    Block,
    Loop {
        header: ir::Block,
        /// Where `continue` goes, if not to the header.
        step: Option<ir::Block>,
        /// Whether the code there has begun.
        stepping: bool,
    },
    Switch {
        value: ir::Value,
        ty: Type,
        signed: bool,
        /// The block that decides.
        from: ir::Block,
        cases: Vec<(i64, ir::Block)>,
        default: Option<ir::Block>,
        /// Where the case before falls through to.
        next: Option<ir::Block>,
    },
    Logic {
        join: ir::Value,
    },
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Kind::If { .. } => "if",
            Kind::Block => "block",
            Kind::Loop { .. } => "loop",
            Kind::Switch { .. } => "switch",
            Kind::Logic { .. } => "and/or",
        }
    }
}

impl FuncBuilder<'_> {
    /// Begins code that is executed where the condition is true: a truth value, an integer or a pointer.
    #[track_caller]
    pub fn begin_if(&mut self, cond: Value) {
        self.m.here();
        let (then, other) = (self.add_block(), self.add_block());
        self.branch_to(cond, then, other);
        self.go_to(then);
        self.push_frame(Kind::If { other: Some(other) }, Some(other));
    }

    /// Ends the code of [`begin_if`](FuncBuilder::begin_if), and begins that for the other case.
    #[track_caller]
    pub fn begin_else(&mut self) {
        self.m.here();
        let other = match self.m.body.frames.last_mut() {
            Some(Frame { kind: Kind::If { other }, .. }) => other.take(),
            _ => None,
        };
        let Some(other) = other else {
            self.m.mistake(Code::Unterminated, "an else without its if: begin_if comes first".to_owned());
            return;
        };
        let exit = self.add_block();
        if let Some(frame) = self.m.body.frames.last_mut() {
            frame.exit = exit;
        }
        self.leave_to(exit);
        self.go_to(other);
    }

    /// Begins a loop that goes on until it is broken out of.
    #[track_caller]
    pub fn begin_loop(&mut self) -> Label {
        self.m.here();
        self.start_loop(false)
    }

    /// Begins a loop that the kernel leaves when it has had enough (`may_goto`: cpu v4, Linux 6.9), so that it needs no
    /// bound that the verifier sees.
    #[track_caller]
    pub fn begin_bounded_loop(&mut self) -> Label {
        self.m.here();
        self.start_loop(true)
    }

    fn start_loop(&mut self, bounded: bool) -> Label {
        let header = self.add_block();
        let exit = self.add_block();
        self.leave_to(header);
        self.go_to(header);
        if bounded {
            let body = self.add_block();
            self.end_block(Term::MayGoto { again: Edge::to(body), done: Edge::to(exit) });
            self.go_to(body);
        }
        self.push_frame(Kind::Loop { header, step: None, stepping: false }, Some(exit))
    }

    /// Begins the part of a loop that `continue` goes to, before it starts again.
    #[track_caller]
    pub fn begin_continue(&mut self) {
        self.m.here();
        let known = match self.m.body.frames.last_mut() {
            Some(Frame { kind: Kind::Loop { step, stepping: stepping @ false, .. }, .. }) => {
                *stepping = true;
                *step
            }
            _ => {
                let message =
                    "begin_continue outside of a loop, or twice in one: end the statements within it first";
                self.m.mistake(Code::Unterminated, message.to_owned());
                return;
            }
        };
        let step = known.unwrap_or_else(|| self.add_block());
        self.leave_to(step);
        self.go_to(step);
    }

    /// Begins code that [`break_`](FuncBuilder::break_) can leave.
    #[track_caller]
    pub fn begin_block(&mut self) -> Label {
        self.m.here();
        self.push_frame(Kind::Block, None)
    }

    /// Ends the statement that was begun last.
    #[track_caller]
    pub fn end(&mut self) {
        self.m.here();
        let Some(frame) = self.m.body.frames.pop() else {
            self.m.mistake(Code::Unterminated, "an end of nothing: no statement has been begun".to_owned());
            return;
        };
        let Frame { kind, exit, .. } = frame;
        match kind {
            Kind::Loop { header, step, stepping } => {
                if let Some(step) = step.filter(|_| !stepping) {
                    self.leave_to(step);
                    self.go_to(step);
                }
                self.leave_to(header);
            }
            Kind::Switch { value, from, cases, default, next, .. } => {
                self.leave_to(exit);
                if let Some(next) = next {
                    self.go_to(next);
                    self.leave_to(exit);
                }
                self.check_cases(&cases);
                let cases = cases.into_iter().map(|(number, block)| (number, Edge::to(block))).collect();
                let default = Edge::to(default.unwrap_or(exit));
                self.m.body.ir.block_mut(from).term = Term::Switch { value, cases, default };
            }
            Kind::Logic { .. } => {
                let message = "end of an and/or, which has a value: call end_logic";
                self.m.mistake(Code::Unterminated, message.to_owned());
            }
            Kind::If { .. } | Kind::Block => self.leave_to(exit),
        }
        self.go_to(exit);
    }

    fn check_cases(&mut self, cases: &[(i64, ir::Block)]) {
        let mut numbers: Vec<i64> = cases.iter().map(|&(number, _)| number).collect();
        numbers.sort_unstable();
        if let Some(pair) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("case {} stands twice in a switch: remove one", pair[0]);
            self.m.mistake(Code::DuplicateName, message);
        }
    }

    /// Leaves a loop, block or switch: code goes on behind it.
    #[track_caller]
    pub fn break_(&mut self, label: Label) {
        self.m.here();
        if let Some(exit) = self.exit_of(label) {
            self.jump_out(exit);
        }
    }

    /// Leaves a loop, block or switch if the condition is true.
    #[track_caller]
    pub fn break_if(&mut self, label: Label, cond: Value) {
        self.m.here();
        let Some(exit) = self.exit_of(label) else { return };
        let next = self.add_block();
        self.branch_to(cond, exit, next);
        self.go_to(next);
    }

    /// Leaves a loop, block or switch unless the condition is true: what a `while` does first.
    #[track_caller]
    pub fn break_unless(&mut self, label: Label, cond: Value) {
        self.m.here();
        let Some(exit) = self.exit_of(label) else { return };
        let next = self.add_block();
        self.branch_to(cond, next, exit);
        self.go_to(next);
    }

    fn exit_of(&mut self, label: Label) -> Option<ir::Block> {
        let at = self.frame_of(label)?;
        Some(self.m.body.frames[at].exit)
    }

    /// Goes to the next turn of a loop.
    #[track_caller]
    pub fn continue_(&mut self, label: Label) {
        self.m.here();
        let Some(at) = self.frame_of(label) else { return };
        let to = match &self.m.body.frames[at].kind {
            Kind::Loop { header, stepping: true, .. } => *header,
            Kind::Loop { step: Some(step), .. } => *step,
            Kind::Loop { .. } => {
                let block = self.add_block();
                if let Kind::Loop { step, .. } = &mut self.m.body.frames[at].kind {
                    *step = Some(block);
                }
                block
            }
            other => {
                let message = format!("continue of a {}: use the label of a loop", other.name());
                self.m.mistake(Code::Unterminated, message);
                return;
            }
        };
        self.jump_out(to);
    }

    /// The loop that encloses this place most closely.
    #[must_use]
    pub fn innermost_loop(&self) -> Option<Label> {
        let frame = self.m.body.frames.iter().rev().find(|frame| matches!(frame.kind, Kind::Loop { .. }))?;
        Some(Label { index: frame.number, brand: self.m.body.brand })
    }

    /// Tells of a `break` or `continue` that no loop encloses.
    #[track_caller]
    pub(in crate::build) fn no_loop(&mut self, what: &str) {
        let message = format!("a {what} that no loop encloses");
        self.m.mistake(Code::Unterminated, message);
    }

    /// Begins a choice by an integer. Code goes into its cases.
    #[track_caller]
    pub fn begin_switch(&mut self, value: Value) -> Label {
        self.m.here();
        let (node, ty, signed) = match self.operand(value) {
            Some((node, class)) => match class.shape {
                Shape::Int { bits, signed } => (node, Type::Int(bits), signed),
                _ => {
                    self.bad_operand("a switch", value, "an integer");
                    (self.number(0, Type::I64), Type::I64, true)
                }
            },
            None => (self.number(0, Type::I64), Type::I64, true),
        };
        if !self.m.body.reachable {
            // Tells of it, and gives it a block.
            self.number(0, Type::I64);
        }
        let from = self.m.body.at;
        self.m.body.reachable = false;
        let kind =
            Kind::Switch { value: node, ty, signed, from, cases: Vec::new(), default: None, next: None };
        self.push_frame(kind, None)
    }

    /// Begins the code for some numbers. The case before ends here, if it has not yet.
    #[track_caller]
    pub fn begin_case(&mut self, numbers: &[i128]) {
        self.m.here();
        let Some(block) = self.begin_arm() else { return };
        for &number in numbers {
            let Some(Frame { kind: Kind::Switch { ty, signed, cases, .. }, .. }) =
                self.m.body.frames.last_mut()
            else {
                return;
            };
            if !super::types::fits(number, ty.bits(), *signed) {
                let (bits, sign) = (ty.bits(), if *signed { "signed" } else { "unsigned" });
                let message = format!("case {number} is no {sign} integer of {bits} bits: it is never met");
                self.m.mistake(Code::OutOfRange, message);
                continue;
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked above")]
            cases.push((ty.canonical(number as i64), block));
        }
    }

    /// Begins the code for all other numbers.
    #[track_caller]
    pub fn begin_default(&mut self) {
        self.m.here();
        let Some(block) = self.begin_arm() else { return };
        if let Some(Frame { kind: Kind::Switch { default, .. }, .. }) = self.m.body.frames.last_mut()
            && default.replace(block).is_some()
        {
            self.m.mistake(Code::DuplicateName, "a switch with two defaults: remove one".to_owned());
        }
    }

    /// Goes on with the code of the next case.
    #[track_caller]
    pub fn fall_through(&mut self) {
        self.m.here();
        let known = match self.m.body.frames.last() {
            Some(Frame { kind: Kind::Switch { next, .. }, .. }) => *next,
            _ => {
                let message = "fall_through outside of a switch: end the statements within it first";
                self.m.mistake(Code::Unterminated, message.to_owned());
                return;
            }
        };
        let block = known.unwrap_or_else(|| self.add_block());
        if let Some(Frame { kind: Kind::Switch { next, .. }, .. }) = self.m.body.frames.last_mut() {
            *next = Some(block);
        }
        self.jump_out(block);
    }

    fn begin_arm(&mut self) -> Option<ir::Block> {
        let Some(Frame { kind: Kind::Switch { next, .. }, exit, .. }) = self.m.body.frames.last_mut() else {
            let message =
                "a case outside of a switch: begin_switch comes first, and end after each statement in it";
            self.m.mistake(Code::Unterminated, message.to_owned());
            return None;
        };
        let (next, exit) = (next.take(), *exit);
        self.leave_to(exit);
        let block = next.unwrap_or_else(|| self.add_block());
        self.go_to(block);
        Some(block)
    }

    /// Begins the right side of `a && b`, which is calculated only if `a` is true.
    #[track_caller]
    pub fn begin_and(&mut self, a: Value) -> Label {
        self.m.here();
        self.begin_logic(a, true)
    }

    /// Begins the right side of `a || b`, which is calculated only if `a` is false.
    #[track_caller]
    pub fn begin_or(&mut self, a: Value) -> Label {
        self.m.here();
        self.begin_logic(a, false)
    }

    fn begin_logic(&mut self, a: Value, and: bool) -> Label {
        let (right, join) = (self.add_block(), self.add_block());
        let cond = self.decide(a);
        let known = self.number(i64::from(!and), Type::I1);
        let loc = self.m.loc();
        let param = self.m.body.ir.new_param(join, Type::I1, loc);
        let short = Edge { block: join, args: Values::from_slice(&[known]) };
        let (cond, a, b) = cond;
        let (then, other) = if and { (Edge::to(right), short) } else { (short, Edge::to(right)) };
        self.end_block(Term::Branch { cond, a, b, then, other });
        self.go_to(right);
        self.m.body.joins.push(join);
        self.push_frame(Kind::Logic { join: param }, Some(join))
    }

    /// Ends the right side; the truth value of the whole.
    #[track_caller]
    pub fn end_logic(&mut self, b: Value) -> Value {
        self.m.here();
        let join = match self.m.body.frames.last() {
            Some(Frame { kind: Kind::Logic { join }, .. }) => *join,
            _ => {
                let message =
                    "end_logic without begin_and or begin_or, or with an open statement between them";
                self.m.mistake(Code::Unterminated, message.to_owned());
                return Value::POISON;
            }
        };
        let truth = self.truth(b);
        let arg = match self.operand(truth) {
            Some((node, _)) => node,
            None => self.number(0, Type::I1),
        };
        let Some(Frame { exit, .. }) = self.m.body.frames.pop() else { return Value::POISON };
        if self.m.body.reachable {
            self.end_block(Term::Jump(Edge { block: exit, args: Values::from_slice(&[arg]) }));
        }
        self.go_to(exit);
        let ty = self.m.rust_id::<bool>();
        self.value(join, ty)
    }

    /// Returns from the function.
    #[track_caller]
    pub fn ret(&mut self, value: Option<Value>) {
        self.m.here();
        let ret = self.m.body.ret;
        let node = match value.filter(|value| !value.is_nothing()) {
            None if ret.is_void() || self.m.body.func.is_none() => None,
            None => {
                let name = self.m.type_name(ret);
                self.m.mistake(Code::TypeMismatch, format!("a return without a value: expected {name}"));
                None
            }
            Some(value) => match self.operand(value) {
                None => None,
                Some((node, class)) => {
                    let expected = self.m.class(ret);
                    if self.m.body.func.is_some() && !self.compatible(value.ty, class, ret, expected) {
                        let (found, name) = (self.m.type_name(value.ty), self.m.type_name(ret));
                        let message =
                            format!("{found} is returned, but the function returns {name}: cast it");
                        self.m.mistake(Code::TypeMismatch, message);
                    }
                    Some(node)
                }
            },
        };
        self.end_block(Term::Return(node));
    }

    /// Says that this place is never reached.
    #[track_caller]
    pub fn unreachable(&mut self) {
        self.m.here();
        self.end_block(Term::Unreachable);
    }

    /// Ends the block: goes to another.
    #[track_caller]
    pub fn jump(&mut self, to: Block) {
        self.m.here();
        if let Some(to) = self.block_of(to) {
            self.jump_out(to);
        }
    }

    /// Ends the block: goes to one of two others.
    #[track_caller]
    pub fn branch(&mut self, cond: Value, then: Block, other: Block) {
        self.m.here();
        if let (Some(then), Some(other)) = (self.block_of(then), self.block_of(other)) {
            self.branch_to(cond, then, other);
        }
    }

    /// Ends the block: goes where the number leads, if it is in the list, else to `default`.
    #[track_caller]
    pub fn switch(&mut self, value: Value, cases: &[(i128, Block)], default: Block) {
        self.m.here();
        let Some(default) = self.block_of(default) else { return };
        let label = self.begin_switch(value);
        for &(number, block) in cases {
            let Some(block) = self.block_of(block) else { continue };
            self.begin_case(&[number]);
            self.jump_out(block);
        }
        self.begin_default();
        self.jump_out(default);
        if self.frame_of(label).is_some() {
            self.end();
        }
        // Nothing leads behind it.
        self.m.body.reachable = false;
    }

    /// Ends the block: goes to `again` until the kernel has had enough, then to `done` (`may_goto`).
    #[track_caller]
    pub fn may_goto(&mut self, again: Block, done: Block) {
        self.m.here();
        if let (Some(again), Some(done)) = (self.block_of(again), self.block_of(done)) {
            self.end_block(Term::MayGoto { again: Edge::to(again), done: Edge::to(done) });
        }
    }

    /// Ends the block with a jump that the program asks for.
    fn jump_out(&mut self, to: ir::Block) {
        self.end_block(Term::Jump(Edge::to(to)));
    }

    /// Goes on elsewhere, unless this place is not reached.
    fn leave_to(&mut self, to: ir::Block) {
        if self.m.body.reachable {
            self.end_block(Term::Jump(Edge::to(to)));
        }
    }

    fn branch_to(&mut self, cond: Value, then: ir::Block, other: ir::Block) {
        let (cond, a, b) = self.decide(cond);
        self.end_block(Term::Branch { cond, a, b, then: Edge::to(then), other: Edge::to(other) });
    }

    /// What a branch asks; after a mistake, something.
    fn decide(&mut self, cond: Value) -> (ir::Cond, ir::Value, ir::Value) {
        self.condition(cond).unwrap_or_else(|| {
            let zero = self.number(0, Type::I1);
            (ir::Cond::Ne, zero, zero)
        })
    }

    fn end_block(&mut self, term: Term) {
        if !self.m.body.reachable {
            // Tells of it, and gives it a block.
            self.emit(Op::Const(0), Some(Type::I64));
        }
        let loc = self.m.loc();
        let body = &mut self.m.body;
        let block = body.ir.block_mut(body.at);
        (block.term, block.loc) = (term, loc);
        body.reachable = false;
    }

    fn push_frame(&mut self, kind: Kind, exit: Option<ir::Block>) -> Label {
        let exit = exit.unwrap_or_else(|| self.add_block());
        let body = &mut self.m.body;
        body.frame_count = body.frame_count.wrapping_add(1);
        let number = body.frame_count;
        body.frames.push(Frame { number, kind, exit });
        Label { index: number, brand: body.brand }
    }

    /// The statement that a label names.
    fn frame_of(&mut self, label: Label) -> Option<usize> {
        let body = &self.m.body;
        if label.brand == body.brand {
            // Labels grow with the depth.
            if let Ok(at) = body.frames.binary_search_by_key(&label.index, |frame| frame.number) {
                return Some(at);
            }
            let message = "a break or continue of a statement that has ended: use a label that encloses it";
            self.m.mistake(Code::Unterminated, message.to_owned());
        } else if label.is_poison() {
            self.m.meet_poison();
        } else {
            self.m.mistake(Code::Foreign, "this label is of another function".to_owned());
        }
        None
    }
}
