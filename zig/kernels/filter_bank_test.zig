//! The filters of filter_bank.zig, of every instruction set this processor has, against sums of products in f64.
//!
//! A transform's rounding is next to the loudest of a block: by less than 1e-6 of it, times the sum of a filter's taps.

const std = @import("std");
const cpu = @import("../compute/cpu.zig");
const kernels = @import("kernels.zig");
const testing = std.testing;

const reach = kernels.bank_reach;
const taps = 2 * reach + 1;
const group = kernels.bank_group;
const filters = 4 * group;
const length = kernels.bank_samples;
const bins = kernels.bank_bins * kernels.bank_stride;

const Bank = struct {
    taps: [filters][taps]f64,
    spectra: [filters * bins]f32 align(64),
    turns: [length][2]f32,

    /// Even filters, then odd ones; sums of magnitudes are 1.
    fn fill(self: *Bank) void {
        var prng: std.Random.DefaultPrng = .init(1);
        for (&self.turns, 0..) |*turn, i| turn.* = .{ @floatCast(@cos(angleOf(i))), @floatCast(@sin(angleOf(i))) };
        for (&self.taps, 0..) |*one, filter| {
            const is_odd = filter >= filters / 2;
            var sum: f64 = 0;
            for (0..reach + 1) |d| {
                const value = if (d == 0 and is_odd) 0 else prng.random().floatNorm(f64);
                one[reach + d] = value;
                one[reach - d] = if (is_odd) -value else value;
                sum += @abs(value) * @as(f64, if (d == 0) 1 else 2);
            }
            for (one) |*tap| tap.* /= sum;
            self.fillSpectrum(filter, is_odd);
        }
    }

    fn fillSpectrum(self: *Bank, filter: usize, is_odd: bool) void {
        const column = filter % (filters / 2);
        for (0..kernels.bank_bins) |m| for (0..kernels.bank_stride) |t| {
            const bin = t * kernels.bank_points + m;
            var sum: f64 = 0;
            for (self.taps[filter], 0..) |tap, k| {
                const angle = angleOf(bin * (k + length - reach) % length);
                sum += tap * if (is_odd) @sin(angle) else @cos(angle);
            }
            const place = (column / group * bins + m * kernels.bank_stride + t) * 2 + @intFromBool(is_odd);
            self.spectra[place * group + column % group] = @floatCast(sum / length);
        };
    }

    fn at(self: *const Bank, filter: usize, samples: []const f32, first: usize, scale: f32, shift: f32) f64 {
        var sum: f64 = 0;
        for (self.taps[filter], samples[first..][0..taps]) |tap, sample| sum += tap * (sample * scale + shift);
        return @abs(sum);
    }
};

fn angleOf(i: usize) f64 {
    return @as(f64, @floatFromInt(i)) * 2 * std.math.pi / length;
}

test "a filter bank gives sums of products: few and many blocks, the first and the last of a recording" {
    const bank = try testing.allocator.create(Bank);
    defer testing.allocator.destroy(bank);
    bank.fill();
    const rows = 20 * kernels.bank_rows + 3;
    const stride = filters + 1;
    const count = (rows * kernels.pooled_rows - 1) * kernels.bank_stride + taps + 7;
    const samples = try testing.allocator.alloc(f32, count);
    defer testing.allocator.free(samples);
    var prng: std.Random.DefaultPrng = .init(2);
    for (samples) |*sample| sample.* = prng.random().floatNorm(f32);
    const out = try testing.allocator.alloc(f32, rows * stride);
    defer testing.allocator.free(out);
    const space = try testing.allocator.alignedAlloc(u8, .@"64", kernels.bank_space);
    defer testing.allocator.free(space);
    const scale, const shift = .{ 0.5, 0.25 };
    const runs = [_][2]usize{ .{ 0, 16 }, .{ 16, 5 }, .{ 3, 1 }, .{ 7, 2 }, .{ 20, 1 } };
    var found = cpu.detect().iterator();
    while (found.next()) |isa| for (runs) |run| {
        @memset(out, 1000);
        cpu.table(isa).filter_bank(&.{
            .samples = samples.ptr,
            .count = count,
            .scale = scale,
            .shift = shift,
            .spectra = &bank.spectra,
            .filters = filters,
            .turns = &bank.turns[0],
            .out = out.ptr,
            .out_stride = stride,
            .rows = rows,
            .block = run[0],
            .blocks = run[1],
            .space = space.ptr,
        });
        const first = run[0] * kernels.bank_rows;
        const end = @min(rows, first + run[1] * kernels.bank_rows);
        for (out, 0..) |got, place| {
            const row, const column = .{ place / stride, place % stride };
            if (row < first or row >= end or column == filters) {
                try testing.expectEqual(1000, got);
                continue;
            }
            var want: f64 = 0;
            for (0..kernels.pooled_rows) |i| {
                const from = (row * kernels.pooled_rows + i) * kernels.bank_stride;
                want = @max(want, bank.at(column, samples, from, scale, shift));
            }
            testing.expectApproxEqAbs(want, got, 3e-6) catch |reason| {
                std.debug.print("{t}, row {d}, column {d}\n", .{ isa, row, column });
                return reason;
            };
        }
    };
}
