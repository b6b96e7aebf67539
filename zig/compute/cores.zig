//! How many threads to use, and on which cores: counts physical cores within the limits of the process's container,
//! and tells fast ones from efficient ones.

const std = @import("std");
const builtin = @import("builtin");
const cpu_ = @import("cpu.zig");

pub const CpuSet = std.os.linux.cpu_set_t;

/// Processors of the fast kind, where a machine has more than one kind.
pub const Fast = struct {
    set: CpuSet,
    /// Physical cores among them.
    cores: u32,
};

/// Physical cores this process may use: SMT siblings count once, and a container's quota counts. Where cores differ,
/// only the fast ones: a job ends when its slowest task does, and a step waits for memory, not for cores.
pub fn threadsDefault() u32 {
    if (builtin.os.tag == .macos) {
        const performance = cpu_.sysctl("hw.perflevel0.physicalcpu");
        return @max(1, if (performance > 0) performance else cpu_.sysctl("hw.physicalcpu"));
    }
    if (builtin.os.tag == .windows) return windowsCores();
    const allowed = allowedHere() orelse return @max(1, @min(std.Thread.getCpuCount() catch 1, quotaCores(), 64));
    return @max(1, @min(coresToUse(system, &allowed), quotaCores(), 64));
}

/// The two hyperthreads of a single core are both used: small cloud machines have no more, and one of them waits for
/// memory half of the time.
fn coresToUse(root: []const u8, allowed: *const CpuSet) u32 {
    if (fastOf(root, allowed)) |found| return found.cores;
    var logical: u32 = 0;
    for (allowed) |word| logical += @popCount(word);
    return @max(physical(root, allowed), @min(logical, 2));
}

/// The fast processors that the calling thread may use; null where all are alike, and where the system places threads
/// itself.
pub fn fast() ?Fast {
    if (builtin.os.tag != .linux) return null;
    const allowed = allowedHere() orelse return null;
    return fastOf(system, &allowed);
}

/// For a computing thread to call when it starts. `preferred` is a set that it is to stay on.
pub fn placeThread(preferred: ?*const CpuSet) void {
    if (builtin.os.tag == .macos) {
        // Threads of lower classes may be put on the efficiency cores.
        _ = darwin.pthread_set_qos_class_self_np(darwin.user_initiated, 0);
    }
    if (builtin.os.tag == .linux) if (preferred) |set| {
        // Where the system refuses, it goes on placing the thread itself.
        std.os.linux.sched_setaffinity(0, set) catch return;
    };
}

const darwin = struct {
    /// QOS_CLASS_USER_INITIATED of <sys/qos.h>.
    const user_initiated: c_uint = 0x19;
    extern "c" fn pthread_set_qos_class_self_np(class: c_uint, relative_priority: c_int) c_int;
};

/// Where the system describes itself; tests have folders of their own.
const system = "/sys";

/// The calling thread's processors.
fn allowedHere() ?CpuSet {
    var allowed: CpuSet = undefined;
    const rc = std.os.linux.sched_getaffinity(0, @sizeOf(CpuSet), &allowed);
    return if (std.os.linux.errno(rc) == .SUCCESS) allowed else null;
}

fn physical(root: []const u8, allowed: *const CpuSet) u32 {
    var cores: u32 = 0;
    for (0..@bitSizeOf(CpuSet)) |cpu| {
        if (isAllowed(allowed, cpu) and isFirstSibling(root, allowed, cpu)) cores += 1;
    }
    return cores;
}

/// A core counts as fast from this share of the fastest one's capacity or frequency on. Cores of one kind differ by a
/// few percent (the best of a batch clock higher); the middle ones of phones and boards have 0.75 and more, efficient
/// ones 0.65 and less.
const fast_share = 0.7;

