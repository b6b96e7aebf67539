//! What cache_folder.zig asks of Linux and macOS: a folder that is opened, checked and locked, and files in it.
//!
//! In: paths, names and bytes. Out: file descriptors, or error.Unusable with one sentence in a
//! `Reason`. No file of another user is read or written.

const std = @import("std");
const builtin = @import("builtin");
const types = @import("folder_types.zig");
const assert = std.debug.assert;
const posix = std.posix;

const Reason = types.Reason;
const Unusable = types.Unusable;
const Name = types.Name;

pub const Fd = types.Fd;
pub const separator = "/";

/// What is asked of an open file.
pub const Status = struct { bytes: u64, owner: u32, mode: u32, links: u64 };

pub const Folder = struct {
    fd: Fd,
    path: [:0]const u8, // Borrowed.
    reason: *Reason,

    /// Makes the folder (0700, with its parents) where it is missing. Refuses one that belongs to
    /// somebody else or that others may write to.
    pub fn open(path: [:0]const u8, reason: *Reason) Unusable!Folder {
        if (path.len == 0 or std.mem.indexOfScalar(u8, path, 0) != null) {
            return reason.set("the cache folder's path is empty or has a NUL byte in it", .{});
        }
        const made = makeFolders(path) catch
            return reason.set("{s}: the path is too long", .{path});
        const fd = std.c.openat(posix.AT.FDCWD, path, flagsOf(.folder));
        if (fd < 0) {
            const found = posix.errno(fd);
            const why = if (found == .NOENT and made != .SUCCESS) made else found;
            return reason.set("{s}: {s}", .{ path, explain(why) });
        }
        errdefer _ = std.c.close(fd);
        const folder: Folder = .{ .fd = fd, .path = path, .reason = reason };
        const status = statusOf(fd) orelse return folder.unusable("cannot be examined");
        if (status.owner != std.c.geteuid()) return folder.unusable("belongs to another user");
        if (status.mode & 0o022 != 0) {
            return reason.set("{s}: others may write to it: chmod go-w", .{path});
        }
        return folder;
    }

    pub fn close(self: *const Folder) void {
        _ = std.c.close(self.fd);
    }

    /// Null where there is no such file, or none that is ours and regular.
    pub fn openFile(self: *const Folder, name: Name) ?Fd {
        const fd = std.c.openat(self.fd, name, flagsOf(.read));
        if (fd < 0) return null;
        const status = statusOf(fd);
        if (status != null and posix.S.ISREG(status.?.mode) and
            status.?.owner == std.c.geteuid()) return fd;
        _ = std.c.close(fd);
        return null;
    }

    /// A new file that only its owner may read.
    pub fn create(self: *const Folder, name: Name) Unusable!Fd {
        assert(std.mem.indexOfScalar(u8, std.mem.span(name), '/') == null);
        const mode: c_uint = 0o600;
        const fd = std.c.openat(self.fd, name, flagsOf(.create), mode);
        return if (fd < 0) self.failed(name, posix.errno(fd)) else fd;
    }

    pub fn remove(self: *const Folder, name: Name) void {
        assert(std.mem.indexOfScalar(u8, std.mem.span(name), '/') == null);
        _ = std.c.unlinkat(self.fd, name, 0);
    }

    /// Gives `temporary`, which is on disk in full, its final name; afterwards that is on disk too.
    pub fn publish(self: *const Folder, temporary: Name, name: Name) Unusable!void {
        const result = std.c.renameat(self.fd, temporary, self.fd, name);
        if (result != 0) return self.failed(name, posix.errno(result));
        // Some filesystems cannot sync a folder. The name then survives a crash or does not:
        // either way the file is whole.
        _ = std.c.fsync(self.fd);
    }

    /// Removes files called `prefix`...`suffix`. Quietly: it is housekeeping.
    pub fn removeMatching(self: *const Folder, prefix: []const u8, suffix: []const u8) void {
        const directory = std.c.opendir(self.path) orelse return;
        defer _ = std.c.closedir(directory);
        while (std.c.readdir(directory)) |entry| {
            const name = std.mem.span(@as(Name, @ptrCast(&entry.name)));
            if (std.mem.startsWith(u8, name, prefix) and std.mem.endsWith(u8, name, suffix) and
                name.len >= prefix.len + suffix.len) self.remove(name.ptr);
        }
    }

    /// Waits until nobody else holds the lock, at most `limit_ms`; the system frees the lock of a
    /// process that dies. `waiting` is called now and then meanwhile.
    pub fn lock(
        self: *const Folder,
        name: Name,
        limit_ms: u64,
        waiting: anytype,
    ) Unusable!Lock {
        var waited_ms: u64 = 0;
        while (true) {
            const mode: c_uint = 0o600;
            const fd = std.c.openat(self.fd, name, flagsOf(.lock), mode);
            if (fd < 0) return self.failed(name, posix.errno(fd));
            errdefer _ = std.c.close(fd);
            while (!try self.tryLock(fd, name)) {
                if (waited_ms >= limit_ms) {
                    return self.reason.set(
                        "{s}/{s}: another process has held it for {d} s",
                        .{ self.path, name, waited_ms / 1000 },
                    );
                }
                waiting.call();
                sleep(lock_poll_ms);
                waited_ms += lock_poll_ms;
            }
            // The one before us removed the file: this lock is on a file nobody can find.
            const status = statusOf(fd) orelse return self.unusable("its lock cannot be examined");
            if (status.links > 0) return .{ .fd = fd };
            _ = std.c.close(fd);
        }
    }

    fn tryLock(self: *const Folder, fd: Fd, name: Name) Unusable!bool {
        while (true) {
            const result = std.c.flock(fd, posix.LOCK.EX | posix.LOCK.NB);
            if (result == 0) return true;
            switch (posix.errno(result)) {
                .INTR => continue,
                .AGAIN => return false,
                else => |why| return self.failed(name, why),
            }
        }
    }

    /// Removes the lock's file, then frees the lock.
    pub fn unlock(self: *const Folder, name: Name, held: Lock) void {
        self.remove(name);
        _ = std.c.close(held.fd);
    }

    /// Makes the file `bytes` long, with its space on disk: later writes will not find it full.
    pub fn reserve(self: *const Folder, fd: Fd, name: Name, bytes: u64) Unusable!void {
        // Over this limit a write does not fail, it ends the process.
        const limit = posix.getrlimit(.FSIZE) catch null;
        if (limit != null and limit.?.cur < bytes) return self.failed(name, .FBIG);
        switch (preallocate(fd, bytes)) {
            .SUCCESS => {},
            .OPNOTSUPP, .NOSYS, .INVAL => try self.fillWithZeros(fd, name, bytes),
            else => |why| return self.reason.set(
                "{s}: {s} ({d} MB are needed)",
                .{ self.path, explain(why), (bytes + 999_999) / 1_000_000 },
            ),
        }
    }

    fn fillWithZeros(self: *const Folder, fd: Fd, name: Name, bytes: u64) Unusable!void {
        const zeros: [1 << 16]u8 = @splat(0);
        var at: u64 = 0;
        while (at < bytes) : (at += zeros.len) {
            try self.write(fd, name, zeros[0..@intCast(@min(zeros.len, bytes - at))], at);
        }
    }

    pub fn write(
        self: *const Folder,
        fd: Fd,
        name: Name,
        bytes: []const u8,
        offset: u64,
    ) Unusable!void {
        var done: usize = 0;
        while (done < bytes.len) {
            const count = @min(bytes.len - done, 64 << 20); // macOS refuses 2 GiB and more.
            const result = std.c.pwrite(fd, bytes[done..].ptr, count, @intCast(offset + done));
            if (result > 0) {
                done += @intCast(result);
                continue;
            }
            const why = if (result == 0) .NOSPC else posix.errno(result);
            if (why != .INTR) return self.failed(name, why);
        }
        beginWriteback(fd, offset, bytes.len);
    }

    /// Returns when the file's content is on disk.
    pub fn sync(self: *const Folder, fd: Fd, name: Name) Unusable!void {
        if (builtin.os.tag.isDarwin()) {
            // There fsync leaves the data in the drive's cache. Network volumes know only fsync.
            if (std.c.fcntl(fd, posix.F.FULLFSYNC) != -1) return;
        }
        while (true) {
            const result = std.c.fsync(fd);
            if (result == 0) return;
            const why = posix.errno(result);
            if (why != .INTR) return self.failed(name, why);
        }
    }

    fn unusable(self: *const Folder, comptime what: []const u8) Unusable {
        return self.reason.set("{s}: " ++ what, .{self.path});
    }

    fn failed(self: *const Folder, name: Name, why: posix.E) Unusable {
        return self.reason.set("{s}/{s}: {s}", .{ self.path, name, explain(why) });
    }
};

