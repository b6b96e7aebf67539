//! Log-mel features as WhisperFeatureExtractor computes them, the encoder's input.
//!
//! In: 16 kHz mono samples. Out: f32[bins][frames], frames = samples / 160 rounded down.
//! Frame f is 400 samples centred on sample 160 f, reflected at both ends, under a periodic Hann
//! window. The power of its 201 frequencies goes through triangular filters on the Slaney scale,
//! then log10 with floors at 1e-10 and at 8 below the clip's largest value, and (x + 4) / 4.
//!
//! Eight frames are transformed at once, one per vector lane, so the FFT is ordinary scalar code
//! over vectors. The clip's largest value is known only at the end, hence two steps, each of which
//! may be spread over threads: `logFrames` over ranges of frames, `finish` over ranges of values.

const std = @import("std");
const errors = @import("../errors.zig");

const Allocator = std.mem.Allocator;
const Error = errors.Error;
const fail = errors.fail;
const assert = std.debug.assert;

pub const hop_samples = 160;
/// Fewer samples cannot be reflected at their start.
pub const samples_min = padding + 1;
/// The logarithm of the powers' floor: no value is below.
pub const log_min = -10.0;

const window_samples = 400;
/// Samples on either side of a frame's centre, reflected where there are none.
pub const padding = window_samples / 2;
const points = window_samples / 2; // The complex FFT's size; it does a real one of twice as many.
const frequencies = window_samples / 2 + 1;
const frequency_max = 8000.0;

const lanes = 8;
const Lanes = @Vector(lanes, f32);
const Complex = struct { re: Lanes, im: Lanes };
const Turn = struct { cos: f32, sin: f32 }; // exp(-2 pi i t) for some t.

/// The non-zero weights of one filter.
const Filter = struct { first: u32, weights: []const f32 };

