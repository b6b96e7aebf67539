//! Tests of cache.zig: building, reopening, every kind of damage, many processes, full disks and
//! killed packers. Processes are forked; a child reports by its exit code alone.

const std = @import("std");
const builtin = @import("builtin");
const cache = @import("cache.zig");
const cache_file = @import("cache_file.zig");
const cache_folder = @import("cache_folder.zig");
const errors = @import("../errors.zig");
const layout = @import("cache_layout.zig");
const threads = @import("../compute/threads.zig");

const posix = std.posix;
const testing = std.testing;

const items = [_]cache.Item{
    .{ .name = "embedding", .bytes = 8 * layout.chunk_bytes + 17, .unit = 100_000 },
    .{ .name = "empty", .bytes = 0 },
    .{ .name = "decoder.0.qkv", .bytes = 100_000 },
};

/// Chunks: 10 full ones of 200,000 bytes and a rest, none, 1.
const chunks_count = 12;

/// Of the file they make, whole: another number means another format, and `layout.version` one more.
const file_hash: u64 = 6487139697268865261;

/// Makes items whose bytes tell which they are, and counts the calls.
const Maker = struct {
    fills: std.atomic.Value(usize) = .init(0),
    /// One thread, so that it can be used after a fork.
    pool: threads.Pool = .{},
    /// What filling the last item comes to, instead of bytes.
    failure: ?errors.Error = null,
    /// Filling takes at least this long.
    delay_ms: u32 = 0,
    kills_itself: bool = false,
    seed: u8 = 0,
    waits: usize = 0,
    progress_bytes: u64 = 0,

    fn fill(context: *anyopaque, index: usize, offset: u64, out: []u8) errors.Error!void {
        const self: *Maker = @ptrCast(@alignCast(context));
        _ = self.fills.fetchAdd(1, .monotonic);
        if (self.delay_ms > 0) pause(self.delay_ms);
        if (index == 2) {
            if (self.failure) |failure| return errors.fail(failure, "no item {d}", .{index});
            if (self.kills_itself) _ = std.c.kill(std.c.getpid(), .KILL);
        }
        for (out, @intCast(offset)..) |*byte, at| byte.* = expected(self.seed, index, at);
    }

    fn progress(context: *anyopaque, stage: cache.Stage, done: u64, total: u64) void {
        const self: *Maker = @ptrCast(@alignCast(context));
        if (stage == .waiting) self.waits += 1;
        if (stage == .packing and done <= total) self.progress_bytes = done;
    }

    fn filler(self: *Maker) cache.Filler {
        return .{ .context = self, .fill = fill, .progress = progress };
    }
};

fn expected(seed: u8, index: usize, at: usize) u8 {
    return @truncate(at *% 7 +% at / 256 +% index * 31 +% seed);
}

fn expectContent(opened: *const cache.Cache, seed: u8) !void {
    for (items, 0..) |item, index| {
        const bytes = opened.item(index);
        try testing.expectEqual(item.bytes, bytes.len);
        for (bytes, 0..) |byte, at| {
            if (byte != expected(seed, index, at)) return error.TestUnexpectedResult;
        }
    }
}

