//! Runs programs in both memory modes, and looks at what they do.
#![expect(unsafe_code, reason = "trusts its own programs, and offers C functions by address")]

mod debug;
mod helpers;
mod host;
mod hostile;
mod images;
mod large;
mod native_stack;
mod print;
mod safety;
mod support;
