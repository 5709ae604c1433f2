//! Texts that were meant as something else: an array or a vector in its text form, sent without a type.
//!
//! Many drivers send a list as an untyped parameter, `{"타이레놀","게보린"}`. PostgreSQL then takes it for `text`, and it would be
//! embedded as one document.

/// Deepest nesting of an array (`MAXDIM`).
const MAX_DEPTH: usize = 6;

/// Whether `text` is wholly an array in PostgreSQL's text form (without explicit bounds, which no driver sends) that has several
/// elements, or one that is quoted. `{a}` and anything with more text around or between the braces is a text.
pub fn is_list(text: &str) -> bool {
    let mut reader = Reader { rest: text.as_bytes(), quoted: false };
    reader.skip_space();
    let Some(elements) = reader.array(1) else { return false };
    reader.skip_space();
    reader.rest.is_empty() && (elements.iter().product::<usize>() > 1 || reader.quoted)
}

/// Dimension of a text that is wholly a vector in pgvector's text form: `[0.1,-2e-3]`.
pub fn vector_dimension(text: &str) -> Option<usize> {
    let numbers = text.trim_ascii().strip_prefix('[')?.strip_suffix(']')?;
    let mut dimension = 0;
    for number in numbers.split(',') {
        number.trim_ascii().parse::<f32>().ok()?;
        dimension += 1;
    }
    Some(dimension)
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Whether an element was quoted.
    quoted: bool,
}

impl Reader<'_> {
    /// Reads `{...}`; gives the number of elements of each dimension, outermost first.
    fn array(&mut self, depth: usize) -> Option<Vec<usize>> {
        if depth > MAX_DEPTH || !self.take(b'{') {
            return None;
        }
        self.skip_space();
        if self.take(b'}') {
            return Some(vec![0]);
        }
        let mut inner: Option<Vec<usize>> = None;
        for count in 1.. {
            self.skip_space();
            let shape = if self.rest.first() == Some(&b'{') { self.array(depth + 1)? } else { self.element()? };
            // Elements beside arrays, or arrays of different lengths.
            if inner.as_ref().is_some_and(|inner| *inner != shape) {
                return None;
            }
            inner = Some(shape.clone());
            self.skip_space();
            match self.next()? {
                b',' => {}
                b'}' => return Some([&[count], shape.as_slice()].concat()),
                _ => return None,
            }
        }
        None
    }

    /// Reads one element, which has no dimension.
    fn element(&mut self) -> Option<Vec<usize>> {
        if self.take(b'"') {
            self.quoted = true;
            while !self.take(b'"') {
                if self.next()? == b'\\' {
                    self.next()?;
                }
            }
            return Some(Vec::new());
        }
        let before = self.rest.len();
        loop {
            match self.rest.first()? {
                b',' | b'}' => break,
                b'{' | b'"' => return None,
                b'\\' => self.rest = self.rest.get(2..)?,
                _ => self.rest = &self.rest[1..],
            }
        }
        (self.rest.len() < before).then(Vec::new)
    }

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// White space as `array_in` knows it.
    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        self.rest = &self.rest[self.rest.iter().take_while(|byte| space(byte)).count()..];
    }
}