pub const Lock = struct { fd: Fd };

const lock_poll_ms = 20;

/// Fills `buffer` from `offset`; false where the file has no more, or fails.
pub fn readAt(fd: Fd, buffer: []u8, offset: u64) bool {
    var done: usize = 0;
    while (done < buffer.len) {
        const count = @min(buffer.len - done, 64 << 20);
        const result = std.c.pread(fd, buffer[done..].ptr, count, @intCast(offset + done));
        if (result > 0) {
            done += @intCast(result);
        } else if (result == 0 or posix.errno(result) != .INTR) return false;
    }
    return true;
}

/// A file that anyone may have put there, to be read.
pub fn openPath(path: Name) types.OpenedPath {
    const fd = std.c.openat(posix.AT.FDCWD, path, flagsOf(.foreign));
    if (fd < 0) return .{ .refused = explain(posix.errno(fd)) };
    const status = statusOf(fd);
    if (status != null and posix.S.ISREG(status.?.mode)) return .{ .file = fd };
    closeFile(fd);
    return .not_regular;
}

pub fn closeFile(fd: Fd) void {
    _ = std.c.close(fd);
}

/// The first bytes of a file, read-only, until `unmap`; null where the system refuses.
pub fn map(fd: Fd, length: usize) ?types.Mapping {
    return posix.mmap(null, length, .{ .READ = true }, .{ .TYPE = .PRIVATE }, fd, 0) catch null;
}

