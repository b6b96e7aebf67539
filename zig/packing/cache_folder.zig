//! The folder of cache files: opened, checked and locked, and files written in it so that a crash
//! at any moment leaves a whole file or none.
//!
//! In: paths, names and bytes. Out: open files, or error.Unusable with one sentence in a
//! `Reason`: nothing here is fatal, weights can always be packed into memory instead. What a system
//! does by itself is in posix_folder.zig and windows_folder.zig, which have the same declarations.

const builtin = @import("builtin");
const types = @import("folder_types.zig");
const system = if (builtin.os.tag == .windows)
    @import("windows_folder.zig")
else
    @import("posix_folder.zig");

pub const Fd = types.Fd;
pub const Folder = system.Folder;
/// Between a folder and a name.
pub const separator = system.separator;

pub const statusOf = system.statusOf;
pub const readAt = system.readAt;
pub const openPath = system.openPath;
pub const closeFile = system.closeFile;
pub const map = system.map;
pub const unmap = system.unmap;
pub const processId = system.processId;

pub const Name = types.Name;
pub const Mapping = types.Mapping;
pub const OpenedPath = types.OpenedPath;
pub const Unusable = types.Unusable;
pub const Reason = types.Reason;
