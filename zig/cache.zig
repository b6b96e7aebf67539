//! Packed weights: made once, kept in a file, memory-mapped from then on.
//!
//! In: named items with their sizes, a key that says what they are made from, and a function that
//! makes one item. Out: the bytes of every item, 64-byte aligned and read-only, until `close`.
//! What the bytes mean is the caller's affair.
//!
//! Opening a file reads only its header (cache_layout.zig): milliseconds. A header that is stale or
//! damaged in any way means: build anew. Building goes item by item through one buffer of the
//! largest item's size into a temporary file whose space was reserved before, syncs it, reads it
//! back against its checksums and renames it: no crash leaves half a file under the final name,
//! and no full disk ends the process. A lock lets one of many processes build while the others
//! wait. Where no file can be used (no folder, disk full, read-only, ...) the items are made in
//! memory, and `info.notice` says why. Not thread-safe; an open cache may be read by any thread.

const std = @import("std");
const errors = @import("errors.zig");
const cache_folder = @import("cache_folder.zig");
const layout = @import("cache_layout.zig");
const assert = std.debug.assert;
const posix = std.posix;

const Allocator = std.mem.Allocator;
const Error = errors.Error;
const Fd = cache_folder.Fd;
const Folder = cache_folder.Folder;
const Reason = cache_folder.Reason;
const Unusable = cache_folder.Unusable;
const Sha256 = std.crypto.hash.sha2.Sha256;

pub const Item = layout.Item;
pub const Key = layout.Key;
pub const Label = layout.Label;
pub const alignment: std.mem.Alignment = .@"64";
pub const Bytes = []align(64) const u8;

/// Who makes the items. `fill` must write every byte of `out`, which is the whole item; it may be
/// asked for the same item twice (first for a file, then for memory). `progress` hears how much is
/// done after every item, and while another process is waited for.
pub const Filler = struct {
    context: *anyopaque,
    fill: *const fn (context: *anyopaque, index: usize, out: []align(64) u8) Error!void,
    progress: ?*const fn (
        context: *anyopaque,
        stage: Stage,
        done_bytes: u64,
        total_bytes: u64,
    ) void = null,
};

pub const Stage = enum { waiting, packing, checking };

pub const Request = struct {
    /// Where the file is or shall be; null for memory only.
    folder: ?[]const u8,
    key: Key,
    label: Label,
    items: []const Item,
    filler: Filler,
    /// How long another process may take to build before we do without the file.
    wait_ms_max: u64 = 10 * 60 * 1000,
};

pub const Info = struct {
    /// Of the file; empty where the items are in memory only.
    path: []const u8,
    /// Of the file, or of all items in memory.
    bytes: u64,
    was_built: bool,
    /// Why the items are not in a file although a folder was given: one sentence, else empty.
    notice: []const u8,
};

pub const Cache = struct {
    allocator: Allocator,
    mapping: []align(std.heap.page_size_min) const u8,
    items: []Bytes,
    info: Info,

    pub fn item(self: *const Cache, index: usize) Bytes {
        return self.items[index];
    }

    pub fn close(self: *Cache) void {
        if (self.mapping.len > 0) posix.munmap(self.mapping);
        self.allocator.free(self.items);
        self.allocator.free(self.info.path);
        self.allocator.free(self.info.notice);
        self.* = undefined;
    }
};

/// Fails only where `fill` fails or memory is short.
pub fn open(allocator: Allocator, request: Request) Error!Cache {
    const plan = (layout.Plan.make(allocator, request.label, request.items) catch
        return errors.outOfMemory("the plan of the packed weights")) orelse
        return errors.fail(error.Invalid, "the packed weights are too large for a file", .{});
    defer allocator.free(plan.offsets);
    const path = request.folder orelse return openMemory(allocator, request, plan, "");
    const path_z = allocator.dupeZ(u8, path) catch return errors.outOfMemory("the cache's path");
    defer allocator.free(path_z);

    var reason: Reason = .{};
    return openInFolder(allocator, request, plan, path_z, &reason) catch |why| switch (why) {
        error.Unusable => openMemory(allocator, request, plan, reason.text()),
        else => |other| other,
    };
}

