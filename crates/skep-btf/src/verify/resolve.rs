//! What types refer to: the second pass.
//!
//! The kernel goes from each type, in order, to what it needs, deepest first, and checks a type once all that it needs
//! is checked. How far it goes depends on where it starts, which decides who is refused first, and lets a few odd types
//! through:
//!
//! * Below a pointer it follows pointers and modifiers only; below a struct, union or array, those and modifiers only.
//!   The outermost one counts. What is not followed comes later, when it is its own turn.
//! * A modifier is done once what it was followed to is done, so what lies behind a modifier may be unchecked. A pointer
//!   or variable looks once more behind a modifier, others do not.
//! * A section's variables are compared with their sizes only if they stand before it.
//! * A function's type is no part of this: each of its types starts anew.

use super::blob::{Blob, Item};
use super::members;
use super::names::ident_problem;
use super::refusal::{Fault, Rule};
use super::version::Rules;
use crate::bytes::index;
use crate::kind::Kind;

/// How many types may be open at a time.
const MAX_DEPTH: usize = 32;

/// Checks all that types refer to.
pub(super) fn check(blob: &Blob<'_>, rules: &Rules) -> Result<(), Fault> {
    let mut resolver = Resolver::new(blob, rules);
    for id in blob.ids() {
        resolver.turn(id)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// On the stack.
    Open,
    Done,
}

/// Which types are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All that refer to something.
    Any,
    /// Pointers and modifiers.
    Pointer,
    /// Structs, unions, arrays and modifiers.
    Composite,
}

/// A type on the stack.
#[derive(Clone, Copy)]
struct Open {
    id: u32,
    /// The element of its list that is next.
    next: u32,
}

/// Where the way goes on.
enum Step {
    /// With a type that is needed first.
    Need(u32),
    Done,
}

/// What a member, element, variable or parameter is in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sized {
    pub(super) kind: Kind,
    pub(super) id: u32,
    /// In bytes.
    pub(super) size: u32,
}

struct Resolver<'a, 'b> {
    blob: &'b Blob<'a>,
    rules: &'b Rules,
    states: Vec<State>,
    /// Of a modifier that is done, what it ends at; of an array, its size in bytes.
    results: Vec<u32>,
    stack: Vec<Open>,
    mode: Mode,
    /// Where on the stack the mode began.
    mode_start: usize,
}

impl<'a, 'b> Resolver<'a, 'b> {
    fn new(blob: &'b Blob<'a>, rules: &'b Rules) -> Resolver<'a, 'b> {
        Resolver {
            blob,
            rules,
            states: vec![State::New; blob.starts.len()],
            results: vec![0; blob.starts.len()],
            stack: Vec::with_capacity(MAX_DEPTH),
            mode: Mode::Any,
            mode_start: 0,
        }
    }

    fn turn(&mut self, id: u32) -> Result<(), Fault> {
        match self.blob.kind(id) {
            Some(Kind::FuncProto) => self.proto(id),
            Some(kind) if needs(kind) && self.state(id) == State::New => self.resolve(id),
            _ => Ok(()),
        }
    }

    /// Resolves a type and all that it needs.
    fn resolve(&mut self, root: u32) -> Result<(), Fault> {
        self.mode = Mode::Any;
        self.push(root, root)?;
        while let Some(&open) = self.stack.last() {
            match self.step(open)? {
                Step::Need(id) => self.push(id, root)?,
                Step::Done => self.pop(),
            }
        }
        Ok(())
    }

    fn push(&mut self, id: u32, root: u32) -> Result<(), Fault> {
        if self.stack.len() == MAX_DEPTH {
            return Err(Fault::new(
                Rule::Depth,
                root,
                format!("it needs {MAX_DEPTH} others and type [{id}]"),
            ));
        }
        if self.state(id) == State::Open {
            return Err(Fault::new(
                Rule::Loop,
                root,
                format!("it leads to type [{id}], which leads back to itself"),
            ));
        }
        self.set_state(id, State::Open);
        if self.mode == Mode::Any {
            self.mode_start = self.stack.len();
            match self.blob.kind(id) {
                Some(Kind::Ptr) => self.mode = Mode::Pointer,
                Some(Kind::Struct | Kind::Union | Kind::Array) => self.mode = Mode::Composite,
                _ => {}
            }
        }
        self.stack.push(Open { id, next: 0 });
        Ok(())
    }

    fn pop(&mut self) {
        if let Some(open) = self.stack.pop() {
            self.set_state(open.id, State::Done);
        }
        if self.stack.len() == self.mode_start {
            self.mode = Mode::Any;
        }
    }

