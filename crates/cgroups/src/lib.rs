//! stub
#[derive(Debug,Clone)] pub struct Layout;
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct Error;
impl Layout { pub fn detect() -> Result<Self,Error> { Ok(Layout) } }
#[derive(Debug, Clone, serde::Serialize)] pub struct Plan;
pub fn plan(_:&Layout,_:Option<&std::path::Path>,_:&str,_:Option<&spec::oci::LinuxResources>)->Result<Option<Plan>,Error>{Ok(None)}
impl Plan { pub fn tasks(&self)->usize{0} pub fn make(&self)->Result<(),Error>{Ok(())} pub fn tasks_files(&self)->Result<Vec<rustix::fd::OwnedFd>,Error>{Ok(vec![])} pub fn directory(&self)->Result<Option<rustix::fd::OwnedFd>,Error>{Ok(None)} }
