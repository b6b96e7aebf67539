//! Tiles as AMX has them, twice: the instructions themselves, and the same in plain Zig for every machine.
//!
//! Eight registers of 16 rows of 64 bytes. One instruction multiplies two tiles of bf16 and adds the result to a
//! tile of f32. The second factor holds pairs: what meets elements 2k and 2k + 1 of a row lies side by side.
//!
//!        A  16 rows x 32 bf16              B  16 pairs x 16 columns              C  16 rows x 16 f32
//!     row 0 | 0 1 | 2 3 | ... | 30 31 |   pair 0 | 0 1 | 0 1 | ... | 0 1 |     | . | . | ... | . |
//!     row 1 | 0 1 | 2 3 | ... | 30 31 |   pair 1 | 2 3 | 2 3 | ... | 2 3 |     | . | . | ... | . |
//!       :                                   :      column 0    1      15         :
//!     row 15                              pair 15| 30 31 ...         30 31|
//!
//!     C[m][n] += sum over even k of A[m][k] B[k][n]  +  sum over odd k of A[m][k] B[k][n]
//!
//! Each of the two sums takes its products in the order of k by fused multiply-adds, from zero; then they are added to
//! each other, then to C. Numbers are rounded to the nearest, ties to even; what is too small to be normal is zero,
//! before and after (Intel's manual, TDPBF16PS).

const std = @import("std");
const vec = @import("vec.zig");

pub const tile_rows = 16;
pub const row_bytes = 64;
pub const tile_bytes = tile_rows * row_bytes;

/// What `ldtilecfg` loads: all eight tiles whole. Rows and columns that do not fill a tile are padded instead.
pub const configuration: [64]u8 align(64) = bytes: {
    var all: [64]u8 align(64) = @splat(0);
    all[0] = 1; // Palette 1: eight tiles of 1 KB. Byte 1, the row to start at, and the rest are 0.
    for (0..8) |tile| {
        all[16 + 2 * tile] = row_bytes; // Bytes of a row, 16 bits each.
        all[48 + tile] = tile_rows;
    }
    break :bytes all;
};

/// The registers of the processor. They belong to the thread from `configure` to `release`.
pub const Amx = struct {
    pub inline fn configure(_: *Amx) void {
        asm volatile ("ldtilecfg (%[from])"
            :
            : [from] "r" (&configuration),
            : .{ .memory = true });
    }

    /// Without it the system would save 8 KB at every switch of threads.
    pub inline fn release(_: *Amx) void {
        asm volatile ("tilerelease");
    }

    pub inline fn zero(_: *Amx, comptime tile: u3) void {
        asm volatile (std.fmt.comptimePrint("tilezero %%tmm{d}", .{tile}));
    }

    pub inline fn load(_: *Amx, comptime tile: u3, from: [*]const u8, stride: usize) void {
        asm volatile (std.fmt.comptimePrint("tileloadd (%[from],%[stride],1), %%tmm{d}", .{tile})
            :
            : [from] "r" (from),
              [stride] "r" (stride),
            : .{ .memory = true });
    }

    pub inline fn store(_: *Amx, comptime tile: u3, to: [*]u8, stride: usize) void {
        asm volatile (std.fmt.comptimePrint("tilestored %%tmm{d}, (%[to],%[stride],1)", .{tile})
            :
            : [to] "r" (to),
              [stride] "r" (stride),
            : .{ .memory = true });
    }

    /// c += a b. AT&T syntax names the last operand first.
    pub inline fn multiplyAdd(_: *Amx, comptime c: u3, comptime a: u3, comptime b: u3) void {
        asm volatile (std.fmt.comptimePrint("tdpbf16ps %%tmm{d}, %%tmm{d}, %%tmm{d}", .{ b, a, c }));
    }
};

/// The same in plain Zig.
pub const Plain = struct {
    registers: [8][tile_rows]Row = undefined,

    const Row = @Vector(row_bytes / 4, u32);
    const Floats = @Vector(row_bytes / 4, f32);

    pub fn configure(self: *Plain) void {
        self.registers = @splat(@splat(@splat(0)));
    }

    pub fn release(_: *Plain) void {}

    pub fn zero(self: *Plain, comptime tile: u3) void {
        self.registers[tile] = @splat(@splat(0));
    }

    pub fn load(self: *Plain, comptime tile: u3, from: [*]const u8, stride: usize) void {
        for (&self.registers[tile], 0..) |*row, r| {
            row.* = @bitCast((from + r * stride)[0..row_bytes].*);
        }
    }

    pub fn store(self: *Plain, comptime tile: u3, to: [*]u8, stride: usize) void {
        for (self.registers[tile], 0..) |row, r| {
            (to + r * stride)[0..row_bytes].* = @bitCast(row);
        }
    }

    pub fn multiplyAdd(self: *Plain, comptime c: u3, comptime a: u3, comptime b: u3) void {
        comptime std.debug.assert(c != a and c != b and a != b); // The processor refuses these.
        var even: [tile_rows]Floats = undefined;
        var odd: [tile_rows]Floats = undefined;
        for (&even, &odd, self.registers[b]) |*low, *high, pairs| {
            low.* = flush(@bitCast(pairs << @splat(16)));
            high.* = flush(@bitCast(pairs & @as(Row, @splat(0xffff_0000))));
        }
        for (&self.registers[c], self.registers[a]) |*to, row| {
            const low: [tile_rows]f32 = flush(@bitCast(row << @splat(16)));
            const high: [tile_rows]f32 = flush(@bitCast(row & @as(Row, @splat(0xffff_0000))));
            var sums: [2]Floats = @splat(@splat(0));
            for (low, high, even, odd) |x_even, x_odd, w_even, w_odd| {
                sums[0] = flush(fused(@splat(x_even), w_even, sums[0]));
                sums[1] = flush(fused(@splat(x_odd), w_odd, sums[1]));
            }
            to.* = @bitCast(flush(flush(@bitCast(to.*)) + flush(sums[0] + sums[1])));
        }
    }

    /// Products of two bf16 fit f32, so that where there is no such instruction two roundings are as good as one.
    inline fn fused(a: Floats, b: Floats, c: Floats) Floats {
        return vec.mulAdd(row_bytes / 4, a, b, c);
    }

    /// What is not zero and not normal becomes zero, with its sign.
    inline fn flush(x: Floats) Floats {
        const bits: Row = @bitCast(x);
        const sign = bits & @as(Row, @splat(0x8000_0000));
        const is_small = (bits & @as(Row, @splat(0x7f80_0000))) == @as(Row, @splat(0));
        return @bitCast(@select(u32, is_small, sign, bits));
    }
};
