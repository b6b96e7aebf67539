//! What this processor can do: picks the kernel table.

const std = @import("std");
const builtin = @import("builtin");
const config = @import("config");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const tiled = @import("tiled.zig");
const assert = std.debug.assert;

/// Instruction sets by the names that `QWEN_ASR_ISA` takes, in order: of those a processor has, the last
/// is the best. `detect` recognises them. Kernels are compiled for those in build.zig; a set that is not
/// there uses the kernels of the one before it, because its difference matters to none of them.
pub const Isa = enum { generic, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx, neon, dotprod, i8mm };

const isa_names = names: {
    var text: []const u8 = "";
    for (std.meta.fieldNames(Isa), 0..) |name, i| text = text ++ (if (i > 0) ", " else "") ++ name;
    break :names text;
};

/// Each set's table, and the same with tiles that are multiplied in plain Zig.
const tables = tablesOf("qasr_kernels_");
const plain_tables = tablesOf("qasr_tiles_");

fn tablesOf(comptime prefix: []const u8) [std.meta.fieldNames(Isa).len]*const kernels.Table {
    const isas = std.meta.fieldNames(Isa);
    var all: [isas.len]*const kernels.Table = undefined;
    var compiled: usize = 0;
    for (isas, &all, 0..) |name, *table_of, i| {
        if (isCompiled(name)) {
            table_of.* = @extern(*const kernels.Table, .{ .name = prefix ++ name });
            compiled += 1;
        } else table_of.* = all[i - 1]; // The first, `generic`, is compiled everywhere.
    }
    assert(compiled == config.isas.len); // A name in build.zig that is not in `Isa` would never be used.
    return all;
}

fn isCompiled(comptime name: []const u8) bool {
    for (config.isas) |isa| if (std.mem.eql(u8, isa, name)) return true;
    return false;
}

pub fn table(isa: Isa) *const kernels.Table {
    return tables[@intFromEnum(isa)];
}

/// With plain tiles: for tests of what AMX does, on machines that do not have it.
pub fn plainTable(isa: Isa) *const kernels.Table {
    return plain_tables[@intFromEnum(isa)];
}

/// What `choose` found.
pub const Choice = struct {
    isa: Isa,
    /// Tiles are multiplied in plain Zig: `QWEN_ASR_ISA=amx-plain`, which is slow and for tests.
    has_plain_tiles: bool = false,
    /// A sentence for the user where a better set had to be left alone.
    notice: []const u8 = "",

    pub fn table(self: Choice) *const kernels.Table {
        return if (self.has_plain_tiles) plainTable(self.isa) else tables[@intFromEnum(self.isa)];
    }

    pub fn name(self: Choice) []const u8 {
        return if (self.has_plain_tiles) plain_name else @tagName(self.isa);
    }
};

const plain_name = "amx-plain";

/// The set to use: the best this processor has, or what `QWEN_ASR_ISA` asks for.
pub fn choose() errors.Error!Choice {
    const wish = std.c.getenv("QWEN_ASR_ISA");
    return chooseOf(detectAll(), if (wish) |text| std.mem.span(text) else "");
}

fn chooseOf(found: Found, wish: []const u8) errors.Error!Choice {
    if (wish.len == 0) return .{
        .isa = best(found.isas),
        .notice = if (found.amx == .wrong) "AMX is left alone: " ++ wrong_products else "",
    };
    if (std.mem.eql(u8, wish, plain_name)) {
        var others = found.isas;
        others.remove(.amx);
        return .{ .isa = best(others), .has_plain_tiles = true };
    }
    const isa = std.meta.stringToEnum(Isa, wish) orelse return errors.fail(
        error.Invalid,
        "QWEN_ASR_ISA={s}: not one of " ++ isa_names,
        .{wish},
    );
    if (found.isas.contains(isa)) return .{ .isa = isa };
    const why = if (isa != .amx) "this processor does not have it" else switch (found.amx) {
        .absent, .ready => "this processor does not have it",
        .refused => "the system does not let this process use it",
        .wrong => wrong_products,
    };
    return errors.fail(error.Invalid, "QWEN_ASR_ISA={s}: {s}", .{ wish, why });
}

const wrong_products = "its products came out wrong on this machine";

pub const IsaSet = std.EnumSet(Isa);

fn best(found: IsaSet) Isa {
    var result: Isa = .generic;
    var iterator = found.iterator();
    while (iterator.next()) |isa| result = isa; // In the enum's order, the last is the best.
    return result;
}

pub fn detect() IsaSet {
    return detectAll().isas;
}

/// Whether there are tiles that can be used.
const Amx = enum { absent, refused, wrong, ready };