/// Name of the file of a key.
pub fn fileName(key: Key) [name_bytes:0]u8 {
    var name: [name_bytes:0]u8 = undefined;
    _ = std.fmt.bufPrint(&name, "{x}.packed", .{key[0..8]}) catch unreachable; // Just fits.
    name[name_bytes] = 0;
    return name;
}

const name_bytes = 16 + ".packed".len;

const sample_bytes = 4096;

/// A key of `parts` (in full), and of each of `data` its length and `blocks_max` blocks of 4 KiB
/// spread from its first byte to its last. Anything that is not sampled may change unnoticed: pass
/// as `data` every tensor, or every file, as cheap as it has to be.
pub fn keyOf(parts: []const []const u8, data: []const []const u8, blocks_max: u32) Key {
    assert(blocks_max >= 2);
    var hash: Sha256 = .init(.{});
    for ([_][]const []const u8{ parts, data }) |list| hashLength(&hash, list.len);
    for (parts) |part| {
        hashLength(&hash, part.len);
        hash.update(part);
    }
    for (data) |bytes| {
        hashLength(&hash, bytes.len);
        if (bytes.len <= @as(u64, blocks_max) * sample_bytes) {
            hash.update(bytes);
            continue;
        }
        for (0..blocks_max) |block| {
            const last_start: u128 = bytes.len - sample_bytes;
            const start: usize = @intCast(last_start * block / (blocks_max - 1));
            hash.update(bytes[start..][0..sample_bytes]);
        }
    }
    return hash.finalResult();
}

fn hashLength(hash: *Sha256, length: u64) void {
    hash.update(std.mem.asBytes(&std.mem.nativeToLittle(u64, length)));
}

// ------------------------------------------------------------------------------------- in a file

fn openInFolder(
    allocator: Allocator,
    request: Request,
    plan: layout.Plan,
    path: [:0]const u8,
    reason: *Reason,
) (Error || Unusable)!Cache {
    const folder = try Folder.open(path, reason);
    defer folder.close();
    const name = fileName(request.key);
    if (try mapFile(allocator, request, folder, &name, false)) |cache| return cache;

    var lock_buffer: [name_bytes + 8]u8 = undefined;
    const stem = name[0..16];
    const lock_name = std.fmt.bufPrintZ(&lock_buffer, "{s}.lock", .{stem}) catch unreachable;
    const lock = try folder.lock(lock_name, request.wait_ms_max, Waiting{ .request = &request });
    defer folder.unlock(lock_name, lock);
    // Another process may have built it while we waited.
    if (try mapFile(allocator, request, folder, &name, false)) |cache| return cache;

    var prefix_buffer: [24]u8 = undefined;
    const prefix = std.fmt.bufPrint(&prefix_buffer, "{s}.", .{stem}) catch unreachable;
    folder.removeMatching(prefix, ".tmp"); // Only who holds the lock makes them: theirs are dead.
    try build(allocator, request, plan, folder, &name);
    return try mapFile(allocator, request, folder, &name, true) orelse
        reason.set("{s}/{s}: changed as soon as it was written", .{ path, name });
}

const Waiting = struct {
    request: *const Request,

    pub fn call(self: Waiting) void {
        report(self.request, .waiting, 0);
    }
};

/// Null where there is no file, or none that can be trusted to be the one that is asked for.
fn mapFile(
    allocator: Allocator,
    request: Request,
    folder: Folder,
    name: [:0]const u8,
    was_built: bool,
) (Error || Unusable)!?Cache {
    const fd = folder.openFile(name) orelse return null;
    defer _ = std.c.close(fd);
    const status = cache_folder.statusOf(fd) orelse return null;
    const bytes = try readHeader(allocator, fd, status.bytes) orelse return null;
    defer allocator.free(bytes);
    const header = layout.Header.parse(bytes, status.bytes) orelse return null;
    if (!isWanted(request, &header)) return null;

    const items = allocator.alloc(Bytes, request.items.len) catch
        return errors.outOfMemory("the list of packed weights");
    errdefer allocator.free(items);
    const parts: [3][]const u8 = .{ folder.path, "/", name };
    const path = std.mem.concat(allocator, u8, &parts) catch
        return errors.outOfMemory("the cache's path");
    errdefer allocator.free(path);
    const length = std.math.cast(usize, status.bytes) orelse return null;
    const protection: posix.PROT = .{ .READ = true };
    const mapping = posix.mmap(null, length, protection, .{ .TYPE = .PRIVATE }, fd, 0) catch |why|
        return folder.reason.set("{s}: cannot be mapped ({t})", .{ path, why });
    var entries = header.entries();
    for (items) |*item| {
        const entry = entries.next().?;
        item.* = @alignCast(mapping[@intCast(entry.offset)..][0..@intCast(entry.bytes)]);
    }
    const info: Info =
        .{ .path = path, .bytes = length, .was_built = was_built, .notice = "" };
    return .{ .allocator = allocator, .mapping = mapping, .items = items, .info = info };
}

