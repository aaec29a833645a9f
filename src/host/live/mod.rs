//! The machine that the doctor runs on.