const Found = struct { isas: IsaSet, amx: Amx = .absent };

fn detectAll() Found {
    return switch (builtin.cpu.arch) {
        .x86_64 => withAmx(detectX86()),
        .aarch64 => .{ .isas = detectArm() },
        else => unreachable,
    };
}

/// Adds the tiles of processors whose kernels for vectors are those of `avx512vnni`.
fn withAmx(isas: IsaSet) Found {
    var found: Found = .{ .isas = isas };
    if (isas.contains(.avx512vnni) and hasTiles()) {
        found.amx = if (!asksForTiles()) .refused else if (tiled.isRight(table(.amx))) .ready else .wrong;
    }
    if (found.amx == .ready) found.isas.insert(.amx);
    return found;
}

/// Tiles and products of bf16, of the size the kernels are written for, and saved by the system.
fn hasTiles() bool {
    if (!bits(xcr0(), .{ 17, 18 }) or cpuid(0, 0)[0] < 0x1e) return false;
    if (!bits(cpuid(7, 0)[3], .{ 22, 24 })) return false; // bf16, tile
    const palette = cpuid(0x1d, 1); // Palette 1.
    const row_bytes = palette[1] & 0xffff;
    const registers = palette[1] >> 16;
    const rows = palette[2] & 0xffff;
    const unit = cpuid(0x1e, 0)[1]; // What products take at most: rows, bytes of a row.
    return row_bytes >= 64 and registers >= 8 and rows >= 16 and unit & 0xff >= 16 and unit >> 8 & 0xffff >= 64;
}

/// Linux gives the registers to processes that ask, for all their threads.
fn asksForTiles() bool {
    if (builtin.os.tag != .linux or builtin.cpu.arch != .x86_64) return false;
    const request_permission = 0x1023; // ARCH_REQ_XCOMP_PERM
    const tile_data = 18; // XFEATURE_XTILE_DATA
    return std.os.linux.syscall2(.arch_prctl, request_permission, tile_data) == 0;
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
pub fn sysctl(name: [*:0]const u8) u32 {
    var value: u32 = 0;
    var size: usize = @sizeOf(u32);
    if (std.c.sysctlbyname(name, &value, &size, null, 0) != 0) return 0;
    return value;
}

test "a set that cannot be had is refused with the reason, or the next lower one is taken" {
    const sets: IsaSet = .initMany(&.{ .generic, .avx2, .avx512vnni });
    const refused: Found = .{ .isas = sets, .amx = .refused };
    try std.testing.expectEqual(Choice{ .isa = .avx512vnni }, try chooseOf(refused, ""));
    const wrong: Found = .{ .isas = sets, .amx = .wrong };
    const lower = try chooseOf(wrong, "");
    try std.testing.expectEqual(Isa.avx512vnni, lower.isa);
    try std.testing.expectEqualStrings("AMX is left alone: " ++ wrong_products, lower.notice);
    var with = sets;
    with.insert(.amx);
    const ready: Found = .{ .isas = with, .amx = .ready };
    try std.testing.expectEqualStrings("amx", (try chooseOf(ready, "")).name());
    try std.testing.expectEqual(Isa.avx2, (try chooseOf(ready, "avx2")).isa);
    const plain = try chooseOf(ready, "amx-plain");
    try std.testing.expectEqual(Isa.avx512vnni, plain.isa);
    try std.testing.expectEqualStrings("amx-plain", plain.name());
    try std.testing.expect(plain.table().tile_gemm != null);
    const whys = .{
        .{ Found{ .isas = sets }, "this processor does not have it" },
        .{ refused, "the system does not let this process use it" },
        .{ wrong, wrong_products },
    };
    inline for (whys) |case| {
        try std.testing.expectError(error.Invalid, chooseOf(case[0], "amx"));
        try std.testing.expectEqualStrings("QWEN_ASR_ISA=amx: " ++ case[1], errors.message());
    }
    try std.testing.expectError(error.Invalid, chooseOf(ready, "neon"));
}

test "of the kernels in use, only those for tiles have tiles" {
    var found = detect().iterator();
    while (found.next()) |isa| {
        try std.testing.expectEqual(isa == .amx, table(isa).tile_gemm != null);
        try std.testing.expect(plainTable(isa).tile_gemm != null);
    }
    const has_amx = builtin.cpu.arch == .x86_64 and builtin.os.tag == .linux;
    if (builtin.cpu.arch == .x86_64) try std.testing.expectEqual(has_amx, table(.amx).tile_gemm != null);
}

test "the processor has its generic set" {
    try std.testing.expect(detect().contains(.generic));
}
