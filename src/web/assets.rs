//! Styles, scripts and pictures, bundled into the program when it is built.
//!
//! Each is named after its contents (`/assets/carepost.1a2b3c4d5e6f.css`), so a browser may keep it
//! for ever and a new release never meets an old style sheet. Text is compressed when the program is
//! built; nothing is compressed while a request waits.

/// One file that the browser may fetch.
#[derive(Debug)]
pub struct Asset {
    /// What pages call it, for example `carepost.css`.
    pub name: &'static str,
    /// Where it is served, for example `/assets/carepost.1a2b3c4d5e6f.css`.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub mime: &'static str,
    /// The body as it is.
    pub raw: &'static [u8],
    /// The body compressed by Brotli (RFC 7932), for text.
    pub br: Option<&'static [u8]>,
    /// The body compressed by gzip (RFC 1952), for text.
    pub gz: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where the asset of this name is served; for links in pages.
///
/// A name that was never bundled is a slip in a template. It stops the tests; in a release the page
/// is shown without that file, because a page without a style is better than no page.
pub fn path(name: &str) -> &'static str {
    match PATHS.binary_search_by_key(&name, |(known, _)| known) {
        Ok(index) => PATHS[index].1,
        Err(_) => {
            debug_assert!(false, "no asset is called {name}");
            "/assets/not-found"
        }
    }
}

/// The asset served at this path, if there is one.
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by_key(&path, |asset| asset.path).ok().map(|index| &ASSETS[index])
}

/// How a body is packed for the way to the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The value of the `Content-Encoding` header; a body sent as it is has none.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Encoding::Brotli => Some("br"),
            Encoding::Gzip => Some("gzip"),
            Encoding::Identity => None,
        }
    }
}

impl Asset {
    /// The smallest body that the browser says it can read, and how that body is packed.
    pub fn body(&self, accept_encoding: Option<&str>) -> (&'static [u8], Encoding) {
        let best = encoding(accept_encoding);
        match (best, self.br, self.gz) {
            (Encoding::Brotli, Some(body), _) => (body, Encoding::Brotli),
            (Encoding::Gzip, _, Some(body)) => (body, Encoding::Gzip),
            (Encoding::Brotli | Encoding::Gzip | Encoding::Identity, _, _) => (self.raw, Encoding::Identity),
        }
    }
}

/// The best encoding of those in an `Accept-Encoding` header (RFC 9110, section 12.5.3).
///
/// Brotli goes before gzip whatever their weights, because it is always smaller here; a weight of
/// nought means "not this one". `*` stands for every encoding that is not named.
pub fn encoding(accept_encoding: Option<&str>) -> Encoding {
    let accepts = |wanted: &str| {
        let weight_of = |name: &str| {
            accept_encoding.unwrap_or_default().split(',').find_map(|part| {
                let mut parameters = part.split(';').map(str::trim);
                if !parameters.next()?.eq_ignore_ascii_case(name) {
                    return None;
                }
                let weight = parameters
                    .find_map(|parameter| {
                        parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))
                    })
                    .map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0));
                Some(weight)
            })
        };
        weight_of(wanted).or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
    };
    if accepts("br") {
        Encoding::Brotli
    } else if accepts("gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_by_its_path_and_its_name() {
        for asset in ASSETS {
            assert_eq!(find(asset.path).map(|found| found.name), Some(asset.name));
            assert_eq!(path(asset.name), asset.path);
        }
        assert!(find("/assets/carepost.css").is_none());
    }

    #[test]
    fn nothing_is_fetched_from_another_host_and_the_restricted_font_is_not_named() {
        let text_of = |name: &str| {
            let raw = find(path(name)).unwrap().raw;
            String::from_utf8(raw.to_vec()).unwrap()
        };
        let css = text_of("carepost.css");
        assert!(!css.contains("Frutiger") && !css.contains("@font-face") && !css.contains("https://"));
        assert!(css.contains("font-family:arial,sans-serif"));
        for reference in css.split("url(/").skip(1) {
            let reference = format!("/{}", reference.split(')').next().unwrap());
            assert!(find(&reference).is_some(), "{reference} is not bundled");
        }
        assert!(text_of("init.js").contains(path("nhsuk-frontend.min.js")));
        assert!(!text_of("nhsuk-frontend.min.js").contains("sourceMappingURL"));
    }

    #[test]
    fn the_best_encoding_is_chosen() {
        let check =
            |header: Option<&str>, expect: Encoding| assert_eq!(encoding(header), expect, "{header:?}");
        check(None, Encoding::Identity);
        check(Some(""), Encoding::Identity);
        check(Some("identity"), Encoding::Identity);
        check(Some("br;q=0, gzip;q=0"), Encoding::Identity);
        check(Some("gzip, deflate"), Encoding::Gzip);
        check(Some("br;q=0, *"), Encoding::Gzip);
        check(Some("*;q=0"), Encoding::Identity);
        check(Some("gzip, deflate, br, zstd"), Encoding::Brotli);
        check(Some("gzip;q=1.0, BR;q=0.5"), Encoding::Brotli);
        check(Some("br;q=nonsense, gzip"), Encoding::Gzip);
    }
}