/// A folder that is gone after the test, and requests for it.
const Place = struct {
    scratch: testing.TmpDir,
    buffer: [128]u8 = undefined,
    length: usize = 0,

    fn init() !Place {
        var place: Place = .{ .scratch = testing.tmpDir(.{ .iterate = true }) };
        const name = place.scratch.sub_path;
        const text = try std.fmt.bufPrint(&place.buffer, ".zig-cache/tmp/{s}/a/cache", .{name});
        place.length = text.len;
        return place;
    }

    fn deinit(self: *Place) void {
        self.scratch.cleanup();
    }

    fn folder(self: *const Place) []const u8 {
        return self.buffer[0..self.length];
    }

    fn request(self: *const Place, maker: *Maker) cache.Request {
        return .{
            .folder = self.folder(),
            .key = cache.keyOf(&.{"test"}, &.{}, 2),
            .label = .{ .layout = "int8/generic/1", .model = "models/test" },
            .items = &items,
            .filler = maker.filler(),
            .pool = &maker.pool,
        };
    }

    fn path(self: *const Place, out: []u8, name: []const u8) [:0]const u8 {
        return std.fmt.bufPrintZ(out, "{s}/{s}", .{ self.folder(), name }) catch unreachable;
    }

    fn built(self: *const Place) !void {
        var maker: Maker = .{};
        var opened = try cache.open(testing.allocator, self.request(&maker));
        defer opened.close();
        try testing.expect(opened.info.was_built and maker.fills.raw == chunks_count);
    }

    /// Changes the byte at `offset`.
    fn damage(self: *const Place, offset: u64) !void {
        const fd = try self.openFile(.{ .ACCMODE = .RDWR });
        defer _ = std.c.close(fd);
        var byte: [1]u8 = undefined;
        try testing.expectEqual(1, std.c.pread(fd, &byte, 1, @intCast(offset)));
        byte[0] ^= 0x5a;
        try testing.expectEqual(1, std.c.pwrite(fd, &byte, 1, @intCast(offset)));
    }

    fn openFile(self: *const Place, flags: posix.O) !posix.fd_t {
        var buffer: [256]u8 = undefined;
        const name = cache.fileName(cache.keyOf(&.{"test"}, &.{}, 2));
        return try posix.openatZ(posix.AT.FDCWD, self.path(&buffer, &name), flags, 0);
    }

    /// How many files the folder has.
    fn count(self: *const Place) !usize {
        var directory = try self.scratch.dir.openDir(testing.io, "a/cache", .{ .iterate = true });
        defer directory.close(testing.io);
        var walker = directory.iterate();
        var found: usize = 0;
        while (try walker.next(testing.io)) |_| found += 1;
        return found;
    }
};

fn pause(milliseconds: u32) void {
    var span: std.c.timespec = .{ .sec = 0, .nsec = @as(i64, milliseconds) * 1_000_000 };
    _ = std.c.nanosleep(&span, null);
}

/// Runs `body(argument)` in a process of its own. Its number; the exit code is what body returns.
fn spawn(comptime body: anytype, argument: anytype) !posix.pid_t {
    const child = std.c.fork();
    if (child < 0) return error.SkipZigTest;
    if (child == 0) std.c._exit(body(argument));
    return child;
}

/// The exit code, or 128 and the signal.
fn join(child: posix.pid_t) !u32 {
    var status: c_int = 0;
    try testing.expectEqual(child, std.c.waitpid(child, &status, 0));
    const bits: u32 = @bitCast(status);
    return if (bits & 0x7f != 0) 128 + (bits & 0x7f) else bits >> 8 & 0xff;
}

test "cache: built once, then only mapped" {
    var place = try Place.init();
    defer place.deinit();
    var maker: Maker = .{};
    var first = try cache.open(testing.allocator, place.request(&maker));
    try expectContent(&first, 0);
    try testing.expect(first.info.was_built);
    try testing.expectEqualStrings("", first.info.notice);
    try testing.expectEqual(items[0].bytes + items[2].bytes, maker.progress_bytes);
    try testing.expect(std.mem.startsWith(u8, first.info.path, place.folder()));
    first.close();

    var second = try cache.open(testing.allocator, place.request(&maker));
    defer second.close();
    try expectContent(&second, 0);
    try testing.expect(!second.info.was_built);
    try testing.expectEqual(@as(usize, chunks_count), maker.fills.raw);
    try testing.expectEqual(@as(usize, 1), try place.count());
    try cache_file.verify(testing.allocator, @ptrCast(try zeroEnded(second.info.path)));

    const fd = try place.openFile(.{});
    defer _ = std.c.close(fd);
    const status = cache_folder.statusOf(fd).?;
    try testing.expectEqual(@as(u32, 0o600), status.mode & 0o777);
    try testing.expectEqual(second.info.bytes, status.bytes);
}

var path_buffer: [512]u8 = undefined;

fn zeroEnded(path: []const u8) ![:0]const u8 {
    return std.fmt.bufPrintZ(&path_buffer, "{s}", .{path});
}

test "cache: the file's bytes are those of this format" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    const fd = try place.openFile(.{});
    defer _ = std.c.close(fd);
    const status = cache_folder.statusOf(fd).?;
    const bytes = try testing.allocator.alloc(u8, @intCast(status.bytes));
    defer testing.allocator.free(bytes);
    try testing.expect(cache_folder.readAt(fd, bytes, 0));
    try testing.expectEqual(file_hash, std.hash.XxHash3.hash(0, bytes));
}

