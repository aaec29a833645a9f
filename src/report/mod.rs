//! One file a format. A renderer takes a report and gives text; it reads nothing else and writes nowhere.

mod facts;
pub mod html;
pub mod human;
pub mod json_v1;
pub mod line;
mod summary;
pub mod table;
#[cfg(test)]
mod testing;
