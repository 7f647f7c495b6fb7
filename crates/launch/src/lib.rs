//! From a Spec to a process that waits for start: the plan, the clone, the conversation.
#![forbid(unsafe_code)]