test "cache: many threads make what one makes, and a failure on any of them is told" {
    for ([_]?errors.Error{ null, error.Model }) |failure| {
        for ([_]bool{ true, false }) |in_file| {
            var place = try Place.init();
            defer place.deinit();
            var maker: Maker = .{ .failure = failure };
            try maker.pool.init(4);
            defer maker.pool.deinit();
            var request = place.request(&maker);
            if (!in_file) request.folder = null;
            if (failure) |why| {
                try testing.expectError(why, cache.open(testing.allocator, request));
                try testing.expectEqualStrings("no item 2", errors.message());
                continue;
            }
            var opened = try cache.open(testing.allocator, request);
            defer opened.close();
            try expectContent(&opened, 0);
            try testing.expectEqual(@as(usize, chunks_count), maker.fills.raw);
            try testing.expectEqual(items[0].bytes + items[2].bytes, maker.progress_bytes);
            if (in_file) try cache_file.verify(testing.allocator, try zeroEnded(opened.info.path));
        }
    }
}

test "cache: a damaged, shortened, foreign or lengthened file is built anew" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    for ([_]u64{ 0, 8, 12, 16, 24, 56, 72, 100, 200 }) |offset| {
        try place.damage(offset);
        try place.built();
    }
    for ([_]i64{ 0, 1, 95, 96, 300, 20_000, 3_000_000 }) |length| {
        const fd = try place.openFile(.{ .ACCMODE = .WRONLY });
        try testing.expectEqual(0, std.c.ftruncate(fd, length));
        _ = std.c.close(fd);
        try place.built();
    }
    var maker: Maker = .{};
    var opened = try cache.open(testing.allocator, place.request(&maker));
    defer opened.close();
    try testing.expectEqual(@as(usize, 0), maker.fills.raw);
    try testing.expectEqual(@as(usize, 1), try place.count());
}

test "cache: other items under the same key are not taken for ours" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    var changed = items;
    changed[2].bytes = 99_999;
    var renamed = items;
    renamed[2].name = "decoder.1.qkv";
    for ([_][]const cache.Item{ &changed, &renamed, items[0..2] }) |list| {
        var maker: Maker = .{};
        var request = place.request(&maker);
        request.items = list;
        var opened = try cache.open(testing.allocator, request);
        defer opened.close();
        try testing.expectEqual(@as(usize, if (list.len == 2) chunks_count - 1 else chunks_count), maker.fills.raw);
    }
}

/// Fails with error.Model and a sentence of the path and this.
fn expectRefused(result: errors.Error!void, path: []const u8, sentence: []const u8) !void {
    try testing.expectError(error.Model, result);
    var buffer: [512]u8 = undefined;
    const expected_text = try std.fmt.bufPrint(&buffer, "{s}: {s}", .{ path, sentence });
    try testing.expectEqualStrings(expected_text, errors.message());
}

fn infoOf(path: [:0]const u8) errors.Error!void {
    testing.allocator.free(try cache_file.info(testing.allocator, path));
}

test "cache: a damaged item opens, and verify names it" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    var buffer: [256]u8 = undefined;
    const name = cache.fileName(cache.keyOf(&.{"test"}, &.{}, 2));
    const path = place.path(&buffer, &name);
    try cache_file.verify(testing.allocator, path);
    try place.damage(16384 + 8 * layout.chunk_bytes + 16);
    try expectRefused(cache_file.verify(testing.allocator, path), path, "damaged: embedding");
    try infoOf(path); // The header is sound.
    try place.damage(2_113_600 + 99_999);
    try expectRefused(cache_file.verify(testing.allocator, path), path, "damaged: embedding and 1 more");
    try place.damage(30);
    try expectRefused(cache_file.verify(testing.allocator, path), path, "damaged: its header");
    try expectRefused(infoOf(path), path, "damaged: its header");
}

