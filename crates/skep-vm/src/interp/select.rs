//! From the meaning of an instruction to the instance of its handler.

use skep_insn::{AluOp, AtomicOp, Cond, EndianOp, MemSize};

use super::handlers as h;
use super::op::Handler;

/// The instances of a handler for one index of a vocabulary, for each combination of this many flags behind it.
macro_rules! row {
    ($handler:ident [$($fixed:ident),*] $index:literal 0) => { [h::$handler::<$($fixed,)* $index> as Handler] };
    ($handler:ident [$($fixed:ident),*] $index:literal 1) => {
        [h::$handler::<$($fixed,)* $index, false> as Handler, h::$handler::<$($fixed,)* $index, true>]
    };
    ($handler:ident [$($fixed:ident),*] $index:literal 2) => {
        [
            h::$handler::<$($fixed,)* $index, false, false> as Handler,
            h::$handler::<$($fixed,)* $index, false, true>,
            h::$handler::<$($fixed,)* $index, true, false>,
            h::$handler::<$($fixed,)* $index, true, true>,
        ]
    };
}

/// A table of the instances of a handler: a row for each index of a vocabulary.
macro_rules! instances {
    ($handler:ident $fixed:tt $($index:literal)*, flags $flags:tt) => {
        const { [$(row!($handler $fixed $index $flags)),*] }
    };
}

fn column(first: bool, second: bool) -> usize {
    usize::from(first) * 2 + usize::from(second)
}

/// The handlers of one form and memory mode.
pub(super) struct Select<const FAST: bool, const CHECKED: bool>;

impl<const FAST: bool, const CHECKED: bool> Select<FAST, CHECKED> {
    pub(super) fn alu(op: AluOp, w64: bool, reg: bool) -> Handler {
        instances!(alu [FAST] 0 1 2 3 4 5 6 7 8 9 10 11 12 13, flags 2)[op as usize][column(w64, reg)]
    }

    pub(super) fn neg(w64: bool) -> Handler {
        if w64 { h::neg::<FAST, true> } else { h::neg::<FAST, false> }
    }

    pub(super) fn mov_sx(size: MemSize, w64: bool) -> Handler {
        instances!(mov_sx [FAST] 0 1 2 3, flags 1)[size as usize][usize::from(w64)]
    }

    pub(super) fn byte_swap(op: EndianOp, size: MemSize) -> Handler {
        let rows = const {
            [
                [
                    h::byte_swap::<FAST, 0, 0> as Handler,
                    h::byte_swap::<FAST, 0, 1>,
                    h::byte_swap::<FAST, 0, 2>,
                    h::byte_swap::<FAST, 0, 3>,
                ],
                [
                    h::byte_swap::<FAST, 1, 0>,
                    h::byte_swap::<FAST, 1, 1>,
                    h::byte_swap::<FAST, 1, 2>,
                    h::byte_swap::<FAST, 1, 3>,
                ],
                [
                    h::byte_swap::<FAST, 2, 0>,
                    h::byte_swap::<FAST, 2, 1>,
                    h::byte_swap::<FAST, 2, 2>,
                    h::byte_swap::<FAST, 2, 3>,
                ],
            ]
        };
        rows[op as usize][size as usize]
    }

    pub(super) fn load(size: MemSize, signed: bool) -> Handler {
        instances!(load [FAST, CHECKED] 0 1 2 3, flags 1)[size as usize][usize::from(signed)]
    }

    pub(super) fn store(size: MemSize, reg: bool) -> Handler {
        instances!(store [FAST, CHECKED] 0 1 2 3, flags 1)[size as usize][usize::from(reg)]
    }

    pub(super) fn read_modify_write(op: AtomicOp, w64: bool, fetch: bool) -> Handler {
        instances!(read_modify_write [FAST, CHECKED] 0 1 2 3 4 5, flags 2)[op as usize][column(w64, fetch)]
    }

    pub(super) fn load_acquire(size: MemSize) -> Handler {
        instances!(load_acquire [FAST, CHECKED] 0 1 2 3, flags 0)[size as usize][0]
    }

    pub(super) fn store_release(size: MemSize) -> Handler {
        instances!(store_release [FAST, CHECKED] 0 1 2 3, flags 0)[size as usize][0]
    }

    pub(super) fn jump_if(cond: Cond, w64: bool, reg: bool) -> Handler {
        instances!(jump_if [FAST] 0 1 2 3 4 5 6 7 8 9 10, flags 2)[cond as usize][column(w64, reg)]
    }
}
