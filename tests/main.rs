//! The one test binary; each module is a file or folder here.
