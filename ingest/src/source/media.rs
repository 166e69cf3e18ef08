//! The media type of a file, by its name or else by its first bytes.
//!
//! The table is part of the format (`FORMAT.md`, section 14): what it says is committed, so it follows nobody's system
//! and changes for nobody.

/// What a file is that nothing is known of.
const UNKNOWN: &str = "application/octet-stream";

/// Media types by extension in lower case.
const BY_EXTENSION: [(&str, &str); 44] = [
    ("aac", "audio/aac"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jxl", "image/jxl"),
    ("m4a", "audio/mp4"),
    ("markdown", "text/markdown"),
    ("md", "text/markdown"),
    ("mid", "audio/midi"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("ndjson", "application/x-ndjson"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("tsv", "text/tab-separated-values"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
];

/// Media types by the bytes at an offset.
const BY_CONTENT: [(usize, &[u8], &str); 16] = [
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A ", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"II*\0", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
];

/// The media type of a file with this path and content.
pub(crate) fn media_type(path: &str, content: &[u8]) -> &'static str {
    if let Some(known) = of_name(path) {
        return known;
    }
    of_content(content).unwrap_or(UNKNOWN)
}

/// The media type that the first bytes of a file show.
pub(crate) fn of_content(content: &[u8]) -> Option<&'static str> {
    let stands =
        |(at, magic, _): &&(usize, &[u8], &str)| content.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    BY_CONTENT.iter().find(stands).map(|(_, _, media)| *media)
}

/// The media type that a path's extension stands for.
pub(crate) fn of_name(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?;
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let known = BY_EXTENSION.iter().find(|(known, _)| *known == extension).filter(|_| !stem.is_empty());
    known.map(|(_, media)| *media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_content() {
        assert_eq!(media_type("a/b.JPG", b"\x89PNG\r\n\x1a\n"), "image/jpeg");
        assert_eq!(media_type("a.png/b", b"\x89PNG\r\n\x1a\n"), "image/png");
        assert_eq!(media_type(".png", b""), UNKNOWN);
        assert_eq!(media_type("x", b"RIFF\x00\x00\x00\x00WAVEfmt "), "audio/wav");
        assert_eq!(media_type("x.bin", b""), UNKNOWN);
        assert!(BY_EXTENSION.windows(2).all(|pair| pair[0].0 < pair[1].0), "the table is in order");
    }
}