test "cache: what a file's header says" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    var buffer: [256]u8 = undefined;
    const name = cache.fileName(cache.keyOf(&.{"test"}, &.{}, 2));
    const json = try cache_file.info(testing.allocator, place.path(&buffer, &name));
    defer testing.allocator.free(json);
    try testing.expectEqualStrings("{\"version\":2,\"layout\":\"int8/generic/1\",\"model\":\"models/test\"," ++
        "\"key\":\"" ++ std.fmt.bytesToHex(cache.keyOf(&.{"test"}, &.{}, 2), .lower) ++ "\"," ++
        "\"bytes\":2213600,\"items\":3}", json);
}

test "cache: what is no whole file of this format is refused with a sentence that says why" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    var buffer: [256]u8 = undefined;
    const name = cache.fileName(cache.keyOf(&.{"test"}, &.{}, 2));
    const path = place.path(&buffer, &name);
    const damaged_header = "damaged: its header";
    const cases = [_]struct { u63, []const u8 }{ // Lengths downwards: the file is cut.
        .{ 2_213_599, "damaged: 2213599 bytes instead of 2213600" },
        .{ 20_000, "damaged: 20000 bytes instead of 2213600" },
        .{ 300, "damaged: 300 bytes instead of 2213600" },
        .{ 97, damaged_header },
        .{ 95, damaged_header },
        .{ 11, damaged_header },
        .{ 8, damaged_header },
        .{ 7, "not a file of packed weights" },
        .{ 0, "not a file of packed weights" },
    };
    const fd = try place.openFile(.{ .ACCMODE = .RDWR });
    defer _ = std.c.close(fd);
    for (cases) |case| {
        try testing.expectEqual(0, std.c.ftruncate(fd, case[0]));
        try expectRefused(cache_file.verify(testing.allocator, path), path, case[1]);
        try expectRefused(infoOf(path), path, case[1]);
    }
    const starts = [_]struct { []const u8, []const u8 }{
        .{ "QASRPACK\x03\x00\x00\x00 and more", "packed in format 3, and this version reads format 2" },
        .{ "QASRPACK\x01\x00\x00\x00", "packed in format 1, and this version reads format 2" },
        .{ "RIFF1234WAVEfmt " ** 100, "not a file of packed weights" },
        .{ "QASRPACK\x02\x00\x00\x00\xff\xff\xff\xff" ** 20, damaged_header },
        .{ "QASRPACK\x02\x00\x00\x00\x60\x00\x00\x00" ** 20, damaged_header },
    };
    for (starts) |start| {
        try testing.expectEqual(0, std.c.ftruncate(fd, 0));
        try testing.expectEqual(@as(isize, @intCast(start[0].len)), std.c.pwrite(fd, start[0].ptr, start[0].len, 0));
        try expectRefused(cache_file.verify(testing.allocator, path), path, start[1]);
        try expectRefused(infoOf(path), path, start[1]);
    }
    for ([_][:0]const u8{ "/dev/null", "/" }) |other| {
        try expectRefused(cache_file.verify(testing.allocator, other), other, "not a file of packed weights");
    }
    try testing.expectError(error.Invalid, cache_file.verify(testing.allocator, "no/such/file"));
    try testing.expectEqualStrings("no/such/file: no such file or folder", errors.message());
}

test "cache: another key has a file of its own; a key depends on all it is told" {
    const data: [600_000]u8 = @splat(1);
    const base = cache.keyOf(&.{ "ab", "c" }, &.{&data}, 64);
    try testing.expectEqual(base, cache.keyOf(&.{ "ab", "c" }, &.{&data}, 64));
    for ([_]cache.Key{
        cache.keyOf(&.{ "a", "bc" }, &.{&data}, 64),
        cache.keyOf(&.{"abc"}, &.{&data}, 64),
        cache.keyOf(&.{ "ab", "c" }, &.{data[1..]}, 64),
        cache.keyOf(&.{ "ab", "c", &data }, &.{}, 64),
    }) |other| try testing.expect(!std.mem.eql(u8, &base, &other));
    for ([_]usize{ 0, 4095, 300_000 / 9460 * 9460, data.len - 1 }) |at| {
        var changed = data;
        changed[at] = 2;
        const key = cache.keyOf(&.{ "ab", "c" }, &.{&changed}, 64);
        try testing.expect(!std.mem.eql(u8, &base, &key));
    }

    var place = try Place.init();
    defer place.deinit();
    try place.built();
    var maker: Maker = .{ .seed = 9 };
    var request = place.request(&maker);
    request.key = base;
    var opened = try cache.open(testing.allocator, request);
    defer opened.close();
    try expectContent(&opened, 9);
    try testing.expectEqual(@as(usize, 2), try place.count());
}

