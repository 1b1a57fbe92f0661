//! A line chart of counters over time.

use super::plot::Sample;

/// The size of the chart and of its margins, in pixels.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// About how many lines an axis has.
const STEPS: f64 = 6.0;
/// The name and the colour of each curve; the colours are distinguishable with colour blindness.
/// Source: Okabe and Ito, <https://jfly.uni-koeln.de/color/>.
const CURVES: [(&str, &str); 3] =
    [("accepted", "#0072b2"), ("absorbed", "#e69f00"), ("delivered", "#009e73")];

/// Draws the samples, which are in the order of time.
pub(super) fn draw(samples: &[Sample]) -> String {
    let seconds = samples.iter().map(|sample| sample.seconds).fold(0.1, f64::max);
    let most = samples.iter().flat_map(|sample| sample.counts).max().unwrap_or(0).max(1) as f64;
    let x = |at: f64| LEFT + at / seconds * (WIDTH - LEFT - RIGHT);
    let y = |count: f64| HEIGHT - BOTTOM - count / most * (HEIGHT - TOP - BOTTOM);
    let mut body = String::new();
    for at in steps(seconds) {
        let (x, bottom) = (x(at), HEIGHT - BOTTOM);
        line(&mut body, (x, TOP), (x, bottom));
        text(&mut body, (x, bottom + 18.0), "middle", &format!("{at}"));
    }
    for count in steps(most) {
        let y = y(count);
        line(&mut body, (LEFT, y), (WIDTH - RIGHT, y));
        text(&mut body, (LEFT - 8.0, y + 4.0), "end", &thousands(count));
    }
    text(&mut body, (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 10.0), "middle", "seconds");
    text(&mut body, (LEFT, 20.0), "end", "events");
    for (place, (name, colour)) in CURVES.iter().enumerate() {
        let points = samples.iter().map(|sample| (x(sample.seconds), y(sample.counts[place] as f64)));
        let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        add(
            &mut body,
            &format!(r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>"#),
        );
        let left = LEFT + 20.0 + 120.0 * place as f64;
        add(&mut body, &format!(r#"<rect x="{left}" y="10" width="14" height="14" fill="{colour}"/>"#));
        text(&mut body, (left + 20.0, 22.0), "start", name);
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
{body}</svg>
"#
    )
}

/// Round values from 0 to `most`.
fn steps(most: f64) -> Vec<f64> {
    let rough = most / STEPS;
    let power = 10f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = round.into_iter().find(|step| *step >= rough).unwrap_or(most);
    // Beyond this many an axis is not readable; there are at most `STEPS` + 1.
    (0..=20).map(|number| f64::from(number) * step).take_while(|value| *value <= most).map(neat).collect()
}

/// Removes the rounding error of binary fractions.
fn neat(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn thousands(count: f64) -> String {
    if count >= 1e4 { format!("{}k", neat(count / 1e3)) } else { count.to_string() }
}

fn line(body: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    add(body, &format!(r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#ddd"/>"##));
}

fn text(body: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    add(body, &format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#));
}

fn add(body: &mut String, element: &str) {
    body.push_str(element);
    body.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_curve_ends_at_its_last_count() {
        let sample = |seconds, counts| Sample { seconds, counts };
        let chart = draw(&[sample(0.0, [0, 0, 0]), sample(1.0, [80, 40, 20]), sample(2.0, [100, 100, 100])]);
        // The upper right corner, for all three of them.
        assert_eq!(chart.matches("780.0,40.0\"/>").count(), 3, "{chart}");
        assert_eq!(chart.matches("<polyline").count(), 3);
        for name in ["accepted", "absorbed", "delivered", "seconds"] {
            assert!(chart.contains(&format!(">{name}</text>")), "{name}");
        }
    }

    #[test]
    fn an_axis_has_a_few_round_values() {
        assert_eq!(steps(100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(steps(0.7), [0.0, 0.2, 0.4, 0.6]);
        assert_eq!((thousands(20_000.0), thousands(500.0)), ("20k".to_owned(), "500".to_owned()));
    }

    #[test]
    fn no_samples_give_an_empty_chart() {
        assert!(draw(&[]).contains("</svg>"));
    }
}