    fn step(&mut self, open: Open) -> Result<Step, Fault> {
        let Some(item) = self.blob.item(open.id) else { return Ok(Step::Done) };
        match item.kind {
            Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                self.modifier(&item)
            }
            Kind::Ptr => self.pointer(&item),
            Kind::Array => self.array(&item),
            Kind::Struct | Kind::Union => self.composite(&item, open.next),
            Kind::Func => self.func(&item),
            Kind::Var => self.var(&item),
            Kind::Datasec => self.datasec(&item, open.next),
            Kind::DeclTag => self.decl_tag(&item),
            Kind::Int | Kind::Enum | Kind::Enum64 | Kind::Fwd | Kind::FuncProto | Kind::Float => {
                Ok(Step::Done)
            }
        }
    }

    fn modifier(&mut self, item: &Item<'_>) -> Result<Step, Fault> {
        let target = item.arg;
        self.may_refer_to(target, item.id)?;
        if self.must_follow(target) {
            return Ok(Step::Need(target));
        }
        let end = self.end(target);
        self.has_meaning(end, item.id)?;
        self.set_result(item.id, end);
        Ok(Step::Done)
    }

    fn pointer(&mut self, item: &Item<'_>) -> Result<Step, Fault> {
        self.may_refer_to(item.arg, item.id)?;
        if let Some(need) = self.need_behind(item.arg) {
            return Ok(Step::Need(need));
        }
        self.has_meaning(self.end(item.arg), item.id)?;
        Ok(Step::Done)
    }

    fn var(&mut self, item: &Item<'_>) -> Result<Step, Fault> {
        let wrong = |found| Err(Fault::new(Rule::VarType, item.id, found));
        if !self.is_referable(item.arg) {
            return wrong(self.describe(item.arg));
        }
        if let Some(need) = self.need_behind(item.arg) {
            return Ok(Step::Need(need));
        }
        if self.sized(item.arg).is_none() {
            return wrong(self.describe(item.arg));
        }
        Ok(Step::Done)
    }

    fn array(&mut self, item: &Item<'_>) -> Result<Step, Fault> {
        let [elem, index, len] = item.first();
        let wrong = |rule, found: String| Err(Fault::new(rule, item.id, found));
        if !self.is_referable(index) {
            return wrong(Rule::Index, format!("the index is {}", self.describe(index)));
        }
        if self.must_follow(index) {
            return Ok(Step::Need(index));
        }
        if !self.sized(index).is_some_and(|end| end.kind == Kind::Int && self.is_whole_int(end.id)) {
            return wrong(Rule::Index, format!("the index is {}", self.describe(index)));
        }
        if !self.is_referable(elem) {
            return wrong(Rule::Elem, format!("an element is {}", self.describe(elem)));
        }
        if self.must_follow(elem) {
            return Ok(Step::Need(elem));
        }
        let Some(end) = self.sized(elem) else {
            return wrong(Rule::Elem, format!("an element is {}", self.describe(elem)));
        };
        if end.kind == Kind::Int && !self.is_whole_int(end.id) {
            return wrong(Rule::ElemInt, format!("an element is {}", self.describe(elem)));
        }
        let Some(size) = end.size.checked_mul(len) else {
            return wrong(Rule::ArrayBytes, format!("it has {len} elements of {} bytes", end.size));
        };
        self.set_result(item.id, size);
        Ok(Step::Done)
    }

    fn composite(&mut self, item: &Item<'_>, next: u32) -> Result<Step, Fault> {
        for at in next..item.vlen {
            let Some([_, ty, place]) = item.nth(at) else { break };
            let wrong = |found| Err(Fault::new(Rule::Member, item.id, found).element(at));
            if !self.is_referable(ty) {
                return wrong(format!("it is {}", self.describe(ty)));
            }
            if self.must_follow(ty) {
                self.set_next(at);
                return Ok(Step::Need(ty));
            }
            let Some(end) = self.sized(ty) else { return wrong(format!("it is {}", self.describe(ty))) };
            members::check(self.blob, item, place, end).map_err(|fault| fault.element(at))?;
        }
        Ok(Step::Done)
    }

    fn datasec(&mut self, item: &Item<'_>, next: u32) -> Result<Step, Fault> {
        for at in next..item.vlen {
            let Some([var, _, len]) = item.nth(at) else { break };
            if self.blob.kind(var) != Some(Kind::Var) {
                let found = format!("it is {}", self.describe(var));
                return Err(Fault::new(Rule::SecMember, item.id, found).element(at));
            }
            if self.must_follow(var) {
                // The kernel goes on behind it: the sizes of variables that stand behind the section are not compared.
                self.set_next(at + 1);
                return Ok(Step::Need(var));
            }
            let ty = self.blob.arg(var);
            match self.sized(ty) {
                Some(end) if end.size <= len => {}
                end => {
                    let size = end.map_or(0, |end| end.size);
                    let found = format!("it has {len} bytes, its type {size}");
                    return Err(Fault::new(Rule::SecVarBytes, item.id, found).element(at));
                }
            }
        }
        Ok(Step::Done)
    }

    fn decl_tag(&mut self, item: &Item<'_>) -> Result<Step, Fault> {
        let target = item.arg;
        let kind = self.blob.kind(target);
        let is_declaration =
            matches!(kind, Some(Kind::Struct | Kind::Union | Kind::Typedef | Kind::Var | Kind::Func));
        if !is_declaration {
            return Err(Fault::new(Rule::TagTarget, item.id, format!("it tags {}", self.describe(target))));
        }
        if self.must_follow(target) {
            return Ok(Step::Need(target));
        }
        let [component] = item.first::<1>().map(u32::cast_signed);
        let count = match kind {
            Some(Kind::Struct | Kind::Union) => self.blob.item(target).map_or(0, |item| item.vlen),
            Some(Kind::Func) => self.blob.item(self.blob.arg(target)).map_or(0, |proto| proto.vlen),
            _ => 0,
        };
        match u32::try_from(component) {
            Ok(component) if component >= count => {
                let found = format!("it tags the component {component} of {count}");
                Err(Fault::new(Rule::TagComponent, item.id, found))
            }
            _ => Ok(Step::Done),
        }
    }

    fn func(&self, item: &Item<'_>) -> Result<Step, Fault> {
        let Some(proto) = self.blob.item(item.arg).filter(|proto| proto.kind == Kind::FuncProto) else {
            return Err(Fault::new(Rule::FuncType, item.id, format!("it is {}", self.describe(item.arg))));
        };
        for (at, [name, ty]) in (0..).zip(proto.words()) {
            // `...`, and what is refused with the function's type.
            let is_void = ty == 0;
            if name == 0 && !is_void {
                let fault = Fault::new(Rule::FuncParam, item.id, "it has no name");
                return Err(fault.element(at).numbers(at + 1, 0));
            }
        }
        Ok(Step::Done)
    }

    fn proto(&mut self, id: u32) -> Result<(), Fault> {
        let Some(item) = self.blob.item(id) else { return Ok(()) };
        if item.arg != 0 && !self.is_value(item.arg)? {
            let found = format!("it returns {}", self.describe(item.arg));
            return Err(Fault::new(Rule::Return, id, found));
        }
        let wrong = |at: u32, found| Err(Fault::new(Rule::Param, id, found).element(at).numbers(at + 1, 0));
        let mut count = item.vlen;
        if let Some([name, 0]) = count.checked_sub(1).and_then(|last| item.nth(last)) {
            if name != 0 {
                return wrong(count - 1, "it is void, and has a name".to_owned());
            }
            // `...`
            count -= 1;
        }
        for at in 0..count {
            let Some([name, ty]) = item.nth(at) else { break };
            if ty == 0 {
                return wrong(at, "it is void".to_owned());
            }
            if self.blob.kind(ty).is_none() {
                return wrong(at, format!("it is {}", self.describe(ty)));
            }
            if name != 0
                && let Some(problem) = self.name_problem(name)
            {
                return wrong(at, problem);
            }
            if !self.is_value(ty)? {
                return wrong(at, format!("it is {}", self.describe(ty)));
            }
        }
        Ok(())
    }
}