pub const Mel = struct {
    allocator: Allocator,
    window: [window_samples]f32,
    turns: [points]Turn,
    half_turns: [points / 2 + 1]Turn, // Each turns by 1 / 400.
    filters: []Filter, // One per bin.
    weights: []f32, // All filters' weights; each filter has its slice.

    pub fn init(allocator: Allocator, bins: u32) Error!Mel {
        assert(bins >= 1 and bins <= 1024);
        var self: Mel = undefined;
        self.allocator = allocator;
        for (&self.window, 0..) |*value, n| {
            value.* = @floatCast(0.5 - 0.5 * @cos(turnAngle(n, window_samples)));
        }
        for (&self.turns, 0..) |*turn, n| turn.* = turnOf(n, points);
        for (&self.half_turns, 0..) |*turn, n| turn.* = turnOf(n, window_samples);
        self.filters = allocator.alloc(Filter, bins) catch
            return errors.outOfMemory("the mel filters");
        errdefer allocator.free(self.filters);
        self.weights = try buildFilters(allocator, self.filters);
        return self;
    }

    pub fn deinit(self: *Mel) void {
        self.allocator.free(self.filters);
        self.allocator.free(self.weights);
        self.* = undefined;
    }

    /// Everything on the calling thread; `out` is f32[bins][samples.len / 160].
    pub fn compute(self: *const Mel, samples: []const f32, out: []f32) Error!void {
        if (samples.len < samples_min) {
            return fail(error.Invalid, "{d} samples are too few for features, {d} are needed", .{
                samples.len, samples_min,
            });
        }
        const frames = samples.len / hop_samples;
        finish(out, self.logFrames(samples, 0, frames, frames, out));
    }

    /// Writes log10 of the mel powers of `frame_count` frames into their columns of `out`,
    /// f32[bins][frames_total], and returns the largest of them.
    pub fn logFrames(
        self: *const Mel,
        samples: []const f32,
        frame_first: usize,
        frame_count: usize,
        frames_total: usize,
        out: []f32,
    ) f32 {
        assert(frame_first + frame_count <= frames_total);
        assert(out.len == frames_total * self.filters.len);
        return self.logColumns(samples, frame_first, frame_count, out[frame_first..], frames_total);
    }

    /// The same into the first columns of `out`, whose rows are `stride` apart. A frame's values are
    /// the same to the bit whatever goes with it.
    pub fn logColumns(
        self: *const Mel,
        samples: []const f32,
        frame_first: usize,
        frame_count: usize,
        out: []f32,
        stride: usize,
    ) f32 {
        const frame_end = frame_first + frame_count;
        assert(samples.len >= samples_min);
        assert(frame_end <= samples.len / hop_samples);
        assert(frame_count <= stride and out.len >= (self.filters.len - 1) * stride + frame_count);
        var largest: Lanes = @splat(log_min);
        var frame = frame_first;
        while (frame < frame_end) : (frame += lanes) {
            const used = @min(lanes, frame_end - frame);
            var a: [points]Complex = undefined;
            var b: [points]Complex = undefined;
            self.gather(samples, frame, used, @ptrCast(&a));
            self.transform(&a, &b);
            const powers: *[frequencies]Lanes = @ptrCast(&b);
            self.separate(&a, powers);
            for (self.filters, 0..) |filter, bin| {
                var sum: Lanes = @splat(0);
                const band = powers[filter.first..][0..filter.weights.len];
                for (filter.weights, band) |weight, power| {
                    sum += @as(Lanes, @splat(weight)) * power;
                }
                // Floored on both sides: the floor's logarithm shall be -10 to the last bit.
                const logs = @max(
                    log10(@max(sum, @as(Lanes, @splat(1e-10)))),
                    @as(Lanes, @splat(log_min)),
                );
                largest = @max(largest, logs);
                const values: [lanes]f32 = logs;
                @memcpy(out[bin * stride + frame - frame_first ..][0..used], values[0..used]);
            }
        }
        return @reduce(.Max, largest);
    }

    /// Loads and windows `used` frames, sample n of every frame side by side. Unused lanes are 0.
    /// Seen as complex numbers, even samples are real parts and odd ones imaginary parts.
    fn gather(
        self: *const Mel,
        samples: []const f32,
        frame: usize,
        used: usize,
        out: *[window_samples]Lanes,
    ) void {
        const values: *[window_samples][lanes]f32 = @ptrCast(out);
        const start = frame * hop_samples; // In the padded signal.
        const stop = (frame + used - 1) * hop_samples + window_samples;
        if (used == lanes and start >= padding and stop - padding <= samples.len) {
            const inside = samples[start - padding .. stop - padding];
            for (values, self.window, 0..) |*row, weight, n| {
                inline for (row, 0..) |*value, lane| {
                    value.* = weight * inside[lane * hop_samples + n];
                }
            }
            return;
        }
        for (values, self.window, 0..) |*row, weight, n| {
            row.* = @splat(0);
            for (row[0..used], 0..) |*value, lane| {
                value.* = weight * samples[reflect(start + lane * hop_samples + n, samples.len)];
            }
        }
    }

    /// The complex FFT of 200 points in place, `scratch` as large. Each stage sorts as it goes
    /// (Stockham), so nothing is left to reorder.
    fn transform(self: *const Mel, data: *[points]Complex, scratch: *[points]Complex) void {
        self.stage(5, 200, data, scratch);
        self.stage(5, 40, scratch, data);
        self.stage(4, 8, data, scratch);
        self.stage(2, 2, scratch, data);
    }

    /// Splits transforms of `length` points, 200 / length of them interleaved, by `radix`.
    fn stage(
        self: *const Mel,
        comptime radix: usize,
        comptime length: usize,
        from: *const [points]Complex,
        to: *[points]Complex,
    ) void {
        const stride = points / length;
        const part = length / radix;
        for (0..part) |p| {
            for (0..stride) |q| {
                var x: [radix]Complex = undefined;
                inline for (&x, 0..) |*value, k| value.* = from[q + stride * (p + part * k)];
                const y = switch (radix) {
                    2 => butterfly2(x),
                    4 => butterfly4(x),
                    5 => butterfly5(x),
                    else => comptime unreachable,
                };
                inline for (y, 0..) |value, k| {
                    // With one part, or for k = 0, the turn is by nothing.
                    const turned = if (part == 1 or k == 0) value else rotate(
                        value,
                        self.turns[p * k * stride],
                    );
                    to[q + stride * (radix * p + k)] = turned;
                }
            }
        }
    }

    /// From the FFT z of (even + i odd) samples to the power of each real frequency k:
    /// E + exp(-2 pi i k / 400) O, with E and O the transforms of the even and the odd samples.
    fn separate(self: *const Mel, z: *const [points]Complex, powers: *[frequencies]Lanes) void {
        const quarter: Lanes = @splat(0.25); // E and O are taken twice as large.
        for (self.half_turns, 0..) |turn, k| {
            const low = z[k];
            const high = z[(points - k) % points];
            const even: Complex = .{ .re = low.re + high.re, .im = low.im - high.im };
            const odd: Complex = .{ .re = low.im + high.im, .im = high.re - low.re };
            const turned = rotate(odd, turn);
            powers[k] = quarter * square(add(even, turned));
            powers[points - k] = quarter * square(subtract(even, turned));
        }
    }
};

