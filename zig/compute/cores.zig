//! How many threads to use: counts physical cores within the limits of the process's container.

const std = @import("std");
const builtin = @import("builtin");
const cpu_ = @import("cpu.zig");

/// Physical cores this process may use: SMT siblings count once, and a container's quota counts.
pub fn threadsDefault() u32 {
    if (builtin.os.tag == .macos) {
        const performance = cpu_.sysctl("hw.perflevel0.physicalcpu");
        return @max(1, if (performance > 0) performance else cpu_.sysctl("hw.physicalcpu"));
    }
    if (builtin.os.tag == .windows) return windowsCores();
    var allowed: std.os.linux.cpu_set_t = undefined;
    const rc = std.os.linux.sched_getaffinity(0, @sizeOf(std.os.linux.cpu_set_t), &allowed);
    var cores: u32 = 0;
    if (@as(isize, @bitCast(rc)) > 0) {
        for (0..@bitSizeOf(std.os.linux.cpu_set_t)) |cpu| {
            if (isAllowed(&allowed, cpu) and isFirstSibling(&allowed, cpu)) cores += 1;
        }
    }
    if (cores == 0) cores = @intCast(std.Thread.getCpuCount() catch 1);
    return @max(1, @min(cores, quotaCores(), 64));
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

fn isAllowed(set: *const std.os.linux.cpu_set_t, cpu: usize) bool {
    const word_bits = @bitSizeOf(usize);
    return set[cpu / word_bits] >> @intCast(cpu % word_bits) & 1 == 1;
}

/// Whether no lower-numbered sibling of this hardware thread is allowed too.
fn isFirstSibling(allowed: *const std.os.linux.cpu_set_t, cpu: usize) bool {
    var path: [96]u8 = undefined;
    const name = std.fmt.bufPrintZ(
        &path,
        "/sys/devices/system/cpu/cpu{d}/topology/thread_siblings_list",
        .{cpu},
    ) catch return true;
    var text: [256]u8 = undefined;
    const list = readSmall(name, &text) orelse return true;
    var ranges = std.mem.tokenizeAny(u8, list, ",\n ");
    while (ranges.next()) |range| { // "0,64" or "0-1"
        var ends = std.mem.splitScalar(u8, range, '-');
        const first = std.fmt.parseInt(usize, ends.first(), 10) catch return true;
        const last = if (ends.next()) |end| std.fmt.parseInt(usize, end, 10) catch first else first;
        for (first..last + 1) |sibling| {
            if (sibling >= cpu) return true;
            if (isAllowed(allowed, sibling)) return false;
        }
    }
    return true;
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
