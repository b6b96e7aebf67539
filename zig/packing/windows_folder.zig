//! What cache_folder.zig asks of Windows: a folder that is opened and locked, and files in it.
//!
//! In: paths, names and bytes in UTF-8. Out: handles, or error.Unusable with one sentence in a `Reason`. Who may write
//! to the folder is left to its access rights: the default one lies in the user's profile, which is closed to others.

const std = @import("std");
const types = @import("folder_types.zig");
const files = @import("../checkpoint/windows_files.zig");
const assert = std.debug.assert;

const Name = types.Name;
const Reason = types.Reason;
const Unusable = types.Unusable;
const Wide = files.Wide;
const invalid = std.os.windows.INVALID_HANDLE_VALUE;

pub const Fd = types.Fd;
pub const separator = "\\";

/// What is asked of an open file.
pub const Status = struct { bytes: u64 };

const generic_write = 0x4000_0000;
const delete_access = 0x0001_0000;
const create_new = 1;
const open_always = 4;
const delete_on_close = 0x0400_0000;
const replace_existing = 1;
const write_through = 8;
const end_of_file_info = 6;

/// An offset in the file, for a handle that waits: the rest means nothing then.
const Overlapped = extern struct { internal: [2]usize = .{ 0, 0 }, offset: u64, event: ?Fd = null };

const Found = extern struct {
    attributes: u32,
    /// Times and sizes, 4 bytes apart.
    facts: [10]u32,
    name: [260]u16,
    short_name: [14]u16,
};

extern "kernel32" fn CreateFileW(Wide, u32, u32, ?*anyopaque, u32, u32, ?Fd) callconv(.winapi) Fd;
extern "kernel32" fn CreateDirectoryW(Wide, ?*anyopaque) callconv(.winapi) c_int;
extern "kernel32" fn ReadFile(Fd, [*]u8, u32, *u32, *Overlapped) callconv(.winapi) c_int;
extern "kernel32" fn WriteFile(Fd, [*]const u8, u32, *u32, *Overlapped) callconv(.winapi) c_int;
extern "kernel32" fn FlushFileBuffers(Fd) callconv(.winapi) c_int;
extern "kernel32" fn SetFileInformationByHandle(Fd, c_int, *const anyopaque, u32) callconv(.winapi) c_int;
extern "kernel32" fn MoveFileExW(Wide, Wide, u32) callconv(.winapi) c_int;
extern "kernel32" fn DeleteFileW(Wide) callconv(.winapi) c_int;
extern "kernel32" fn FindFirstFileW(Wide, *Found) callconv(.winapi) Fd;
extern "kernel32" fn FindNextFileW(Fd, *Found) callconv(.winapi) c_int;
extern "kernel32" fn FindClose(Fd) callconv(.winapi) c_int;
extern "kernel32" fn CloseHandle(Fd) callconv(.winapi) c_int;
extern "kernel32" fn GetLastError() callconv(.winapi) u32;
extern "kernel32" fn GetCurrentProcessId() callconv(.winapi) u32;
extern "kernel32" fn Sleep(u32) callconv(.winapi) void;

