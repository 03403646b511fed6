//! The BPF instruction set.
