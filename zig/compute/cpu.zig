//! What this processor can do: picks the kernel table.

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
pub fn sysctl(name: [*:0]const u8) u32 {
    var value: u32 = 0;
    var size: usize = @sizeOf(u32);
    if (std.c.sysctlbyname(name, &value, &size, null, 0) != 0) return 0;
    return value;
}

test "the processor has its generic set" {
    try std.testing.expect(detect().contains(.generic));
}