/// The bytes a file's header claims to have; null where it cannot be a header.
fn readHeader(allocator: Allocator, fd: Fd, file_bytes: u64) Error!?[]u8 {
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

fn isWanted(request: Request, header: *const layout.Header) bool {
    if (!std.mem.eql(u8, &header.key, &request.key)) return false;
    if (header.items_count != request.items.len) return false;
    var entries = header.entries();
    for (request.items) |item| {
        const entry = entries.next().?;
        if (entry.bytes != item.bytes or !std.mem.eql(u8, entry.name, item.name)) return false;
    }
    return true;
}

fn build(
    allocator: Allocator,
    request: Request,
    plan: layout.Plan,
    folder: Folder,
    name: [:0]const u8,
) (Error || Unusable)!void {
    const checksums = allocator.alloc(u64, request.items.len) catch
        return errors.outOfMemory("the checksums of the packed weights");
    defer allocator.free(checksums);
    var buffer: [64]u8 = undefined;
    const stem = name[0..16];
    const temporary =
        std.fmt.bufPrintZ(&buffer, "{s}.{d}.tmp", .{ stem, std.c.getpid() }) catch unreachable;
    const fd = try folder.create(temporary);
    defer _ = std.c.close(fd);
    errdefer folder.remove(temporary);

    try folder.reserve(fd, temporary, plan.file_bytes);
    try writeItems(request, plan, folder, fd, temporary, checksums);
    const key = request.key;
    const header =
        layout.encode(allocator, key, request.label, request.items, plan, checksums) catch
            return errors.outOfMemory("the cache's header");
    defer allocator.free(header);
    try folder.write(fd, temporary, header, 0);
    try folder.sync(fd, temporary);
    try readBack(allocator, request, plan, folder, fd, checksums);
    try folder.publish(temporary, name);
}

fn writeItems(
    request: Request,
    plan: layout.Plan,
    folder: Folder,
    fd: Fd,
    temporary: [:0]const u8,
    checksums: []u64,
) (Error || Unusable)!void {
    // Written, not mapped: a failing disk is then an error code. One buffer, used again and again.
    const pages = std.heap.page_allocator;
    const largest = std.math.cast(usize, plan.largest_item) orelse
        return errors.outOfMemory("packing the largest weight");
    const buffer = pages.alignedAlloc(u8, alignment, largest) catch
        return errors.outOfMemory("packing the largest weight");
    defer pages.free(buffer);
    var done: u64 = 0;
    report(&request, .packing, done);
    for (request.items, plan.offsets, checksums, 0..) |item, offset, *sum, index| {
        const out = buffer[0..@intCast(item.bytes)];
        try request.filler.fill(request.filler.context, index, out);
        sum.* = layout.checksum(out);
        try folder.write(fd, temporary, out, offset);
        done += item.bytes;
        report(&request, .packing, done);
    }
}

/// What the file has now, against what was packed: items that overlap, or memory that fails.
fn readBack(
    allocator: Allocator,
    request: Request,
    plan: layout.Plan,
    folder: Folder,
    fd: Fd,
    checksums: []const u64,
) (Error || Unusable)!void {
    const buffer = allocator.alloc(u8, layout.chunk_bytes) catch
        return errors.outOfMemory("checking the packed weights");
    defer allocator.free(buffer);
    var done: u64 = 0;
    for (request.items, plan.offsets, checksums) |item, offset, sum| {
        if (storedChecksum(fd, buffer, offset, item.bytes) != sum) return folder.reason.set(
            "{s}: {s} was not stored as it was packed",
            .{ folder.path, item.name },
        );
        done += item.bytes;
        report(&request, .checking, done);
    }
}

/// Null where the file ends too early or cannot be read.
fn storedChecksum(fd: Fd, buffer: []u8, offset: u64, bytes: u64) ?u64 {
    assert(buffer.len == layout.chunk_bytes);
    var sum: u64 = 0;
    var done: u64 = 0;
    while (done < bytes) {
        const chunk = buffer[0..@intCast(@min(buffer.len, bytes - done))];
        if (!cache_folder.readAt(fd, chunk, offset + done)) return null;
        sum = layout.chain(sum, chunk);
        done += chunk.len;
    }
    return sum;
}

/// Reads a whole cache file against its checksums. error.Model and a sentence with the path and
/// what is damaged where it is not as it was packed.
pub fn verify(allocator: Allocator, path: [:0]const u8) Error!void {
    const fd = std.c.openat(posix.AT.FDCWD, path, posix.O{
        .ACCMODE = .RDONLY,
        .CLOEXEC = true,
        .NONBLOCK = true,
    });
    if (fd < 0) return errors.fail(error.Model, "{s}: cannot be opened", .{path});
    defer _ = std.c.close(fd);
    const status = cache_folder.statusOf(fd);
    const file_bytes = if (status) |known| known.bytes else 0;
    const bytes = try readHeader(allocator, fd, file_bytes) orelse
        return errors.fail(error.Model, "{s}: not a cache file, or its header is damaged", .{path});
    defer allocator.free(bytes);
    const header = layout.Header.parse(bytes, file_bytes) orelse
        return errors.fail(error.Model, "{s}: its header is damaged", .{path});
    const buffer = allocator.alloc(u8, layout.chunk_bytes) catch
        return errors.outOfMemory("checking the cache");
    defer allocator.free(buffer);
    var entries = header.entries();
    while (entries.next()) |entry| {
        if (storedChecksum(fd, buffer, entry.offset, entry.bytes) == entry.checksum) continue;
        return errors.fail(error.Model, "{s}: {s} is damaged", .{ path, entry.name });
    }
}

// ------------------------------------------------------------------------------------- in memory

fn openMemory(
    allocator: Allocator,
    request: Request,
    plan: layout.Plan,
    reason: []const u8,
) Error!Cache {
    const items = allocator.alloc(Bytes, request.items.len) catch
        return errors.outOfMemory("the list of packed weights");
    errdefer allocator.free(items);
    const notice = allocator.dupe(u8, reason) catch return errors.outOfMemory("a notice");
    errdefer allocator.free(notice);
    // The offsets of a file, less its header.
    const start = if (plan.offsets.len > 0) plan.offsets[0] else plan.file_bytes;
    const total = plan.file_bytes - start;
    const mapping = try anonymous(total);
    errdefer if (mapping.len > 0) posix.munmap(mapping);
    var done: u64 = 0;
    report(&request, .packing, done);
    for (request.items, plan.offsets, items, 0..) |item, offset, *bytes, index| {
        const out: []align(64) u8 =
            @alignCast(mapping[@intCast(offset - start)..][0..@intCast(item.bytes)]);
        try request.filler.fill(request.filler.context, index, out);
        bytes.* = out;
        done += item.bytes;
        report(&request, .packing, done);
    }
    const info: Info = .{ .path = "", .bytes = total, .was_built = true, .notice = notice };
    return .{ .allocator = allocator, .mapping = mapping, .items = items, .info = info };
}

fn anonymous(bytes: u64) Error![]align(std.heap.page_size_min) u8 {
    if (bytes == 0) return &.{};
    const length = std.math.cast(usize, bytes) orelse
        return errors.outOfMemory("the packed weights");
    const protection: posix.PROT = .{ .READ = true, .WRITE = true };
    const flags: posix.MAP = .{ .TYPE = .PRIVATE, .ANONYMOUS = true };
    return posix.mmap(null, length, protection, flags, -1, 0) catch
        return errors.outOfMemory("the packed weights");
}

fn report(request: *const Request, stage: Stage, done: u64) void {
    const call = request.filler.progress orelse return;
    var total: u64 = 0;
    for (request.items) |item| total += item.bytes;
    call(request.filler.context, stage, done, total);
}
