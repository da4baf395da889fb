use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's limit of open files and connections to the system's hard limit, because it often starts at
/// 1,024.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(e) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %e, "the limit of open files stays as it is");
    }
}
