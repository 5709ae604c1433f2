//! The parts of a picture: frame, axes with round numbers, legend.

use std::fmt::Write;

const COLOURS: [&str; 8] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f"];

pub fn colour(i: usize) -> &'static str {
    COLOURS[i % COLOURS.len()]
}

/// A rectangle of the picture in pixels, with the values at its edges.
pub struct Axes {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: (f64, f64),
    pub y: (f64, f64),
}

impl Axes {
    pub fn across(&self, value: f64) -> f64 {
        self.left + (value - self.x.0) / (self.x.1 - self.x.0) * (self.right - self.left)
    }

    pub fn up(&self, value: f64) -> f64 {
        self.bottom - (value - self.y.0) / (self.y.1 - self.y.0) * (self.bottom - self.top)
    }

    /// Vertical grid lines with their values below, and what the values are.
    pub fn draw_x(&self, svg: &mut String, label: &str) {
        for (value, shown) in ticks(self.x, 8) {
            let x = self.across(value);
            let (top, bottom) = (self.top, self.bottom);
            let _ = write!(svg, "<line x1='{x:.1}' x2='{x:.1}' y1='{top}' y2='{bottom}' stroke='#e4e4e4'/>");
            text(svg, x, bottom + 17.0, "middle", &shown);
        }
        text(svg, (self.left + self.right) / 2.0, self.bottom + 36.0, "middle", label);
    }

    /// Horizontal grid lines with their values on the left.
    pub fn draw_y(&self, svg: &mut String) {
        for (value, shown) in ticks(self.y, 6) {
            let (y, left, right) = (self.up(value), self.left, self.right);
            let _ = write!(svg, "<line x1='{left}' x2='{right}' y1='{y:.1}' y2='{y:.1}' stroke='#e4e4e4'/>");
            text(svg, left - 8.0, y + 4.0, "end", &shown);
        }
    }
}

/// White paper with a title.
pub fn paper(width: f64, height: f64, title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='12'>\
         <rect width='{width}' height='{height}' fill='white'/>"
    );
    let _ = write!(svg, "<text x='16' y='26' font-size='16'>{}</text>", escaped(title));
    svg
}

pub fn text(svg: &mut String, x: f64, y: f64, anchor: &str, body: &str) {
    let _ = write!(svg, "<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{}</text>", escaped(body));
}

/// Names in their colours, side by side from `x` on.
pub fn legend<'a>(svg: &mut String, mut x: f64, y: f64, entries: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, colour) in entries {
        let _ = write!(svg, "<circle cx='{:.1}' cy='{:.1}' r='5' fill='{colour}'/>", x + 5.0, y - 4.0);
        text(svg, x + 15.0, y, "start", name);
        x += 35.0 + 7.0 * name.chars().count() as f64;
    }
}

/// About `count` round numbers between the two, multiples of 1, 2 or 5 times a power of ten, and how to write them.
fn ticks((low, high): (f64, f64), count: usize) -> Vec<(f64, String)> {
    let wanted = (high - low) / count as f64;
    let power = 10f64.powf(wanted.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= wanted).unwrap_or(wanted);
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| (i as f64 * step, format!("{:.decimals$}", i as f64 * step))).collect()
}

/// Smallest and largest value, widened when they are the same.
pub fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        (0.0, 1.0)
    } else if low == high {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let shown = |low, high, n| ticks((low, high), n).into_iter().map(|t| t.1).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(0.13, 0.97, 5), "0.2 0.4 0.6 0.8");
        assert_eq!(shown(1.0, 853.0, 8), "200 400 600 800");
        assert_eq!(shown(0.69, 0.785, 5), "0.70 0.72 0.74 0.76 0.78");
        assert_eq!(shown(-0.2, 0.2, 4), "-0.2 -0.1 0.0 0.1 0.2");
    }

    #[test]
    fn edges_meet_their_values() {
        let axes = Axes { left: 50.0, right: 150.0, top: 10.0, bottom: 110.0, x: (0.0, 10.0), y: (1.0, 3.0) };
        assert_eq!((axes.across(0.0), axes.across(5.0), axes.up(1.0), axes.up(3.0)), (50.0, 100.0, 110.0, 10.0));
    }
}