/// The last step, over any part of the values: nothing below `largest` - 8, then (x + 4) / 4.
pub fn finish(values: []f32, largest: f32) void {
    const floor = floorBelow(largest);
    for (values) |*value| value.* = (@max(value.*, floor) + 4) / 4;
}

/// The log value below which there is nothing, where this is the largest.
pub fn floorBelow(largest: f32) f32 {
    return largest - 8;
}

/// The sample at `position` of the signal padded by its own mirror image.
fn reflect(position: usize, count: usize) usize {
    if (position < padding) return padding - position;
    const index = position - padding;
    return if (index < count) index else 2 * (count - 1) - index;
}

fn rotate(value: Complex, turn: Turn) Complex {
    const cos: Lanes = @splat(turn.cos);
    const sin: Lanes = @splat(turn.sin);
    return .{ .re = value.re * cos - value.im * sin, .im = value.re * sin + value.im * cos };
}

/// The absolute value's square.
fn square(value: Complex) Lanes {
    return value.re * value.re + value.im * value.im;
}

fn add(a: Complex, b: Complex) Complex {
    return .{ .re = a.re + b.re, .im = a.im + b.im };
}

fn subtract(a: Complex, b: Complex) Complex {
    return .{ .re = a.re - b.re, .im = a.im - b.im };
}

/// a - i b and a + i b.
fn addTurned(a: Complex, b: Complex) [2]Complex {
    return .{
        .{ .re = a.re + b.im, .im = a.im - b.re },
        .{ .re = a.re - b.im, .im = a.im + b.re },
    };
}

fn butterfly2(x: [2]Complex) [2]Complex {
    return .{ add(x[0], x[1]), subtract(x[0], x[1]) };
}

fn butterfly4(x: [4]Complex) [4]Complex {
    const even = add(x[0], x[2]);
    const odd = add(x[1], x[3]);
    const turned = addTurned(subtract(x[0], x[2]), subtract(x[1], x[3]));
    return .{ add(even, odd), turned[0], subtract(even, odd), turned[1] };
}

/// Pairs that mirror each other share their products: outputs 1 and 4, and 2 and 3.
fn butterfly5(x: [5]Complex) [5]Complex {
    const sum1 = add(x[1], x[4]);
    const sum2 = add(x[2], x[3]);
    const difference1 = subtract(x[1], x[4]);
    const difference2 = subtract(x[2], x[3]);
    const cos1: f32 = comptime @floatCast(@cos(turnAngle(1, 5)));
    const cos2: f32 = comptime @floatCast(@cos(turnAngle(2, 5)));
    const sin1: f32 = comptime @floatCast(@sin(turnAngle(1, 5)));
    const sin2: f32 = comptime @floatCast(@sin(turnAngle(2, 5)));
    const outer = addTurned(
        add(x[0], mix(sum1, cos1, sum2, cos2)),
        mix(difference1, sin1, difference2, sin2),
    );
    const inner = addTurned(
        add(x[0], mix(sum1, cos2, sum2, cos1)),
        mix(difference1, sin2, difference2, -sin1),
    );
    return .{ add(x[0], add(sum1, sum2)), outer[0], inner[0], inner[1], outer[1] };
}

