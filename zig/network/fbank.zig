//! Kaldi's log-mel features, as the network of voices takes them: 25 ms every 10 ms, 80 bins.
//!
//!     400 samples, less their mean, each less 0.97 of the one before, under a Povey window
//!       -> powers of 256 frequencies of 512 -> 80 triangles on the mel scale from 20 to 8000 Hz -> natural logarithm
//!
//! The power does not depend on where time begins: it begins in the frame's middle, around which the window is even. So
//! half of the samples added to the other half go through cosines and what they differ by through sines, as products of
//! many frames. A frame's values are the same to the bit whatever goes with it.

const std = @import("std");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const packed_ = @import("packed.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Packed = packed_.Packed;

pub const bins = 80;
pub const frame_samples = 400;
pub const hop = 160;
/// Frames at a time.
pub const block = 48;

const half = frame_samples / 2;
const points = 512;
/// The highest one, half of the sample rate, has no weight in any bin.
const frequencies = points / 2;
const sample_rate = 16_000.0;
const emphasis = 0.97;
const low_hz = 20.0;
const high_hz = 8000.0;
/// Of an f32, torch.finfo(torch.float32).eps.
const power_min = 1.1920928955078125e-07;

/// Frames of so many samples.
pub fn framesOf(samples: usize) usize {
    return if (samples < frame_samples) 0 else 1 + (samples - frame_samples) / hop;
}

pub const Scratch = struct {
    folded: [block * 2 * half]f32 align(64),
    parts: [block * 2 * frequencies]f32 align(64),
    powers: [block * frequencies]f32 align(64),
};

pub const Fbank = struct {
    table: *const kernels.Table,
    window: [half]f32,
    cosines: Packed,
    sines: Packed,
    mel: Packed,

    pub fn init(reader: *const weights.Reader) Error!Fbank {
        var self: Fbank = .{
            .table = reader.table,
            .window = undefined,
            .cosines = try transform(reader, .cosine),
            .sines = try transform(reader, .sine),
            .mel = try melFilters(reader),
        };
        for (&self.window, 0..) |*value, n| {
            const turn = std.math.tau * @as(f64, @floatFromInt(n)) / (frame_samples - 1);
            value.* = @floatCast(std.math.pow(f64, 0.5 - 0.5 * @cos(turn), 0.85));
        }
        return self;
    }

    /// At most `block` frames of these samples, from the `first` on, to out[count][bins].
    pub fn compute(
        self: *const Fbank,
        samples: []const f32,
        first: usize,
        count: usize,
        scratch: *Scratch,
        out: []f32,
    ) void {
        assert(count <= block and first + count <= framesOf(samples.len));
        assert(out.len == count * bins);
        if (count == 0) return;
        for (0..count) |i| {
            self.fold(samples[(first + i) * hop ..][0..frame_samples], scratch.folded[i * 2 * half ..][0 .. 2 * half]);
        }
        const parts = &scratch.parts;
        self.cosines.times(self.table, count, &scratch.folded, 2 * half, parts, 2 * frequencies);
        const differences = scratch.folded[half..].ptr;
        self.sines.times(self.table, count, differences, 2 * half, parts[frequencies..].ptr, 2 * frequencies);
        for (0..count) |i| {
            const re = parts[i * 2 * frequencies ..][0..frequencies];
            const im = parts[i * 2 * frequencies + frequencies ..][0..frequencies];
            for (scratch.powers[i * frequencies ..][0..frequencies], re, im) |*power, r, m| power.* = r * r + m * m;
        }
        self.mel.times(self.table, count, &scratch.powers, frequencies, out.ptr, bins);
        for (out) |*value| value.* = @log(@max(value.*, power_min));
    }

    fn fold(self: *const Fbank, samples: *const [frame_samples]f32, to: *[2 * half]f32) void {
        var sum: f64 = 0;
        for (samples) |sample| sum += sample;
        const mean: f32 = @floatCast(sum / frame_samples);
        var sharp: [frame_samples]f32 = undefined; // The first sample has none before it but itself.
        sharp[0] = (samples[0] - mean) * (1 - emphasis);
        for (sharp[1..], samples[1..], samples[0 .. frame_samples - 1]) |*value, sample, before| {
            value.* = (sample - mean) - emphasis * (before - mean);
        }
        for (0..half) |n| {
            const after = sharp[frame_samples - 1 - n];
            to[n] = (sharp[n] + after) * self.window[n];
            to[half + n] = (sharp[n] - after) * self.window[n];
        }
    }
};

/// f32[frequencies][half]: cosines or sines of the first half's samples, counted from the frame's middle.
fn transform(reader: *const weights.Reader, part: enum { cosine, sine }) Error!Packed {
    const rows = try reader.unset(frequencies * half);
    // By halves of a sample, so that the angle is exact.
    var turn: [2 * points]f32 = undefined;
    for (&turn, 0..) |*value, n| {
        const angle = std.math.tau * @as(f64, @floatFromInt(n)) / turn.len;
        value.* = @floatCast(if (part == .cosine) @cos(angle) else @sin(angle));
    }
    for (0..frequencies) |k| for (0..half) |n| {
        rows[k * half + n] = turn[k * (frame_samples - 1 - 2 * n) % turn.len];
    };
    return reader.pack(rows, frequencies, half);
}

fn mel(hertz: f64) f64 {
    return 1127.0 * @log(1.0 + hertz / 700.0);
}

fn melFilters(reader: *const weights.Reader) Error!Packed {
    const rows = try reader.unset(bins * frequencies);
    const step = (mel(high_hz) - mel(low_hz)) / (bins + 1);
    for (0..frequencies) |k| {
        const at = (mel(@as(f64, @floatFromInt(k)) * sample_rate / points) - mel(low_hz)) / step;
        for (0..bins) |bin| {
            const left: f64 = @floatFromInt(bin);
            rows[bin * frequencies + k] = @floatCast(@max(0, @min(at - left, left + 2 - at)));
        }
    }
    return reader.pack(rows, bins, frequencies);
}
