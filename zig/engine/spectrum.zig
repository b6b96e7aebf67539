//! The spectrum of audio over time: band levels, and whether a sound is made of a few pure tones.
//!
//! The program's own are src/segment/spectrum.ts and tones.ts, which say why the numbers are what they are;
//! tests/has_voice.test.ts compares the two.

const std = @import("std");

/// Samples of a frame, and from one frame to the next.
pub const frame_samples = 512;
pub const hop_samples = 256;
/// Samples of a long frame, which parts the tones of a chord; there is one for every four frames.
pub const long_samples = 2048;
pub const frames_per_long = 4;

const edges_hz = [_]usize{ 100, 250, 400, 600, 850, 1150, 1500, 1950, 2500, 3200, 4000, 5500, 7500 };
pub const bands = edges_hz.len - 1;
/// Added to the power of every band: what is so far below a full sine, nobody hears.
const power_min = 1e-16;

/// Levels of the bands, in dB.
pub const Levels = [bands]f64;

/// The first frequency of every band, and the end, in the spectrum of so many samples.
fn edgesOf(comptime size: usize) [edges_hz.len]usize {
    var all: [edges_hz.len]usize = undefined;
    for (&all, edges_hz) |*edge, hertz| edge.* = (hertz * size + 15_999) / 16_000;
    return all;
}

fn hannOf(comptime size: usize) [size]f64 {
    @setEvalBranchQuota(1_000_000);
    var all: [size]f64 = undefined;
    for (&all, 0..) |*one, i| one.* = 0.5 - 0.5 * @cos(std.math.tau * (@as(f64, i) + 0.5) / size);
    return all;
}

const Turns = struct { cosines: [long_samples / 2]f64, sines: [long_samples / 2]f64 };

const turns: Turns = blk: {
    @setEvalBranchQuota(1_000_000);
    var made: Turns = undefined;
    for (&made.cosines, &made.sines, 0..) |*cosine, *sine, i| {
        const angle = std.math.tau * @as(f64, i) / long_samples;
        cosine.* = @cos(angle);
        sine.* = @sin(angle);
    }
    break :blk made;
};

/// The power of the frequencies from 0 to half the sample rate.
pub fn powerOf(comptime size: usize, samples: *const [size]f64) [size / 2]f64 {
    const hann = comptime hannOf(size);
    var real: [size]f64 = undefined;
    var imaginary: [size]f64 = @splat(0);
    for (&real, samples, hann) |*to, sample, weight| to.* = sample * weight;
    transform(size, &real, &imaginary);
    var power: [size / 2]f64 = undefined;
    for (&power, real[0 .. size / 2], imaginary[0 .. size / 2]) |*to, re, im| to.* = re * re + im * im;
    return power;
}

/// Of the power of a frame.
pub fn levelsOf(power: *const [frame_samples / 2]f64) Levels {
    const edges = comptime edgesOf(frame_samples);
    var levels: Levels = undefined;
    for (&levels, edges[0..bands], edges[1..]) |*level, from, to| {
        var sum: f64 = 0;
        for (power[from..to]) |one| sum += one;
        const share = sum / (frame_samples * frame_samples);
        level.* = 10 * std.math.log10(if (std.math.isFinite(share)) share + power_min else power_min);
    }
    return levels;
}

/// The Fourier transform, in place.
fn transform(comptime size: usize, real: *[size]f64, imaginary: *[size]f64) void {
    for (1..size) |i| {
        const j = @bitReverse(@as(std.math.IntFittingRange(0, size - 1), @intCast(i)));
        if (i >= j) continue;
        std.mem.swap(f64, &real[i], &real[j]);
        std.mem.swap(f64, &imaginary[i], &imaginary[j]);
    }
    var half: usize = 1;
    while (half < size) : (half *= 2) {
        for (0..half) |k| {
            const cosine = turns.cosines[k * (long_samples / 2) / half];
            const sine = -turns.sines[k * (long_samples / 2) / half];
            var low = k;
            while (low < size) : (low += 2 * half) {
                const high = low + half;
                const re = real[high] * cosine - imaginary[high] * sine;
                const im = real[high] * sine + imaginary[high] * cosine;
                real[high] = real[low] - re;
                imaginary[high] = imaginary[low] - im;
                real[low] += re;
                imaginary[low] += im;
            }
        }
    }
}

