//! The sreg command.
fn main() {}
