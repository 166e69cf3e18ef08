//! TLS of the whole process: rustls with ring, against the roots of the system.

/// Chooses the cryptography that TLS connections of this process use, unless somebody has chosen already.
pub fn install() {
    // The error is that there is one: then it stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
