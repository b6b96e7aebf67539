//! Sample rate conversion to 16 kHz, of a whole recording: f32 in, f32 out.
//!
//! The filter is a Kaiser-windowed sinc, flat to 0.913 and silent from 1.0 of the lower Nyquist
//! frequency, so no alias folds into the band; where the rate is reduced its length grows with the
//! ratio. Rates with few phases (44100: 160) have an exact row of coefficients for each; others
//! (44101: 16000) interpolate between rows. The numbers are those of src/audio/resample.ts.

const std = @import("std");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

const Allocator = std.mem.Allocator;

pub const rate_out = 16_000;

/// End of the passband, as a share of the lower Nyquist frequency, and the attenuation above 1.0 of it.
const passband = 0.913;
const stopband_db = 110.0;
/// Where there would be more coefficients than this, rows are interpolated.
const exact_coefficients_max = 1 << 18;
/// Rows per source sample then: the error of a straight line stays below -115 dB.
const interpolated_rows = 1024;

/// Owned by the caller. Silence stands before the first sample and after the last.
pub fn resample(allocator: Allocator, samples: []const f32, rate: u32) errors.Error![]f32 {
    assert(rate > 0);
    if (rate == rate_out) return allocator.dupe(f32, samples) catch errors.outOfMemory("the audio");
    return convert(allocator, samples, rate) catch errors.outOfMemory("the audio");
}

fn convert(allocator: Allocator, samples: []const f32, rate: u32) Allocator.Error![]f32 {
    const divisor = std.math.gcd(rate, rate_out);
    const phases: usize = rate_out / divisor;
    const step: usize = rate / divisor; // Output i lies at source position i * step / phases.
    const filter: Filter = try .design(allocator, rate, phases);
    defer allocator.free(filter.coefficients);
    const count = std.math.cast(usize, @as(u128, samples.len) * rate_out / rate) orelse return error.OutOfMemory;
    const out = try allocator.alloc(f32, count);
    var position: usize = 0;
    var phase: usize = 0;
    for (out) |*to| {
        assert(position < samples.len and phase < phases);
        to.* = @floatCast(filter.at(samples, position, phase, phases));
        phase += step;
        position += phase / phases;
        phase %= phases;
    }
    return out;
}

