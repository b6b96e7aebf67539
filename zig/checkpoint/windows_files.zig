//! What files.zig needs of Windows: regular files as read-only bytes, and whether a path is a folder. Paths as
//! Windows takes them are for whoever else opens files.
//! In: paths in UTF-8, with either kind of slash. Out: bytes, or why there are none.

const std = @import("std");

pub const HANDLE = std.os.windows.HANDLE;
pub const Wide = [*:0]const u16;

pub const Refusal = error{ Missing, Denied, NotRegular, TooLong, Unreadable };

pub const generic_read = 0x8000_0000;
pub const share_all = 1 | 2 | 4;
pub const open_existing = 3;
const page_readonly = 2;
const map_read = 4;
const type_disk = 1;
const attribute_folder = 0x10;
const no_attributes = 0xffff_ffff;

extern "kernel32" fn CreateFileW(Wide, u32, u32, ?*anyopaque, u32, u32, ?HANDLE) callconv(.winapi) HANDLE;
extern "kernel32" fn GetFileAttributesW(Wide) callconv(.winapi) u32;
extern "kernel32" fn GetFileType(HANDLE) callconv(.winapi) u32;
extern "kernel32" fn GetFileSizeEx(HANDLE, *i64) callconv(.winapi) c_int;
extern "kernel32" fn CreateFileMappingW(HANDLE, ?*anyopaque, u32, u32, u32, ?Wide) callconv(.winapi) ?HANDLE;
extern "kernel32" fn MapViewOfFile(HANDLE, u32, u32, u32, usize) callconv(.winapi) ?[*]const u8;
extern "kernel32" fn UnmapViewOfFile(*const anyopaque) callconv(.winapi) c_int;
extern "kernel32" fn CloseHandle(HANDLE) callconv(.winapi) c_int;
extern "kernel32" fn GetLastError() callconv(.winapi) u32;

/// Valid until `unmap`.
pub fn map(path: []const u8) Refusal![]const u8 {
    var buffer: Buffer = undefined;
    const name = try widen(path, &buffer);
    const file = CreateFileW(name, generic_read, share_all, null, open_existing, 0, null);
    if (file == std.os.windows.INVALID_HANDLE_VALUE) return refusal();
    defer _ = CloseHandle(file);
    const size = regularFileSize(file) orelse return error.NotRegular;
    if (size == 0) return ""; // An empty mapping is an error to the system.
    return mapOpen(file, std.math.cast(usize, size) orelse return error.Unreadable) orelse error.Unreadable;
}

/// Null where the handle is of anything but a regular file.
pub fn regularFileSize(file: HANDLE) ?u64 {
    var size: i64 = 0;
    return if (GetFileType(file) == type_disk and GetFileSizeEx(file, &size) != 0) @intCast(size) else null;
}

/// The first `length` bytes, more than none, of an open file: valid until `unmap`, whether or not it is closed. Null
/// where the system refuses.
pub fn mapOpen(file: HANDLE, length: usize) ?[]align(std.heap.page_size_min) const u8 {
    const mapping = CreateFileMappingW(file, null, page_readonly, 0, 0, null) orelse return null;
    defer _ = CloseHandle(mapping);
    const bytes = MapViewOfFile(mapping, map_read, 0, 0, length) orelse return null;
    return @alignCast(bytes[0..length]);
}

pub fn unmap(bytes: []const u8) void {
    _ = UnmapViewOfFile(bytes.ptr);
}

/// Fails with error.Missing where there is nothing, with error.NotRegular where it is no folder.
pub fn checkFolder(path: []const u8) Refusal!void {
    var buffer: Buffer = undefined;
    const attributes = GetFileAttributesW(try widen(path, &buffer));
    if (attributes == no_attributes) return refusal();
    if (attributes & attribute_folder == 0) return error.NotRegular;
}

/// The most that Windows takes.
pub const Buffer = [32_768:0]u16;

/// `path` in UTF-16, in `buffer`. Fails with error.TooLong, or with error.Missing where no file can have that name.
pub fn widen(path: []const u8, buffer: *Buffer) Refusal!Wide {
    if (path.len >= buffer.len) return error.TooLong; // UTF-16 has no more units than UTF-8 bytes.
    const length = std.unicode.wtf8ToWtf16Le(buffer, path) catch return error.Missing;
    buffer[length] = 0;
    return buffer[0..length :0].ptr;
}

fn refusal() Refusal {
    return switch (GetLastError()) {
        2, 3, 15, 53, 67, 123, 161 => error.Missing, // File, path, drive, server, share; a name that none can have.
        5, 32, 33 => error.Denied,
        206 => error.TooLong,
        else => error.Unreadable,
    };
}
