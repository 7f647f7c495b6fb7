//! Out of memory.

use crate::bench::{Ground, on_each_layout, wait_until};
use cgroups::{Error, Oom};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cell::RefCell;

#[test]
fn lack_of_memory_is_told() {
    on_each_layout("oom", |layout, path| {
        let whole = Ground::new(layout, path, "{}");
        let memory = whole.paths.get("memory").is_some() || whole.read("memory", "", "memory.max").is_some();
        drop(whole);
        if !memory {
            println!("part skipped: no memory controller");
            return;
        }
        let limits = r#"{"memory":{"limit":16777216,"swap":16777216}}"#;
        let ground = Ground::new(layout, path, limits);
        let inmate = ground.run("sleep 100");
        let mut watch = ground.paths.watch_oom().unwrap();
        assert_eq!(watch.look().unwrap(), Oom::Quiet);
        let _hungry = ground.run("sleep 0.1; head -c 100000000 /dev/zero | tail");
        let descriptor = watch.descriptor();
        let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
        let woken = poll(&mut polled, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })).unwrap();
        assert_eq!(woken, 1);
        let watch = RefCell::new(watch);
        wait_until("it is told", || watch.borrow_mut().look().unwrap() == Oom::Happened);
        drop(inmate);
        ground.paths.kill_all(9).unwrap();
        ground.paths.remove().unwrap();
        wait_until("it is over", || watch.borrow_mut().look().unwrap() == Oom::Over);
    });
}

#[test]
fn without_a_cgroup_there_is_no_news() {
    assert!(matches!(cgroups::Paths::default().watch_oom(), Err(Error::NoCgroup { .. })));
}