/// Whether types of that kind refer to others that the kernel follows.
fn needs(kind: Kind) -> bool {
    match kind {
        Kind::Ptr
        | Kind::Array
        | Kind::Struct
        | Kind::Union
        | Kind::Typedef
        | Kind::Volatile
        | Kind::Const
        | Kind::Restrict
        | Kind::TypeTag
        | Kind::Func
        | Kind::Var
        | Kind::Datasec
        | Kind::DeclTag => true,
        Kind::Int | Kind::Enum | Kind::Enum64 | Kind::Fwd | Kind::FuncProto | Kind::Float => false,
    }
}

/// Whether a type is another one with something put on it.
pub(super) fn is_modifier(kind: Kind) -> bool {
    matches!(kind, Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag)
}

/// What the steps ask.
impl Resolver<'_, '_> {
    fn state(&self, id: u32) -> State {
        index(id).checked_sub(1).and_then(|at| self.states.get(at)).copied().unwrap_or(State::Done)
    }

    fn set_state(&mut self, id: u32, state: State) {
        if let Some(place) = index(id).checked_sub(1).and_then(|at| self.states.get_mut(at)) {
            *place = state;
        }
    }

    fn result(&self, id: u32) -> u32 {
        index(id).checked_sub(1).and_then(|at| self.results.get(at)).copied().unwrap_or_default()
    }

