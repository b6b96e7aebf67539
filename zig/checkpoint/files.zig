//! Named files of a model folder, as read-only bytes.
//!
//! In: a folder path, or a list of files already in memory. Out: `get(name)`, the bytes of one
//! file, valid until `close`. Files of a folder are memory-mapped, so only pages that are read cost
//! memory, and clean pages can be dropped by the system at any time. Only regular files are opened:
//! a FIFO or a device is refused, never waited for. Not thread-safe; a file that another process
//! shortens while it is mapped raises SIGBUS when the lost part is read.

const std = @import("std");
const builtin = @import("builtin");
const errors = @import("../errors.zig");

const Allocator = std.mem.Allocator;
const Error = errors.Error;
const fail = errors.fail;
const posix = std.posix;

const is_windows = builtin.os.tag == .windows;
const windows_files = @import("windows_files.zig");
/// What may end a folder's name.
const slashes = if (is_windows) "/\\" else "/";

/// One file in memory; name and bytes are borrowed.
pub const Named = struct { name: []const u8, bytes: []const u8 };

pub const Source = struct {
    allocator: Allocator,
    origin: union(enum) { folder: []const u8, memory: []const Named },
    opened: std.ArrayList(Named) = .empty, // Of a folder: name owned, bytes mapped (or empty).

    /// The folder must exist; its files are opened when asked for.
    pub fn openFolder(allocator: Allocator, path: []const u8) Error!Source {
        const path_z = allocator.dupeZ(u8, path) catch
            return errors.outOfMemory("the folder's path");
        defer allocator.free(path_z);
        if (path.len == 0 or std.mem.indexOfScalar(u8, path, 0) != null) {
            return fail(
                error.Model,
                "the model folder's path is empty or has a NUL byte in it",
                .{},
            );
        }
        try checkFolder(path_z);
        const trimmed = if (path.len > 1) std.mem.trimEnd(u8, path, slashes) else path;
        const kept = if (trimmed.len == 0) "/" else trimmed;
        const owned = allocator.dupe(u8, kept) catch return errors.outOfMemory("the folder's path");
        return .{ .allocator = allocator, .origin = .{ .folder = owned } };
    }

    fn checkFolder(path: [:0]const u8) Error!void {
        if (is_windows) return windows_files.checkFolder(path) catch |reason| switch (reason) {
            error.Missing => fail(error.Model, "{s}: no such folder", .{path}),
            error.NotRegular => fail(error.Model, "{s}: not a folder", .{path}),
            else => fail(error.Model, "{s}: {s}", .{ path, explainRefusal(reason) }),
        };
        const flags: posix.O = .{
            .ACCMODE = .RDONLY,
            .CLOEXEC = true,
            .DIRECTORY = true,
            .NONBLOCK = true,
        };
        const fd = posix.openatZ(posix.AT.FDCWD, path, flags, 0) catch |reason| switch (reason) {
            error.FileNotFound => return fail(error.Model, "{s}: no such folder", .{path}),
            error.NotDir => return fail(error.Model, "{s}: not a folder", .{path}),
            else => return fail(error.Model, "{s}: {s}", .{ path, explain(reason) }),
        };
        _ = std.c.close(fd);
    }

    /// `files` and all they point at are borrowed until `close`.
    pub fn fromMemory(allocator: Allocator, files: []const Named) Source {
        return .{ .allocator = allocator, .origin = .{ .memory = files } };
    }

    pub fn close(self: *Source) void {
        for (self.opened.items) |file| {
            self.allocator.free(file.name);
            unmap(file.bytes);
        }
        self.opened.deinit(self.allocator);
        switch (self.origin) {
            .folder => |path| self.allocator.free(path),
            .memory => {},
        }
        self.* = undefined;
    }

    /// The bytes of the file called `name`, null where there is none. A second call gives the same
    /// bytes.
    pub fn get(self: *Source, name: []const u8) Error!?[]const u8 {
        if (!isPlainName(name)) return fail(
            error.Model,
            "\"{f}\" is not a plain file name",
            .{quote(name)},
        );
        const known = switch (self.origin) {
            .folder => self.opened.items,
            .memory => |files| files,
        };
        for (known) |file| {
            if (std.mem.eql(u8, file.name, name)) return file.bytes;
        }
        if (self.origin == .memory) return null;

        const path = try self.describe(self.allocator, name);
        defer self.allocator.free(path);
        const bytes = (try map(path, error.Model)) orelse return null;
        errdefer unmap(bytes);
        const owned = self.allocator.dupe(u8, name) catch return errors.outOfMemory("a file name");
        errdefer self.allocator.free(owned);
        self.opened.append(self.allocator, .{ .name = owned, .bytes = bytes }) catch
            return errors.outOfMemory("the list of files");
        return bytes;
    }

    /// What messages call the file: its path, or its bare name where files are in memory. Owned by
    /// the caller.
    pub fn describe(self: *const Source, allocator: Allocator, name: []const u8) Error![:0]u8 {
        const parts: [3][]const u8 = switch (self.origin) {
            .folder => |path| .{ path, if (std.mem.endsWith(u8, path, "/")) "" else "/", name },
            .memory => .{ "", "", name },
        };
        return std.mem.concatWithSentinel(allocator, u8, &parts, 0) catch
            return errors.outOfMemory("a file's path");
    }

    /// True where these bytes are part of a mapped file.
    pub fn maps(self: *const Source, bytes: []const u8) bool {
        for (self.opened.items) |file| {
            if (@intFromPtr(bytes.ptr) >= @intFromPtr(file.bytes.ptr) and
                @intFromPtr(bytes.ptr) + bytes.len <= @intFromPtr(file.bytes.ptr) + file.bytes.len) return true;
        }
        return false;
    }

    /// What messages call the whole: the folder's path.
    pub fn label(self: *const Source) []const u8 {
        return switch (self.origin) {
            .folder => |path| path,
            .memory => "the model in memory",
        };
    }
};