pub const Folder = struct {
    path: [:0]const u8, // Borrowed.
    reason: *Reason,

    /// Makes the folder, with its parents, where it is missing.
    pub fn open(path: [:0]const u8, reason: *Reason) Unusable!Folder {
        if (path.len == 0 or std.mem.indexOfScalar(u8, path, 0) != null) {
            return reason.set("the cache folder's path is empty or has a NUL byte in it", .{});
        }
        var buffer: files.Buffer = undefined;
        const wide = files.widen(path, &buffer) catch |why| return reason.set("{s}: {s}", .{ path, refusal(why) });
        const made = makeFolders(&buffer, std.mem.len(wide));
        files.checkFolder(path) catch |why| {
            if (why == error.Missing and made != 0) return reason.set("{s}: {s}", .{ path, explain(made) });
            return reason.set("{s}: {s}", .{ path, refusal(why) });
        };
        return .{ .path = path, .reason = reason };
    }

    pub fn close(_: *const Folder) void {}

    /// Null where there is no such file, or none that is regular.
    pub fn openFile(self: *const Folder, name: Name) ?Fd {
        var buffer: files.Buffer = undefined;
        const path = self.widen(name, &buffer) catch return null;
        return switch (openWide(path)) {
            .file => |fd| fd,
            else => null,
        };
    }

    /// A new file, that may be renamed and removed while it is open.
    pub fn create(self: *const Folder, name: Name) Unusable!Fd {
        var buffer: files.Buffer = undefined;
        const path = try self.widen(name, &buffer);
        const access = files.generic_read | generic_write;
        const fd = CreateFileW(path, access, files.share_all, null, create_new, 0, null);
        return if (fd == invalid) self.failed(name, GetLastError()) else fd;
    }

    pub fn remove(self: *const Folder, name: Name) void {
        var buffer: files.Buffer = undefined;
        _ = DeleteFileW(self.widen(name, &buffer) catch return);
    }

    /// Gives `temporary`, which is on disk in full, its final name; afterwards that is on disk too.
    pub fn publish(self: *const Folder, temporary: Name, name: Name) Unusable!void {
        var buffers: [2]files.Buffer = undefined;
        const from = try self.widen(temporary, &buffers[0]);
        const to = try self.widen(name, &buffers[1]);
        if (MoveFileExW(from, to, replace_existing | write_through) == 0) return self.failed(name, GetLastError());
    }

    /// Removes files called `prefix`...`suffix`. Quietly: it is housekeeping.
    pub fn removeMatching(self: *const Folder, prefix: []const u8, suffix: []const u8) void {
        var buffer: files.Buffer = undefined;
        var found: Found = undefined;
        const search = FindFirstFileW(self.widen("*", &buffer) catch return, &found);
        if (search == invalid) return;
        defer _ = FindClose(search);
        while (true) {
            var text: [found.name.len * 3 + 1]u8 = undefined;
            const wide = std.mem.sliceTo(&found.name, 0);
            const length = std.unicode.wtf16LeToWtf8(&text, wide);
            text[length] = 0;
            const name = text[0..length :0];
            if (std.mem.startsWith(u8, name, prefix) and std.mem.endsWith(u8, name, suffix) and
                name.len >= prefix.len + suffix.len) self.remove(name.ptr);
            if (FindNextFileW(search, &found) == 0) return;
        }
    }

    /// Waits until nobody else holds the lock, at most `limit_ms`; the system frees the lock of a
    /// process that dies, and removes its file. `waiting` is called now and then meanwhile.
    pub fn lock(self: *const Folder, name: Name, limit_ms: u64, waiting: anytype) Unusable!Lock {
        var buffer: files.Buffer = undefined;
        const path = try self.widen(name, &buffer);
        var waited_ms: u64 = 0;
        var denials: u32 = 0;
        while (true) {
            const access = generic_write | delete_access;
            const fd = CreateFileW(path, access, 0, null, open_always, delete_on_close, null);
            if (fd != invalid) return .{ .fd = fd };
            const why = GetLastError();
            // Denied: for a moment, while the file of the one before us goes; else for good.
            if (why == access_denied) denials += 1 else denials = 0;
            if (why != sharing_violation and (why != access_denied or denials > denials_max)) {
                return self.failed(name, why);
            }
            if (waited_ms >= limit_ms) {
                return self.reason.set(
                    "{s}" ++ separator ++ "{s}: another process has held it for {d} s",
                    .{ self.path, name, waited_ms / 1000 },
                );
            }
            waiting.call();
            Sleep(lock_poll_ms);
            waited_ms += lock_poll_ms;
        }
    }

    /// The file goes with its only handle.
    pub fn unlock(_: *const Folder, _: Name, held: Lock) void {
        closeFile(held.fd);
    }

    /// Makes the file `bytes` long: where files are not sparse, which ours are not, that is space on disk, and later
    /// writes will not find it full.
    pub fn reserve(self: *const Folder, fd: Fd, _: Name, bytes: u64) Unusable!void {
        if (SetFileInformationByHandle(fd, end_of_file_info, &bytes, @sizeOf(u64)) != 0) return;
        return self.reason.set(
            "{s}: {s} ({d} MB are needed)",
            .{ self.path, explain(GetLastError()), (bytes + 999_999) / 1_000_000 },
        );
    }

    pub fn write(self: *const Folder, fd: Fd, name: Name, bytes: []const u8, offset: u64) Unusable!void {
        var done: usize = 0;
        while (done < bytes.len) {
            const count: u32 = @intCast(@min(bytes.len - done, 64 << 20));
            var written: u32 = 0;
            var place: Overlapped = .{ .offset = offset + done };
            if (WriteFile(fd, bytes[done..].ptr, count, &written, &place) == 0) {
                return self.failed(name, GetLastError());
            }
            if (written == 0) return self.failed(name, disk_full);
            done += written;
        }
    }

    /// Returns when the file's content is on disk.
    pub fn sync(self: *const Folder, fd: Fd, name: Name) Unusable!void {
        if (FlushFileBuffers(fd) == 0) return self.failed(name, GetLastError());
    }

    fn failed(self: *const Folder, name: Name, why: u32) Unusable {
        return self.reason.set("{s}" ++ separator ++ "{s}: {s}", .{ self.path, name, explain(why) });
    }

    fn widen(self: *const Folder, name: Name, buffer: *files.Buffer) Unusable!Wide {
        assert(std.mem.indexOfAny(u8, std.mem.span(name), "/\\") == null);
        const folder = files.widen(self.path, buffer) catch |why| return self.tooLong(why);
        const length = std.mem.len(folder);
        if (length + 1 + std.mem.len(name) >= buffer.len) return self.tooLong(error.TooLong);
        buffer[length] = separator[0];
        const rest = std.unicode.wtf8ToWtf16Le(buffer[length + 1 ..], std.mem.span(name)) catch
            return self.tooLong(error.Missing);
        buffer[length + 1 + rest] = 0;
        return buffer[0 .. length + 1 + rest :0].ptr;
    }

    fn tooLong(self: *const Folder, why: files.Refusal) Unusable {
        return self.reason.set("{s}: {s}", .{ self.path, refusal(why) });
    }
};

