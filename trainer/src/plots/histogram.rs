//! Cosines of related and of unrelated pairs.

use super::svg::{Axes, colour, legend, paper, text};
use crate::eval::score::Cosines;
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;
/// Width of a bar.
const BAR: f64 = 0.01;

/// A histogram of each kind, as shares of its own pairs; dashed lines at the means.
pub fn histogram(title: &str, cosines: &Cosines) -> String {
    let kinds = [("unrelated", colour(1), &cosines.unrelated), ("related", colour(0), &cosines.related)];
    let all = || kinds.iter().flat_map(|(_, _, values)| values.iter().map(|v| f64::from(*v)));
    // To the tenth, so that pictures of similar models can be laid side by side.
    let low = (all().fold(1.0, f64::min) * 10.0).floor() / 10.0;
    let high = ((all().fold(-1.0, f64::max) * 10.0).ceil() / 10.0).max(low + 0.1);
    let bars = ((high - low) / BAR).round() as usize;
    let shares = |values: &[f32]| -> Vec<f64> {
        let mut shares = vec![0.0; bars];
        for v in values {
            shares[(((f64::from(*v) - low) / BAR) as usize).min(bars - 1)] += 1.0 / values.len() as f64;
        }
        shares
    };
    let heights = kinds.map(|(_, _, values)| shares(values));
    let highest = heights.iter().flatten().fold(1e-9, |a: f64, &b| a.max(b));
    let axes = Axes {
        left: 62.0,
        right: WIDTH - 20.0,
        top: 84.0,
        bottom: HEIGHT - 46.0,
        x: (low, high),
        y: (0.0, highest * 100.0),
    };
    let mut svg = paper(WIDTH, HEIGHT, &format!("cosines on the development tasks: {title}"));
    axes.draw_x(&mut svg, "cosine");
    axes.draw_y(&mut svg);
    text(&mut svg, 16.0, axes.top - 10.0, "start", "% of pairs");
    for ((_, colour, _), heights) in kinds.iter().zip(&heights) {
        for (bar, share) in heights.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let (left, top) = (axes.across(low + bar as f64 * BAR), axes.up(share * 100.0));
            let width = axes.across(low + BAR) - axes.left;
            let _ = write!(
                svg,
                "<rect x='{left:.1}' y='{top:.1}' width='{width:.1}' height='{:.1}' fill='{colour}' fill-opacity='0.5'/>",
                axes.bottom - top
            );
        }
    }
    let mut names = Vec::new();
    for (name, colour, values) in kinds {
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len().max(1) as f64;
        let (x, top, bottom) = (axes.across(mean), axes.top, axes.bottom);
        let _ = write!(
            svg,
            "<line x1='{x:.1}' x2='{x:.1}' y1='{top}' y2='{bottom}' stroke='{colour}' stroke-width='1.5' \
             stroke-dasharray='5 4'/>"
        );
        names.push((format!("{name} (mean {mean:.2})"), colour));
    }
    legend(&mut svg, axes.left, 52.0, names.iter().map(|(name, colour)| (name.as_str(), *colour)));
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_cosines_share_a_bar() {
        let svg = histogram("m", &Cosines { related: vec![0.925, 0.921, 0.2], unrelated: vec![-1.0, 1.0] });
        // Bars: 0.925 and 0.921 fall together, 0.2, -1, and 1 into the last bar.
        assert_eq!(svg.matches("fill-opacity").count(), 4);
        assert!(svg.contains("related (mean 0.68)") && svg.contains("unrelated (mean 0.00)"), "{svg}");
    }
}
