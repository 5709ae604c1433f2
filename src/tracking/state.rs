//! What a vector was made from, in the 16 bytes beside it (a uuid): 30 bits of the vector space, 2 bits of how the text met the
//! model's limit, 96 bits of the text's SHA-256.

use encoder::Overflow;
use sha2::{Digest, Sha256};

/// Before the state that a row had when it began to wait, in its error column.
pub const WAS: &str = "was ";

/// Model part of a state: the top 32 bits, of which the lower two are a [`Fit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space(u32);

/// How a text met the model's limit. Only a text over it depends on `drugembed.on_overflow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Whole = 0,
    Truncated = 1,
    Windowed = 2,
    Refused = 3,
}

impl Fit {
    /// What becomes of a text over the limit.
    pub fn over(overflow: Overflow) -> Fit {
        match overflow {
            Overflow::Error => Fit::Refused,
            Overflow::Truncate => Fit::Truncated,
            Overflow::Window => Fit::Windowed,
        }
    }
}

impl Space {
    /// Of a vector space's name.
    pub fn of(name: &str) -> Space {
        let hash = Sha256::digest(name.as_bytes());
        Space(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) & !3)
    }

    /// The state of a row whose vector was made from `text`.
    pub fn state(self, fit: Fit, text: &str) -> String {
        let hash = Sha256::digest(text.as_bytes());
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&(self.0 | fit as u32).to_be_bytes());
        bytes[4..].copy_from_slice(&hash[..12]);
        uuid(bytes)
    }

    /// SQL that is true where the state in `column` is of another space, or of another way with texts over the limit. Made of
    /// ranges, so that an index on the column answers it.
    pub fn stale(self, fit: Fit, column: &str) -> String {
        let (first, last) = (self.bound(Fit::Whole, 0), self.bound(Fit::Whole, 0xff));
        let (from, to) = (self.bound(fit, 0), self.bound(fit, 0xff));
        let (less, more) = ("OPERATOR(pg_catalog.<)", "OPERATOR(pg_catalog.>)");
        format!(
            "({column} {less} '{first}' OR ({column} {more} '{last}' AND {column} {less} '{from}') OR {column} {more} '{to}')"
        )
    }

    /// SQL that is true where the state in `column` is of another space.
    pub fn foreign(self, column: &str) -> String {
        format!("({column} < '{}' OR {column} > '{}')", self.bound(Fit::Whole, 0), self.bound(Fit::Refused, 0xff))
    }

    /// SQL that is true where the state in `column` is of this space, opaque to the planner: a range would make it leave the
    /// vector index for the one on the state.
    pub fn usable(self, column: &str) -> String {
        format!("drugembed._of_space({column}, {})", (self.0 as i32))
    }

    fn bound(self, fit: Fit, rest: u8) -> String {
        let mut bytes = [rest; 16];
        bytes[..4].copy_from_slice(&(self.0 | fit as u32).to_be_bytes());
        uuid(bytes)
    }

    /// Whether a state is of the space that [`Space::usable`] wrote as a number.
    pub fn holds(number: i32, state: &[u8; 16]) -> bool {
        u32::from_be_bytes([state[0], state[1], state[2], state[3]]) & !3 == number as u32
    }
}

/// The 96 bits of a text within a state, as hex digits.
pub fn text_part(state: &str) -> &str {
    &state[9..]
}

/// As PostgreSQL writes a uuid.
pub fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
