//! BPF Type Format.