pub const Lock = struct { fd: Fd };

const lock_poll_ms = 20;
const denials_max = 25;

/// Fills `buffer` from `offset`; false where the file has no more, or fails.
pub fn readAt(fd: Fd, buffer: []u8, offset: u64) bool {
    var done: usize = 0;
    while (done < buffer.len) {
        const count: u32 = @intCast(@min(buffer.len - done, 64 << 20));
        var read: u32 = 0;
        var place: Overlapped = .{ .offset = offset + done };
        if (ReadFile(fd, buffer[done..].ptr, count, &read, &place) == 0 or read == 0) return false;
        done += read;
    }
    return true;
}

/// A file that anyone may have put there, to be read.
pub fn openPath(path: Name) types.OpenedPath {
    var buffer: files.Buffer = undefined;
    return openWide(files.widen(std.mem.span(path), &buffer) catch |why| return .{ .refused = refusal(why) });
}

fn openWide(path: Wide) types.OpenedPath {
    const fd = CreateFileW(path, files.generic_read, files.share_all, null, files.open_existing, 0, null);
    if (fd == invalid) return .{ .refused = explain(GetLastError()) };
    if (files.regularFileSize(fd) != null) return .{ .file = fd };
    closeFile(fd);
    return .not_regular;
}

pub fn closeFile(fd: Fd) void {
    _ = CloseHandle(fd);
}

/// The first bytes of a file, read-only, until `unmap`; null where the system refuses.
pub fn map(fd: Fd, length: usize) ?types.Mapping {
    return files.mapOpen(fd, length);
}

pub fn unmap(mapping: types.Mapping) void {
    files.unmap(mapping);
}

pub fn processId() u32 {
    return GetCurrentProcessId();
}

/// Null where the system does not say.
pub fn statusOf(fd: Fd) ?Status {
    return .{ .bytes = files.regularFileSize(fd) orelse return null };
}

/// What making the last of them said, 0 where it was made. `path` ends with a zero, and is as before afterwards.
fn makeFolders(path: *files.Buffer, length: usize) u32 {
    for (path[0..length], 0..) |unit, index| {
        if ((unit != '\\' and unit != '/') or index == 0) continue;
        path[index] = 0;
        _ = CreateDirectoryW(path[0..index :0].ptr, null); // Most exist; what matters shows at the end.
        path[index] = unit;
    }
    return if (CreateDirectoryW(path[0..length :0].ptr, null) != 0) 0 else GetLastError();
}

const access_denied = 5;
const sharing_violation = 32;
const disk_full = 112;

fn refusal(why: files.Refusal) []const u8 {
    return switch (why) {
        error.Missing => "no such file or folder",
        error.Denied => "permission denied",
        error.NotRegular => "is not a folder",
        error.TooLong => "the path is too long",
        error.Unreadable => "cannot be read",
    };
}

/// What the system's refusal means.
fn explain(why: u32) []const u8 {
    return switch (why) {
        2, 3, 15, 53, 67, 123, 161, 267 => "no such file or folder",
        4 => "too many open files",
        access_denied => "permission denied",
        8, 14, 1455 => "not enough memory",
        19 => "the filesystem is read-only",
        sharing_violation, 33, 1224 => "another process uses it",
        39, disk_full => "no space left on the disk",
        80, 183 => "exists already",
        206 => "the path is too long",
        223 => "larger than files may be here",
        1117, 23, 29, 30 => "the disk reports an error",
        1295, 1816 => "the disk quota is used up",
        else => "the system refuses",
    };
}
