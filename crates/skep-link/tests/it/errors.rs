//! Every way to fail says where, what and what was expected.