test "cache: a failing fill leaves nothing behind" {
    var place = try Place.init();
    defer place.deinit();
    for ([_]errors.Error{ error.Cancelled, error.Model }) |failure| {
        var maker: Maker = .{ .failure = failure };
        try testing.expectError(failure, cache.open(testing.allocator, place.request(&maker)));
        try testing.expectEqual(@as(usize, 0), try place.count());
    }
    try place.built();
}

test "cache: without a usable folder the items are in memory, and a notice says why" {
    var maker: Maker = .{};
    var place = try Place.init();
    defer place.deinit();
    var request = place.request(&maker);
    const Case = struct { folder: ?[]const u8, notice: []const u8 };
    const cases = [_]Case{
        .{ .folder = null, .notice = "" },
        .{ .folder = "", .notice = "the cache folder's path is empty or has a NUL byte in it" },
        .{ .folder = "/dev/null/x", .notice = "/dev/null/x: part of the path is not a folder" },
        .{ .folder = "/proc/self/x", .notice = "/proc/self/x: no such file or folder" },
    };
    for (cases) |case| {
        if (builtin.os.tag != .linux and case.notice.len > 70) continue;
        request.folder = case.folder;
        var opened = try cache.open(testing.allocator, request);
        defer opened.close();
        try expectContent(&opened, 0);
        try testing.expectEqualStrings(case.notice, opened.info.notice);
        try testing.expectEqualStrings("", opened.info.path);
    }
}

test "cache: a folder that others may write to, or of another user, is refused" {
    var place = try Place.init();
    defer place.deinit();
    try place.built();
    const folder = try zeroEnded(place.folder());
    var maker: Maker = .{};
    try testing.expectEqual(0, chmod(folder, 0o770));
    var opened = try cache.open(testing.allocator, place.request(&maker));
    const open_to_others = "others may write to it: chmod go-w";
    try testing.expect(std.mem.endsWith(u8, opened.info.notice, open_to_others));
    opened.close();
    try testing.expectEqual(0, chmod(folder, 0o700));
    if (std.c.geteuid() != 0 or chown(folder, 12345, 12345) != 0) return;
    opened = try cache.open(testing.allocator, place.request(&maker));
    defer opened.close();
    try testing.expect(std.mem.endsWith(u8, opened.info.notice, "belongs to another user"));
    try testing.expectEqual(@as(usize, 2 * chunks_count), maker.fills.raw);
}

extern "c" fn chmod(path: [*:0]const u8, mode: c_uint) c_int;
extern "c" fn chown(path: [*:0]const u8, owner: c_uint, group: c_uint) c_int;

test "cache: of processes that start at once one packs, the others wait and map" {
    var place = try Place.init();
    defer place.deinit();
    const child = struct {
        fn run(own: *const Place) u8 {
            var maker: Maker = .{ .delay_ms = 60 };
            var opened = cache.open(std.heap.page_allocator, own.request(&maker)) catch return 99;
            defer opened.close();
            if (opened.info.path.len == 0) return 98;
            expectContent(&opened, 0) catch return 97;
            return if (opened.info.was_built) 1 else 0;
        }
    };
    var children: [6]posix.pid_t = undefined;
    for (&children) |*pid| pid.* = try spawn(child.run, &place);
    var builders: u32 = 0;
    for (children) |pid| builders += try join(pid);
    try testing.expectEqual(@as(u32, 1), builders);
    try testing.expectEqual(@as(usize, 1), try place.count());
}

test "cache: a killed packer leaves nothing that counts, and its lock is free" {
    var place = try Place.init();
    defer place.deinit();
    const child = struct {
        fn run(own: *const Place) u8 {
            var maker: Maker = .{ .delay_ms = 50, .kills_itself = true };
            _ = cache.open(std.heap.page_allocator, own.request(&maker)) catch return 1;
            return 0;
        }
    };
    const killed = try spawn(child.run, &place);
    pause(20); // It has the lock now, or will meet ours: both must end well.
    var maker: Maker = .{};
    var opened = try cache.open(testing.allocator, place.request(&maker));
    defer opened.close();
    const code = try join(killed);
    try testing.expect(code == 0 or code == 128 + 9);
    try expectContent(&opened, 0);
    try testing.expect(opened.info.path.len > 0);

    // Surely killed while packing: the next one removes what is left.
    var second = try Place.init();
    defer second.deinit();
    try testing.expectEqual(@as(u32, 128 + 9), try join(try spawn(child.run, &second)));
    try testing.expectEqual(@as(usize, 2), try second.count());
    try second.built();
    try testing.expectEqual(@as(usize, 1), try second.count());
}

