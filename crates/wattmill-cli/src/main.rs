//! The wattmill command.
fn main() {}
