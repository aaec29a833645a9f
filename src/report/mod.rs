//! One file a format. A renderer takes a report and gives text; it reads nothing else and writes nowhere.

pub mod human;
pub mod json_v1;
pub mod line;
pub mod suite;
pub mod table;