/// True for a name that cannot lead out of its folder and may stand in a message: printable ASCII.
pub fn isPlainName(name: []const u8) bool {
    if (name.len == 0 or name.len > 255) return false;
    if (std.mem.eql(u8, name, ".") or std.mem.eql(u8, name, "..")) return false;
    for (name) |byte| {
        if (byte < ' ' or byte > '~' or byte == '/' or byte == '\\') return false;
    }
    return true;
}

/// Text from a file as it may stand in a message: one line, printable, at most 160 bytes. Print
/// with {f}.
pub fn quote(text: []const u8) Quoted {
    return std.ascii.hexEscape(text[0..@min(text.len, 160)], .lower);
}

const Quoted = std.fmt.Alt(std.ascii.HexEscape, std.ascii.HexEscape.format);

/// Takes whole pages of a file's mapping out of this process's memory; the system still has them in its
/// cache of files and puts them back when they are read. Never for memory that is not a file's: that
/// would be zero afterwards.
pub fn release(bytes: []const u8) void {
    if (is_windows) return; // The system takes clean pages by itself.
    const page = std.heap.pageSize();
    const first = std.mem.alignForward(usize, @intFromPtr(bytes.ptr), page);
    const end = std.mem.alignBackward(usize, @intFromPtr(bytes.ptr) + bytes.len, page);
    if (end > first) _ = std.c.madvise(@ptrFromInt(first), end - first, std.c.MADV.DONTNEED);
}

/// The bytes of a regular file, until `unmap`; null where there is no such file. `kind` is the error
/// for one that cannot be read.
pub fn map(path: [:0]const u8, kind: Error) Error!?[]const u8 {
    if (is_windows) return windows_files.map(path) catch |reason| switch (reason) {
        error.Missing => null,
        else => fail(kind, "{s}: {s}", .{ path, explainRefusal(reason) }),
    };
    // NONBLOCK: opening a FIFO must not wait for a writer. It means nothing for regular files.
    const flags: posix.O = .{
        .ACCMODE = .RDONLY,
        .CLOEXEC = true,
        .NONBLOCK = true,
        .NOCTTY = true,
    };
    const fd = posix.openatZ(posix.AT.FDCWD, path, flags, 0) catch |reason| switch (reason) {
        error.FileNotFound => return null,
        else => return fail(kind, "{s}: {s}", .{ path, explain(reason) }),
    };
    defer _ = std.c.close(fd);
    const size = regularFileSize(fd) orelse return fail(kind, "{s}: not a regular file", .{path});
    if (size == 0) return ""; // An empty mapping is an error to the system.
    const length = std.math.cast(usize, size) orelse return fail(kind, "{s}: too large", .{path});
    return posix.mmap(null, length, .{ .READ = true }, .{ .TYPE = .PRIVATE }, fd, 0) catch |reason|
        switch (reason) {
            error.OutOfMemory => fail(error.OutOfMemory, "{s}: not enough address space", .{path}),
            else => fail(kind, "{s}: cannot be mapped ({t})", .{ path, reason }),
        };
}

pub fn unmap(bytes: []const u8) void {
    if (bytes.len == 0) return;
    if (is_windows) windows_files.unmap(bytes) else posix.munmap(@alignCast(bytes));
}

/// Null where `fd` is anything but a regular file.
fn regularFileSize(fd: posix.fd_t) ?u64 {
    if (builtin.os.tag == .linux) {
        // The raw call: glibc has `statx` only since 2.28, `fstat` as a symbol since 2.33.
        const linux = std.os.linux;
        var status: linux.Statx = undefined;
        const result = linux.statx(
            fd,
            "",
            linux.AT.EMPTY_PATH,
            .{ .TYPE = true, .SIZE = true },
            &status,
        );
        if (linux.errno(result) != .SUCCESS) return null;
        return if (linux.S.ISREG(status.mode)) status.size else null;
    }
    var status: std.c.Stat = undefined;
    if (std.c.fstat(fd, &status) != 0 or !std.c.S.ISREG(status.mode)) return null;
    return @intCast(status.size);
}

