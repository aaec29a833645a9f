//! The doctor. All that it does is in the library.

use nexplane_doctor::cli::{self, Exit};

fn main() -> Exit {
    cli::doctor(std::env::args_os())
}