test "cache: a packer that never ends is not waited for for ever" {
    var place = try Place.init();
    defer place.deinit();
    const child = struct {
        fn run(own: *const Place) u8 {
            var maker: Maker = .{ .delay_ms = 900 };
            _ = cache.open(std.heap.page_allocator, own.request(&maker)) catch return 1;
            return 0;
        }
    };
    const slow = try spawn(child.run, &place);
    pause(200);
    var maker: Maker = .{};
    var request = place.request(&maker);
    request.wait_ms_max = 100;
    var opened = try cache.open(testing.allocator, request);
    defer opened.close();
    try expectContent(&opened, 0);
    try testing.expectEqualStrings("", opened.info.path);
    const notice = "another process has held it";
    try testing.expect(std.mem.indexOf(u8, opened.info.notice, notice) != null);
    try testing.expect(maker.waits > 0);
    _ = std.c.kill(slow, .KILL);
    _ = try join(slow);
}

test "cache: over the limit of file sizes the items are in memory" {
    var place = try Place.init();
    defer place.deinit();
    const child = struct {
        fn run(own: *const Place) u8 {
            posix.setrlimit(.FSIZE, .{ .cur = 1_000_000, .max = 1_000_000 }) catch return 99;
            var maker: Maker = .{};
            var opened = cache.open(std.heap.page_allocator, own.request(&maker)) catch return 98;
            expectContent(&opened, 0) catch return 97;
            const said = std.mem.endsWith(u8, opened.info.notice, "larger than files may be here");
            return if (said and opened.info.path.len == 0) 0 else 96;
        }
    };
    try testing.expectEqual(@as(u32, 0), try join(try spawn(child.run, &place)));
    try testing.expectEqual(@as(usize, 0), try place.count());
}

test "cache: on a full or a read-only disk the items are in memory" {
    if (builtin.os.tag != .linux or std.c.geteuid() != 0) return error.SkipZigTest;
    const linux = std.os.linux;
    var place = try Place.init();
    defer place.deinit();
    const mount_point = try zeroEnded(place.folder()[0 .. place.folder().len - "/a/cache".len]);
    // In a mount namespace of its own the small disk is gone with the child, whatever happens.
    const child = struct {
        fn run(own: *const Place) u8 {
            const at: [*:0]const u8 = @ptrCast(&path_buffer);
            const private = linux.MS.REC | linux.MS.PRIVATE;
            const read_only = linux.MS.REMOUNT | linux.MS.RDONLY;
            const size = @intFromPtr("size=1m,mode=700");
            if (linux.errno(linux.unshare(linux.CLONE.NEWNS)) != .SUCCESS) return 77;
            if (linux.errno(linux.mount(null, "/", null, private, 0)) != .SUCCESS) return 77;
            if (linux.errno(linux.mount("t", at, "tmpfs", 0, size)) != .SUCCESS) return 77;
            if (!inMemory(own, "no space left on the disk (3 MB are needed)")) return 1;
            if (linux.errno(linux.mount(null, at, null, read_only, 0)) != .SUCCESS) return 77;
            return if (inMemory(own, "the filesystem is read-only")) 0 else 2;
        }

        fn inMemory(own: *const Place, end: []const u8) bool {
            var maker: Maker = .{};
            const request = own.request(&maker);
            var opened = cache.open(std.heap.page_allocator, request) catch return false;
            defer opened.close();
            expectContent(&opened, 0) catch return false;
            return opened.info.path.len == 0 and std.mem.endsWith(u8, opened.info.notice, end);
        }
    };
    try testing.expect(mount_point.len > 0);
    const code = try join(try spawn(child.run, &place));
    if (code == 77) return error.SkipZigTest; // A container that may not mount.
    try testing.expectEqual(@as(u32, 0), code);
}
