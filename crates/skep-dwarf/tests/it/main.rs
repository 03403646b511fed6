//! Programs of real compilers, encoded and compared with what is expected.

mod c;
mod dump;
mod files;
mod robust;
mod rust;
mod tools;
