//! The chart of the page: SVG, a row a step, a bar a runtime.

use crate::figures::Figures;
use crate::runtime::Step;

const LEFT: f64 = 150.0;
const WIDTH: f64 = 760.0;
const BAR: f64 = 13.0;
const GAP: f64 = 12.0;
const COLOURS: [&str; 6] = ["#9aa5b1", "#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#c92a2a"];

/// Medians of all steps of a layout and bundle, as far as they were measured.
pub(crate) fn draw(figures: &Figures, layout: &str, kind: &str, runtimes: &[String]) -> String {
    let median = |runtime: &str, step: Step| figures.get(&format!("{layout}/{kind}/{runtime}/{}/median", step.key()));
    let seen = |runtime: &&String| Step::ALL.iter().any(|step| median(runtime, *step).is_some());
    let runtimes: Vec<&String> = runtimes.iter().filter(seen).collect();
    let all = runtimes.iter().flat_map(|runtime| Step::ALL.iter().filter_map(|step| median(runtime, *step)));
    let longest = all.reduce(f64::max).unwrap_or(1.0);
    let scale = (WIDTH - LEFT - 70.0) / longest;
    let mut y = 64.0;
    let mut body = legend(&runtimes);
    for step in Step::ALL {
        let bars: Vec<(usize, f64)> =
            runtimes.iter().enumerate().filter_map(|(place, name)| Some((place, median(name, step)?))).collect();
        if bars.is_empty() {
            continue;
        }
        let label = step.title().replace('`', "").replace("the same after 150 ms idle", "run, after 150 ms idle");
        #[allow(clippy::cast_precision_loss, reason = "a handful of bars")]
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        body += &format!("<text x=\"{:.0}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>\n", LEFT - 8.0);
        for (place, time) in bars {
            let width = (time * scale).max(1.0);
            let colour = COLOURS[place % COLOURS.len()];
            body += &format!(
                "<rect x=\"{LEFT:.0}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
                 <text class=\"n\" x=\"{:.1}\" y=\"{:.1}\">{time:.2}</text>\n",
                BAR - 2.0,
                LEFT + width + 4.0,
                y + BAR - 3.5
            );
            y += BAR;
        }
        y += GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {y:.0}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<style>.n{{font-size:10px;fill:#495057}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"22\" font-size=\"15\">Milliseconds, median: bundle {kind}, cgroup {layout}</text>\n\
         {body}</svg>\n"
    )
}

fn legend(runtimes: &[&String]) -> String {
    let mut x = LEFT;
    let mut text = String::new();
    for (place, name) in runtimes.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        text += &format!(
            "<rect x=\"{x:.0}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"46\">{name}</text>\n",
            x + 17.0
        );
        #[allow(clippy::cast_precision_loss, reason = "a short name")]
        let width = name.len() as f64;
        x += 35.0 + 7.0 * width;
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::figures::Figures;

    #[test]
    fn a_bar_is_as_long_as_its_time() {
        let mut figures = Figures::default();
        figures.set(&["v2/docker/a/run/median"], 2.0);
        figures.set(&["v2/docker/b/run/median"], 4.0);
        let drawn = super::draw(&figures, "v2", "docker", &["a".to_owned(), "b".to_owned()]);
        assert!(drawn.contains("width=\"270.0\""), "{drawn}");
        assert!(drawn.contains("width=\"540.0\""), "{drawn}");
    }
}