const Filter = struct {
    /// Taps on each side of the output's position; a row holds twice as many.
    half: usize,
    /// Rows for positions 0, 1 / rows, ... 1 between two source samples.
    rows: usize,
    coefficients: []f64,

    fn design(allocator: Allocator, rate: u32, phases: usize) Allocator.Error!Filter {
        // The lower Nyquist frequency, as a share of the source's.
        const scale = @min(1.0, @as(f64, rate_out) / @as(f64, @floatFromInt(rate)));
        const transition = std.math.pi * scale * (1 - passband); // Radians per source sample.
        const taps = (stopband_db - 8) / (2.285 * transition); // Kaiser's estimate.
        const half = 2 * @as(usize, @intFromFloat(@ceil(taps / 4)));
        const is_exact = phases * 2 * half <= exact_coefficients_max;
        const rows: usize = if (is_exact) phases else @intFromFloat(@ceil(interpolated_rows * scale));
        const coefficients = try allocator.alloc(f64, (rows + 1) * 2 * half);
        const cutoff = scale * (1 + passband) / 2; // The middle of the transition.
        for (0..rows + 1) |row| {
            const offset = @as(f64, @floatFromInt(row)) / @as(f64, @floatFromInt(rows));
            fillRow(coefficients[row * 2 * half ..][0 .. 2 * half], half, offset, cutoff);
        }
        return .{ .half = half, .rows = rows, .coefficients = coefficients };
    }

    /// The output between source samples `position` and the next, at phase / phases.
    fn at(self: *const Filter, samples: []const f32, position: usize, phase: usize, phases: usize) f64 {
        const place = @as(f64, @floatFromInt(phase * self.rows)) / @as(f64, @floatFromInt(phases));
        const low: usize = @intFromFloat(place);
        const value = self.dot(samples, position, low);
        const rest = place - @as(f64, @floatFromInt(low));
        if (rest == 0) return value; // Always, where each phase has its own row.
        return value + (self.dot(samples, position, low + 1) - value) * rest;
    }

    fn dot(self: *const Filter, samples: []const f32, position: usize, row: usize) f64 {
        const taps = 2 * self.half;
        const weights = self.coefficients[row * taps ..][0..taps];
        // Tap k weighs sample position - half + 1 + k; those outside are silence.
        const skipped = self.half -| (position + 1);
        const first = position + 1 + skipped - self.half;
        const count = @min(taps - skipped, samples.len - first);
        var sums: [4]f64 = @splat(0);
        for (samples[first..][0..count], weights[skipped..][0..count], skipped..) |sample, weight, k| {
            sums[k % 4] += @as(f64, sample) * weight;
        }
        return (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
};

/// Tap k weighs the source sample at k - half + 1 for an output at `offset`, 0 to 1. The row adds up to 1.
fn fillRow(row: []f64, half: usize, offset: f64, cutoff: f64) void {
    const beta = 0.1102 * (stopband_db - 8.7);
    var sum: f64 = 0;
    for (row, 0..) |*weight, k| {
        const distance = @as(f64, @floatFromInt(k)) - @as(f64, @floatFromInt(half)) + 1 - offset;
        const edge = distance / @as(f64, @floatFromInt(half));
        const x = std.math.pi * cutoff * distance;
        const sinc = if (x == 0) 1 else @sin(x) / x;
        weight.* = if (@abs(edge) < 1) sinc * besselI0(beta * @sqrt(1 - edge * edge)) else 0;
        sum += weight.*;
    }
    for (row) |*weight| weight.* /= sum;
}

/// Modified Bessel function of the first kind, order 0, by its power series.
fn besselI0(x: f64) f64 {
    const quarter = x * x / 4;
    var term: f64 = 1;
    var sum: f64 = 1;
    var k: f64 = 1;
    while (term > sum * 1e-17) : (k += 1) {
        term *= quarter / (k * k);
        sum += term;
    }
    return sum;
}

const testing = std.testing;

test "a tone keeps its frequency and size at every rate, one above the band is gone" {
    for ([_]u32{ 8000, 11_025, 22_050, 44_100, 44_101, 48_000, 192_000 }) |rate| {
        const seconds = 0.25;
        const length: usize = @intFromFloat(seconds * @as(f64, @floatFromInt(rate)));
        const source = try testing.allocator.alloc(f32, length);
        defer testing.allocator.free(source);
        for ([_]f64{ 1000, 9000 }) |hertz| {
            if (hertz > @as(f64, @floatFromInt(rate)) / 2) continue;
            for (source, 0..) |*to, i| to.* = tone(hertz, @as(f64, @floatFromInt(i)) / @as(f64, @floatFromInt(rate)));
            const out = try resample(testing.allocator, source, rate);
            defer testing.allocator.free(out);
            try testing.expectEqual(@as(usize, length * 16_000 / rate), out.len);
            for (out[400 .. out.len - 400], 400..) |got, i| {
                const want = if (hertz < 8000) tone(hertz, @as(f64, @floatFromInt(i)) / 16_000) else 0;
                try testing.expectApproxEqAbs(want, got, 2e-5);
            }
        }
    }
}

fn tone(hertz: f64, second: f64) f32 {
    return @floatCast(0.5 * @sin(2 * std.math.pi * hertz * second));
}

test "no samples and the fewest there can be" {
    for ([_]usize{ 0, 1, 2, 3, 50 }) |count| {
        const source: [50]f32 = @splat(0.25);
        for ([_]u32{ 1000, 16_000, 48_000, 768_000 }) |rate| {
            const out = try resample(testing.allocator, source[0..count], rate);
            defer testing.allocator.free(out);
            try testing.expectEqual(count * 16_000 / rate, out.len);
        }
    }
}
