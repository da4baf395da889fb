use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process have as many files and connections as the system allows it, for what it begins with is often 1,024.
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