pub fn unmap(mapping: types.Mapping) void {
    posix.munmap(mapping);
}

pub fn processId() u32 {
    return @intCast(std.c.getpid());
}

/// Null where the system does not say.
pub fn statusOf(fd: Fd) ?Status {
    if (builtin.os.tag == .linux) {
        // The raw call: glibc has `statx` only since 2.28, `fstat` as a symbol since 2.33.
        const linux = std.os.linux;
        const mask: linux.STATX = .{
            .TYPE = true,
            .MODE = true,
            .SIZE = true,
            .UID = true,
            .NLINK = true,
        };
        var status: linux.Statx = undefined;
        const result = linux.statx(fd, "", linux.AT.EMPTY_PATH, mask, &status);
        if (linux.errno(result) != .SUCCESS) return null;
        return .{
            .bytes = status.size,
            .owner = status.uid,
            .mode = status.mode,
            .links = status.nlink,
        };
    }
    var status: std.c.Stat = undefined;
    if (std.c.fstat(fd, &status) != 0) return null;
    return .{
        .bytes = @intCast(status.size),
        .owner = status.uid,
        .mode = status.mode,
        .links = status.nlink,
    };
}

const Purpose = enum { folder, read, foreign, create, lock };

fn flagsOf(comptime purpose: Purpose) posix.O {
    // NONBLOCK: a FIFO in a file's place must not make anyone wait.
    return switch (purpose) {
        .folder => .{ .ACCMODE = .RDONLY, .CLOEXEC = true, .DIRECTORY = true },
        .read => .{ .ACCMODE = .RDONLY, .CLOEXEC = true, .NOFOLLOW = true, .NONBLOCK = true },
        .foreign => .{ .ACCMODE = .RDONLY, .CLOEXEC = true, .NONBLOCK = true },
        .create => .{
            .ACCMODE = .RDWR,
            .CLOEXEC = true,
            .NOFOLLOW = true,
            .CREAT = true,
            .EXCL = true,
        },
        .lock => .{
            .ACCMODE = .RDWR,
            .CLOEXEC = true,
            .NOFOLLOW = true,
            .NONBLOCK = true,
            .CREAT = true,
        },
    };
}

