//! Nothing: what any program of Rust's takes. `skep-bench build size` compares `size_codegen` with it.

fn main() {}