/// Of the allowed processors, the fast ones: those that Intel's hybrids list as such, else by the capacity that the
/// system's scheduler goes by, else by the highest frequency. Null where all are alike or nothing tells.
fn fastOf(root: []const u8, allowed: *const CpuSet) ?Fast {
    var set: CpuSet = @splat(0);
    var text: [1024]u8 = undefined;
    if (readIn(root, &text, "/devices/cpu_core/cpus", .{})) |list| {
        for (0..@bitSizeOf(CpuSet)) |cpu| {
            if (isAllowed(allowed, cpu) and isListed(list, cpu)) add(&set, cpu);
        }
    } else {
        const by_capacity = greatestOf(root, allowed, capacity);
        const greatest = by_capacity orelse greatestOf(root, allowed, frequency) orelse return null;
        const measure = if (by_capacity != null) capacity else frequency;
        const least: u64 = @intFromFloat(@as(f64, @floatFromInt(greatest)) * fast_share);
        for (0..@bitSizeOf(CpuSet)) |cpu| {
            if (isAllowed(allowed, cpu) and (numberOf(root, cpu, measure) orelse 0) >= least) add(&set, cpu);
        }
    }
    const cores = physical(root, &set);
    // None at all: the process is kept to the others.
    if (cores == 0 or std.mem.eql(usize, &set, allowed)) return null;
    return .{ .set = set, .cores = cores };
}

const capacity = "cpu_capacity";
const frequency = "cpufreq/cpuinfo_max_freq";

fn greatestOf(root: []const u8, allowed: *const CpuSet, measure: []const u8) ?u64 {
    var greatest: ?u64 = null;
    for (0..@bitSizeOf(CpuSet)) |cpu| {
        if (!isAllowed(allowed, cpu)) continue;
        const number = numberOf(root, cpu, measure) orelse return null; // All have it, or it says nothing.
        greatest = @max(greatest orelse 0, number);
    }
    return greatest;
}

fn numberOf(root: []const u8, cpu: usize, measure: []const u8) ?u64 {
    var text: [32]u8 = undefined;
    const line = readIn(root, &text, "/devices/system/cpu/cpu{d}/{s}", .{ cpu, measure }) orelse return null;
    return std.fmt.parseInt(u64, std.mem.trim(u8, line, " \n"), 10) catch null;
}

/// Physical cores of the machine, of at most 64 processors, as Windows counts in groups of them.
fn windowsCores() u32 {
    const Information = extern struct { mask: usize, relationship: u32, other: [2]u64 };
    const kernel = struct {
        extern "kernel32" fn GetLogicalProcessorInformation(?[*]Information, *u32) callconv(.winapi) c_int;
    };
    var list: [256]Information = undefined;
    var bytes: u32 = @sizeOf(@TypeOf(list));
    if (kernel.GetLogicalProcessorInformation(&list, &bytes) == 0) return @intCast(std.Thread.getCpuCount() catch 1);
    var cores: u32 = 0;
    for (list[0 .. bytes / @sizeOf(Information)]) |one| cores += @intFromBool(one.relationship == 0);
    return @max(1, cores);
}

const word_bits = @bitSizeOf(usize);

fn isAllowed(set: *const CpuSet, cpu: usize) bool {
    return set[cpu / word_bits] >> @intCast(cpu % word_bits) & 1 == 1;
}

fn add(set: *CpuSet, cpu: usize) void {
    set[cpu / word_bits] |= @as(usize, 1) << @intCast(cpu % word_bits);
}

/// Whether no lower-numbered sibling of this hardware thread is allowed too.
fn isFirstSibling(root: []const u8, allowed: *const CpuSet, cpu: usize) bool {
    var text: [256]u8 = undefined;
    const name = "/devices/system/cpu/cpu{d}/topology/thread_siblings_list";
    const list = readIn(root, &text, name, .{cpu}) orelse return true;
    for (0..cpu) |sibling| {
        if (isAllowed(allowed, sibling) and isListed(list, sibling)) return false;
    }
    return true;
}

/// Whether a list such as "0,64" or "0-7,16" has this number. What is no list has none.
fn isListed(list: []const u8, number: usize) bool {
    var ranges = std.mem.tokenizeAny(u8, list, ",\n ");
    while (ranges.next()) |range| {
        var ends = std.mem.splitScalar(u8, range, '-');
        const first = std.fmt.parseInt(usize, ends.first(), 10) catch return false;
        const last = if (ends.next()) |end| std.fmt.parseInt(usize, end, 10) catch return false else first;
        if (first <= number and number <= last) return true;
    }
    return false;
}

