use crate::Test;
pub const TESTS: &[Test] = &[];
pub const LONG: &[Test] = &[];
