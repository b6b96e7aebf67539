//! A cache file by its path alone, for whoever looks after the folder: what its header says, and
//! whether all of it is as it was packed.
//!
//! In: a path; the file may hold anything. Out: JSON, or nothing; else error.Invalid where the
//! system will not open it and error.Model where it is no cache file, one of another format or a
//! damaged one, each with one sentence that begins with the path. Memory: the header (at most
//! 16 MiB) and one chunk. No state, safe on any thread.

const std = @import("std");
const errors = @import("../errors.zig");
const cache_folder = @import("cache_folder.zig");
const layout = @import("cache_layout.zig");
const assert = std.debug.assert;

const Allocator = std.mem.Allocator;
const Error = errors.Error;
const Fd = cache_folder.Fd;

/// The header as one JSON object (see qasr_cache_info); owned by the caller.
pub fn info(allocator: Allocator, path: [:0]const u8) Error![]u8 {
    const file: File = try .open(allocator, path);
    defer file.close(allocator);
    const header = file.header;
    const layout_text = try utf8(allocator, header.label.layout);
    defer allocator.free(layout_text);
    const model_text = try utf8(allocator, header.label.model);
    defer allocator.free(model_text);
    return std.json.Stringify.valueAlloc(allocator, .{
        .version = layout.version,
        .layout = layout_text,
        .model = model_text,
        .key = &std.fmt.bytesToHex(header.key, .lower),
        .bytes = header.file_bytes,
        .items = header.items_count,
    }, .{}) catch errors.outOfMemory("the cache's description");
}

/// A label is cut at a fixed length, perhaps within a character, and a folder's name may be any bytes.
fn utf8(allocator: Allocator, bytes: []const u8) Error![]u8 {
    return std.fmt.allocPrint(allocator, "{f}", .{std.unicode.fmtUtf8(bytes)}) catch
        errors.outOfMemory("the cache's description");
}

/// Reads all of it against its checksums, and names what is not as it was packed.
pub fn verify(allocator: Allocator, path: [:0]const u8) Error!void {
    const file: File = try .open(allocator, path);
    defer file.close(allocator);
    var chunk_max: u32 = 0;
    var sizes = file.header.entries();
    while (sizes.next()) |entry| chunk_max = @max(chunk_max, entry.chunk);
    assert(chunk_max <= layout.chunk_bytes_max);
    const buffer = allocator.alloc(u8, chunk_max) catch return errors.outOfMemory("checking the cache");
    defer allocator.free(buffer);

    var first: []const u8 = "";
    var damaged: u32 = 0;
    var entries = file.header.entries();
    while (entries.next()) |entry| {
        const sum = storedChecksum(file.fd, buffer[0..entry.chunk], entry.offset, entry.bytes);
        if (sum == entry.checksum) continue;
        if (damaged == 0) first = entry.name;
        damaged += 1;
    }
    if (damaged == 0) return;
    if (damaged == 1) return errors.fail(error.Model, "{s}: damaged: {s}", .{ path, first });
    return errors.fail(error.Model, "{s}: damaged: {s} and {d} more", .{ path, first, damaged - 1 });
}

/// An open file whose header is sound.
const File = struct {
    fd: Fd,
    header: layout.Header,
    bytes: []u8,

    fn open(allocator: Allocator, path: [:0]const u8) Error!File {
        const fd = switch (cache_folder.openPath(path)) {
            .file => |fd| fd,
            .not_regular => return foreign(path),
            .refused => |why| return errors.fail(error.Invalid, "{s}: {s}", .{ path, why }),
        };
        errdefer cache_folder.closeFile(fd);
        const status = cache_folder.statusOf(fd) orelse return foreign(path);
        const bytes = try readHeader(allocator, fd, status.bytes) orelse
            return explainStart(fd, path);
        errdefer allocator.free(bytes);
        const header = layout.Header.parse(bytes, layout.Header.fileBytes(bytes)) orelse
            return errors.fail(error.Model, "{s}: damaged: its header", .{path});
        if (header.file_bytes != status.bytes) return errors.fail(
            error.Model,
            "{s}: damaged: {d} bytes instead of {d}",
            .{ path, status.bytes, header.file_bytes },
        );
        return .{ .fd = fd, .header = header, .bytes = bytes };
    }

    fn close(self: *const File, allocator: Allocator) void {
        allocator.free(self.bytes);
        cache_folder.closeFile(self.fd);
    }
};

/// The bytes a file's header claims to have; null where it cannot be a header.
pub fn readHeader(allocator: Allocator, fd: Fd, file_bytes: u64) Error!?[]u8 {
    var start: [layout.fixed_bytes]u8 = undefined;
    if (!cache_folder.readAt(fd, &start, 0)) return null;
    const length = layout.Header.length(&start) orelse return null;
    if (length > file_bytes) return null;
    const bytes = allocator.alloc(u8, length) catch
        return errors.outOfMemory("the cache's header");
    if (cache_folder.readAt(fd, bytes, 0)) return bytes;
    allocator.free(bytes);
    return null;
}

/// Why a file whose header cannot be read is none of this version's.
fn explainStart(fd: Fd, path: [:0]const u8) Error {
    var start: [12]u8 = undefined;
    if (!cache_folder.readAt(fd, start[0..8], 0) or !std.mem.eql(u8, start[0..8], layout.magic)) {
        return foreign(path);
    }
    const version = if (cache_folder.readAt(fd, &start, 0)) layout.Header.versionOf(&start) else layout.version;
    if (version == layout.version) return errors.fail(error.Model, "{s}: damaged: its header", .{path});
    return errors.fail(
        error.Model,
        "{s}: packed in format {d}, and this version reads format {d}",
        .{ path, version, layout.version },
    );
}

fn foreign(path: [:0]const u8) Error {
    return errors.fail(error.Model, "{s}: not a file of packed weights", .{path});
}

/// Null where the file ends too early or cannot be read.
fn storedChecksum(fd: Fd, buffer: []u8, offset: u64, bytes: u64) ?u64 {
    assert(bytes == 0 or buffer.len > 0);
    var sum: u64 = 0;
    var done: u64 = 0;
    while (done < bytes) {
        const chunk = buffer[0..@intCast(@min(buffer.len, bytes - done))];
        if (!cache_folder.readAt(fd, chunk, offset + done)) return null;
        sum = layout.chain(sum, layout.hashOf(chunk));
        done += chunk.len;
    }
    assert(done == bytes);
    return sum;
}
