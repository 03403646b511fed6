//! From clang's LLVM IR to SIR, instruction by instruction: real C programs for our back end, transcribed by machine.
