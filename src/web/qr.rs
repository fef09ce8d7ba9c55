//! QR codes as inline pictures: nothing is fetched, and no script draws them.

use super::components::Html;
use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};
use std::fmt::Write;

/// Light modules round a code, so that a camera finds its edge (ISO/IEC 18004, section 6.3.8).
const QUIET: usize = 4;

#[derive(askama::Template)]
#[template(
    source = r##"<svg class="app-qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ side }} {{ side }}" role="img" aria-label="{{ words }}" shape-rendering="crispEdges"><rect width="{{ side }}" height="{{ side }}" fill="#ffffff"/><path fill="#000000" d="{{ path }}"/></svg>"##,
    ext = "html"
)]
struct Picture<'a> {
    side: usize,
    words: &'a str,
    path: String,
}
impl askama::filters::HtmlSafe for Picture<'_> {}

/// The picture of a text, with words for those who do not see it; nothing where the text is too long
/// for any code, about 2,300 letters.
pub fn picture(text: &str, words: &str) -> Option<Html> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let mut path = String::new();
    for (row, modules) in colors.chunks(width).enumerate() {
        let mut column = 0;
        while column < width {
            let run = modules[column..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                // Writing to a String cannot fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", column + QUIET, row + QUIET);
            }
            column += run.max(1);
        }
    }
    Some(Html::of(&Picture { side: width + 2 * QUIET, words, path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_words_and_its_three_corners() {
        let html = picture("otpauth://totp/Carepost:amy@carepost.example", "A <code>").expect("a picture");
        let html = html.as_str();
        assert!(
            html.contains("aria-label=\"A &#60;code&#62;\"") || html.contains("A &lt;code&gt;"),
            "{html}"
        );
        assert!(html.contains("d=\"M4 4h7v1h-7z"), "the first corner's upper edge: {html}");
        assert!(!html.contains("style="), "{html}");
        assert!(picture(&"x".repeat(5_000), "too long").is_none());
    }
}
