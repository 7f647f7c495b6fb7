//! What the agent that answers for `SCMP_ACT_NOTIFY` is told, together with the notify descriptor.

use serde::Serialize;

/// The container process state of runtime-spec.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerProcessState<'a, State> {
    oci_version: &'a str,
    fds: [&'a str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    state: &'a State,
}

/// The message for `listenerPath`: one for a connection, and the notify descriptor comes with its first byte
/// (`SCM_RIGHTS`). `pid` is the process with the filter as the runtime sees it, `metadata` the section's
/// `listenerMetadata`, and `state` the state document: of a container that is being created, or of the one in
/// which `exec` starts that process.
///
/// # Errors
/// Those of `state`'s own serialisation.
pub fn message<State: Serialize>(
    oci_version: &str,
    pid: i32,
    metadata: Option<&str>,
    state: &State,
) -> serde_json::Result<Vec<u8>> {
    let metadata = metadata.filter(|text| !text.is_empty());
    serde_json::to_vec(&ContainerProcessState { oci_version, fds: ["seccompFd"], pid, metadata, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_descriptor_is_named() {
        let state = json!({"ociVersion": "1.3.0", "id": "web", "status": "creating", "pid": 7, "bundle": "/b"});
        let said: serde_json::Value = serde_json::from_slice(&message("1.3.0", 7, Some("x"), &state).unwrap()).unwrap();
        assert_eq!(
            said,
            json!({"ociVersion": "1.3.0", "fds": ["seccompFd"], "pid": 7, "metadata": "x", "state": state})
        );
        for nothing in [None, Some("")] {
            assert!(!String::from_utf8(message("1.3.0", 7, nothing, &state).unwrap()).unwrap().contains("metadata"));
        }
    }
}