/// Whole cores of the cgroup's CPU quota, rounded up; no quota is no limit.
fn quotaCores() u32 {
    const unlimited = std.math.maxInt(u32);
    var text: [128]u8 = undefined;
    if (readSmall("/sys/fs/cgroup/cpu.max", &text)) |line| { // "200000 100000" or "max 100000"
        var words = std.mem.tokenizeAny(u8, line, " \n");
        const quota = std.fmt.parseInt(u64, words.next() orelse "", 10) catch return unlimited;
        const period = std.fmt.parseInt(u64, words.next() orelse "", 10) catch return unlimited;
        return coresOf(quota, period);
    }
    var other: [128]u8 = undefined;
    const quota = readSmall("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &text) orelse return unlimited;
    const period = readSmall("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &other) orelse return unlimited;
    return coresOf( // -1 is no quota
        std.fmt.parseInt(u64, std.mem.trim(u8, quota, " \n"), 10) catch return unlimited,
        std.fmt.parseInt(u64, std.mem.trim(u8, period, " \n"), 10) catch return unlimited,
    );
}

fn coresOf(quota: u64, period: u64) u32 {
    if (period == 0) return std.math.maxInt(u32);
    return @intCast(@min(@max(1, (quota +| (period - 1)) / period), std.math.maxInt(u32)));
}

/// A small file below `root`; null if it is not there.
fn readIn(root: []const u8, buffer: []u8, comptime format: []const u8, parts: anytype) ?[]const u8 {
    var path: [512]u8 = undefined;
    const name = std.fmt.bufPrintZ(&path, "{s}" ++ format, .{root} ++ parts) catch return null;
    return readSmall(name, buffer);
}

/// A file of the system that fits `buffer`; null if it is not there.
fn readSmall(path: [*:0]const u8, buffer: []u8) ?[]const u8 {
    const fd = std.c.open(path, .{ .ACCMODE = .RDONLY, .CLOEXEC = true });
    if (fd < 0) return null;
    defer _ = std.c.close(fd);
    const count = std.c.read(fd, buffer.ptr, buffer.len);
    return if (count <= 0) null else buffer[0..@intCast(count)];
}

test "a default of at least one thread" {
    try std.testing.expect(threadsDefault() >= 1);
    try std.testing.expectEqual(@as(u32, 2), coresOf(150_000, 100_000));
    try std.testing.expectEqual(@as(u32, 1), coresOf(1000, 100_000));
}

/// A folder as /sys, with one line in each file.
const FakeSystem = struct {
    scratch: std.testing.TmpDir,
    path_buffer: [std.fs.max_path_bytes]u8 = undefined,

    fn init() FakeSystem {
        return .{ .scratch = std.testing.tmpDir(.{}) };
    }

    fn deinit(self: *FakeSystem) void {
        self.scratch.cleanup();
    }

    fn put(self: *FakeSystem, comptime format: []const u8, parts: anytype, text: []const u8) !void {
        var buffer: [128]u8 = undefined;
        const name = try std.fmt.bufPrint(&buffer, "devices/" ++ format, parts);
        const io = std.testing.io;
        try self.scratch.dir.createDirPath(io, std.fs.path.dirname(name).?);
        try self.scratch.dir.writeFile(io, .{ .sub_path = name, .data = text });
    }

    fn root(self: *FakeSystem) ![]const u8 {
        return self.path_buffer[0..try self.scratch.dir.realPath(std.testing.io, &self.path_buffer)];
    }
};

fn cpusOf(comptime numbers: anytype) CpuSet {
    var set: CpuSet = @splat(0);
    inline for (numbers) |cpu| add(&set, cpu);
    return set;
}

test "an Intel hybrid: hyperthreads of its fast cores count once, of a task set only what it has" {
    var fake: FakeSystem = .init();
    defer fake.deinit();
    try fake.put("cpu_core/cpus", .{}, "0-3\n");
    try fake.put("cpu_atom/cpus", .{}, "4-5\n");
    inline for (.{ "0-1\n", "0-1\n", "2-3\n", "2-3\n", "4\n", "5\n" }, 0..) |siblings, cpu| {
        try fake.put("system/cpu/cpu{d}/topology/thread_siblings_list", .{cpu}, siblings);
        // Where cores are listed, frequencies do not matter.
        try fake.put("system/cpu/cpu{d}/" ++ frequency, .{cpu}, "4000000\n");
    }
    const root = try fake.root();
    const found = fastOf(root, &cpusOf(.{ 0, 1, 2, 3, 4, 5 })).?;
    try std.testing.expectEqual(cpusOf(.{ 0, 1, 2, 3 }), found.set);
    try std.testing.expectEqual(2, found.cores);
    const some = fastOf(root, &cpusOf(.{ 3, 4 })).?;
    try std.testing.expectEqual(cpusOf(.{3}), some.set);
    try std.testing.expectEqual(1, some.cores);
    try std.testing.expectEqual(null, fastOf(root, &cpusOf(.{ 4, 5 })));
    try std.testing.expectEqual(null, fastOf(root, &cpusOf(.{ 0, 2 })));
    try std.testing.expectEqual(4, physical(root, &cpusOf(.{ 0, 1, 2, 3, 4, 5 })));
    try std.testing.expectEqual(2, coresToUse(root, &cpusOf(.{ 0, 1, 2, 3, 4, 5 })));
    try std.testing.expectEqual(2, coresToUse(root, &cpusOf(.{ 4, 5 })));
    try std.testing.expectEqual(2, coresToUse(root, &cpusOf(.{ 0, 1 }))); // One core alone, with both of its threads.
}

test "three kinds by capacity: large and middle are fast; by frequency where capacities are not told" {
    var fake: FakeSystem = .init();
    defer fake.deinit();
    const all = cpusOf(.{ 0, 1, 2, 3 });
    const root = try fake.root();
    try std.testing.expectEqual(null, fastOf(root, &all)); // Nothing tells.
    inline for (.{ "1800000", "1900000", "3000000", "3100000" }, 0..) |hertz, cpu| {
        try fake.put("system/cpu/cpu{d}/" ++ frequency, .{cpu}, hertz ++ "\n");
    }
    try std.testing.expectEqual(cpusOf(.{ 2, 3 }), fastOf(root, &all).?.set);
    // Capacities that are not all there, or are no numbers, say nothing.
    try fake.put("system/cpu/cpu0/" ++ capacity, .{}, "1024\n");
    try fake.put("system/cpu/cpu1/" ++ capacity, .{}, "nonsense\n");
    try std.testing.expectEqual(cpusOf(.{ 2, 3 }), fastOf(root, &all).?.set);
    inline for (.{ "1024", "800", "800", "320" }, 0..) |size, cpu| {
        try fake.put("system/cpu/cpu{d}/" ++ capacity, .{cpu}, size ++ "\n");
    }
    const found = fastOf(root, &all).?;
    try std.testing.expectEqual(cpusOf(.{ 0, 1, 2 }), found.set);
    try std.testing.expectEqual(3, found.cores);
}

test "cores that differ by a few percent are of one kind" {
    var fake: FakeSystem = .init();
    defer fake.deinit();
    inline for (.{ "5100000", "5000000", "4700000" }, 0..) |hertz, cpu| {
        try fake.put("system/cpu/cpu{d}/" ++ frequency, .{cpu}, hertz ++ "\n");
    }
    try std.testing.expectEqual(null, fastOf(try fake.root(), &cpusOf(.{ 0, 1, 2 })));
}

test "a thread stays on the set it is given" {
    if (builtin.os.tag != .linux) return error.SkipZigTest;
    const allowed = allowedHere().?;
    var first: CpuSet = @splat(0);
    for (0..@bitSizeOf(CpuSet)) |cpu| if (isAllowed(&allowed, cpu)) {
        add(&first, cpu);
        break;
    };
    const Thread = struct {
        fn run(set: *const CpuSet, after: *CpuSet) void {
            placeThread(set);
            after.* = allowedHere().?;
        }
    };
    var after: CpuSet = undefined;
    (try std.Thread.spawn(.{}, Thread.run, .{ &first, &after })).join();
    try std.testing.expectEqual(first, after);
    try std.testing.expectEqual(allowed, allowedHere().?);
}