fn mix(a: Complex, comptime a_weight: f32, b: Complex, comptime b_weight: f32) Complex {
    const wa: Lanes = @splat(a_weight);
    const wb: Lanes = @splat(b_weight);
    return .{ .re = a.re * wa + b.re * wb, .im = a.im * wa + b.im * wb };
}

/// log10 of normal positive numbers, to about 1e-6 in the range here. The mantissa m is taken into
/// sqrt(1/2) .. sqrt(2), and ln m = 2 atanh((m - 1) / (m + 1)) by its series, which then ends
/// below 1e-9.
fn log10(x: Lanes) Lanes {
    const Bits = @Vector(lanes, u32);
    const Integers = @Vector(lanes, i32);
    const bits: Bits = @bitCast(x);
    const offset: Bits = @splat(0x3f3504f3); // sqrt(1/2).
    const shifted = bits -% offset;
    const exponent = @as(Integers, @bitCast(shifted)) >> @splat(23);
    const mantissa: Lanes = @bitCast((shifted & @as(Bits, @splat(0x7fffff))) +% offset);
    const one: Lanes = @splat(1);
    const s = (mantissa - one) / (mantissa + one);
    const s2 = s * s;
    var series: Lanes = @splat(1.0 / 9.0);
    inline for (.{ 7.0, 5.0, 3.0, 1.0 }) |n| series = series * s2 + @as(Lanes, @splat(1.0 / n));
    const scale: Lanes = @splat(2.0 / std.math.ln10);
    const per_exponent: Lanes = @splat(std.math.ln2 / std.math.ln10);
    return @as(Lanes, @floatFromInt(exponent)) * per_exponent + series * s * scale;
}

/// 2 pi n / whole.
fn turnAngle(n: usize, whole: usize) f64 {
    return 2 * std.math.pi * @as(f64, @floatFromInt(n)) / @as(f64, @floatFromInt(whole));
}

fn turnOf(n: usize, whole: usize) Turn {
    const angle = turnAngle(n, whole);
    return .{ .cos = @floatCast(@cos(angle)), .sin = @floatCast(-@sin(angle)) };
}

/// Triangles between evenly spaced points of the Slaney scale, each of area one over its width in
/// Hz, computed in f64 and rounded once as the reference does. Returns the weights they point into.
fn buildFilters(allocator: Allocator, filters: []Filter) Error![]f32 {
    const step = melOfHertz(frequency_max) / @as(f64, @floatFromInt(filters.len + 1));
    // Every frequency lies under at most two triangles.
    const table = allocator.alloc(f32, 2 * frequencies) catch
        return errors.outOfMemory("the mel filters");
    var count: usize = 0;
    for (filters, 0..) |*filter, bin| {
        const left = hertzOfMel(step * @as(f64, @floatFromInt(bin)));
        const middle = hertzOfMel(step * @as(f64, @floatFromInt(bin + 1)));
        const right = hertzOfMel(step * @as(f64, @floatFromInt(bin + 2)));
        filter.* = .{ .first = 0, .weights = table[count..count] };
        for (0..frequencies) |k| {
            const hertz = frequency_max * @as(f64, @floatFromInt(k)) / (frequencies - 1);
            const rise = (hertz - left) / (middle - left);
            const fall = (right - hertz) / (right - middle);
            const weight: f32 = @floatCast(@min(rise, fall) * 2 / (right - left));
            if (weight <= 0) continue;
            if (filter.weights.len == 0) filter.first = @intCast(k);
            table[count] = weight;
            count += 1;
            filter.weights = table[count - filter.weights.len - 1 .. count];
        }
    }
    return table;
}

/// Linear up to 1000 Hz, 15 there, then 27 for a factor of 6.4.
fn melOfHertz(hertz: f64) f64 {
    if (hertz < 1000) return hertz * 3 / 200;
    return 15 + @log(hertz / 1000) * 27 / @log(6.4);
}

fn hertzOfMel(mel: f64) f64 {
    if (mel < 15) return mel * 200 / 3;
    return 1000 * @exp((mel - 15) * @log(6.4) / 27);
}

test {
    _ = @import("mel_test.zig");
}
