//! Which values are needed: those of roots, and what they are made of.

use super::{Func, Op, Value};

impl Func {
    /// Which values are needed, by number, if the instructions that `is_root` picks and the ends of blocks are: what
    /// comes along on an edge is needed if the parameter there is.
    ///
    /// Operands that are no values of the function are left out.
    pub(crate) fn needed(&self, is_root: impl Fn(Value) -> bool) -> Vec<bool> {
        let mut walk = Walk {
            func: self,
            state: vec![State::Ahead; self.nodes.len()],
            late: Vec::new(),
            passed: vec![false; self.blocks.len()],
            is_entered_late: vec![false; self.blocks.len()],
        };
        for at in (0..self.blocks.len()).rev() {
            walk.block(at, &is_root);
        }
        walk.finish();
        walk.state.into_iter().map(|state| state == State::Needed).collect()
    }
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is not needed so far, and the walk still comes to it.
    Ahead,
    Needed,
    /// It was not needed when the walk came by.
    Passed,
}

/// One walk from the last instruction to the first: as a rule uses come first on it, and memory is read in order.
struct Walk<'a> {
    func: &'a Func,
    state: Vec<State>,
    /// What turned out to be needed when the walk had passed it.
    late: Vec<Value>,
    passed: Vec<bool>,
    /// Blocks with edges from others that the walk passed before them.
    is_entered_late: Vec<bool>,
}

impl Walk<'_> {
    fn block(&mut self, at: usize, is_root: impl Fn(Value) -> bool) {
        let func = self.func;
        let block = &func.blocks[at];
        block.term.each_asked(|v| self.need(v));
        block.term.each_edge(|edge| {
            let to = edge.block.0 as usize;
            if self.passed[to] {
                for (param, &arg) in func.blocks[to].params.iter().zip(&edge.args) {
                    if self.state[param.0 as usize] == State::Needed {
                        self.need(arg);
                    }
                }
            } else {
                self.is_entered_late[to] = true;
            }
        });
        for &inst in block.insts.iter().rev() {
            let state = &mut self.state[inst.0 as usize];
            if *state == State::Needed || is_root(inst) {
                *state = State::Needed;
                func.node(inst).op.each_operand(|v| self.need(v));
            } else {
                *state = State::Passed;
            }
        }
        for &param in &block.params {
            match &mut self.state[param.0 as usize] {
                State::Needed if self.is_entered_late[at] => self.late.push(param),
                State::Needed => {}
                state => *state = State::Passed,
            }
        }
        self.passed[at] = true;
    }

    fn need(&mut self, value: Value) {
        match self.state.get_mut(value.0 as usize) {
            Some(state @ State::Ahead) => *state = State::Needed,
            Some(state @ State::Passed) => {
                *state = State::Needed;
                self.late.push(value);
            }
            _ => {}
        }
    }

    /// Goes on with what was late.
    fn finish(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let brought = Brought::new(self.func);
        while let Some(value) = self.late.pop() {
            match &self.func.node(value).op {
                Op::Param => brought.of(value).iter().for_each(|&v| self.need(v)),
                op => op.each_operand(|v| self.need(v)),
            }
        }
    }
}

/// For each parameter, what the edges bring for it.
struct Brought {
    /// Where the list of a value begins.
    starts: Vec<u32>,
    args: Vec<Value>,
}

impl Brought {
    fn new(func: &Func) -> Brought {
        let each = |f: &mut dyn FnMut(Value, Value)| {
            for block in &func.blocks {
                block.term.each_edge(|edge| {
                    let params = &func.block(edge.block).params;
                    params.iter().zip(&edge.args).for_each(|(&param, &arg)| f(param, arg));
                });
            }
        };
        // At first where the list ends; moves to the front as it is filled.
        let mut starts = vec![0u32; func.nodes.len() + 1];
        each(&mut |param, _| starts[param.0 as usize] += 1);
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut args = vec![Value(0); end as usize];
        each(&mut |param, arg| {
            let start = &mut starts[param.0 as usize];
            *start -= 1;
            args[*start as usize] = arg;
        });
        Brought { starts, args }
    }

    fn of(&self, param: Value) -> &[Value] {
        let at = param.0 as usize;
        match self.starts.get(at..=at + 1) {
            Some(&[start, end]) => &self.args[start as usize..end as usize],
            _ => &[],
        }
    }
}