fn explainRefusal(reason: windows_files.Refusal) []const u8 {
    return switch (reason) {
        error.Missing => "no such file",
        error.Denied => "permission denied",
        error.NotRegular => "not a regular file",
        error.TooLong => "the path is too long",
        error.Unreadable => "cannot be read",
    };
}

fn explain(reason: posix.OpenError) []const u8 {
    return switch (reason) {
        error.AccessDenied, error.PermissionDenied => "permission denied",
        error.IsDir => "is a folder",
        error.NotDir => "part of the path is not a folder",
        error.NameTooLong => "the path is too long",
        error.SymLinkLoop => "symbolic links run in a circle",
        error.ProcessFdQuotaExceeded, error.SystemFdQuotaExceeded => "too many open files",
        error.NoDevice => "not a regular file",
        else => @errorName(reason),
    };
}

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

/// A folder of the fixtures, for this package's tests: below $QWEN_ASR_FIXTURES, else beside the
/// repository, else the committed part. Skips the test where it is absent.
pub fn testFolder(allocator: Allocator, name: []const u8) !Source {
    const given = std.c.getenv("QWEN_ASR_FIXTURES");
    const roots = [_][]const u8{
        if (given) |text| std.mem.span(text) else "../shared/fixtures",
        "samples/fixtures",
    };
    for (roots) |root| {
        const path = try std.fs.path.join(allocator, &.{ root, name });
        defer allocator.free(path);
        return Source.openFolder(allocator, path) catch continue;
    }
    return error.SkipZigTest;
}

test "a folder's files come as bytes, missing ones as null" {
    var scratch = testing.tmpDir(.{});
    defer scratch.cleanup();
    var buffer: [128]u8 = undefined;
    const path = try std.fmt.bufPrint(&buffer, ".zig-cache/tmp/{s}", .{scratch.sub_path});
    try scratch.dir.writeFile(testing.io, .{ .sub_path = "some.json", .data = "{}" });
    try scratch.dir.writeFile(testing.io, .{ .sub_path = "empty", .data = "" });
    try scratch.dir.createDir(testing.io, "inner", .default_dir);

    var source = try Source.openFolder(testing.allocator, path);
    defer source.close();
    const bytes = (try source.get("some.json")).?;
    try testing.expectEqualStrings("{}", bytes);
    try testing.expectEqual(bytes.ptr, (try source.get("some.json")).?.ptr);
    try testing.expectEqualStrings("", (try source.get("empty")).?);
    try testing.expectEqual(null, try source.get("absent"));
    try testing.expectError(error.Model, source.get("inner"));
    try testing.expect(std.mem.endsWith(u8, errors.message(), "inner: not a regular file"));
    for ([_][]const u8{ "../x", "/etc/passwd", "..", ".", "", "a\x00b", "a\nb" }) |name| {
        try testing.expectError(error.Model, source.get(name));
    }
}

test "FIFO and device are refused without waiting, a missing folder by name" {
    var scratch = testing.tmpDir(.{});
    defer scratch.cleanup();
    var buffer: [128]u8 = undefined;
    const path = try std.fmt.bufPrint(&buffer, ".zig-cache/tmp/{s}", .{scratch.sub_path});
    var fifo_buffer: [160]u8 = undefined;
    const fifo = try std.fmt.bufPrintZ(&fifo_buffer, "{s}/fifo", .{path});
    try testing.expectEqual(0, mkfifo(fifo, 0o600));
    try scratch.dir.symLink(testing.io, "/dev/zero", "device", .{});

    var source = try Source.openFolder(testing.allocator, path);
    defer source.close();
    try testing.expectError(error.Model, source.get("fifo"));
    try testing.expectError(error.Model, source.get("device"));
    try testing.expectError(error.Model, Source.openFolder(testing.allocator, "no/such/folder"));
    try testing.expectEqualStrings("no/such/folder: no such folder", errors.message());
    try testing.expectError(error.Model, Source.openFolder(testing.allocator, "/dev/null"));
    try testing.expectEqualStrings("/dev/null: not a folder", errors.message());
}

extern "c" fn mkfifo(path: [*:0]const u8, mode: c_uint) c_int;

test "files in memory answer by name" {
    var source = Source.fromMemory(testing.allocator, &.{.{ .name = "a", .bytes = "one" }});
    defer source.close();
    try testing.expectEqualStrings("one", (try source.get("a")).?);
    try testing.expectEqual(null, try source.get("b"));
}