/// What making the last of them said.
fn makeFolders(path: [:0]const u8) error{NameTooLong}!posix.E {
    var buffer: [posix.PATH_MAX]u8 = undefined;
    if (path.len >= buffer.len) return error.NameTooLong;
    for (path, 0..) |byte, index| {
        if (byte != '/' or index == 0) continue;
        @memcpy(buffer[0..index], path[0..index]);
        buffer[index] = 0;
        _ = std.c.mkdir(@ptrCast(&buffer), 0o700); // Most exist; what matters shows at the end.
    }
    return posix.errno(std.c.mkdir(path, 0o700));
}

fn preallocate(fd: Fd, bytes: u64) posix.E {
    switch (builtin.os.tag) {
        .linux => while (true) {
            const linux = std.os.linux;
            const why = linux.errno(linux.fallocate(fd, 0, 0, @intCast(bytes)));
            if (why != .INTR) return why;
        },
        .macos => {
            const Store = extern struct {
                flags: c_uint = 4, // F_ALLOCATEALL
                position: c_int = 3, // F_PEOFPOSMODE
                offset: i64 = 0,
                length: i64,
                allocated: i64 = 0,
            };
            var store: Store = .{ .length = @intCast(bytes) };
            const result = std.c.fcntl(fd, posix.F.PREALLOCATE, &store);
            if (result == -1) return posix.errno(result);
            return posix.errno(std.c.ftruncate(fd, @intCast(bytes)));
        },
        else => @compileError("posix_folder.zig: no way to reserve space on this system"),
    }
}

/// The disk can work while the next item is packed; the sync at the end then waits less.
fn beginWriteback(fd: Fd, offset: u64, bytes: usize) void {
    if (builtin.os.tag != .linux) return;
    const write_only = 2; // SYNC_FILE_RANGE_WRITE. Where it fails, the sync does it all.
    const handle: usize = @bitCast(@as(isize, fd));
    _ = std.os.linux.syscall4(.sync_file_range, handle, @intCast(offset), bytes, write_only);
}

fn sleep(milliseconds: u64) void {
    var span: std.c.timespec = .{
        .sec = @intCast(milliseconds / 1000),
        .nsec = @intCast(milliseconds % 1000 * 1_000_000),
    };
    _ = std.c.nanosleep(&span, null);
}

/// What the system's refusal means.
fn explain(why: posix.E) []const u8 {
    return switch (why) {
        .ACCES, .PERM => "permission denied",
        .DQUOT => "the disk quota is used up",
        .FBIG => "larger than files may be here",
        .IO => "the disk reports an error",
        .ISDIR => "is a folder",
        .LOOP => "a symbolic link where a file should be",
        .MFILE, .NFILE => "too many open files",
        .NAMETOOLONG => "the path is too long",
        .NOENT => "no such file or folder",
        .NOLCK, .OPNOTSUPP => "the filesystem cannot do this",
        .NOSPC => "no space left on the disk",
        .NOTDIR => "part of the path is not a folder",
        .ROFS => "the filesystem is read-only",
        else => @tagName(why),
    };
}
