//! What this processor can do, and how many threads to use: picks the kernel table, counts
//! physical cores within the limits of the process's container.

const std = @import("std");
const builtin = @import("builtin");
const config = @import("config");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const assert = std.debug.assert;

/// Instruction sets by the names that `QWEN_ASR_ISA` takes, in order: of those a processor has, the last
/// is the best. `detect` recognises them. Kernels are compiled for those in build.zig; a set that is not
/// there uses the kernels of the one before it, because its difference matters to none of them.
pub const Isa = enum { generic, avx2, avxvnni, avx512, avx512vnni, avx512bf16, neon, dotprod, i8mm };

const isa_names = names: {
    var text: []const u8 = "";
    for (std.meta.fieldNames(Isa), 0..) |name, i| text = text ++ (if (i > 0) ", " else "") ++ name;
    break :names text;
};

const tables = tables: {
    const isas = std.meta.fieldNames(Isa);
    var all: [isas.len]*const kernels.Table = undefined;
    var compiled: usize = 0;
    for (isas, &all, 0..) |name, *table_of, i| {
        if (isCompiled(name)) {
            table_of.* = @extern(*const kernels.Table, .{ .name = "qasr_kernels_" ++ name });
            compiled += 1;
        } else table_of.* = all[i - 1]; // The first, `generic`, is compiled everywhere.
    }
    assert(compiled == config.isas.len); // A name in build.zig that is not in `Isa` would never be used.
    break :tables all;
};

fn isCompiled(comptime name: []const u8) bool {
    for (config.isas) |isa| if (std.mem.eql(u8, isa, name)) return true;
    return false;
}

pub fn table(isa: Isa) *const kernels.Table {
    return tables[@intFromEnum(isa)];
}

/// The set to use: the best this processor has, or what `QWEN_ASR_ISA` asks for.
pub fn choose() errors.Error!Isa {
    const found = detect();
    const wish = std.c.getenv("QWEN_ASR_ISA") orelse return best(found);
    const name = std.mem.span(wish);
    if (name.len == 0) return best(found);
    const isa = std.meta.stringToEnum(Isa, name) orelse return errors.fail(
        error.Invalid,
        "QWEN_ASR_ISA={s}: not one of " ++ isa_names,
        .{name},
    );
    if (!found.contains(isa)) {
        return errors.fail(error.Invalid, "QWEN_ASR_ISA={s}: this processor does not have it", .{name});
    }
    return isa;
}

pub const IsaSet = std.EnumSet(Isa);

fn best(found: IsaSet) Isa {
    var result: Isa = .generic;
    var iterator = found.iterator();
    while (iterator.next()) |isa| result = isa; // In the enum's order, the last is the best.
    return result;
}

pub fn detect() IsaSet {
    return switch (builtin.cpu.arch) {
        .x86_64 => detectX86(),
        .aarch64 => detectArm(),
        else => unreachable,
    };
}

fn bits(word: u32, comptime numbers: anytype) bool {
    inline for (numbers) |number| {
        if (word >> number & 1 == 0) return false;
    }
    return true;
}

fn detectX86() IsaSet {
    var found = IsaSet.initOne(.generic);
    const features = cpuid(1, 0);
    // osxsave first: only then may xgetbv say which registers the system saves.
    if (!bits(features[2], .{ 27, 28, 12, 26, 29 })) return found; // osxsave avx fma xsave f16c
    const saved = xcr0();
    const extended = cpuid(7, 0);
    const lzcnt = cpuid(0x8000_0001, 0)[2];
    if (!bits(saved, .{ 1, 2 }) or !bits(extended[1], .{ 3, 5, 8 }) or !bits(lzcnt, .{5})) return found;
    found.insert(.avx2);
    const more: [4]u32 = if (extended[0] >= 1) cpuid(7, 1) else @splat(0);
    if (bits(more[0], .{4})) found.insert(.avxvnni);
    // f dq cd bw vl, with the mask and both halves of the upper registers saved.
    if (!bits(saved, .{ 5, 6, 7 }) or !bits(extended[1], .{ 16, 17, 28, 30, 31 })) return found;
    found.insert(.avx512);
    if (bits(extended[2], .{11})) found.insert(.avx512vnni);
    if (found.contains(.avx512vnni) and bits(more[0], .{5})) found.insert(.avx512bf16);
    return found;
}

fn cpuid(leaf: u32, sub: u32) [4]u32 {
    var a: u32 = undefined;
    var b: u32 = undefined;
    var c: u32 = undefined;
    var d: u32 = undefined;
    asm volatile ("cpuid"
        : [_] "={eax}" (a),
          [_] "={ebx}" (b),
          [_] "={ecx}" (c),
          [_] "={edx}" (d),
        : [_] "{eax}" (leaf),
          [_] "{ecx}" (sub),
    );
    return .{ a, b, c, d };
}

fn xcr0() u32 {
    return asm volatile ("xgetbv"
        : [_] "={eax}" (-> u32),
        : [_] "{ecx}" (@as(u32, 0)),
        : .{ .edx = true });
}

fn detectArm() IsaSet {
    var found = IsaSet.initMany(&.{ .generic, .neon });
    switch (builtin.os.tag) {
        .linux => {
            const hwcap = std.os.linux.getauxval(std.elf.AT_HWCAP);
            const hwcap2 = std.os.linux.getauxval(std.elf.AT_HWCAP2);
            if (hwcap >> 20 & 1 == 1) found.insert(.dotprod); // HWCAP_ASIMDDP
            if (found.contains(.dotprod) and hwcap2 >> 13 & 1 == 1) found.insert(.i8mm); // HWCAP2_I8MM
        },
        .macos => {
            if (sysctl("hw.optional.arm.FEAT_DotProd") == 1) found.insert(.dotprod);
            if (sysctl("hw.optional.arm.FEAT_I8MM") == 1) found.insert(.i8mm);
        },
        else => {},
    }
    return found;
}

/// An integer the system tells by name (macOS), 0 where it does not.
fn sysctl(name: [*:0]const u8) u32 {
    var value: u32 = 0;
    var size: usize = @sizeOf(u32);
    if (std.c.sysctlbyname(name, &value, &size, null, 0) != 0) return 0;
    return value;
}

/// Physical cores this process may use: SMT siblings count once, and a container's quota counts.
pub fn threadsDefault() u32 {
    if (builtin.os.tag == .macos) {
        const performance = sysctl("hw.perflevel0.physicalcpu");
        return @max(1, if (performance > 0) performance else sysctl("hw.physicalcpu"));
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

test "the processor has its generic set, and a default of at least one thread" {
    try std.testing.expect(detect().contains(.generic));
    try std.testing.expect(threadsDefault() >= 1);
    try std.testing.expectEqual(@as(u32, 2), coresOf(150_000, 100_000));
    try std.testing.expectEqual(@as(u32, 1), coresOf(1000, 100_000));
}