// ------------------------------------------------------------------------------------------ tones

/// How far a line reaches to either side, in frequencies.
const reach = 6;
/// A line stands so far above the lowest place within reach, on both sides: 25 dB.
const prominence = std.math.pow(f64, 10, 2.5);
/// Bands further below the loudest one, 30 dB, count as silent.
const audible_share = 1e-3;
const line_share_min = 0.95;
/// More lines than these in a frame may be the harmonics of a high voice.
const lines_max = 4;

/// Whether lines hold nearly all of the power in every band that is heard.
pub fn isOfTones(comptime size: usize, power: *const [size / 2]f64) bool {
    var is_line: [size / 2]bool = @splat(false);
    var lines: usize = 0;
    for (2..power.len - 2) |at| {
        if (!standsOut(power, at)) continue;
        lines += 1;
        if (size == frame_samples and lines > lines_max) return false;
        @memset(is_line[at -| reach..@min(power.len, at + reach + 1)], true);
    }
    return lines > 0 and linesHoldAll(size, power, &is_line);
}

fn standsOut(power: []const f64, at: usize) bool {
    const own = power[at];
    // Not numbers, nothing stands out: such comparisons are false in both programs.
    if (own < power[at - 1] or own < power[at + 1]) return false;
    const before = lowest(power[at -| reach..at]);
    const after = lowest(power[at + 1 .. @min(power.len, at + reach + 1)]);
    return own >= prominence * @max(before, after);
}

fn lowest(power: []const f64) f64 {
    var least = std.math.inf(f64);
    for (power) |one| least = @min(least, one);
    return least;
}

fn linesHoldAll(comptime size: usize, power: *const [size / 2]f64, is_line: *const [size / 2]bool) bool {
    const edges = comptime edgesOf(size);
    var all: Levels = @splat(0);
    var of_lines: Levels = @splat(0);
    for (&all, &of_lines, edges[0..bands], edges[1..]) |*sum, *lines, from, to| {
        for (power[from..to], is_line[from..to]) |one, is_of_line| {
            sum.* += one;
            if (is_of_line) lines.* += one;
        }
    }
    const loudest = std.mem.max(f64, &all);
    for (all, of_lines) |sum, lines| {
        if (!(sum < audible_share * loudest or lines >= line_share_min * sum)) return false;
    }
    return true;
}

// ------------------------------------------------------------------------------------------ tests

const testing = std.testing;

test "the spectrum of a sine lies in one band, and is a line" {
    var samples: [frame_samples]f64 = undefined;
    for (&samples, 0..) |*sample, i| sample.* = @sin(std.math.tau * 32 * @as(f64, @floatFromInt(i)) / frame_samples);
    const power = powerOf(frame_samples, &samples);
    for (levelsOf(&power), 0..) |level, band| { // 1 kHz.
        if (band == 4) try testing.expectApproxEqAbs(-10.28, level, 0.01) else try testing.expect(level < -60);
    }
    try testing.expect(isOfTones(frame_samples, &power));
    samples[7] = std.math.nan(f64);
    const odd = powerOf(frame_samples, &samples);
    for (levelsOf(&odd)) |level| try testing.expectEqual(-160, level);
}

test "a chord is of tones in a long frame, noise and a buzz of changing pitch are not" {
    var samples: [long_samples]f64 = undefined;
    for (&samples, 0..) |*sample, i| {
        const time = @as(f64, @floatFromInt(i)) / 16_000;
        sample.* = 0;
        for ([_]f64{ 262, 330, 392 }) |hertz| {
            for ([_]f64{ 1, 2, 3 }) |n| sample.* += @sin(std.math.tau * n * hertz * time) / n;
        }
    }
    try testing.expect(isOfTones(long_samples, &powerOf(long_samples, &samples)));
    var prng = std.Random.DefaultPrng.init(3);
    for (&samples) |*sample| sample.* = prng.random().floatNorm(f64);
    try testing.expect(!isOfTones(long_samples, &powerOf(long_samples, &samples)));
    for (&samples, 0..) |*sample, i| {
        const time = @as(f64, @floatFromInt(i)) / 16_000;
        sample.* = @mod(time * (120 + 200 * time), 1) - 0.5;
    }
    try testing.expect(!isOfTones(long_samples, &powerOf(long_samples, &samples)));
}
