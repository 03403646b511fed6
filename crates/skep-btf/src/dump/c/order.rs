//! What must be written before what.

use crate::bytes::index;
use crate::dump::c::Printer;
use crate::types::{Type, TypeId};

/// A type, and how much of it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    id: TypeId,
    need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// To be mentioned outside of parameter lists, which declares the tag of a struct well enough.
    Mention,
    /// Its name.
    Name,
    /// Its size.
    Size,
}

/// How far a node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    #[default]
    New,
    /// What it needs is being written.
    Open,
    Done,
}

/// How many pointers, qualifiers and array levels are followed; as many as are printed.
const MAX_CHAIN: usize = 1024;

impl Printer<'_, '_> {
    /// Writes the type, after all that it needs. A loop of types that need each other, which C has not, is cut where
    /// it closes.
    pub(super) fn visit(&mut self, id: TypeId) -> std::io::Result<()> {
        let mut stack = std::mem::take(&mut self.stack);
        self.need(id, Need::Size, &mut stack);
        while let Some((node, is_ready)) = stack.pop() {
            if is_ready {
                self.write(node)?;
                self.set_state(node, State::Done);
            } else if self.state(node) == State::New {
                self.set_state(node, State::Open);
                stack.push((node, true));
                self.needs(node, &mut stack);
            }
        }
        self.stack = stack;
        Ok(())
    }

    pub(super) fn state(&self, node: Node) -> State {
        self.states.get(slot(node)).copied().unwrap_or(State::Done)
    }

    fn set_state(&mut self, node: Node, state: State) {
        if let Some(place) = self.states.get_mut(slot(node)) {
            *place = state;
        }
    }

    /// Whether the name of a typedef or number can be used.
    pub(super) fn is_written(&self, id: TypeId) -> bool {
        self.state(Node { id, need: Need::Name }) == State::Done
    }

    /// What the node needs itself.
    fn needs(&self, node: Node, stack: &mut Vec<(Node, bool)>) {
        match (self.btf.ty(node.id), node.need) {
            (Type::Struct(composite) | Type::Union(composite), Need::Size) => {
                composite.members.iter().rev().for_each(|member| self.need(member.ty, Need::Size, stack));
            }
            // The name comes last, so that what it stands for is before it unless that needs the name.
            (Type::Typedef(ty), Need::Size) => {
                stack.push((Node { id: node.id, need: Need::Name }, false));
                self.need(ty, Need::Size, stack);
            }
            (Type::Typedef(ty), _) => self.need(ty, Need::Mention, stack),
            (Type::FuncProto(proto), _) => {
                proto.params.iter().rev().for_each(|param| self.need(param.ty, Need::Name, stack));
                self.need(proto.ret, Need::Name, stack);
            }
            _ => {}
        }
    }

    /// The node behind pointers, qualifiers and arrays, if there is one.
    fn need(&self, mut id: TypeId, mut need: Need, stack: &mut Vec<(Node, bool)>) {
        for _ in 0..MAX_CHAIN {
            id = self.names.definition(id);
            let need = match self.btf.ty(id) {
                Type::Ptr(ty) => {
                    id = ty;
                    if need == Need::Size {
                        need = Need::Mention;
                    }
                    continue;
                }
                // There are no arrays of what has no size, not even behind a pointer.
                Type::Array(array) => {
                    (id, need) = (array.elem, Need::Size);
                    continue;
                }
                Type::Const(ty) | Type::Volatile(ty) | Type::Restrict(ty) => {
                    id = ty;
                    continue;
                }
                Type::TypeTag(tag) => {
                    id = tag.ty;
                    continue;
                }
                Type::Enum(_) | Type::Enum64(_) => Need::Size,
                // What has no name is written where it is used.
                Type::Struct(_) | Type::Union(_) if self.names.of(id).is_empty() => Need::Size,
                Type::Struct(_) | Type::Union(_) | Type::Fwd(_) if need == Need::Mention => return,
                Type::Struct(_) | Type::Union(_) => need,
                Type::Typedef(_) if need == Need::Mention => Need::Name,
                Type::Typedef(_) => need,
                Type::Int(_) | Type::Float { .. } if self.names.is_foreign(id) => Need::Name,
                Type::FuncProto(_) | Type::Fwd(_) => Need::Name,
                _ => return,
            };
            let node = Node { id, need };
            if self.state(node) == State::New {
                stack.push((node, false));
            }
            return;
        }
    }

    fn write(&mut self, node: Node) -> std::io::Result<()> {
        let Node { id, need } = node;
        match (self.btf.ty(id), need) {
            (Type::Struct(_) | Type::Union(_), Need::Size) => self.define(id),
            (Type::Struct(_) | Type::Union(_) | Type::Fwd(_), Need::Name)
                if self.state(Node { id, need: Need::Size }) != State::Done =>
            {
                self.declare(id);
            }
            (Type::Enum(_) | Type::Enum64(_), _) => self.define_enum(id),
            (Type::Typedef(ty), Need::Name) if self.state(node) != State::Done => self.alias(id, ty),
            (Type::Int(_) | Type::Float { .. }, _) => self.define_number(id),
            _ => {}
        }
        self.pass_on()
    }
}

fn slot(node: Node) -> usize {
    2 * index(node.id.0) + usize::from(node.need == Need::Size)
}
