//! The facade, as its users meet it.

mod in_memory;