    fn set_result(&mut self, id: u32, result: u32) {
        if let Some(place) = index(id).checked_sub(1).and_then(|at| self.results.get_mut(at)) {
            *place = result;
        }
    }

    fn set_next(&mut self, next: u32) {
        if let Some(open) = self.stack.last_mut() {
            open.next = next;
        }
    }

    /// Whether the way leads into that type now.
    fn must_follow(&self, id: u32) -> bool {
        let Some(kind) = self.blob.kind(id) else { return false };
        let is_followed = match self.mode {
            Mode::Any => needs(kind),
            Mode::Pointer => is_modifier(kind) || kind == Kind::Ptr,
            Mode::Composite => is_modifier(kind) || matches!(kind, Kind::Struct | Kind::Union | Kind::Array),
        };
        is_followed && self.state(id) != State::Done
    }

    /// What a pointer or variable of that type needs first: the type, or a pointer behind modifiers.
    fn need_behind(&self, id: u32) -> Option<u32> {
        if self.must_follow(id) {
            return Some(id);
        }
        let end = self.end(id);
        (end != id && self.blob.kind(end) == Some(Kind::Ptr) && self.must_follow(end)).then_some(end)
    }

    /// Where modifiers that are done lead to; 0 for void.
    fn end(&self, id: u32) -> u32 {
        if self.blob.kind(id).is_some_and(is_modifier) { self.result(id) } else { id }
    }

    /// What is left without modifiers, if it has a size. An array that has not been checked has the size 0.
    fn sized(&self, id: u32) -> Option<Sized> {
        let id = self.end(id);
        let kind = self.blob.kind(id)?;
        let size = match kind {
            Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 | Kind::Struct | Kind::Union => {
                self.blob.arg(id)
            }
            Kind::Ptr => 8,
            Kind::Array => self.result(id),
            _ => return None,
        };
        Some(Sized { kind, id, size })
    }

    /// Whether there is such a type, and it may be referred to.
    fn is_referable(&self, id: u32) -> bool {
        id == 0
            || self
                .blob
                .kind(id)
                .is_some_and(|kind| !matches!(kind, Kind::Var | Kind::Datasec | Kind::DeclTag))
    }

    fn may_refer_to(&self, target: u32, from: u32) -> Result<(), Fault> {
        if self.is_referable(target) {
            return Ok(());
        }
        Err(Fault::new(Rule::Target, from, format!("it refers to {}", self.describe(target))))
    }

    /// Whether something may end there: void, what has a size, what is declared, and functions that are done.
    fn has_meaning(&self, end: u32, from: u32) -> Result<(), Fault> {
        if self.blob.kind(end) == Some(Kind::Func) && self.state(end) != State::Done {
            let found = format!("it refers to type [{end}], a function that is still to come");
            return Err(Fault::new(Rule::Target, from, found));
        }
        Ok(())
    }

    /// Whether a parameter or result may be of that type, which is checked first.
    fn is_value(&mut self, id: u32) -> Result<bool, Fault> {
        if id == 0 || !self.is_referable(id) {
            return Ok(false);
        }
        if self.blob.kind(id).is_some_and(needs) && self.state(id) == State::New {
            self.resolve(id)?;
        }
        Ok(self.sized(id).is_some())
    }

    /// Whether an integer has 1, 2, 4, 8 or 16 bytes, and uses all of their bits.
    fn is_whole_int(&self, id: u32) -> bool {
        self.blob.item(id).is_some_and(|item| is_whole_int(&item))
    }

    fn name_problem(&self, name: u32) -> Option<String> {
        if !self.blob.parts.has_string(name) {
            return Some(format!("its name is at {name:#x}, outside of the strings"));
        }
        ident_problem(self.blob.parts.string(name), self.rules)
    }

    /// A type in words, for messages.
    fn describe(&self, id: u32) -> String {
        match self.blob.item(id) {
            None if id == 0 => "void".to_owned(),
            None => format!("type [{id}], and the last one is [{}]", self.blob.count()),
            Some(item) => match &*self.blob.parts.text(item.name) {
                "" => format!("type [{id}] {}", item.kind),
                name => format!("type [{id}] {} '{}'", item.kind, name.escape_debug()),
            },
        }
    }
}

/// Whether an integer uses whole bytes, as many as a power of two, from the first bit on.
pub(super) fn is_whole_int(item: &Item<'_>) -> bool {
    let [data] = item.first();
    data >> 16 & 0xff == 0 && matches!(data & 0xff, 8 | 16 | 32 | 64 | 128)
}
