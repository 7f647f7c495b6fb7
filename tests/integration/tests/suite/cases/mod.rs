//! Faults that people met with other runtimes, each with its whole kind. Named after `cases/reports.md`.

mod b02;
mod b04;
mod b06;
mod b08;
mod b10;
mod b12;
mod b14;
mod b16;
mod b18;
mod b20;
mod b22;
mod b24;
