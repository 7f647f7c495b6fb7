//! What `--version` prints.

/// The version, an item a line. A program that is called by the name of another runtime says that name: those who
/// put it there have readers that look for it. Engines look for the one line that has the word `version`, and take what is
/// before it as the name, what is after it as the version.
pub(crate) fn version(program: &str) -> String {
    let commit = option_env!("COFFERDAM_COMMIT").map(|commit| format!("commit: {commit}\n")).unwrap_or_default();
    let (major, minor, micro) = libseccomp();
    format!(
        "{program} version {}\n{commit}spec: {}\nlibseccomp: {major}.{minor}.{micro}\n",
        env!("CARGO_PKG_VERSION"),
        spec::OCI_VERSION
    )
}

/// The version of libseccomp that is linked.
pub(crate) fn libseccomp() -> (u32, u32, u32) {
    libseccomp::ScmpVersion::current().map_or((0, 0, 0), |version| (version.major, version.minor, version.micro))
}
