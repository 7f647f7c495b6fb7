//! SECURITY C13: nothing of a checkpoint can be forged, since there is none: the commands say so, and do nothing.
//!
//! Controls: runc 1.1.5 has both commands; the mutant `c13-`.

use harness::{Bundle, need_cofferdam, need_root};
use serde_json::Value;

#[test]
fn checkpoint_and_restore_are_refused_and_change_nothing() {
    need_root!();
    need_cofferdam!("it makes checkpoints");
    let bundle = Bundle::of_sleep();
    bundle.up();
    let before = bundle.state();
    bundle.call(["checkpoint", "--image-path", "image", bundle.id()]).fails().says("checkpoint");
    bundle.call(["checkpoint", "--leave-running", bundle.id()]).fails().says("checkpoint");
    assert_eq!(bundle.state(), before);
    bundle.call(["restore", "--image-path", "image", "--bundle", ".", "another"]).fails().says("restore");
    assert!(!bundle.state_folder().join("another").exists());
    assert!(!bundle.folder().join("image").exists());
    let features: Value = serde_json::from_str(&bundle.call(["features"]).ok().out).expect("JSON");
    assert_eq!(features["annotations"]["org.opencontainers.runc.checkpoint.enabled"], "false", "{features:#}");
}
