//! Evidence on disk: recorded situations, and what their diagnosis must be.
//!
//! What is written here has come through the door, which lets no secret through.

pub mod fixture;
