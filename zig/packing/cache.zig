//! Packed weights: made once, kept in a file, memory-mapped from then on.
//!
//! In: named items with their sizes, a key that says what they are made from, and a function that
//! makes one item. Out: the bytes of every item, 64-byte aligned and read-only, until `close`.
//! What the bytes mean is the caller's affair.
//!
//! Opening a file reads only its header (cache_layout.zig): milliseconds. A header that is stale or
//! damaged in any way means: build anew. Building goes chunk by chunk, on all threads of a
//! pool, each with a buffer of a chunk, into a temporary file whose space was reserved before. It is
//! synced, read back against the chunks' hashes and renamed: no crash leaves half a file under the final name,
//! and no full disk ends the process. A lock lets one of many processes build while the others
//! wait. Where no file can be used (no folder, disk full, read-only, ...) the items are made in
//! memory, and `info.notice` says why. Not thread-safe; an open cache may be read by any thread.

const std = @import("std");
const builtin = @import("builtin");
const errors = @import("../errors.zig");
const cache_file = @import("cache_file.zig");
const cache_folder = @import("cache_folder.zig");
const layout = @import("cache_layout.zig");
const threads = @import("../compute/threads.zig");
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
pub const Bytes = []align(64) const u8;

/// Who makes the items. `fill` must write every byte of `out`, the item's bytes from `offset` on: whole
/// units, and many threads call it at once. It may be asked for the same bytes twice (first for a
/// file, then for memory). `progress` hears how much is done now and then, and while another process
/// is waited for; only the thread that opens calls it.
pub const Filler = struct {
    context: *anyopaque,
    fill: *const fn (context: *anyopaque, index: usize, offset: u64, out: []u8) Error!void,
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
    /// Makes the items.
    pool: *threads.Pool,
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
    mapping: cache_folder.Mapping,
    items: []Bytes,
    info: Info,

    pub fn item(self: *const Cache, index: usize) Bytes {
        return self.items[index];
    }

    pub fn close(self: *Cache) void {
        if (self.info.path.len > 0) cache_folder.unmap(self.mapping) else free(self.mapping);
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
        reason.set(
            "{s}{s}{s}: changed as soon as it was written",
            .{ path, cache_folder.separator, name },
        );
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
    defer cache_folder.closeFile(fd);
    const status = cache_folder.statusOf(fd) orelse return null;
    const bytes = try cache_file.readHeader(allocator, fd, status.bytes) orelse return null;
    defer allocator.free(bytes);
    const header = layout.Header.parse(bytes, status.bytes) orelse return null;
    if (!isWanted(request, &header)) return null;

    const items = allocator.alloc(Bytes, request.items.len) catch
        return errors.outOfMemory("the list of packed weights");
    errdefer allocator.free(items);
    const parts: [3][]const u8 = .{ folder.path, cache_folder.separator, name };
    const path = std.mem.concat(allocator, u8, &parts) catch
        return errors.outOfMemory("the cache's path");
    errdefer allocator.free(path);
    const length = std.math.cast(usize, status.bytes) orelse return null;
    const mapping = cache_folder.map(fd, length) orelse
        return folder.reason.set("{s}: cannot be mapped", .{path});
    var entries = header.entries();
    for (items, request.items) |*item, wanted| {
        const entry = entries.next().?;
        assert(entry.bytes == wanted.bytes and entry.offset % layout.item_alignment == 0);
        item.* = @alignCast(mapping[@intCast(entry.offset)..][0..@intCast(entry.bytes)]);
    }
    const info: Info =
        .{ .path = path, .bytes = length, .was_built = was_built, .notice = "" };
    return .{ .allocator = allocator, .mapping = mapping, .items = items, .info = info };
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
        std.fmt.bufPrintZ(&buffer, "{s}.{d}.tmp", .{ stem, cache_folder.processId() }) catch unreachable;
    const fd = try folder.create(temporary);
    defer cache_folder.closeFile(fd);
    errdefer folder.remove(temporary);

    try folder.reserve(fd, temporary, plan.file_bytes);
    const file: Work.File = .{ .folder = folder, .fd = fd, .name = temporary };
    var work = try Work.init(allocator, &request, &plan, .{ .file = file });
    defer work.deinit();
    try work.run(.packing);
    work.checksums(checksums);
    const key = request.key;
    const header =
        layout.encode(allocator, key, request.label, request.items, plan, checksums) catch
            return errors.outOfMemory("the cache's header");
    defer allocator.free(header);
    try folder.write(fd, temporary, header, 0);
    try folder.sync(fd, temporary);
    try work.run(.checking);
    try folder.publish(temporary, name);
}

/// All items in chunks, as tasks for the pool: packed into a file or into memory, and read back.
const Work = struct {
    allocator: Allocator,
    request: *const Request,
    plan: *const layout.Plan,
    target: Target,
    chunks: []Chunk,
    /// One of `buffer_bytes` per thread; none for memory.
    buffers: []u8,
    stage: Stage = .packing,
    /// The first chunk of the job that runs.
    first: usize = 0,
    done: std.atomic.Value(u64) = .init(0),
    /// After the first failure nothing more is begun.
    has_failed: std.atomic.Value(bool) = .init(false),
    failure: (Error || Unusable) = error.Unusable,
    sentence: Reason = .{},

    const File = struct { folder: Folder, fd: Fd, name: [:0]const u8 };
    /// A file, or memory in which the first item is at the start.
    const Target = union(enum) { file: File, memory: []u8 };
    const Chunk = struct { item: u32, bytes: u32, offset: u64, hash: u64 = 0 };

    fn init(allocator: Allocator, request: *const Request, plan: *const layout.Plan, target: Target) Error!Work {
        var list: std.ArrayList(Chunk) = .empty;
        errdefer list.deinit(allocator);
        for (request.items, 0..) |item, index| {
            assert(item.unit > 0);
            var at: u64 = 0;
            while (at < item.bytes) : (at += item.chunkBytes()) {
                const bytes: u32 = @intCast(@min(item.chunkBytes(), item.bytes - at));
                list.append(allocator, .{ .item = @intCast(index), .bytes = bytes, .offset = at }) catch
                    return errors.outOfMemory("the list of packed weights");
            }
        }
        const count = if (target == .file) request.pool.threadsCount() else 0;
        // Written, not mapped: a failing disk is then an error code.
        const buffers = std.heap.page_allocator.alloc(u8, count * plan.largest_chunk) catch
            return errors.outOfMemory("packing weights");
        errdefer std.heap.page_allocator.free(buffers);
        const chunks = list.toOwnedSlice(allocator) catch return errors.outOfMemory("the list of packed weights");
        return .{
            .allocator = allocator,
            .request = request,
            .plan = plan,
            .target = target,
            .chunks = chunks,
            .buffers = buffers,
        };
    }

    fn deinit(self: *Work) void {
        std.heap.page_allocator.free(self.buffers);
        self.allocator.free(self.chunks);
    }

    fn run(self: *Work, stage: Stage) (Error || Unusable)!void {
        self.stage = stage;
        self.done.store(0, .monotonic);
        report(self.request, stage, 0);
        // Several jobs, so that the arithmetic of other models gets its turn between them.
        const at_once = 8 * self.request.pool.threadsCount();
        self.first = 0;
        while (self.first < self.chunks.len) : (self.first += at_once) {
            self.request.pool.run(@min(at_once, self.chunks.len - self.first), self, task);
        }
        if (!self.has_failed.load(.acquire)) {
            var total: u64 = 0;
            for (self.chunks) |chunk| total += chunk.bytes;
            assert(self.done.load(.monotonic) == total);
            return report(self.request, stage, total);
        }
        // Sentences are kept per thread, and by the folder: said again where the caller looks.
        const text = self.sentence.text();
        return switch (self.failure) {
            error.Unusable => self.target.file.folder.reason.set("{s}", .{text}),
            else => |kind| errors.fail(@errorCast(kind), "{s}", .{text}),
        };
    }

    fn task(self: *Work, number: usize, thread: usize) void {
        if (self.has_failed.load(.monotonic)) return;
        const chunk = &self.chunks[self.first + number];
        var reason: Reason = .{};
        self.step(chunk, thread, &reason) catch |failure| {
            if (self.has_failed.swap(true, .acq_rel)) return;
            self.failure = failure;
            if (failure != error.Unusable) reason.set("{s}", .{errors.message()}) catch {};
            self.sentence = reason;
            return;
        };
        const done = self.done.fetchAdd(chunk.bytes, .monotonic) + chunk.bytes;
        if (thread == 0) report(self.request, self.stage, done);
    }

    fn step(self: *Work, chunk: *Chunk, thread: usize, reason: *Reason) (Error || Unusable)!void {
        const filler = self.request.filler;
        const at = self.plan.offsets[chunk.item] + chunk.offset;
        switch (self.target) {
            .memory => |memory| {
                const out = memory[@intCast(at - self.plan.offsets[0])..][0..chunk.bytes];
                try filler.fill(filler.context, chunk.item, chunk.offset, out);
            },
            .file => |file| {
                const out = self.buffers[thread * self.plan.largest_chunk ..][0..chunk.bytes];
                if (self.stage == .packing) {
                    try filler.fill(filler.context, chunk.item, chunk.offset, out);
                    chunk.hash = layout.hashOf(out);
                    var folder = file.folder;
                    folder.reason = reason; // The folder's own is for one thread.
                    return folder.write(file.fd, file.name, out, at);
                }
                // What the file has now, against what was packed: items that overlap, memory that fails.
                if (cache_folder.readAt(file.fd, out, at) and layout.hashOf(out) == chunk.hash) return;
                return reason.set(
                    "{s}: {s} was not stored as it was packed",
                    .{ file.folder.path, self.request.items[chunk.item].name },
                );
            },
        }
    }

    fn checksums(self: *const Work, sums: []u64) void {
        @memset(sums, 0);
        for (self.chunks) |chunk| sums[chunk.item] = layout.chain(sums[chunk.item], chunk.hash);
    }
};

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
    errdefer free(mapping);
    var work = try Work.init(allocator, &request, &plan, .{ .memory = mapping });
    defer work.deinit();
    work.run(.packing) catch |why| return @as(Error, @errorCast(why)); // Memory is never unusable.
    for (request.items, plan.offsets, items) |item, offset, *bytes| {
        bytes.* = @alignCast(mapping[@intCast(offset - start)..][0..@intCast(item.bytes)]);
    }
    const info: Info = .{ .path = "", .bytes = total, .was_built = true, .notice = notice };
    return .{ .allocator = allocator, .mapping = mapping, .items = items, .info = info };
}

fn anonymous(bytes: u64) Error![]align(std.heap.page_size_min) u8 {
    if (bytes == 0) return &.{};
    const length = std.math.cast(usize, bytes) orelse
        return errors.outOfMemory("the packed weights");
    if (builtin.os.tag == .windows) {
        return std.heap.page_allocator.alignedAlloc(u8, .fromByteUnits(std.heap.page_size_min), length) catch
            errors.outOfMemory("the packed weights");
    }
    const protection: posix.PROT = .{ .READ = true, .WRITE = true };
    const flags: posix.MAP = .{ .TYPE = .PRIVATE, .ANONYMOUS = true };
    return posix.mmap(null, length, protection, flags, -1, 0) catch
        return errors.outOfMemory("the packed weights");
}

fn free(mapping: cache_folder.Mapping) void {
    if (mapping.len == 0) return;
    if (builtin.os.tag == .windows) std.heap.page_allocator.free(mapping) else posix.munmap(mapping);
}

fn report(request: *const Request, stage: Stage, done: u64) void {
    const call = request.filler.progress orelse return;
    var total: u64 = 0;
    for (request.items) |item| total += item.bytes;
    call(request.filler.context, stage, done, total);
}
